"""
What a model has answered, before anybody believes it.

An answer comes over a network from a program that was never made to keep a contract.
It may hold no choice, no text and no call, calls without ids, two with one id, or ten
megabytes. Part of it is stored and sent back with every later request, and one field
that the other side refuses spoils the whole conversation, at every try. So only what
must be sent back is kept: the text, and of each call its id, name and arguments.

An answer may also be half of one: cut off at a limit, filtered, refused. Half a
sentence is no result, and half a call is none that anybody asked for, whatever a
server has made of its arguments. So nothing of it is used. The model is told and
asked again where that can help (`go_on`); else the run ends with the reason.

What a call asks for is read in `call`: that may be wrong, and the model is told so.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeGuard

from agentstate_lab.errors import AnswerNotWhole, InvalidValue
from agentstate_lab.state import Message, clean

from .tools import MAX_SHOWN, TOOL_NAME

MAX_REPLY = 1_000_000  # characters of one message
MAX_CALLS = 128
MAX_TOKENS = 10**9  # of one reply; whoever says more does not count
BYTES_PER_TOKEN = 4  # about, when the reply does not say what it used
MAX_CUT = 2  # answers that were cut off in a row before the run gives up

# Why an answer ended, in the words of several providers.
CUT = {
    *("length", "max_tokens", "model_length", "malformed_function_call", "timeout"),
    *("error", "network_error", "insufficient_system_resource", "abort", "aborted"),
}
KEPT_BACK = {
    *("content_filter", "content_filtered", "safety", "sensitive", "refusal", "spii"),
    *("recitation", "blocklist", "prohibited_content"),
}

GO_ON: Message = {
    "role": "user",
    "content": "Your last answer was cut off, and nothing of it was used. Answer again,"
    " in fewer words, with one tool call at a time.",
}

# Of a message, of a call in it, of the function in that.
FIELDS = (
    *("content", "refusal", "tool_calls", "id", "function", "name", "arguments"),
    *("type", "text"),
)


def read_reply(reply: Any, turn: int) -> Message:
    """
    The model's message, as it can be stored and sent again.

    Args:
        reply: What the client returned.

        turn: Its number, for the ids of calls that have none.

    Raises:
        InvalidValue: It is no answer: nothing in it, or far too much.
        AnswerNotWhole: It was cut off, filtered or refused.
    """
    choices = getattr(reply, "choices", None)
    if not isinstance(choices, Sequence) or not choices:
        raise InvalidValue("reply", f"the model sent no choice: {_shown(reply)}")
    said = _fields(getattr(choices[0], "message", None))
    _check_whole(getattr(choices[0], "finish_reason", None), said)
    calls = _calls(said.get("tool_calls"), turn)
    words = clean("".join(_texts(said.get("content"), "text")))
    text = words if words.strip() else None
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


def go_on(error: Exception, messages: Sequence[Mapping[str, Any]]) -> Message | None:
    """
    What to say to a model whose answer was not whole, if it is to be asked again.

    Args:
        error: What was wrong with its answer.

        messages: What was said before. After a few answers like this, in a row,
            another one would be no better.
    """
    told = 0
    while told < len(messages) and messages[-1 - told] == GO_ON:
        told += 1
    may = isinstance(error, AnswerNotWhole) and error.may_go_on
    return GO_ON if may and told < MAX_CUT else None


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


def _check_whole(ended: object, said: Mapping[str, Any]) -> None:
    """Refuse an answer that its provider or its model has not finished."""
    refused = "".join(_texts(said.get("refusal"), "refusal"))
    refused += "".join(_texts(said.get("content"), "refusal", bare=False))
    if refused.strip():
        raise AnswerNotWhole(clean(refused)[:MAX_SHOWN], may_go_on=False)
    why = ended.lower() if isinstance(ended, str) else ""
    if why in CUT | KEPT_BACK:
        raise AnswerNotWhole(why, may_go_on=why in CUT)


def _texts(content: Any, kind: str, *, bare: bool = True) -> Iterator[str]:
    """The texts of this kind in *content*, which is one, or a list of parts."""
    if isinstance(content, str):
        yield from [content] if bare else []
    elif isinstance(content, Sequence):
        for part in map(_fields, content):
            if str(part.get("type") or kind).removeprefix("output_") == kind:
                yield from _texts(part.get(kind), kind)


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
    known = isinstance(name, str) and TOOL_NAME.fullmatch(name)
    if isinstance(arguments, Mapping):  # some servers send the object itself
        arguments = json.dumps(arguments, default=str)
    return {
        "name": str(name) if known else "unnamed",
        "arguments": clean(arguments) if _says_something(arguments) else "{}",
    }


def _fields(value: Any) -> Mapping[str, Any]:
    """A part of the reply as a mapping, whatever class the client has for it."""
    if isinstance(value, Mapping):
        return value
    return {name: getattr(value, name, None) for name in FIELDS}


def _shown(value: Any) -> str:
    """The beginning of what cannot be used."""
    return f"{value!r:.{MAX_SHOWN}}"


def _says_something(arguments: Any) -> TypeGuard[str]:
    """Whether there are any: a text that is no JSON, some servers would not take."""
    return isinstance(arguments, str) and arguments.strip() not in ("", "null")
