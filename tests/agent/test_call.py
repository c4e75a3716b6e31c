"""Calls: what is made of one that a model sends, and what the model is told of it."""

import asyncio
import datetime
import json
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AfterValidator, BaseModel
from script import Tools, call

from agentstate_lab.agent import (
    IdempotencyKey,
    SecondsLeft,
    read_call,
    run_tool,
    told,
    tool,
)
from agentstate_lab.agent.call import MAX_STEP
from agentstate_lab.agent.tools import MAX_ARGUMENTS, named_by_intent
from agentstate_lab.errors import InvalidValue

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)


def deploy(**more):
    """A tool with two parameters."""
    return Tools().tool("deploy", "service", "release", **more)


def test_a_call_is_read_and_named_by_its_intent():
    """The id is the model's and changes; the step is named by what is wanted."""
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
    """And equal ones are the same step, in whatever order they were written."""
    same = named_by_intent("t", one) == named_by_intent("t", other)

    assert same == (one == other)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        pytest.param(call("drop"), "none called 'drop'; there are deploy", id="tool"),
        pytest.param({"id": "c"}, "none called None", id="no-function"),
        pytest.param({"id": "c", "function": 7}, "none called None", id="odd-function"),
        pytest.param(
            call("deploy", "{"), "deploy: this is no JSON", id="half-a-bracket"
        ),
        pytest.param(call("deploy", "[" * 10_000), "is no JSON", id="brackets"),
        pytest.param(
            call("deploy", '"' + "x" * MAX_ARGUMENTS + '"'), "length", id="huge"
        ),
        pytest.param(call("deploy", "[1]"), "must be an object", id="a-list"),
        pytest.param(call("deploy", "7"), "must be an object", id="a-number-alone"),
        pytest.param(
            call("deploy", {"service": "a"}), "release is missing", id="too-few"
        ),
        pytest.param(
            call("deploy", {"service": "a", "release": "1", "x": "y"}),
            "x is no parameter; there are service, release",
            id="too-many",
        ),
        pytest.param(
            call("deploy", {"service": "a", "release": 4.2}),
            "release must be a valid string, and got 4.2",
            id="a-number",
        ),
        pytest.param(
            call("deploy", {str(n): "x" * 9_999 for n in range(9)}),
            "and 6 more",
            id="many-mistakes",
        ),
        pytest.param(
            call("deploy", '{"service": NaN, "release": Infinity}'),
            "NaN is no number",
            id="not-a-number",
        ),
        pytest.param(
            call("deploy", '{"service": "\\ud800", "release": "1"}'),
            "surrogate",
            id="half-a-surrogate-pair",
        ),
    ],
)
def test_a_call_that_cannot_be_run_is_refused_in_words_for_the_model(wanted, said):
    """Short words: a model that sent megabytes does not get them back."""
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
    """Found out after the effect, it would be too late."""
    tool = deploy(step_name=lambda tool, arguments: name)
    wanted = call("deploy", {"service": "a", "release": "1"})

    with pytest.raises(InvalidValue, match="step_name"):
        read_call(wanted, {"deploy": tool})


def test_a_step_name_function_that_raises_is_told_like_a_wrong_argument():
    """It has looked at the arguments, and did not like them."""

    def step_name(tool, arguments):
        raise LookupError("no such service")

    wanted = call("deploy", {"service": "a", "release": "1"})

    with pytest.raises(InvalidValue, match="no such service"):
        read_call(wanted, {"deploy": deploy(step_name=step_name)})


class Receipt(BaseModel):
    """What a tool may return."""

    number: int
    at: datetime.date = datetime.date(2026, 1, 2)


class Mute:
    """It has no text."""

    def __str__(self):
        raise LookupError


ITSELF: list = []
ITSELF.append(ITSELF)


@pytest.mark.parametrize(
    ("returned", "text"),
    [
        pytest.param("41 % full", "41 % full", id="text"),
        pytest.param("", "", id="empty"),
        pytest.param(None, "null", id="none"),
        pytest.param({"receipt": 7}, '{"receipt": 7}', id="mapping"),
        pytest.param({"é": (1, 2.5)}, '{"é": [1, 2.5]}', id="tuple"),
        pytest.param(
            Receipt(number=7), '{"number": 7, "at": "2026-01-02"}', id="model"
        ),
        pytest.param(
            [Receipt(number=7)], '[{"number": 7, "at": "2026-01-02"}]', id="s"
        ),
        pytest.param(object, "\"<class 'object'>\"", id="not-json"),
        pytest.param("a\ud800b", "a?b", id="half-a-surrogate-pair"),
        pytest.param(["a\ud800b"], '["a?b"]', id="half-a-pair-inside"),
        pytest.param(b"\xff", "a bytes, which cannot be shown", id="bytes"),
        pytest.param(Mute(), "a Mute, which cannot be shown", id="no-text"),
        pytest.param(ITSELF, "a list, which cannot be shown", id="in-itself"),
    ],
)
def test_whatever_a_tool_returns_becomes_a_text_that_a_store_can_keep(returned, text):
    """The effect has happened by now: this is no time for an error."""
    assert told(returned) == text


def test_a_tool_cannot_change_what_is_recorded_of_its_call():
    """It gets a copy of the arguments, the key and its seconds."""
    tools = Tools(deploy=[lambda seconds: tools.ran[-1][1].clear()])
    tool = tools.tool("deploy", "service")
    wanted = read_call(call("deploy", {"service": "api"}), {"deploy": tool})

    run_tool(wanted, "key", 5.0)

    assert wanted.arguments == {"service": "api"}
    assert tools.ran == [("deploy", {}, "key", 5.0)]


def test_an_async_tool_is_run():
    """As any other, with its arguments, its key and its seconds."""

    @tool
    async def deploy(service: str, *, key: IdempotencyKey, left: SecondsLeft) -> list:
        await asyncio.sleep(0)
        return [service, key, left]

    wanted = read_call(call("deploy", {"service": "api"}), {"deploy": deploy})

    assert run_tool(wanted, "key", 5.0) == '["api", "key", 5.0]'


def test_an_async_tool_is_cancelled_when_its_seconds_are_over():
    """A thread cannot be stopped; what awaits can, and may clean up."""
    cleaned = []

    @tool
    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.append(True)

    with pytest.raises(TimeoutError):
        run_tool(read_call(call("hang"), {"hang": hang}), "key", 0.001)

    assert cleaned == [True]


@pytest.mark.parametrize(
    "nothing",
    ["", "  \n", "null", " null ", "{}", "[]", '""', None, {}],
    ids=[
        "empty",
        "blank",
        "null",
        "padded",
        "object",
        "list",
        "text",
        "none",
        "mapping",
    ],
)
def test_no_arguments_come_in_many_forms(nothing):
    """A tool that needs none runs; one that needs some says which."""
    tools = Tools()
    known = {"look": tools.tool("look"), "deploy": deploy()}
    sent = {"id": "c", "function": {"name": "look", "arguments": nothing}}

    assert read_call(sent, known).arguments == {}
    with pytest.raises(InvalidValue, match="service is missing"):
        read_call(
            {"id": "c", "function": {**sent["function"], "name": "deploy"}}, known
        )


class Place(BaseModel):
    """A nested model, of which one part may be left out."""

    region: str
    zone: int = 1


def where(place: Place, count: int = 3, tags: list[str] | None = None) -> str:
    """Look somewhere."""
    return f"{place!r} {count} {tags}"


@pytest.mark.parametrize(
    ("sent", "arguments", "got"),
    [
        pytest.param(
            {"place": {"region": "eu", "zone": "2"}, "count": "7"},
            {"place": {"region": "eu", "zone": 2}, "count": 7},
            "Place(region='eu', zone=2) 7 None",
            id="numbers-as-texts",
        ),
        pytest.param(
            {"place": {"region": "eu", "zone": None}, "count": None},
            {"place": {"region": "eu"}},
            "Place(region='eu', zone=1) 3 None",
            id="null-for-left-out",
        ),
        pytest.param(
            {"place": {"region": "eu"}, "tags": None},
            {"place": {"region": "eu"}, "tags": None},
            "Place(region='eu', zone=1) 3 None",
            id="null-that-is-wanted",
        ),
    ],
)
def test_arguments_have_one_spelling_and_the_function_gets_its_types(
    sent, arguments, got
):
    """What is recorded is what runs; what was left out stays the function's to say."""
    wanted = read_call(call("where", sent), {"where": tool(where)})

    assert wanted.arguments == arguments
    assert run_tool(wanted, "key", 5.0) == got


def test_what_is_wrong_deep_inside_is_named_by_its_path():
    """The name of the field, what was there, what is wanted."""
    sent = {"place": {"region": 7, "zone": "two"}, "count": []}

    with pytest.raises(InvalidValue) as caught:
        read_call(call("where", sent), {"where": tool(where)})

    said = str(caught.value)
    assert "place.region must be a valid string, and got 7" in said
    assert "place.zone must be a valid integer" in said
    assert "count must be a valid integer, and got []" in said


def test_a_validator_that_breaks_is_told_like_a_wrong_argument():
    """It has looked at the arguments, and nothing was begun."""

    def check(path: str) -> str:
        raise LookupError(f"no disk at {path}")

    def look(path: Annotated[str, AfterValidator(check)]): ...

    with pytest.raises(InvalidValue, match="look: no disk at /"):
        read_call(call("look", {"path": "/"}), {"look": tool(look)})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3)
    ),
)


@given(st.dictionaries(st.sampled_from(["place", "count", "tags"]), json_values))
def test_one_spelling_is_read_as_itself(sent):
    """Whatever is sent is refused, or has a spelling that says the same again."""
    made = tool(where)
    try:
        once = made.read(json.dumps(sent))
    except InvalidValue:
        return

    assert made.read(json.dumps(once)) == once


@given(arguments=st.dictionaries(st.sampled_from(["service", "release"]), words))
def test_a_call_is_read_only_when_all_parameters_are_there(arguments):
    """Nothing is filled in, and nothing is left out."""
    wanted = call("deploy", json.dumps(arguments))
    complete = set(arguments) == {"service", "release"}

    try:
        read = read_call(wanted, {"deploy": deploy()}).arguments
    except InvalidValue:
        read = None

    assert read == (arguments if complete else None)
