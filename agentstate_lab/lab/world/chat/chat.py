"""
The chat API of the scripted model: one request in, one completion out.

The answer depends on the messages and on nothing else: no clock, no random id, no
memory of an earlier call. The same conversation gets the same bytes, today and
after a restart, so a lesson can be run again and a stored output compared.

What the model says is the script's affair (`scenarios.next_message`); this module
puts it into the form that the `openai` client expects, whole or as a stream. Tokens
are counted by a rule of thumb, four bytes each: steady, and about right.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from agentstate_lab.state import canonical

from ..ledger import Json
from .rules import PARALLEL_MODEL, check_model, check_request, check_window

Script = Callable[[Sequence[Json], Sequence[Json]], Json]

# A fixed instant: a clock in the reply would make two runs differ.
CREATED = 1_700_000_000

CALLS_PER_TURN = 3  # of the model that calls several tools at once


def complete(body: Json, script: Script) -> Json:
    """
    Answer the chat request *body* with what *script* says next.

    Raises:
        Refusal: The request is not one that the real API would take.
    """
    check_request(body)
    messages = body["messages"]
    check_window(body["model"], _tokens(messages), _tokens(body.get("tools", [])))
    tools = [] if body.get("tool_choice") == "none" else body.get("tools", [])
    parallel = body["model"] == PARALLEL_MODEL and body.get("parallel_tool_calls", True)
    most = CALLS_PER_TURN if parallel else 1
    message = _message(_said(script, messages, tools, most))
    digest = hashlib.sha256(canonical([messages, tools])).hexdigest()
    return {
        "id": f"chatcmpl-{digest[:24]}",
        "object": "chat.completion",
        "created": CREATED,
        "model": body["model"],
        "choices": [
            {
                "index": 0,
                "message": message,
                "logprobs": None,
                "finish_reason": "tool_calls" if "tool_calls" in message else "stop",
            }
        ],
        "usage": _usage([messages, tools], message),
        "system_fingerprint": "fp_scripted",
    }


def stream(completion: Json, options: Json | None = None) -> Iterator[Json]:
    """
    *completion* in pieces, as the API streams it: first the role, then words or
    parts of arguments, then the reason for stopping, then the usage if the *options*
    of the stream include it.
    """
    include_usage = bool((options or {}).get("include_usage"))
    [choice] = completion["choices"]
    deltas = list(_deltas(choice["message"]))
    for delta in deltas:
        yield _chunk(completion, delta, None, include_usage)
    yield _chunk(completion, {}, choice["finish_reason"], include_usage)
    if include_usage:
        last = _chunk(completion, {}, None, include_usage)
        yield {**last, "choices": [], "usage": completion["usage"]}


def events(chunks: Iterator[Json]) -> bytes:
    """*chunks* as server-sent events, with the end mark of the API."""
    lines = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
    return "".join([*lines, "data: [DONE]\n\n"]).encode()


def model(name: str) -> Json:
    """
    One of the models, as the models API describes it.

    Raises:
        Refusal: 404, there is no such model.
    """
    check_model(name)
    return {
        "id": name,
        "object": "model",
        "created": CREATED,
        "owned_by": "agentstate-lab",
    }


def _said(
    script: Script, messages: Sequence[Json], tools: Sequence[Json], most: int
) -> Json:
    """
    What *script* says, with the calls that it would make next, *most* in all.

    They are found by telling it that those before them are done.
    """
    first = script(messages, tools)
    calls = list(first.get("tool_calls", []))
    while 0 < len(calls) < most:
        done = [
            {"role": "tool", "tool_call_id": call["id"], "content": "done"}
            for call in calls
        ]
        said = [*messages, {**first, "tool_calls": calls}, *done]
        if not (more := script(said, tools).get("tool_calls")):
            break
        calls += more
    return {**first, "tool_calls": calls} if calls else first


def _message(said: Json) -> Json:
    """What the script said, with the fields that the API always sends."""
    message = {"role": "assistant", "content": said.get("content"), "refusal": None}
    if said.get("tool_calls"):
        message["tool_calls"] = said["tool_calls"]
    return message


def _usage(asked: Any, answered: Any) -> Json:
    """Tokens in, out and together."""
    prompt, completion = _tokens(asked), _tokens(answered)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


def _tokens(value: Any) -> int:
    return -(-len(canonical(value)) // 4)


def _chunk(completion: Json, delta: Json, finish: str | None, usage: bool) -> Json:
    """One piece of *completion*."""
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    chunk = {
        "id": completion["id"],
        "object": "chat.completion.chunk",
        "created": completion["created"],
        "model": completion["model"],
        "system_fingerprint": completion["system_fingerprint"],
        "choices": [choice],
    }
    return {**chunk, "usage": None} if usage else chunk


def _deltas(message: Json) -> Iterator[Json]:
    """The pieces of *message*."""
    content = message["content"]
    yield {"role": "assistant", "content": "" if content else None, "refusal": None}
    for piece in _pieces(content or ""):
        yield {"content": piece}
    for index, call in enumerate(message.get("tool_calls", [])):
        function = call["function"]
        opening = {"name": function["name"], "arguments": ""}
        yield {"tool_calls": [{**call, "index": index, "function": opening}]}
        for piece in _pieces(function["arguments"]):
            part = {"index": index, "function": {"arguments": piece}}
            yield {"tool_calls": [part]}


def _pieces(text: str) -> list[str]:
    """*text* cut before each word; put together, it is *text* again."""
    return re.findall(r"\s*\S+|\s+$", text)
