"""
A client of a server of states, asked like any function; each request is one attempt.

    read     what is known of a task, and the version that it was read at
    write    a patch for that version, under its id

What comes back is checked before anybody believes it: a server is somebody else's
program. An answer that makes no sense says nothing about the effect, and the error
says so.

This module tries nothing again and knows no deadline; `shared_state` does. How a
connection is opened, and what happens when it breaks, is in `connection`.

Source: Model Context Protocol, revision 2026-07-28, "Resources" and "Tools".
"""

from dataclasses import dataclass
from typing import Any, Final, Self, TypeVar

from mcp import Client
from mcp_types import (
    CallToolRequest,
    CallToolRequestParams,
    CallToolResult,
    ReadResourceResult,
)
from pydantic import ValidationError

from agentstate_lab.errors import AgentStateError, InvalidValue
from agentstate_lab.state import (
    AgentState,
    Count,
    Id,
    Record,
    StatePatch,
    Task,
    TaskState,
    reason,
)
from agentstate_lab.stores import Applied

from .connection import TIMEOUT, Connection
from .errors import SERVER
from .uri import state_uri

RecordT = TypeVar("RecordT", bound=Record)


class SharedState(Record):
    """
    A task as it is shared: what a replacement must know, and the version of it.

    Attributes:
        uri: Its address.

        version: Counts the writes; a change must name it.

        state: Where the task is in its life.

        result, error: What came out, or why it failed.

        agent_state: What is known.
    """

    uri: str
    agent_id: Id
    task_id: Id
    version: Count
    state: TaskState
    user_input: str
    result: str | None = None
    error: str | None = None
    agent_state: AgentState

    @classmethod
    def of(cls, task: Task) -> Self:
        """What is shared of *task*."""
        told = {name: getattr(task, name) for name in cls.model_fields.keys() - _IDS}
        uri = state_uri(task.agent_id, task.id)
        return cls(uri=uri, task_id=task.id, **told)


_IDS: Final = {"uri", "task_id"}


@dataclass(frozen=True, slots=True)
class ReadResource:
    """Asks for a resource by its address, in one request."""

    uri: str

    async def __call__(self, client: Client) -> ReadResourceResult:
        """Ask through the connected *client*."""
        return await client.read_resource(self.uri)


@dataclass(frozen=True, slots=True)
class CallTool:
    """
    Asks for a tool to be called, in one request.

    The protocol's client would list the tools before it hands out an answer, to hold
    it against the tool's schema. If that fails, it is the answer to a write that has
    happened which is lost. We know what we asked for, and check the answer ourselves.
    """

    name: str
    arguments: dict[str, Any]

    async def __call__(self, client: Client) -> CallToolResult:
        """Ask through the connected *client*."""
        params = CallToolRequestParams(name=self.name, arguments=self.arguments)
        request = CallToolRequest(params=params)
        return await client.session.send_request(request, CallToolResult)


class StateClient(Connection):
    """
    A connection to a server of states, used like any object; close it at the end.

    Its `request` asks the protocol's own client for anything else.
    """

    def read(self, uri: str, *, timeout: float = TIMEOUT) -> SharedState:
        """
        What is known of the task at *uri*; one attempt.

        Args:
            uri: Its address, from `state_uri`.

            timeout: Seconds, connecting included.

        Raises:
            AgentStateError: What the server answered, or that none could be had.
        """
        found = self.request(ReadResource(uri), timeout)
        text = "".join(getattr(part, "text", "") for part in found.contents)
        return _understood(SharedState, text)

    def write(
        self,
        uri: str,
        patch: StatePatch,
        *,
        state: TaskState | str | None = None,
        result: str | None = None,
        timeout: float = TIMEOUT,
    ) -> Applied:
        """
        Have *patch* applied to the task at *uri*, once; one attempt.

        Args:
            uri: Its address, from `state_uri`.

            patch: What to change, and the version that it was made for.

            state: The state that the task takes with it, if it changes.

            result: What came out, when the task is completed with it.

            timeout: Seconds, connecting included.

        Raises:
            VersionConflict: The task has changed since it was read.
            AgentStateError: What the server answered, or that no answer came.
        """
        body = patch.model_dump(mode="json")
        asked = {
            "uri": uri,
            "expected_version": body["base_version"],
            "patch_id": body["id"],
            "operations": body["operations"],
            "state": state,
            "result": result,
        }
        done = self.request(CallTool("write_state", asked), timeout)
        if done.is_error:
            said = "".join(getattr(part, "text", "") for part in done.content)
            raise AgentStateError(f"{SERVER} failed: {said}", effect="unknown")
        return _understood(Applied, done.structured_content)


def _understood(kind: type[RecordT], said: Any) -> RecordT:
    """What a server said, as *kind*."""
    try:
        if isinstance(said, str):
            return kind.model_validate_json(said)
        return kind.model_validate(said)
    except ValidationError as error:
        why = f"is not what was asked for: {reason(error)}"
        raise InvalidValue(f"the answer of {SERVER}", why, effect="unknown") from error
