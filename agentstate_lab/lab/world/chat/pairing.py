"""
What a conversation must be: every tool call answered once, before anything else.

The real API refuses a tool call that was never answered and an answer to a call
that was never made. An agent that resumes from half a conversation finds that out,
and so it should here: this is the first thing that breaks after a crash.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ..refusal import Refusal, bad, shown

SAID = ("content", "tool_calls", "refusal")


def check_conversation(messages: Sequence[Mapping[str, Any]]) -> None:
    """
    Refuse a conversation that the model could not have had.

    Args:
        messages: Each of them has the shape of a message.

    Raises:
        Refusal: 400: a message of the model says nothing, or calls and their tool
            messages do not pair up.
    """
    for index, message in enumerate(messages):
        if not any(message.get(name) is not None for name in SAID):
            raise bad(
                "Invalid value for 'content': expected a string, got null.",
                f"messages[{index}].content",
                "invalid_type",
            )
    _check_pairing(messages)


def _check_pairing(messages: Sequence[Mapping[str, Any]]) -> None:
    """Every call is answered once, before anything else is said."""
    waiting: list[str] = []
    answered: set[str] = set()
    for index, message in enumerate(messages):
        where = f"messages.[{index}].role"
        if message["role"] == "tool":
            call = message["tool_call_id"]
            if call not in waiting:
                raise _orphan(call, call in answered, where)
            waiting.remove(call)
            answered.add(call)
            continue
        if waiting:
            raise _unanswered(waiting, where)
        answered.clear()
        waiting = [call["id"] for call in message.get("tool_calls", [])]
        if len(set(waiting)) < len(waiting):
            raise bad("Duplicate 'id' in 'tool_calls': each call needs its own.", where)
    if waiting:
        raise _unanswered(waiting, f"messages.[{len(messages)}].role")


def _unanswered(calls: Sequence[str], where: str) -> Refusal:
    names = ", ".join(shown(call)[1:-1] for call in calls[:10])
    return bad(
        "An assistant message with 'tool_calls' must be followed by tool messages"
        " responding to each 'tool_call_id'. The following tool_call_ids did not have"
        f" response messages: {names}",
        where,
        None,
    )


def _orphan(call: str, twice: bool, where: str) -> Refusal:
    said = (
        f"{shown(call)} already has its response message."
        if twice
        else "messages with role 'tool' must be a response to a preceeding message with"
        f" 'tool_calls'; {shown(call)} answers none."
    )
    return bad(f"Invalid parameter: {said}", where, None)
