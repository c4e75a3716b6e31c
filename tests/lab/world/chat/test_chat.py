import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from agentstate_lab.lab.world import SCENARIOS, Refusal, next_message
from agentstate_lab.lab.world.chat import chat

DEPLOY = SCENARIOS["deploy"]
ALL_STEPS = [step.name for step in DEPLOY.steps]

USER = {"role": "user", "content": "Deploy it."}
TOOL = {
    "type": "function",
    "function": {
        "name": "deploy",
        "description": "Deploy a service.",
        "parameters": {
            "type": "object",
            "properties": {"service": {"type": "string"}},
            "required": ["service"],
        },
    },
}


def call(name: str = "call_1"):
    """A tool call as the model makes it."""
    function = {"name": "deploy", "arguments": '{"service": "api"}'}
    return {"id": name, "type": "function", "function": function}


def calls(*names: str):
    """An assistant message that calls tools."""
    tool_calls = [call(name) for name in names]
    return {"role": "assistant", "content": None, "tool_calls": tool_calls}


def answer(name: str = "call_1"):
    """The tool message that answers a call."""
    return {"role": "tool", "tool_call_id": name, "content": "done"}


def says(message):
    """A script that always says *message*."""
    return lambda messages, tools: message


def request(**changes):
    """A sound request, with *changes*."""
    return {"model": "scripted", "messages": [USER], "tools": [TOOL], **changes}


def complete(body):
    """Answer *body* with a fixed sentence."""
    return chat.complete(body, says({"role": "assistant", "content": "Done, all."}))


def refusal(body):
    """The refusal that *body* meets."""
    with pytest.raises(Refusal) as caught:
        complete(body)
    return caught.value


def without(name: str):
    """A sound request that lacks one field."""
    return {key: value for key, value in request().items() if key != name}


def test_a_sentence_comes_back_as_the_api_would_send_it():
    """The client's own types accept it, and it stopped because it was done."""
    completion = ChatCompletion.model_validate(complete(request()))

    assert completion.choices[0].message.content == "Done, all."
    assert completion.choices[0].finish_reason == "stop"


def test_a_tool_call_comes_back_as_the_api_would_send_it():
    """Content is null, and the reason to stop is the call."""
    said = chat.complete(request(), says(calls("call_1")))

    choice = ChatCompletion.model_validate(said).choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content is None
    assert [made.model_dump() for made in choice.message.tool_calls] == [call()]


def test_the_script_hears_the_conversation_and_the_tools_on_offer():
    """It is told everything, because it remembers nothing."""
    heard = []

    def script(messages, tools):
        heard.append((messages, tools))
        return {"content": "ok"}

    chat.complete(request(), script)
    chat.complete(request(tool_choice="none"), script)
    chat.complete(without("tools"), script)

    assert heard == [([USER], [TOOL]), ([USER], []), ([USER], [])]


def test_the_same_conversation_gets_the_same_bytes():
    """No clock and no random id: stored outputs can be compared."""
    first, again = complete(request()), complete(copy.deepcopy(request()))
    other = complete(request(messages=[USER, {"role": "user", "content": "Now."}]))

    assert first == again
    assert first["id"] != other["id"]


def test_tokens_are_counted_and_added_up():
    """A longer conversation costs more."""
    short = complete(request())["usage"]
    long = complete(request(messages=[USER] * 9))["usage"]

    assert short["total_tokens"] == short["prompt_tokens"] + short["completion_tokens"]
    assert long["prompt_tokens"] > short["prompt_tokens"]
    assert long["completion_tokens"] == short["completion_tokens"]


MESSAGES = {
    "content and calls": {**calls("a"), "content": "I will."},
    "two calls": calls("a", "b"),
    "only text": {"role": "assistant", "content": "two  spaces\nand a line "},
    "no text": {"role": "assistant", "content": ""},
}


def put_together(chunks):
    """The message that a client makes of *chunks*."""
    content, made = "", {}
    for chunk in chunks:
        for choice in chunk.choices:
            content += choice.delta.content or ""
            for part in choice.delta.tool_calls or []:
                one = made.setdefault(part.index, {"id": "", "name": "", "said": ""})
                one["id"] += part.id or ""
                one["name"] += part.function.name or ""
                one["said"] += part.function.arguments or ""
    return content, list(made.values())


@pytest.mark.parametrize("name", MESSAGES)
def test_a_stream_puts_together_what_the_whole_reply_says(name):
    """Pieces of words and of arguments, in their order and complete."""
    completion = chat.complete(request(), says(MESSAGES[name]))

    chunks = [ChatCompletionChunk(**chunk) for chunk in chat.stream(completion)]

    content, made = put_together(chunks)
    message = completion["choices"][0]["message"]
    assert content == (message["content"] or "")
    assert made == [
        {
            "id": one["id"],
            "name": one["function"]["name"],
            "said": one["function"]["arguments"],
        }
        for one in message.get("tool_calls", [])
    ]
    assert chunks[-1].choices[0].finish_reason in ("stop", "tool_calls")


@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_no_text_is_lost_in_a_stream(text):
    """White space, line ends and odd characters included."""
    completion = chat.complete(request(), says({"content": text}))

    deltas = [chunk["choices"][0]["delta"] for chunk in chat.stream(completion)]

    assert "".join(delta.get("content") or "" for delta in deltas) == text


def test_a_stream_ends_with_the_usage_when_it_is_asked_for():
    """One more piece, without a choice; the others say null."""
    completion = complete(request())

    chunks = list(chat.stream(completion, {"include_usage": True}))

    assert chunks[-1]["usage"] == completion["usage"]
    assert chunks[-1]["choices"] == []
    assert {chunk["usage"] for chunk in chunks[:-1]} == {None}


def test_events_are_json_lines_with_an_end_mark():
    """The form of server-sent events that the API uses."""
    events = chat.events(iter([{"a": 1}])).decode()

    assert events == 'data: {"a": 1}\n\ndata: [DONE]\n\n'


LONG = [{"role": "user", "content": "x" * 20_000}]


def test_the_small_model_refuses_what_is_longer_than_its_window():
    """The status, the code and the words are those of the real API."""
    said = refusal(request(model="scripted-small", messages=LONG))

    error = said.body["error"]
    assert (said.status, error["param"]) == (400, "messages")
    assert error["code"] == "context_length_exceeded"
    assert error["message"].startswith(
        "This model's maximum context length is 4096 tokens. However, your messages"
        " resulted in 5054 tokens (5008 in the messages, 46 in the functions)."
    )


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param({"model": "scripted", "messages": LONG}, id="large-model"),
        pytest.param({"model": "scripted-small"}, id="short-request"),
    ],
)
def test_what_fits_the_window_is_answered(asked):
    """The reply names the model that was asked."""
    body = request(**asked)

    assert complete(body)["model"] == body["model"]


def named_calls(**changes):
    """The ids of the calls in the reply of the model that calls several tools."""
    asked = request(model="scripted-parallel", **changes)
    asked["tools"] = DEPLOY.tools
    message = chat.complete(asked, next_message)["choices"][0]["message"]
    return [one["id"] for one in message.get("tool_calls", [])]


@pytest.mark.parametrize(
    ("done", "calls"),
    [
        pytest.param([], ["check-status", "open-ticket", "announce"], id="first"),
        pytest.param(
            ["check-status"],
            ["open-ticket", "announce", "deploy-database"],
            id="some-are-done",
        ),
        pytest.param(ALL_STEPS[:9], ["verify"], id="fewer-are-left"),
        pytest.param(ALL_STEPS, [], id="none-is-left"),
    ],
)
def test_the_parallel_model_calls_up_to_three_tools_in_a_turn(done, calls):
    """Those that the script would call one after the other."""
    noted = "\n".join(["Deploy it.", *(f"done: {step}" for step in done)])

    called = named_calls(messages=[{"role": "user", "content": noted}])

    assert called == [f"call_{step}" for step in calls]


def test_the_parallel_model_can_be_told_to_call_one_tool_at_a_time():
    """By the field of the real API."""
    assert named_calls(parallel_tool_calls=False) == ["call_check-status"]


def test_the_parallel_model_goes_on_after_a_turn():
    """It knows what its three calls have done, as of any conversation."""
    first = named_calls()
    turn = {
        "role": "assistant",
        "content": None,
        "tool_calls": [call(i) for i in first],
    }

    said = [USER, turn, *(answer(one) for one in first)]

    assert named_calls(messages=said) == [
        "call_deploy-database",
        "call_deploy-api",
        "call_deploy-worker",
    ]
