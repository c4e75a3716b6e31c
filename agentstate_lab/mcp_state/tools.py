"""
The tools of another server, as tools of the agent.

    with StateClient("http://127.0.0.1:8000/mcp") as client:
        run_agent(..., tools=tools_of(client, risk_levels={"list_files": "read_only"}))

A server says of each of its tools what it is called, what it does and what it takes.
That is enough for a model, and not for an agent: what a call risks, and what to do when
nobody knows whether it happened, is decided here, by whoever trusts the server. The
protocol has hints for that ("this one only reads"), and they are the server's word
about itself; they count only where *believed*.

Many servers take a key in one of their parameters, so that a call that comes twice
is one call. Name that parameter, and the agent fills it with the key of the step; the
model does not see it.

Arguments are checked by the server, which knows what it takes. What it refuses, or
reports as an error, the model is told.

Source: Model Context Protocol, revision 2026-07-28, "Tools", on annotations and trust.
"""

import copy
import re
import threading
from collections.abc import Collection, Iterator, Mapping
from functools import partial
from typing import Any

from mcp import Client
from mcp_types import CallToolResult
from mcp_types import Tool as ServerTool

from agentstate_lab.agent import Parameters, Tool, told
from agentstate_lab.errors import AgentStateError, InvalidValue
from agentstate_lab.idempotency import IfUnknown
from agentstate_lab.state import RiskLevel

from .client import CallTool, StateClient
from .connection import TIMEOUT

MAX_TOOLS = 128  # as many as a model may be offered
MAX_PAGES = 100
MAX_NAME = 64
MAX_DESCRIPTION = 4_000  # characters; it is sent with every request


def tools_of(
    client: StateClient,
    *,
    only: Collection[str] | None = None,
    risk_levels: Mapping[str, str] | None = None,
    if_unknown: IfUnknown = "wait",
    key_parameter: str | None = None,
    believed: bool = False,
    timeout: float = TIMEOUT,
) -> list[Tool]:
    """
    The tools that the server behind *client* offers now.

    Args:
        client: The connection. It stays open while the tools are used, and must be
            used by nobody else.

        only: The names of those that are wanted; by default, all.

        risk_levels: How risky a tool is, by its name; any other is as risky as can be.

        if_unknown: What to do when a call may have happened; see `agent.Tool`.

        key_parameter: The parameter that takes an idempotency key, in the tools that
            have one of this name. With it, *if_unknown* can be "resend".

        believed: Whether the server's hint that a tool only reads counts.

        timeout: Seconds for the list.

    Raises:
        InvalidValue: It offers too many, or two that a model could not tell apart, or
            does not offer what is wanted.
        AgentStateError: It does not answer.
    """
    levels, lock = risk_levels or {}, threading.Lock()
    offered = {one.name: one for one in _listed(client, timeout)}
    wanted = list(offered) if only is None else list(dict.fromkeys(only))
    if missing := {*wanted, *levels} - set(offered):
        names = ", ".join(sorted(missing))
        raise InvalidValue("tools", f"the server offers no {names}")
    if len(wanted) > MAX_TOOLS:
        raise InvalidValue("tools", f"{len(wanted)} are too many; name those in `only`")
    made = []
    for name in wanted:
        looks = believed and _only_reads(offered[name])
        level = RiskLevel.READ_ONLY if looks else RiskLevel.EXTERNAL_ACTION
        one = _Remote(client, offered[name], key_parameter, lock)
        made.append(one.tool(levels.get(name, level), if_unknown))
    if len({one.name for one in made}) < len(made):
        raise InvalidValue("tools", "two have one name for a model; name one in `only`")
    return made


class _Remote:
    """One tool of a server."""

    def __init__(
        self,
        client: StateClient,
        offered: ServerTool,
        key_parameter: str | None,
        lock: threading.Lock,
    ) -> None:
        self._client, self._lock = client, lock
        self._name = offered.name
        self._description = (offered.description or "")[:MAX_DESCRIPTION]
        self._schema = copy.deepcopy(offered.input_schema)
        properties = self._schema.setdefault("properties", {})
        self._key = key_parameter if key_parameter in properties else None
        if self._key is not None:
            del properties[self._key]
            required = self._schema.get("required", [])
            self._schema["required"] = [n for n in required if n != self._key]

    def tool(self, risk_level: str, if_unknown: IfUnknown) -> Tool:
        """As a tool of the agent."""
        return Tool(
            name=re.sub(r"[^a-zA-Z0-9_-]", "_", self._name)[:MAX_NAME],
            description=self._description,
            parameters=Parameters(self._schema, self._read),
            run=self._run,
            risk_level=risk_level,
            if_unknown=if_unknown,
        )

    def _read(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments as they are: the server checks them."""
        if self._key in arguments:
            raise InvalidValue("arguments", f"{self._key} is no parameter")
        return dict(arguments)

    def _run(self, arguments: dict[str, Any], key: str, seconds: float) -> str:
        filled = arguments if self._key is None else {**arguments, self._key: key}
        # A call that was given up may still be at it, and the connection is for one.
        if not self._lock.acquire(timeout=seconds):
            raise AgentStateError(f"{self._name}: the connection is in use")
        try:
            done = self._client.request(CallTool(self._name, filled), seconds)
        finally:
            self._lock.release()
        text = _said(done)
        if done.is_error:
            raise AgentStateError(f"{self._name}: {text}", effect="unknown")
        return text


def _listed(client: StateClient, timeout: float) -> Iterator[ServerTool]:
    """All tools of a server, page by page."""
    cursor: str | None = None
    for _ in range(MAX_PAGES):
        page = client.request(partial(Client.list_tools, cursor=cursor), timeout)
        yield from page.tools
        cursor = page.next_cursor
        if not cursor:
            return
    raise InvalidValue("tools", f"the server's list has no end after {MAX_PAGES} pages")


def _only_reads(offered: ServerTool) -> bool:
    return bool(offered.annotations and offered.annotations.read_only_hint)


def _said(done: CallToolResult) -> str:
    """What a result says, as one text; what is no text is named by its kind."""
    texts = [
        getattr(part, "text", None) or f"[{part.type}: not a text]"
        for part in done.content
    ]
    if texts or done.structured_content is None:
        return "\n".join(texts)
    return told(done.structured_content)
