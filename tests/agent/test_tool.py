"""Tools: what the model is told of them, and what is made of a call."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from script import Tools, call

from agentstate_lab.agent import Tool, read_call, run_tool
from agentstate_lab.agent.tool import MAX_ARGUMENTS, MAX_STEP, named_by_intent
from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.world.chat import MODEL
from agentstate_lab.lab.world.chat.rules import check_request

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)


def deploy(**more):
    """A tool with two parameters."""
    return Tools().tool("deploy", "service", "release", **more)


def test_a_tool_is_described_as_the_chat_api_wants_it():
    """
    The scripted model is as strict as the real one.
    """
    tools = [deploy().schema(), Tools().tool("look").schema()]

    check_request(
        {
            "model": MODEL,
            "messages": [{"role": "user", "content": "?"}],
            "tools": tools,
        }
    )


def test_a_tool_that_nobody_has_thought_about_is_treated_as_the_worst():
    """
    It needs a record, and a person when its outcome is unknown.
    """
    tool = Tool("deploy", "Deploy.", (), run=lambda *given: "ok")

    assert (tool.risk_level, tool.if_unknown) == ("external_action", "wait")
    assert not tool.only_looks


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        pytest.param({"risk_level": "harmless"}, "risk_level", id="risk-level"),
        pytest.param({"risk_level": None}, "risk_level", id="no-risk-level"),
        pytest.param({"if_unknown": "guess"}, "if_unknown", id="if-unknown"),
    ],
)
def test_a_tool_with_an_unknown_word_is_refused_when_it_is_made(wrong, named):
    """
    Not in the middle of a run.
    """
    with pytest.raises(InvalidValue) as caught:
        deploy(**wrong)

    assert caught.value.name == named


@pytest.mark.parametrize("name", ["", "two words", "a" * 65, "übung", 7, None])
def test_a_name_that_the_chat_api_refuses_is_refused(name):
    """
    With one such name, every request of the run would be refused.
    """
    with pytest.raises(InvalidValue, match="is no name"):
        Tool(name, "", (), run=lambda *given: "")


def test_a_call_is_read_and_named_by_its_intent():
    """
    The id is the model's and changes; the step is named by what is wanted.
    """
    tool = deploy()
    wanted = {"service": "api", "release": "4.2"}

    first = read_call(call("deploy", wanted, "call_1"), {"deploy": tool})
    again = read_call(
        call("deploy", dict(reversed(wanted.items())), "x"), {"deploy": tool}
    )

    assert (first.tool, first.arguments) == (tool, wanted)
    assert (first.id, again.id) == ("call_1", "x")
    assert first.step == again.step
    assert first.step.startswith("deploy-")


@given(one=st.dictionaries(words, words), other=st.dictionaries(words, words))
def test_calls_that_differ_are_different_steps(one, other):
    """
    And equal ones are the same step, in whatever order they were written.
    """
    same = named_by_intent("t", one) == named_by_intent("t", other)

    assert same == (one == other)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        pytest.param(call("drop"), "none called 'drop'; there are deploy", id="tool"),
        pytest.param({"id": "c"}, "none called None", id="no-function"),
        pytest.param({"id": "c", "function": 7}, "none called None", id="odd-function"),
        pytest.param(call("deploy", "{"), "got no JSON", id="half-a-bracket"),
        pytest.param(call("deploy", "[" * 10_000), "got no JSON", id="brackets"),
        pytest.param(
            call("deploy", '"' + "x" * MAX_ARGUMENTS + '"'), "length", id="huge"
        ),
        pytest.param(call("deploy", "[]"), "takes service, release", id="a-list"),
        pytest.param(call("deploy", "null"), "takes service, release", id="null"),
        pytest.param(call("deploy", {"service": "a"}), "takes service", id="too-few"),
        pytest.param(
            call("deploy", {"service": "a", "release": "1", "x": "y"}),
            "takes service, release",
            id="too-many",
        ),
        pytest.param(
            call("deploy", {"service": "a", "release": 4.2}), "as texts", id="a-number"
        ),
        pytest.param(
            call("deploy", '{"service": NaN, "release": Infinity}'),
            "as texts",
            id="not-a-number",
        ),
        pytest.param(
            call("deploy", '{"service": "\\ud800", "release": "1"}'),
            "surrogates not allowed",
            id="half-a-surrogate-pair",
        ),
    ],
)
def test_a_call_that_cannot_be_run_is_refused_in_words_for_the_model(wanted, said):
    """
    Short words: a model that sent megabytes does not get them back.
    """
    with pytest.raises(InvalidValue) as caught:
        read_call(wanted, {"deploy": deploy()})

    assert said in str(caught.value)
    assert len(str(caught.value)) < 500
    assert caught.value.effect == "not started"


@pytest.mark.parametrize(
    "name",
    [None, "", " x", "a\nb", "x" * (MAX_STEP + 1), 7],
    ids=["none", "empty", "space", "line-break", "too-long", "number"],
)
def test_a_step_name_that_cannot_be_recorded_is_refused_before_the_tool_runs(name):
    """
    Found out after the effect, it would be too late.
    """
    tool = deploy(step_name=lambda tool, arguments: name)
    wanted = call("deploy", {"service": "a", "release": "1"})

    with pytest.raises(InvalidValue, match="step_name"):
        read_call(wanted, {"deploy": tool})


def test_a_step_name_function_that_raises_is_told_like_a_wrong_argument():
    """
    It has looked at the arguments, and did not like them.
    """

    def step_name(tool, arguments):
        raise LookupError("no such service")

    wanted = call("deploy", {"service": "a", "release": "1"})

    with pytest.raises(InvalidValue, match="no such service"):
        read_call(wanted, {"deploy": deploy(step_name=step_name)})


@pytest.mark.parametrize(
    ("returned", "told"),
    [
        pytest.param("41 % full", "41 % full", id="text"),
        pytest.param("", "", id="empty"),
        pytest.param(None, "null", id="none"),
        pytest.param({"receipt": 7}, '{"receipt": 7}', id="mapping"),
        pytest.param({1, 2}, '"{1, 2}"', id="not-json"),
        pytest.param("a\ud800b", "a?b", id="half-a-surrogate-pair"),
        pytest.param(b"raw", "\"b'raw'\"", id="bytes"),
    ],
)
def test_whatever_a_tool_returns_becomes_a_text_that_a_store_can_keep(returned, told):
    """
    The effect has happened by now: this is no time for an error.
    """
    tool = Tools(look=[returned]).tool("look")
    wanted = read_call(call("look"), {"look": tool})

    assert run_tool(wanted, "key", 5.0) == told


def test_a_tool_cannot_change_what_is_recorded_of_its_call():
    """
    It gets a copy of the arguments, the key and its seconds.
    """
    tools = Tools(deploy=[lambda seconds: tools.ran[-1][1].clear()])
    tool = tools.tool("deploy", "service")
    wanted = read_call(call("deploy", {"service": "api"}), {"deploy": tool})

    run_tool(wanted, "key", 5.0)

    assert wanted.arguments == {"service": "api"}
    assert tools.ran == [("deploy", {}, "key", 5.0)]


def test_an_async_tool_is_refused_and_has_not_begun():
    """
    Its coroutine would never be awaited.
    """
    began = []

    async def run(arguments, key, seconds):
        began.append(key)

    tool = Tool("look", "Look.", (), run=run, risk_level="read_only")
    wanted = read_call(call("look"), {"look": tool})

    with pytest.raises(InvalidValue, match="is async"):
        run_tool(wanted, "key", 5.0)

    assert began == []


@given(arguments=st.dictionaries(st.sampled_from(["service", "release"]), words))
def test_a_call_is_read_only_when_all_parameters_are_there(arguments):
    """
    Nothing is filled in, and nothing is left out.
    """
    wanted = call("deploy", json.dumps(arguments))
    complete = set(arguments) == {"service", "release"}

    try:
        read = read_call(wanted, {"deploy": deploy()}).arguments
    except InvalidValue:
        read = None

    assert read == (arguments if complete else None)
