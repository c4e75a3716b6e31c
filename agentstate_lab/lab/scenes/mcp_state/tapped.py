"""
A client of states that tells what it sent, and loses what it is told to lose.

A request can get lost on its way, and so can the reply. To whoever sent it, the two
look alike: no answer came. A `TappedClient` makes either happen at a chosen request,
so that nothing is left to chance, and lets something else happen right before one,
for example the write of another agent.

Each exchange is noted, also that of a lost reply, as a witness sees it who stands
between the two. `talk` draws the notes. Agents in several processes note for
themselves, and `in_order` puts their notes together: the clock is the machine's.

The server is a real one. Only the losing is staged: it happens here, in the client,
and not in the network.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Final

from agentstate_lab.errors import AgentStateError, StoreUnavailable, VersionConflict
from agentstate_lab.mcp_state import (
    SERVER,
    TIMEOUT,
    Answer,
    Ask,
    CallTool,
    ReadResource,
    Server,
    StateClient,
)

SHORT: Final = 40  # characters of a message that are shown


class Loss(StrEnum):
    """What gets lost, and with it the answer."""

    REQUEST = "request lost"
    REPLY = "reply lost"
    UNREACHED = "not reached"  # and this the client can tell from the other two


Coming = Loss | Callable[[], object] | None


@dataclass(frozen=True, slots=True)
class Exchange:
    """
    One request and what came of it.

    Attributes:
        agent: Who sent it.

        asked: What for, in words: "read", "write to version 1".

        answer: What the server said, in words; empty when the request never came.

        loss: What got lost, if anything.

        at: When it was over, in seconds of the clock that all processes share.
    """

    agent: str
    asked: str
    answer: str
    loss: Loss | None = None
    at: float = field(default=0.0, compare=False)


def in_order(noted: Iterable[Iterable[Mapping[str, Any]]]) -> list[Exchange]:
    """
    What several processes noted (`TappedClient.told`), as one list.

    Args:
        noted: The notes of each process.
    """
    notes = []
    for one in noted:
        for note in one:
            loss = Loss(note["loss"]) if note["loss"] else None
            notes.append(Exchange(**{**note, "loss": loss}))
    return sorted(notes, key=lambda note: note.at)


class TappedClient(StateClient):
    """
    A client whose exchanges are noted.

    Args:
        server: As for `StateClient`.

        name: Who sends, for the notes.

        coming: What happens to the next requests, one after the other: nothing
            (None), a loss, or a function that is called before the request is sent.

        notes: Where to note; several clients can share one list.
    """

    def __init__(
        self,
        server: Server,
        name: str = "agent",
        *,
        coming: Iterable[Coming] = (),
        notes: list[Exchange] | None = None,
    ) -> None:
        super().__init__(server)
        self.name = name
        self.notes: list[Exchange] = [] if notes is None else notes
        self.expect(*coming)

    def expect(self, *coming: Coming) -> None:
        """Let this happen to the next requests, in place of what was to come."""
        self.coming: Iterator[Coming] = iter(coming)

    def request(self, ask: Ask[Answer], timeout: float = TIMEOUT) -> Answer:
        """As for `StateClient`, with what is to come."""
        loss = next(self.coming, None)
        if callable(loss):
            loss()
            loss = None
        try:
            if loss in (Loss.REQUEST, Loss.UNREACHED):
                raise _no_answer(loss)
            answer = super().request(ask, timeout)
        except AgentStateError as error:
            self._note(ask, "" if loss else _refusal(error), loss)
            raise
        self._note(ask, _said(ask, answer), loss)
        if loss is not None:
            raise _no_answer(loss)
        return answer

    def told(self) -> list[dict[str, Any]]:
        """The notes as JSON, for another process."""
        return [asdict(note) for note in self.notes]

    def _note(self, ask: Ask[Any], answer: str, loss: Loss | None) -> None:
        """Note one exchange."""
        now = time.monotonic()
        self.notes.append(Exchange(self.name, _asked(ask), answer, loss, now))


def _asked(ask: Ask[Any]) -> str:
    """What was requested, in words."""
    if isinstance(ask, ReadResource):
        return "read"
    if not isinstance(ask, CallTool):
        return "something else"
    if "expected_version" in ask.arguments:
        return f"write to version {ask.arguments['expected_version']}"
    body = [value for name, value in ask.arguments.items() if name != "uri"]
    return f"write {_short(*body)}"


def _short(*values: Any) -> str:
    """Values as a few words."""
    text = " ".join(json.dumps(value) for value in values)
    return text if len(text) <= SHORT else f"{text[: SHORT - 1]}…"


def _no_answer(loss: Loss) -> StoreUnavailable:
    """What a client knows after a loss."""
    if loss is Loss.UNREACHED:
        return StoreUnavailable(SERVER, "it cannot be reached")
    return StoreUnavailable(SERVER, "no answer came", effect="unknown")


def _said(ask: Ask[Any], answer: Any) -> str:
    """What the server answered, in words."""
    if isinstance(ask, ReadResource):
        (content,) = answer.contents
        found = json.loads(content.text)
        known = isinstance(found, dict) and "version" in found
        return f"version {found['version']}" if known else _short(found)
    if isinstance(ask, CallTool):
        done = answer.structured_content or {}
        if "version" not in done:
            return "done"
        again = ", as before" if done.get("replayed") else ""
        return f"done: version {done['version']}{again}"
    return "answered"


def _refusal(error: AgentStateError) -> str:
    """What the server refused, in words."""
    if isinstance(error, VersionConflict):
        return f"conflict: version {error.found}"
    return type(error).__name__
