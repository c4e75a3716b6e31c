import copy
import json
from typing import get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.chat_completion_message_param import ChatCompletionMessageParam
from openai.types.chat.completion_create_params import (
    CompletionCreateParamsNonStreaming,
)

from agentstate_lab.lab.world import SCENARIOS, Refusal, next_message
from agentstate_lab.lab.world.chat import chat
from agentstate_lab.lab.world.chat.messages import ROLES
from agentstate_lab.lab.world.chat.rules import FIELDS, UNSUPPORTED

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
    """
    The client's own types accept it, and it stopped because it was done.
    """
    completion = ChatCompletion.model_validate(complete(request()))

    assert completion.choices[0].message.content == "Done, all."
    assert completion.choices[0].finish_reason == "stop"


def test_a_tool_call_comes_back_as_the_api_would_send_it():
    """
    Content is null, and the reason to stop is the call.
    """
    said = chat.complete(request(), says(calls("call_1")))

    choice = ChatCompletion.model_validate(said).choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content is None
    assert [made.model_dump() for made in choice.message.tool_calls] == [call()]


def test_the_script_hears_the_conversation_and_the_tools_on_offer():
    """
    It is told everything, because it remembers nothing.
    """
    heard = []

    def script(messages, tools):
        heard.append((messages, tools))
        return {"content": "ok"}

    chat.complete(request(), script)
    chat.complete(request(tool_choice="none"), script)
    chat.complete(without("tools"), script)

    assert heard == [([USER], [TOOL]), ([USER], []), ([USER], [])]


def test_the_same_conversation_gets_the_same_bytes():
    """
    No clock and no random id: stored outputs can be compared.
    """
    first, again = complete(request()), complete(copy.deepcopy(request()))
    other = complete(request(messages=[USER, {"role": "user", "content": "Now."}]))

    assert first == again
    assert first["id"] != other["id"]


def test_tokens_are_counted_and_added_up():
    """
    A longer conversation costs more.
    """
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
    """
    Pieces of words and of arguments, in their order and complete.
    """
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
    """
    White space, line ends and odd characters included.
    """
    completion = chat.complete(request(), says({"content": text}))

    deltas = [chunk["choices"][0]["delta"] for chunk in chat.stream(completion)]

    assert "".join(delta.get("content") or "" for delta in deltas) == text


def test_a_stream_ends_with_the_usage_when_it_is_asked_for():
    """
    One more piece, without a choice; the others say null.
    """
    completion = complete(request())

    chunks = list(chat.stream(completion, include_usage=True))

    assert chunks[-1]["usage"] == completion["usage"]
    assert chunks[-1]["choices"] == []
    assert {chunk["usage"] for chunk in chunks[:-1]} == {None}


def test_events_are_json_lines_with_an_end_mark():
    """
    The form of server-sent events that the API uses.
    """
    events = chat.events(iter([{"a": 1}])).decode()

    assert events == 'data: {"a": 1}\n\ndata: [DONE]\n\n'


CONVERSATIONS = {
    "one word": [USER],
    "roles": [
        {"role": "system", "content": "s"},
        {"role": "developer", "content": "d", "name": "dev"},
        {"role": "user", "content": [{"type": "text", "text": "u"}]},
    ],
    "answered": [USER, calls("a"), answer("a")],
    "answered in another order": [USER, calls("a", "b"), answer("b"), answer("a")],
    "the same id again later": [
        USER,
        calls("a"),
        answer("a"),
        calls("a"),
        answer("a"),
    ],
    "a reply sent back as it came": [
        USER,
        {
            "role": "assistant",
            "content": "ok",
            "refusal": None,
            "annotations": [],
            "audio": None,
            "function_call": None,
        },
    ],
}


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_a_sound_conversation_is_taken(name):
    """
    Strict is not the same as fussy.
    """
    assert complete(request(messages=CONVERSATIONS[name]))["choices"]


@pytest.mark.parametrize(
    ("messages", "says"),
    [
        pytest.param([USER, calls("a")], "did not have response", id="never"),
        pytest.param([USER, calls("a"), USER], "response messages: a", id="late"),
        pytest.param(
            [USER, calls("a", "b"), answer("a")], "response messages: b", id="half"
        ),
        pytest.param(
            [USER, calls("a"), calls("b"), answer("b"), answer("a")],
            "response messages: a",
            id="another-call-first",
        ),
        pytest.param([USER, answer("a")], "must be a response to", id="orphan"),
        pytest.param(
            [USER, calls("a"), answer("a"), answer("a")],
            "'a' already has its response",
            id="twice",
        ),
        pytest.param(
            [USER, calls("a"), answer("b"), answer("a")],
            "'b' answers none",
            id="other-id",
        ),
        pytest.param(
            [USER, calls("a"), answer("a"), USER, answer("a")],
            "must be a response to",
            id="answer-after-another-word",
        ),
        pytest.param(
            [USER, calls("a", "a"), answer("a"), answer("a")],
            "Duplicate 'id'",
            id="two-calls-with-one-id",
        ),
    ],
)
def test_every_call_is_answered_once_before_anything_else(messages, says):
    """
    The first thing that breaks when an agent resumes from half a conversation.
    """
    refused = refusal(request(messages=messages))

    assert refused.status == 400
    assert says in str(refused)
    assert refused.body["error"]["param"].startswith("messages.[")


@pytest.mark.parametrize(
    ("body", "status", "code", "param"),
    [
        pytest.param(without("model"), 400, "missing_model", "model", id="no-model"),
        pytest.param(
            request(model=""), 400, "missing_model", "model", id="empty-model"
        ),
        pytest.param(request(model=7), 400, "invalid_type", "model", id="model-type"),
        pytest.param(
            request(model="gpt-9"), 404, "model_not_found", "model", id="other-model"
        ),
        pytest.param(
            without("messages"),
            400,
            "missing_required_parameter",
            "messages",
            id="no-messages",
        ),
        pytest.param(
            request(messages=[]), 400, "empty_array", "messages", id="empty-messages"
        ),
        pytest.param(
            request(messages="hi"), 400, "invalid_type", "messages", id="text"
        ),
        pytest.param(
            request(max_retries=3), 400, "unknown_parameter", "max_retries", id="field"
        ),
        pytest.param(
            request(functions=[]), 400, "unsupported_parameter", "functions", id="old"
        ),
        pytest.param(
            request(temperature=3),
            400,
            "number_out_of_range",
            "temperature",
            id="too-hot",
        ),
        pytest.param(
            request(temperature=True), 400, "invalid_type", "temperature", id="boolean"
        ),
        pytest.param(
            request(max_tokens="9"), 400, "invalid_type", "max_tokens", id="number-text"
        ),
        pytest.param(
            request(max_tokens=0), 400, "number_out_of_range", "max_tokens", id="none"
        ),
        pytest.param(request(n=2), 400, "invalid_value", "n", id="two-choices"),
        pytest.param(
            request(stream="yes"), 400, "invalid_type", "stream", id="stream-text"
        ),
        pytest.param(
            request(stream_options={"include_usage": True}),
            400,
            "invalid_value",
            "stream_options",
            id="options-without-stream",
        ),
        pytest.param(
            request(stream=True, stream_options={"usage": True}),
            400,
            "unknown_parameter",
            "stream_options.usage",
            id="unknown-option",
        ),
        pytest.param(
            request(response_format={"type": "json_object"}),
            400,
            "invalid_value",
            "response_format",
            id="json-mode",
        ),
        pytest.param(request(tools=[]), 400, "empty_array", "tools", id="no-tools"),
        pytest.param(
            request(tools=None), 400, "invalid_type", "tools", id="tools-null"
        ),
        pytest.param(
            {**without("tools"), "tool_choice": "auto"},
            400,
            "invalid_value",
            "tool_choice",
            id="choice-without-tools",
        ),
        pytest.param(
            request(tool_choice="any"), 400, "invalid_value", "tool_choice", id="choice"
        ),
        pytest.param(
            request(tool_choice={"type": "function", "function": {"name": "x"}}),
            400,
            "invalid_value",
            "tool_choice",
            id="unknown-choice",
        ),
        pytest.param(
            request(tools=[TOOL] * 129), 400, "invalid_value", "tools", id="many-tools"
        ),
    ],
)
def test_a_request_is_refused_as_the_real_api_would(body, status, code, param):
    """
    Status, reason and field, for the client's error.
    """
    refused = refusal(body)

    error = refused.body["error"]
    assert (refused.status, error["code"], error["param"]) == (status, code, param)
    assert error["type"] == "invalid_request_error"


def tool(**changes):
    """A request with one tool whose function is changed."""
    return request(tools=[{**TOOL, "function": {**TOOL["function"], **changes}}])


def message(**changes):
    """A request whose one message is changed."""
    return request(messages=[{**USER, **changes}])


@pytest.mark.parametrize(
    ("body", "param"),
    [
        pytest.param(tool(name="two words"), "tools[0].function.name", id="name"),
        pytest.param(tool(name="x" * 65), "tools[0].function.name", id="long-name"),
        pytest.param(tool(name=None), "tools[0].function.name", id="null-name"),
        pytest.param(tool(description=1), "tools[0].function.description", id="text"),
        pytest.param(
            tool(parameters={"type": "string"}),
            "tools[0].function.parameters",
            id="schema-of-a-string",
        ),
        pytest.param(
            tool(parameters=[]), "tools[0].function.parameters", id="schema-is-a-list"
        ),
        pytest.param(
            tool(parameters={"type": "object", "properties": []}),
            "tools[0].function.parameters.properties",
            id="properties",
        ),
        pytest.param(tool(strict="yes"), "tools[0].function.strict", id="strict"),
        pytest.param(tool(handler="f"), "tools[0].function.handler", id="field"),
        pytest.param(request(tools=[{}]), "tools[0].type", id="empty-tool"),
        pytest.param(request(tools=["deploy"]), "tools[0]", id="tool-is-text"),
        pytest.param(
            request(tools=[{"type": "web_search"}]), "tools[0].type", id="other-type"
        ),
        pytest.param(message(role="human"), "messages[0].role", id="role"),
        pytest.param(message(role=["user"]), "messages[0].role", id="role-is-a-list"),
        pytest.param(message(content=None), "messages[0].content", id="no-content"),
        pytest.param(message(content=[]), "messages[0].content", id="no-parts"),
        pytest.param(message(content=7), "messages[0].content", id="number"),
        pytest.param(
            message(content=[{"type": "image_url"}]),
            "messages[0].content[0]",
            id="picture",
        ),
        pytest.param(
            message(content=[{"type": "text"}]),
            "messages[0].content[0].text",
            id="part-without-text",
        ),
        pytest.param(message(id="1"), "messages[0].id", id="unknown-field"),
        pytest.param(message(tool_calls=[]), "messages[0].tool_calls", id="user-calls"),
        pytest.param(request(messages=["hi"]), "messages[0]", id="message-is-text"),
        pytest.param(
            message(role="assistant", content=None), "messages[0].content", id="silence"
        ),
        pytest.param(
            message(role="assistant", tool_calls=[]),
            "messages[0].tool_calls",
            id="empty-calls",
        ),
        pytest.param(
            message(role="assistant", tool_calls=None),
            "messages[0].tool_calls",
            id="null-calls",
        ),
        pytest.param(
            message(role="assistant", tool_calls=[{**call(), "id": 1}]),
            "messages[0].tool_calls[0].id",
            id="call-id",
        ),
        pytest.param(
            message(
                role="assistant",
                tool_calls=[{**call(), "function": {"name": "f", "arguments": {}}}],
            ),
            "messages[0].tool_calls[0].function.arguments",
            id="arguments-are-no-text",
        ),
        pytest.param(
            message(role="tool"), "messages[0].tool_call_id", id="answer-to-nothing"
        ),
    ],
)
def test_what_is_inside_is_refused_by_its_place(body, param):
    """
    The message says where to look.
    """
    refused = refusal(body)

    assert refused.status == 400
    assert refused.body["error"]["param"] == param
    assert str(refused)


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
    | st.sampled_from(["assistant", "tool", "user", "function", "call_1", "text"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        | st.fixed_dictionaries(
            {},
            optional={
                "arguments": inner,
                "content": inner,
                "function": inner,
                "id": inner,
                "name": inner,
                "parameters": inner,
                "role": inner,
                "text": inner,
                "tool_call_id": inner,
                "tool_calls": inner,
                "type": inner,
            },
        )
    ),
    max_leaves=12,
)
names = st.sampled_from([*FIELDS, *UNSUPPORTED])


@given(
    changes=st.dictionaries(names, anything, max_size=3),
    messages=st.none() | st.lists(anything, max_size=3),
)
def test_any_json_is_answered_or_refused(changes, messages):
    """
    There is no request over which the rules stumble.
    """
    body = request(**changes)
    if messages is not None:
        body["messages"] = messages

    try:
        said = complete(body)
    except Refusal as refused:
        said = refused.body

    assert json.dumps(said)


def test_the_rules_know_every_field_that_the_client_can_send():
    """
    A new version of the client may bring new ones.
    """
    sent = set(get_type_hints(CompletionCreateParamsNonStreaming))

    assert sent == {*FIELDS, *UNSUPPORTED}


def test_the_rules_know_every_field_of_a_message_that_the_client_can_send():
    """
    Only the role "function", which the API has given up, is missing.
    """
    for kind in get_args(ChatCompletionMessageParam):
        hints = get_type_hints(kind)
        [role] = get_args(hints.pop("role"))
        if role != "function":
            assert set(hints) <= set(ROLES[role]), role


LONG = [{"role": "user", "content": "x" * 20_000}]


def test_the_small_model_refuses_what_is_longer_than_its_window():
    """
    The status, the code and the words are those of the real API.
    """
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
    """
    The reply names the model that was asked.
    """
    body = request(**asked)

    assert complete(body)["model"] == body["model"]


def test_the_models_are_listed():
    """
    Whoever asks which there are finds both, each under its own name.
    """
    listed = [model["id"] for model in chat.models()["data"]]

    assert listed == ["scripted", "scripted-small", "scripted-parallel"]
    assert chat.model("scripted-small")["id"] == "scripted-small"


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
    """
    Those that the script would call one after the other.
    """
    noted = "\n".join(["Deploy it.", *(f"done: {step}" for step in done)])

    called = named_calls(messages=[{"role": "user", "content": noted}])

    assert called == [f"call_{step}" for step in calls]


def test_the_parallel_model_can_be_told_to_call_one_tool_at_a_time():
    """
    By the field of the real API.
    """
    assert named_calls(parallel_tool_calls=False) == ["call_check-status"]


def test_the_parallel_model_goes_on_after_a_turn():
    """
    It knows what its three calls have done, as of any conversation.
    """
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
