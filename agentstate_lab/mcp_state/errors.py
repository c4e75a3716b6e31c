"""
An error of the course as an error of the protocol, and back.

A protocol error is a number, a sentence and some data. The sentence is for people
and models; code must not have to read it. So the data carries the name of the error,
its attributes, and what became of the effect, and a client that knows the course
raises the very error that the server met:

    -32602   the request is wrong: a bad id, a malformed body, no such task
    -32010   a conflict: read again, and decide anew
    -32011   not granted
    -32012   refused for another reason

A client that knows nothing of the course still gets the number and the sentence.

What arrives from a server is not trusted: only names from a list become errors, and
a number without a name becomes a plain one. A connection that broke after the request
was sent says nothing about the effect, and so the error says "unknown".

Source: JSON-RPC 2.0, section 5.1; MCP 2026-07-28 leaves -32000 to -32019 to servers.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, get_args

from mcp import MCPError
from mcp_types import (
    CONNECTION_CLOSED,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    REQUEST_TIMEOUT,
)

from agentstate_lab import errors
from agentstate_lab.errors import AgentStateError, Effect, Permanent, StoreUnavailable

CONFLICT: Final = -32010
NOT_GRANTED: Final = -32011
REFUSED: Final = -32012

SERVER = "the MCP server"

_CODES: tuple[tuple[type[AgentStateError], int], ...] = (
    (errors.NotGranted, NOT_GRANTED),
    (errors.Conflict, CONFLICT),
    (errors.InvalidValue, INVALID_PARAMS),
    (errors.TaskNotFound, INVALID_PARAMS),
    (errors.StoreError, INTERNAL_ERROR),
)

# The errors that a client may make of what a server says, with their attributes.
_KNOWN: dict[str, tuple[str, ...]] = {
    "IllegalTransition": ("old", "new", "task_id"),
    "InvalidValue": ("name", "why", "effect"),
    "KeyReused": ("task_id", "patch_id"),
    "NotGranted": ("agent_id", "owner_id", "write"),
    "StoreBusy": ("where", "why", "effect"),
    "StoreUnavailable": ("where", "why", "effect"),
    "TaskNotFound": ("task_id",),
    "VersionConflict": ("task_id", "expected", "found"),
}

_TYPES: dict[str, type] = {"expected": int, "found": int, "write": bool}  # else: str


def to_wire(error: AgentStateError) -> MCPError:
    """What a server answers instead of raising *error*."""
    code = next((code for kind, code in _CODES if isinstance(error, kind)), REFUSED)
    name = type(error).__name__
    said = {one: getattr(error, one) for one in _KNOWN.get(name, ())}
    if isinstance(error, errors.StoreError):
        # A path or an address of the server's machine is not for its clients.
        said["where"] = "the store of the server"
        error = type(error)(said["where"], error.why, effect=error.effect)
    data = {"error": name, "effect": error.effect, "attributes": said}
    return MCPError(code, str(error), data)


def from_wire(error: MCPError, *, sent: bool = True) -> AgentStateError:
    """
    What a client raises for the answer *error*.

    Args:
        error: What the protocol said.

        sent: Whether the request may have reached the server.
    """
    data = error.data if isinstance(error.data, dict) else {}
    if known := _named(data):
        return known
    unsure: Effect = "unknown" if sent else "not started"
    if error.code in (CONNECTION_CLOSED, REQUEST_TIMEOUT):
        return StoreUnavailable(SERVER, error.message, effect=unsure)
    if error.code == INTERNAL_ERROR:
        return AgentStateError(f"{SERVER} failed: {error.message}", effect=unsure)
    return Permanent(f"{SERVER} refused: {error.message} ({error.code})")


@contextmanager
def spoken() -> Iterator[None]:
    """Answer an error of the course in the words of the protocol."""
    try:
        yield
    except AgentStateError as error:
        raise to_wire(error) from error


def _named(data: dict[str, Any]) -> AgentStateError | None:
    """The error that *data* names, when it is one of ours and whole."""
    name, said = data.get("error"), data.get("attributes")
    wanted = _KNOWN.get(name) if isinstance(name, str) else None
    if wanted is None or not isinstance(said, dict) or set(said) != set(wanted):
        return None
    if not all(_fits(attribute, value) for attribute, value in said.items()):
        return None
    made: AgentStateError = getattr(errors, str(name))(**said)
    return made


def _fits(attribute: str, value: object) -> bool:
    """Whether *value* can be this attribute of an error."""
    if attribute == "effect":
        return value in get_args(Effect)
    kind = _TYPES.get(attribute, str)
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
