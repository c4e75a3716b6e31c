"""
What the model is shown of a run: the same size in the first turn and in the last.

Always there are goal and limits, what was asked, the digest of what is finished, the
newest answers of people, and the last turn: a model that does not see what it has
called for calls for it again. Of these only the last turn can be too large, and then
its texts are cut, each with its beginning and its end. All else comes in while there
is room (`context`).

Nothing in the first list grows with the number of steps. So a run that fits once fits
for as long as it lives, and `ContextTooSmall` is about a limit that a person can mend.
"""

import json
from collections import Counter

from agentstate_lab.context import OLDER, ContextSlice, Conversation, chosen, fitted
from agentstate_lab.errors import ContextTooSmall
from agentstate_lab.state import AgentState, Message, UpsertFact

from .approval import approval_key
from .finished import KEY, Finished
from .recall import WHERE

CONTEXT_BYTES = 64_000
ANSWERS = 10  # of people, that are shown in any case
SHARE = 4  # the digest has at most this part of a request


def view_of(state: AgentState, talk: Conversation, most: int) -> ContextSlice:
    """
    What of *state* and *talk* the model is shown.

    Args:
        state: What the task knows.

        talk: The end of what was said.

        most: How many bytes it may have.

    Raises:
        ContextTooSmall: What must be shown does not fit, even with all texts cut.
    """
    state = _with_less(state, most // SHARE)
    turns, keep = list(talk.turns), _must_know(state)
    try:
        return chosen(state, "", most, turns, keep=keep, keep_last_turn=True)
    except ContextTooSmall as small:
        if not turns:
            raise
        room = most - (small.needed - turns[-1].size)
        turns[-1] = fitted(turns[-1], room, WHERE)
        return chosen(state, "", most, turns, keep=keep, keep_last_turn=True)


def room_for(most: int = CONTEXT_BYTES) -> int:
    """How many bytes of a request of *most* the conversation may have."""
    return most - most // SHARE


def request_of(
    asked: str, talk: Conversation, finished: Finished, most: int = CONTEXT_BYTES
) -> list[Message]:
    """
    The messages of a request, for a run that keeps no state beside what was said.

    As long as all was said fits, it is told whole. From then on the digest stands in
    for what fell out.

    Args:
        asked: What was asked at the beginning.

        talk: The end of what was said since, with the room of `room_for`.

        finished: What is finished.

        most: How many bytes it may have, beside what was asked.
    """
    first: list[Message] = [{"role": "user", "content": asked}]
    if talk.before:
        told = json.dumps(finished.within(most // SHARE).value(), ensure_ascii=False)
        first.append({"role": "user", "content": f"fact {KEY}: {told} (from records)"})
    turns = list(talk.turns)
    if turns:  # the others have room by themselves, and the last one is there anyhow
        turns[-1] = fitted(turns[-1], room_for(most))
    return [*first, *(dict(one) for turn in turns for one in turn.messages)]


def unshown(shown: ContextSlice, talk: Conversation) -> str:
    """What the model is not shown, in words; nothing, when it is shown all."""
    kinds = Counter(one.kind for one in shown.left_out if one.why != OLDER)
    said = talk.said - len(shown.messages)
    parts = [f"messages 1 to {said}"] if said else []
    for kind in ("plan", "fact", "artifact"):
        more = kinds[kind]
        parts += [f"{more} {kind}{'s' if more > 1 else ''}"] if more else []
    return ", ".join(parts)


def _must_know(state: AgentState) -> list[str]:
    """The facts that are shown in any case."""
    answers = approval_key("")
    said = [f.key for f in state.known_facts if f.key.startswith(answers)]
    return ["asked", KEY, *said[-ANSWERS:]]


def _with_less(state: AgentState, most: int) -> AgentState:
    """The state with a digest that leaves room for the rest."""
    made = Finished.of(state)
    if not made.value() or made.size <= most:
        return state
    return state.learned(UpsertFact(fact=made.within(most).fact()))
