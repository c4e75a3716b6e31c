"""What a model answers: kept as it must be sent back, or refused with a reason."""

from types import SimpleNamespace

import pytest
from script import call, reply

from agentstate_lab.agent import read_reply
from agentstate_lab.agent.reply import CUT, KEPT_BACK, MAX_CALLS, MAX_TOKENS, tokens_of
from agentstate_lab.errors import AnswerNotWhole, InvalidValue
from agentstate_lab.lab.world.chat import MODEL
from agentstate_lab.lab.world.chat.rules import check_request


def with_message(message):
    """A reply that holds *message*, whatever that is."""
    return SimpleNamespace(choices=[SimpleNamespace(message=message)])


def test_a_text_is_kept_without_what_need_not_be_sent_back():
    """An unknown field would be refused with every later request."""
    said = SimpleNamespace(
        role="assistant",
        content="Done.",
        refusal=None,
        annotations=[],
        reasoning_content="because",
        tool_calls=None,
    )

    assert read_reply(with_message(said), 1) == {
        "role": "assistant",
        "content": "Done.",
    }


def test_the_real_client_s_reply_is_read(world):
    """The classes of the openai client, filled by the scripted model."""
    from agentstate_lab.lab.world import connect_model

    client, model = connect_model()
    goal = {"role": "user", "content": "Deploy release 4.2."}
    with client:
        answered = client.chat.completions.create(model=model, messages=[goal])

    assert "no tool check_status was offered" in read_reply(answered, 1)["content"]
    assert tokens_of(answered, [goal]) == answered.usage.total_tokens


@pytest.mark.parametrize(
    ("content", "text"),
    [
        pytest.param([{"type": "text", "text": "Done."}], "Done.", id="one"),
        pytest.param(
            [{"type": "output_text", "text": "All "}, {"text": "done."}],
            "All done.",
            id="two",
        ),
        pytest.param(
            [{"type": "reasoning", "text": "Hm."}, {"type": "text", "text": "Done."}],
            "Done.",
            id="with-its-thoughts",
        ),
        pytest.param(
            [SimpleNamespace(type="text", text="Done.")], "Done.", id="as-objects"
        ),
        pytest.param([None, 7, "x", {"type": "text", "text": "ok"}], "ok", id="junk"),
    ],
)
def test_a_text_in_parts_is_a_text(content, text):
    """Some servers answer in the form in which one may ask."""
    said = SimpleNamespace(content=content)

    assert read_reply(with_message(said), 1)["content"] == text


def ended(why, said="Half a sen"):
    """A reply that ended for a reason."""
    answer = reply(said)
    answer.choices[0].finish_reason = why
    return answer


@pytest.mark.parametrize("why", ["stop", "tool_calls", "eos", "COMPLETE", "", None, 7])
def test_an_answer_that_is_whole_is_read(why):
    """Servers have many words for that, and some have none."""
    assert read_reply(ended(why), 1)["content"] == "Half a sen"


@pytest.mark.parametrize("why", [*sorted(CUT | KEPT_BACK), "MAX_TOKENS", "SAFETY"])
@pytest.mark.parametrize(
    "said", ["Half a sen", [call("wipe", {"path": "/"})]], ids=["text", "call"]
)
def test_nothing_of_half_an_answer_is_used(why, said):
    """A server may have closed the brackets of a call that was cut: it looks whole."""
    with pytest.raises(AnswerNotWhole) as caught:
        read_reply(ended(why, said), 1)

    assert (caught.value.why, caught.value.effect) == (why.lower(), "not started")
    assert caught.value.may_go_on is (why.lower() in CUT)


@pytest.mark.parametrize(
    "said",
    [
        {"content": None, "refusal": "I will not delete that."},
        {"content": "Well.", "refusal": "I will not delete that."},
        {"content": [{"type": "refusal", "refusal": "I will not delete that."}]},
        {"refusal": "I will not delete that.", "tool_calls": [call("wipe")]},
    ],
    ids=["alone", "with-a-text", "as-a-part", "with-a-call"],
)
def test_a_refusal_is_no_result(said):
    """The model says why it will not, and that is what a person should read."""
    with pytest.raises(AnswerNotWhole, match="I will not delete that") as caught:
        read_reply(with_message(said), 1)

    assert not caught.value.may_go_on


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        pytest.param(SimpleNamespace(choices=[]), "no choice", id="no-choice"),
        pytest.param(SimpleNamespace(choices=None), "no choice", id="null"),
        pytest.param("<html>busy</html>", "no choice: '<html>busy", id="a-page"),
        pytest.param(None, "no choice", id="nothing"),
        pytest.param(with_message(None), "neither", id="no-message"),
        pytest.param(reply(""), "neither", id="empty-text"),
        pytest.param(reply(" \n"), "neither", id="blank-text"),
        pytest.param(reply([]), "neither", id="no-calls"),
        pytest.param(reply("x" * 10_000_001), "10000", id="ten-megabytes"),
        pytest.param(
            reply([call("t", "x" * 1_000_001)]), "characters", id="huge-arguments"
        ),
        pytest.param(reply([call("t")] * (MAX_CALLS + 1)), "129 calls", id="calls"),
        pytest.param(
            with_message({"tool_calls": "deploy"}), "tool calls are", id="a-word"
        ),
        pytest.param(with_message({"tool_calls": 7}), "tool calls are", id="a-number"),
        pytest.param(with_message({"content": ["a"]}), "neither", id="a-list"),
    ],
)
def test_what_is_no_answer_is_refused_with_a_reason(answer, why):
    """A short one: the reason is stored, and a page of HTML is none."""
    with pytest.raises(InvalidValue) as caught:
        read_reply(answer, 1)

    assert why in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("calls", "ids"),
    [
        pytest.param([call("t", call_id="a")], ["a"], id="as-it-is"),
        pytest.param([call("t", call_id=None)], ["call-4-1"], id="none"),
        pytest.param([call("t", call_id="")], ["call-4-1"], id="empty"),
        pytest.param([call("t", call_id=7)], ["call-4-1"], id="number"),
        pytest.param([call("t")] * 3, ["c1", "c1-2", "c1-3"], id="one-for-all"),
        pytest.param(
            [call("t", call_id="a-2"), call("t", call_id="a"), call("t", call_id="a")],
            ["a-2", "a", "a-3"],
            id="two-of-three",
        ),
        pytest.param([7, None, {}], ["call-4-1", "call-4-2", "call-4-3"], id="junk"),
        pytest.param([call("t", call_id="\ud800")], ["?"], id="half-a-surrogate"),
    ],
)
def test_each_call_gets_an_id_of_its_own_that_can_be_answered(calls, ids):
    """Also one that came without: its result must name something."""
    message = read_reply(reply(calls), 4)

    results = [
        {"role": "tool", "tool_call_id": one["id"], "content": "ok"}
        for one in message["tool_calls"]
    ]
    assert [one["id"] for one in message["tool_calls"]] == ids
    check_request({"model": MODEL, "messages": [message, *results]})


@pytest.mark.parametrize(
    ("function", "kept"),
    [
        pytest.param(
            {"name": "rm -rf /", "arguments": "{}"}, ("unnamed", "{}"), id="odd-name"
        ),
        pytest.param({"name": 7}, ("unnamed", "{}"), id="number"),
        pytest.param(None, ("unnamed", "{}"), id="nothing"),
        pytest.param({"name": "t", "arguments": "{"}, ("t", "{"), id="no-json"),
        pytest.param({"name": "t", "arguments": ""}, ("t", "{}"), id="empty"),
        pytest.param({"name": "t", "arguments": " \n"}, ("t", "{}"), id="blank"),
        pytest.param({"name": "t", "arguments": "null"}, ("t", "{}"), id="null"),
        pytest.param(
            {"name": "t", "arguments": {"a": "b"}}, ("t", '{"a": "b"}'), id="object"
        ),
        pytest.param(
            {"name": "t", "arguments": '"\ud800"'}, ("t", '"?"'), id="surrogate"
        ),
    ],
)
def test_a_call_can_be_sent_back_whatever_it_names(function, kept):
    """A name that the API refuses would be refused with every later request."""
    message = read_reply(reply([{"id": "a", "function": function}]), 1)

    (found,) = message["tool_calls"]
    assert (found["function"]["name"], found["function"]["arguments"]) == kept
    result = {"role": "tool", "tool_call_id": "a", "content": "ok"}
    check_request({"model": MODEL, "messages": [message, result]})


@pytest.mark.parametrize(
    ("said", "tokens"),
    [
        pytest.param(1234, 1234, id="as-it-says"),
        pytest.param(10**30, MAX_TOKENS, id="absurd"),
    ],
)
def test_the_tokens_of_a_reply_are_those_it_says(said, tokens):
    """Up to a number that a store can count with."""
    assert tokens_of(reply("ok", said), []) == tokens


@pytest.mark.parametrize("said", [None, 0, -5, True, "many", 2.5])
def test_a_reply_that_does_not_say_its_tokens_is_estimated(said):
    """Four bytes each, so that a server without usage does not work for nothing."""
    asked = [{"role": "user", "content": "x" * 4_000}]

    assert 1_000 < tokens_of(reply("ok", said), asked) < 1_200
