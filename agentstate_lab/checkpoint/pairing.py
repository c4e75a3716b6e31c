"""
Tool calls and their results belong together: one result for each call, always.

A model that is sent a call without a result, or a result without a call, refuses the
whole conversation, at every try. A run that dies between the two leaves exactly
that. So before a conversation goes on, it is repaired:

- a call without a result gets one that says the truth: the outcome is unknown, it
  may have run;
- a result without a call, and a second result of one call, are dropped.

Source: the rules of the chat completions API on `tool_calls` and `tool_call_id`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from agentstate_lab.state import Message

UNKNOWN = "error: outcome unknown, it may have run"


class Repaired(NamedTuple):
    """
    A conversation in which every call has its result.

    Attributes:
        messages: The messages to go on with.

        added: The ids of the calls that got a result here.
    """

    messages: list[Message]
    added: list[str]


def repair(messages: Sequence[Message]) -> Repaired:
    """
    Give every tool call exactly one result, right behind its turn.

    >>> call = {"role": "assistant", "tool_calls": [{"id": "a"}, {"id": "b"}]}
    >>> done = {"role": "tool", "tool_call_id": "b", "content": "ok"}
    >>> repair([call, done]).added
    ['a']
    """
    kept: list[Message] = []
    added: list[str] = []
    place = 0
    while place < len(messages):
        message = messages[place]
        place += 1
        if message.get("role") == "tool":
            continue
        kept.append(message)
        answers: dict[object, Message] = {}
        while place < len(messages) and messages[place].get("role") == "tool":
            answers.setdefault(messages[place].get("tool_call_id"), messages[place])
            place += 1
        for call_id in call_ids(message):
            if call_id not in answers:
                added.append(call_id)
            kept.append(answers.get(call_id) or unknown_result(call_id))
    return Repaired(kept, added)


def whole_turns(messages: Sequence[Message]) -> list[Message]:
    """
    The same for a run that goes on: the last turn keeps the calls that are open.

    >>> call = {"role": "assistant", "tool_calls": [{"id": "a"}, {"id": "b"}]}
    >>> done = {"role": "tool", "tool_call_id": "b", "content": "ok"}
    >>> whole_turns([done, call, done, done]) == [call, done]
    True
    """
    kept, added = repair(messages)
    said = [one for one in messages if one.get("role") != "tool"]
    still_open = set(added) & {str(c.get("id")) for c in open_calls(messages)}
    last = next((n for n, one in enumerate(kept) if said and one is said[-1]), 0)
    return kept[:last] + [
        one for one in kept[last:] if one.get("tool_call_id") not in still_open
    ]


def open_calls(messages: Sequence[Mapping[str, Any]]) -> list[Message]:
    """
    The calls of the last turn that have no result yet, in their order.

    >>> call = {"role": "assistant", "tool_calls": [{"id": "a"}, {"id": "b"}]}
    >>> open_calls([call, {"role": "tool", "tool_call_id": "a"}])
    [{'id': 'b'}]
    """
    answered = set()
    for message in reversed(messages):
        if message.get("role") != "tool":
            calls = message.get("tool_calls") or []
            return [call for call in calls if call.get("id") not in answered]
        answered.add(message.get("tool_call_id"))
    return []


def call_ids(message: Message) -> list[str]:
    """The ids of the calls in a message of the model, each once."""
    calls = message.get("tool_calls") or []
    return list(dict.fromkeys(str(call.get("id")) for call in calls))


def unknown_result(call_id: str) -> Message:
    """What a model is told of a call whose outcome nobody knows."""
    return {"role": "tool", "tool_call_id": call_id, "content": UNKNOWN}
