"""
What a model has answered, before anybody believes it.

An answer comes over a network from a program that was never made to keep a contract.
It may hold no choice, no text and no call, calls without ids, two with one id, or ten
megabytes. Part of it is stored and sent back with every later request, and one field
that the other side refuses spoils the whole conversation, at every try. So only what
must be sent back is kept: the text, and of each call its id, name and arguments.

What a call asks for is read in `call`: that may be wrong, and the model is told so.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from agentstate_lab.errors import InvalidValue
from agentstate_lab.state import Message, clean

MAX_REPLY = 1_000_000  # characters of one message
MAX_CALLS = 128
MAX_TOKENS = 10**9  # of one reply; whoever says more does not count
BYTES_PER_TOKEN = 4  # about, when the reply does not say what it used
MAX_SHOWN = 200
# Of a message, of a call in it, of the function in that.
FIELDS = ("content", "refusal", "tool_calls", "id", "function", "name", "arguments")

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def read_reply(reply: Any, turn: int) -> Message:
    """
    The model's message, as it can be stored and sent again.

    Args:
        reply: What the client returned.

        turn: Its number, for the ids of calls that have none.

    Raises:
        InvalidValue: It is no answer: nothing in it, or far too much.
    """
    choices = getattr(reply, "choices", None)
    if not isinstance(choices, Sequence) or not choices:
        raise InvalidValue("reply", f"the model sent no choice: {_shown(reply)}")
    said = _fields(getattr(choices[0], "message", None))
    calls = _calls(said.get("tool_calls"), turn)
    text = said.get("content") or said.get("refusal")
    text = clean(text) if isinstance(text, str) and text.strip() else None
    if text is None and not calls:
        raise InvalidValue("reply", "the model sent neither a text nor a tool call")
    message: Message = {"role": "assistant", "content": text}
    if calls:
        message["tool_calls"] = calls
    size = len(json.dumps(message, ensure_ascii=False))
    if size > MAX_REPLY:
        raise InvalidValue(
            "reply", f"the model sent {size} characters, the limit is {MAX_REPLY}"
        )
    return message


def tokens_of(reply: Any, asked: Sequence[Message]) -> int:
    """
    How many tokens the reply says that it used; an estimate, when it says nothing.

    Args:
        reply: What the client returned.

        asked: What the model was shown.
    """
    used = getattr(getattr(reply, "usage", None), "total_tokens", None)
    if type(used) is int and used > 0:
        return min(used, MAX_TOKENS)
    said = repr(getattr(reply, "choices", None))
    size = len(json.dumps([*asked, said], ensure_ascii=False, default=str))
    return min(-(-size // BYTES_PER_TOKEN), MAX_TOKENS)


def _calls(calls: Any, turn: int) -> list[Message]:
    """
    The calls with an id each, each id once.

    A call that cannot be answered by its id would spoil the whole conversation.
    """
    if not calls:
        return []
    if not isinstance(calls, Sequence) or isinstance(calls, str):
        raise InvalidValue("reply", f"its tool calls are {_shown(calls)}")
    if len(calls) > MAX_CALLS:
        raise InvalidValue(
            "reply", f"the model sent {len(calls)} calls, the limit is {MAX_CALLS}"
        )
    seen: set[str] = set()
    named = []
    for place, call in enumerate(map(_fields, calls), start=1):
        given = call.get("id")
        call_id = clean(given) if isinstance(given, str) and given else ""
        call_id = call_id or f"call-{turn}-{place}"
        while call_id in seen:
            call_id = f"{call_id}-{place}"
        seen.add(call_id)
        function = _function(call.get("function"))
        named.append({"id": call_id, "type": "function", "function": function})
    return named


def _function(called: Any) -> dict[str, str]:
    """What is called, in the form in which the API takes it back."""
    function = _fields(called)
    name, arguments = function.get("name"), function.get("arguments")
    known = isinstance(name, str) and _NAME.fullmatch(name)
    if isinstance(arguments, Mapping):  # some servers send the object itself
        arguments = json.dumps(arguments, default=str)
    return {
        "name": str(name) if known else "unnamed",
        "arguments": clean(arguments) if isinstance(arguments, str) else "{}",
    }


def _fields(value: Any) -> Mapping[str, Any]:
    """A part of the reply as a mapping, whatever class the client has for it."""
    if isinstance(value, Mapping):
        return value
    return {name: getattr(value, name, None) for name in FIELDS}


def _shown(value: Any) -> str:
    """The beginning of what cannot be used."""
    return f"{value!r:.{MAX_SHOWN}}"
