"""
The handle to the world: what an agent, a notebook or a check may ask of it.

A handle is an address, a secret and a process id. It holds no connection and no
state, so it can be made in one process and used in another, and it outlives the
death of whoever made it.

This module does not find or start the world: `world` does.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from agentstate_lab.errors import InvalidValue, ReplyLost, WorldUnavailable

from .exchange import Json, Reply, send
from .ledger import Entry

_KEY = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?")


@dataclass(frozen=True, slots=True)
class World:
    """
    A handle to the running world.

    Attributes:
        url: Where it listens, on 127.0.0.1.

        token: What every request must carry. It is not shown.

        pid: Its process id.
    """

    url: str
    token: str = field(repr=False)
    pid: int

    def effect(
        self,
        effect: str,
        *,
        task_id: str,
        step: str,
        arguments: Mapping[str, Any],
        key: str | None = None,
        timeout: float = 30.0,
    ) -> Json:
        """
        Ask the service *effect* to do its work, once, and return its reply.

        Args:
            effect: One of `steps.EFFECTS`.

            task_id: The task that wants it.

            step: The step of that task.

            arguments: What the service is asked to do.

            key: An idempotency key. With it, a repeat is answered from the first
                reply; without it, it happens each time.

            timeout: Seconds to wait for the reply.

        Raises:
            EffectRefused: The service answered no; see `status_code`.
            ReplyLost: No reply came back, and it may have happened.
            WorldUnavailable: Nobody listens; it was not started.
            InvalidValue: An argument cannot be sent.
        """
        if not isinstance(arguments, Mapping):
            raise InvalidValue("arguments", "must be a mapping of names to values")
        if key is not None and not is_key(key):
            raise InvalidValue(
                "key",
                "an idempotency key travels in a header: use 1 to 255 printable ASCII"
                " characters, with no space at the ends",
            )
        headers = {} if key is None else {"Idempotency-Key": key}
        body = {"task_id": task_id, "step": step, "arguments": dict(arguments)}
        path = f"/effects/{_quoted(effect, 'effect')}"
        reply = self.request("POST", path, body, headers=headers, timeout=timeout)
        if reply.status != 200:
            raise reply.refusal()
        return reply.body

    def ledger(self, task_id: str | None = None) -> list[Entry]:
        """What happened for *task_id*, or for every task, first things first."""
        asked = "" if task_id is None else f"?task_id={_quoted(task_id)}"
        entries = self.ask("GET", f"/ledger{asked}")["entries"]
        return [Entry(**entry) for entry in entries]

    def requests(self, task_id: str) -> dict[str, int]:
        """
        How many requests arrived for *task_id*: {"model": 3, "deploy": 1}.

        Counted since the world started. This is what went over the wire, answered
        or not, whatever the caller believes.
        """
        counted = self.ask("GET", f"/requests?task_id={_quoted(task_id)}")
        return dict(counted["requests"])

    def fault(
        self,
        task_id: str,
        kind: str,
        *,
        at: str = "model",
        times: int = 1,
        seconds: float | None = None,
        after: int = 0,
    ) -> None:
        """
        Order a fault: the next requests of one task go wrong.

        Args:
            task_id: The task that it strikes.

            kind: "throttle", "error", "drop", "hang", "slow", "drip" or
                "reply_lost"; `faults` says what each does.

            at: "model", a service, or the name of a step.

            times: How many requests it strikes.

            seconds: How long, for the kinds that take time; by default, the kind's
                own.

            after: How many matching requests it lets pass first.

        Raises:
            InvalidValue: The order makes no sense.
        """
        order = {
            "task_id": task_id,
            "kind": kind,
            "at": at,
            "times": times,
            "after": after,
        } | ({} if seconds is None else {"seconds": seconds})
        self.ask("POST", "/faults", order)

    def forget(self, task_id: str) -> None:
        """
        Drop the rows, keys, faults and counts of *task_id*: a fresh start.

        Never called behind anybody's back: what happened stays counted until
        somebody says this.
        """
        self.ask("POST", "/forget", {"task_id": task_id})

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float = 30.0,
    ) -> Reply:
        """One request with the token; a refusal comes back as it is."""
        named = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        return send(self.url, method, path, body=body, headers=named, timeout=timeout)

    def ask(self, method: str, path: str, body: Any = None) -> Json:
        """
        One request to the stage itself, where any failure is the stage's own.

        Raises:
            InvalidValue: *body* makes no sense; nothing was done.
            WorldUnavailable: It was refused, or no reply came back.
        """
        try:
            reply = self.request(method, path, body)
        except ReplyLost as error:
            raise WorldUnavailable(
                f"the world at {self.url} fell silent: run the notebook's first code"
                " cell (`begin`) again"
            ) from error
        said = reply.error()
        if reply.status == 400 and said.get("param"):
            raise InvalidValue(str(said["param"]), str(said["message"]))
        if reply.status != 200:
            raise WorldUnavailable(f"the world refused {path}: {reply.refusal()}")
        return reply.body


def task_header(task_id: str) -> dict[str, str]:
    """
    The header that tells the scripted model whose call it is, so that faults
    ordered for *task_id* strike there. Any text may be an id, so it is quoted.

    >>> task_header("night run")
    {'X-Task-Id': 'night%20run'}
    """
    return {"X-Task-Id": _quoted(task_id)}


def proof(token: str) -> str:
    """What the world says in public to prove that it knows *token*."""
    return hashlib.sha256(f"agentstate-world {token}".encode()).hexdigest()


def is_key(key: object) -> bool:
    """Whether *key* can travel in an HTTP header unchanged."""
    return isinstance(key, str) and _KEY.fullmatch(key) is not None


def _quoted(value: str, name: str = "task_id") -> str:
    """*value* for a header or an address."""
    if not isinstance(value, str):
        raise InvalidValue(name, f"must be a string, not {value!r:.100}")
    try:
        return quote(value, safe="")
    except UnicodeEncodeError as error:
        raise InvalidValue(name, "holds half a surrogate pair") from error
