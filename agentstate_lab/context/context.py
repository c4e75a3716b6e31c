"""
What of a state the model is shown: as much as fits, and never more.

The model reads a text, so its budget is counted on that text, with every label,
quote and line break, in bytes or in whatever unit *count* counts. What limits the
agent is always in it: goal, step, constraints, risk flags, open questions, and the
facts that the caller names. The rest comes in while there is room:

1. the plan, whole: half a plan is another plan;
2. artifacts and facts that belong to the current step;
3. the last turn of the conversation;
4. other facts, other artifacts, older turns; everywhere the newest first.

Of the facts with one key only the newest is shown. What does not fit is passed
over, and something smaller may still fit. Turns alone are cut there: a conversation
with a hole reads as if nothing had been in it.

The parts of a text need not add up to the whole (tokens do not), so their sizes only
guide the choice: the whole text is counted before it is returned.

This module summarizes nothing, and it loads no artifact: a tool does that, by id.
Source: LangGraph's `trim_messages`, which cuts at turns and takes any counter.
"""

import copy
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from agentstate_lab.errors import ContextTooSmall, InvalidValue
from agentstate_lab.state import AgentState, Artifact, Fact

from .parts import KINDS, Message, Part, Turn, message_line, parts_of, text_of, turns_of

Counter = Callable[[str], int]

NO_ROOM: Final = "no room"
OLDER: Final = "a newer one is known"
ALLOWANCE: Final = "max_artifact_bytes_in_context"
CUT: Final = "a later turn found no room"


def utf8_bytes(text: str) -> int:
    """
    The bytes of *text* as it is sent.

    >>> len("Zürich"), utf8_bytes("Zürich")
    (6, 7)
    """
    return len(text.encode())


@dataclass(frozen=True, slots=True)
class LeftOut:
    """
    Something that the model is not shown.

    Attributes:
        kind: "plan", "fact", "artifact" or "turn".

        name: The key of a fact, the id of an artifact, the number of a turn.

        why: "no room", "a newer one is known", "max_artifact_bytes_in_context"
            or "a later turn found no room".

        size: What its lines count by themselves.
    """

    kind: str
    name: str
    why: str
    size: int


@dataclass(frozen=True, slots=True)
class ContextSlice:
    """
    The part of a state that the model is shown.

    Attributes:
        state: What was kept, as a state: filtering it again changes nothing.

        current_step: The step that it was made for.

        messages: The turns that were kept, each call with its results.

        left_out: What was not kept, and why.

        size: What `render()` counts, in the unit of the budget.
    """

    state: AgentState
    current_step: str
    messages: tuple[Message, ...]
    left_out: tuple[LeftOut, ...]
    size: int

    @property
    def plan(self) -> tuple[str, ...]:
        """The plan, or nothing when it did not fit."""
        return self.state.plan

    @property
    def facts(self) -> tuple[Fact, ...]:
        """The facts that were kept, one for a key, in the order of the state."""
        return self.state.known_facts

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        """The artifacts that were kept: id, summary and size, never the content."""
        return self.state.artifacts

    def render(self) -> str:
        """All that was counted: the state as lines, then each message as JSON."""
        return "\n".join([self.lines(), *map(message_line, self.messages)])

    def lines(self) -> str:
        """The state as lines."""
        parts = parts_of(self.state, self.current_step)
        return text_of(self.state, self.current_step, parts)


def filter_relevant_state(
    state: AgentState,
    current_step: str,
    max_bytes: int,
    *,
    count: Counter = utf8_bytes,
    keep: Collection[str] = (),
    messages: Sequence[Message] = (),
) -> ContextSlice:
    """
    Choose what the model is shown for *current_step*; it shares no memory with *state*.

    A fact belongs to a step that stands in its key or source, an artifact to one
    that stands in its id, type or summary: as the whole, or between colons, as in
    "done:deploy-web" and "deploy-web: error log".

    Args:
        state: All that is known.

        current_step: The step that comes next; empty for none.

        max_bytes: What `render()` may count at most, in the unit of *count*.

        count: Takes a text and returns its size; bytes in UTF-8 by default.

        keep: Keys of facts that must be shown; an unknown key is not missed.

        messages: The conversation so far, as the chat API takes it, without the
            system prompt.

    Raises:
        ContextTooSmall: What must be shown does not fit; `needed` says the least.

        InvalidValue: An argument makes no sense, or *messages* holds a tool call
            without its result.

    >>> state = AgentState(goal="Deploy", known_facts=[Fact(key="region", value="eu")])
    >>> print(filter_relevant_state(state, "deploy-web", 60).render())
    goal: Deploy
    step: deploy-web
    fact region: "eu"
    >>> filter_relevant_state(state, "deploy-web", 40).left_out
    (LeftOut(kind='fact', name='region', why='no room', size=18),)
    """
    _check(state, current_step, max_bytes, keep, messages)
    turns = turns_of(messages)
    made = chosen(state, current_step, max_bytes, turns, count=count, keep=keep)
    return replace(
        made,
        state=made.state.model_copy(deep=True),
        messages=tuple(copy.deepcopy(made.messages)),
    )


def chosen(
    state: AgentState,
    current_step: str,
    max_bytes: int,
    turns: Sequence[Turn],
    *,
    count: Counter = utf8_bytes,
    keep: Collection[str] = (),
    keep_last_turn: bool = False,
) -> ContextSlice:
    """
    The same for turns that are rendered already, sharing what they are made of.

    The arguments are those of `filter_relevant_state`, with the conversation as
    *turns*. With *keep_last_turn* the last of them must be shown: a model that does
    not see what it has called for calls for it again.
    """
    names = frozenset(keep)
    last = len(turns) - 1 if keep_last_turn else -1
    must, others = _divided(parts_of(state, current_step, turns), names, last)

    def size(shown: list[Part]) -> int:
        return _counted(count, text_of(state, current_step, [*must, *shown]))

    needed = size([])
    if needed > max_bytes:
        raise ContextTooSmall(needed, max_bytes)
    room = _Room(max_bytes - needed, state.budget.max_artifact_bytes_in_context)
    tried = [(part, room.take(part, count)) for part in others]
    seems_to_fit = [part for part, refused in tried if not refused.why]
    shown = _longest(seems_to_fit, lambda some: size(some) <= max_bytes)
    late = set(seems_to_fit[len(shown) :])
    left_out = [
        replace(refused, why=refused.why or NO_ROOM)
        for part, refused in tried
        if refused.why or part in late
    ]
    return ContextSlice(
        state=_narrowed(state, [*must, *shown]),
        current_step=current_step,
        messages=tuple(_said(turns, [*must, *shown])),
        left_out=tuple(left_out),
        size=size(shown),
    )


@dataclass(slots=True)
class _Room:
    """What is left of the budget while part after part asks for some of it."""

    left: int
    artifact_bytes: int
    cut: bool = False

    def take(self, part: Part, count: Counter) -> LeftOut:
        """Take the room for *part*; the record says why not, or nothing."""
        size = _counted(count, f"\n{part.text}")
        weight = utf8_bytes(part.text) if part.kind == "artifact" else 0
        why = self._why_not(part, size, weight)
        if not why:
            self.left -= size
            self.artifact_bytes -= weight
        elif part.kind == "turn":
            self.cut = True
        return LeftOut(part.kind, part.name, why, size)

    def _why_not(self, part: Part, size: int, weight: int) -> str:
        if part.older:
            return OLDER
        if part.kind == "turn" and self.cut:
            return CUT
        if weight > self.artifact_bytes:
            return ALLOWANCE
        return NO_ROOM if size > self.left else ""


def _divided(
    parts: Iterable[Part], keep: Collection[str], last: int
) -> tuple[list[Part], list[Part]]:
    """The parts that must be shown, among them the turn at *last*, and the others."""
    must: list[Part] = []
    others: list[Part] = []
    for part in parts:
        kept = part.kind == "fact" and part.name in keep and not part.older
        asked = part.kind == "turn" and part.place == last
        (must if kept or asked else others).append(part)
    return must, others


def _longest(parts: list[Part], fits: Callable[[list[Part]], bool]) -> list[Part]:
    """
    The first of *parts*, as many as fit; none of them always does.

    Halving finds it with a few counts of the whole text. Whatever the counter makes
    of the lengths between, what is returned has been counted and fits.
    """
    if fits(parts):
        return parts
    most, too_many = 0, len(parts)
    while too_many - most > 1:
        middle = (most + too_many) // 2
        if fits(parts[:middle]):
            most = middle
        else:
            too_many = middle
    return parts[:most]


def _narrowed(state: AgentState, shown: Iterable[Part]) -> AgentState:
    """*state* with what is shown of it."""
    places: dict[str, list[int]] = {kind: [] for kind in KINDS}
    for part in shown:
        places[part.kind].append(part.place)
    facts = [state.known_facts[place] for place in sorted(places["fact"])]
    artifacts = [state.artifacts[place] for place in sorted(places["artifact"])]
    kept = {
        "plan": state.plan if places["plan"] else (),
        "known_facts": tuple(facts),
        "artifacts": tuple(artifacts),
        "applied_patches": (),
    }
    return state.model_copy(update=kept)


def _said(turns: Sequence[Turn], shown: Iterable[Part]) -> Iterator[Message]:
    """The messages of the turns that are shown."""
    for place in sorted(part.place for part in shown if part.kind == "turn"):
        yield from turns[place].messages


def _counted(count: Counter, text: str) -> int:
    """What the counter says, if it is a size."""
    size = count(text)
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise InvalidValue(
            "count", f"must return a whole number from 0, and returned {size!r:.80}"
        )
    return size


def _check(
    state: Any, current_step: Any, max_bytes: Any, keep: Any, messages: Any
) -> None:
    """Refuse arguments that make no sense, by name."""
    if not isinstance(state, AgentState):
        raise InvalidValue("state", f"must be an AgentState, not {type(state)}")
    if not isinstance(current_step, str):
        raise InvalidValue("current_step", f"must be a text, not {current_step!r:.80}")
    if type(max_bytes) is not int or max_bytes < 0:
        raise InvalidValue(
            "max_bytes", f"must be a whole number from 0, not {max_bytes!r:.80}"
        )
    listed = isinstance(keep, Collection) and not isinstance(keep, str)
    if not listed or not all(isinstance(key, str) for key in keep):
        raise InvalidValue("keep", f"must be a collection of keys, not {keep!r:.80}")
    if not isinstance(messages, Sequence) or isinstance(messages, str):
        raise InvalidValue("messages", f"must be a list, not {messages!r:.80}")
