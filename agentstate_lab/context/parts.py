"""
What a state is made of when it is shown: parts, how each reads, which come first.

A part is shown whole or not at all: one fact, one artifact, the plan, one turn of
the conversation. Each has its text, and one line of the state is one line of the
text: whatever a tool or a user wrote, a line break in it is escaped, so no value can
pass for a line of its own.

This module counts nothing and leaves nothing out; `context` does.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from agentstate_lab.errors import InvalidValue
from agentstate_lab.state import AgentState, Fact, visible

Message = Mapping[str, Any]

# The kinds of parts, in the order in which they are shown.
KINDS: Final = ("plan", "fact", "artifact", "turn")


@dataclass(slots=True)
class Turn:
    """
    What belongs together in a conversation: one message, and the results of its calls.

    Attributes:
        number: Its name, for who asks what was left out.

        messages: Its messages.

        lines: The same as they are sent, rendered once.
    """

    number: int
    messages: list[Message] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def add(self, message: Message, line: str) -> None:
        """Add a message, with its line."""
        self.messages.append(message)
        self.lines.append(line)

    @property
    def size(self) -> int:
        """The bytes of its lines, each with a line break."""
        return sum(len(line.encode()) + 1 for line in self.lines)


@dataclass(frozen=True, slots=True)
class Part:
    """
    Lines that are shown together or not at all.

    Attributes:
        kind: One of `KINDS`.

        place: Its place among its kind, from 0, the oldest.

        name: The key of a fact, the id of an artifact, the number of a turn.

        text: Its lines.

        near: Whether it belongs to the current step.

        older: Whether there is a newer one of its name.
    """

    kind: str
    place: int
    name: str
    text: str
    near: bool = False
    older: bool = False


def text_of(state: AgentState, step: str, parts: Iterable[Part]) -> str:
    """What the model reads: first what is always shown, then *parts* in order."""
    shown = sorted(parts, key=lambda part: (KINDS.index(part.kind), part.place))
    return "\n".join([*_always(state, step), *(part.text for part in shown)])


def parts_of(state: AgentState, step: str, turns: Sequence[Turn] = ()) -> list[Part]:
    """Everything that can be left out, the most important first."""
    facts = list(_facts(state.known_facts, step))
    artifacts = list(_artifacts(state, step))
    talk = list(_turns(turns))
    groups = (
        _plan(state),
        [part for part in artifacts if part.near],
        [part for part in facts if part.near],
        talk[-1:],
        [part for part in facts if not part.near],
        [part for part in artifacts if not part.near],
        talk[:-1],
    )
    return [part for group in groups for part in reversed(group)]


def turns_of(messages: Sequence[Message]) -> Sequence[Turn]:
    """
    The conversation in turns; the results of a tool call stay with the call.

    Raises:
        InvalidValue: It is no conversation, or a call and its result are not both
            there. A model that is asked then may do again what was done.
    """
    turns: list[Turn] = []
    waiting: list[str] = []
    for message in messages:
        call = _answers(message)
        if call is None:
            _check_answered(waiting)
            turns.append(Turn(number=len(turns) + 1))
            waiting = _calls(message)
        elif call in waiting:
            waiting.remove(call)
        else:
            raise InvalidValue("messages", f"{call!r:.80} answers no open call")
        turns[-1].add(message, message_line(message))
    _check_answered(waiting)
    return turns


def message_line(message: Message) -> str:
    """
    A message as it is sent, on one line.

    Raises:
        InvalidValue: JSON cannot hold it.
    """
    try:
        return _json(dict(message))
    except (TypeError, ValueError) as error:
        raise InvalidValue("messages", f"JSON cannot hold one: {error}") from error


def _always(state: AgentState, step: str) -> Iterator[str]:
    """What is wanted, and what limits the agent."""
    yield f"goal: {_plain(state.goal)}"
    if step:
        yield f"step: {_plain(step)}"
    for level in state.constraints.human_in_the_loop.required_for_risk_levels:
        yield f"ask a person before: {level}"
    yield from (f"risk: {_plain(flag)}" for flag in state.risk_flags)
    yield from (f"open question: {_plain(asked)}" for asked in state.open_questions)


def _plan(state: AgentState) -> list[Part]:
    lines = [f"plan: {_plain(step)}" for step in state.plan]
    return [Part("plan", 0, "plan", "\n".join(lines))] if lines else []


def _facts(facts: Sequence[Fact], step: str) -> Iterator[Part]:
    last = {fact.key: place for place, fact in enumerate(facts)}
    for place, fact in enumerate(facts):
        source = f" (from {_plain(fact.source)})" if fact.source else ""
        yield Part(
            "fact",
            place,
            fact.key,
            f"fact {fact.key}: {_json(fact.value)}{source}",
            near=_names(step, fact.key, fact.source),
            older=last[fact.key] != place,
        )


def _artifacts(state: AgentState, step: str) -> Iterator[Part]:
    last = {one.artifact_id: place for place, one in enumerate(state.artifacts)}
    for place, one in enumerate(state.artifacts):
        about = f"{_plain(one.summary)} ({_plain(one.type)}, {one.bytes} bytes)"
        yield Part(
            "artifact",
            place,
            one.artifact_id,
            f"artifact {one.artifact_id}: {about}",
            near=_names(step, one.artifact_id, one.type, one.summary),
            older=last[one.artifact_id] != place,
        )


def _turns(turns: Sequence[Turn]) -> Iterator[Part]:
    for place, turn in enumerate(turns):
        yield Part("turn", place, str(turn.number), "\n".join(turn.lines))


def _names(step: str, *texts: str) -> bool:
    """Whether *step* stands in one of *texts*, as the whole or between colons."""
    return bool(step) and any(
        step == part.strip() for text in texts for part in text.split(":")
    )


def _plain(text: str) -> str:
    """A text on one line: as it is, or as JSON when it has line breaks."""
    return text if text == visible(text) else _json(text)


def _json(value: Any) -> str:
    """A value on one line, with nothing in it that cannot be seen."""
    return visible(json.dumps(value, ensure_ascii=False))


def _answers(message: object) -> str | None:
    """The call that a message answers, or None if it is not a tool's."""
    if not isinstance(message, Mapping):
        raise InvalidValue("messages", f"{message!r:.80} is not a message")
    if message.get("role") != "tool":
        return None
    return str(message.get("tool_call_id"))


def _calls(message: Message) -> list[str]:
    """The ids of the tool calls in a message."""
    try:
        return [str(call["id"]) for call in message.get("tool_calls") or ()]
    except (TypeError, KeyError) as error:
        raise InvalidValue("messages", "a tool call has no id") from error


def _check_answered(waiting: Sequence[str]) -> None:
    if waiting:
        names = ", ".join(waiting)
        raise InvalidValue(
            "messages",
            f"no result is there for {names:.200}; say in a tool message what is"
            " known of it, if only that its outcome is unknown",
        )
