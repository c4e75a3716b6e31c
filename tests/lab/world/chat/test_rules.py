"""What a chat request must be: the client's own types, and what they cannot say."""

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentstate_lab.lab.world import Refusal
from agentstate_lab.lab.world.chat.rules import check_request

USER = {"role": "user", "content": "Deploy it."}
PART = {"type": "text", "text": "The shop."}
TOOL = {
    "type": "function",
    "function": {
        "name": "deploy",
        "description": "Deploy a service.",
        "strict": None,
        "parameters": {"type": "object", "properties": {}, "required": ["service"]},
    },
}


def calls(*names: str):
    """An assistant message that calls tools."""
    function = {"name": "deploy", "arguments": '{"service": "api"}'}
    made = [{"id": name, "type": "function", "function": function} for name in names]
    return {"role": "assistant", "content": None, "tool_calls": made}


def answer(name: str):
    """The tool message that answers a call."""
    return {"role": "tool", "tool_call_id": name, "content": "done"}


# A request with every kind of thing that the model takes; nothing in it is shared.
FULL = json.loads(
    json.dumps(
        {
            "model": "scripted",
            "messages": [
                {"role": "system", "content": [PART], "name": "shop"},
                {"role": "developer", "content": "Be brief."},
                {"role": "user", "content": [PART, PART]},
                calls("a", "b"),
                {**answer("b"), "content": [PART]},
                answer("a"),
                # As a reply comes, so it may be sent back.
                {
                    "role": "assistant",
                    "content": "Done.",
                    "refusal": None,
                    "annotations": [],
                    "audio": None,
                    "function_call": None,
                },
                {"role": "assistant", "content": None, "refusal": "I will not."},
            ],
            "tools": [TOOL],
            "tool_choice": {"type": "function", "function": {"name": "deploy"}},
            "parallel_tool_calls": False,
            "temperature": 1,
            "max_tokens": 9,
            "stop": ["end"],
            "stream": True,
            "stream_options": {"include_usage": True},
            "metadata": {"lesson": "10"},
            "response_format": {"type": "text"},
            "modalities": ["text"],
            "audio": None,
            "n": 1,
        }
    )
)
ANYBODYS = ("parameters", "metadata")  # any name may stand in them
NEEDED = ("messages", "role", "type", "text", "id", "function", "arguments")


def inside(value, at=()):
    """Where something is in *value*: the way to each thing."""
    for name, one in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*at, name)
        if isinstance(one, dict | list) and name not in ANYBODYS:
            yield from inside(one, (*at, name))


def found(body, place):
    """What is at *place*."""
    for part in place:
        body = body[part]
    return body


def changed(place, value):
    """The full request with *value* in one place."""
    body = copy.deepcopy(FULL)
    found(body, place[:-1])[place[-1]] = value
    return body


def said(place) -> str:
    """A place as an error names it."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return "".join(parts).removeprefix(".")


PLACES = [place for place in inside(FULL) if place[-1] != "annotations"]
OBJECTS = [
    place
    for place in PLACES
    if isinstance(found(FULL, place), dict) and place[-1] not in ANYBODYS
]


def trouble(body):
    """The error in the refusal that *body* meets, or None."""
    try:
        check_request(body)
    except Refusal as refused:
        return refused.body["error"]
    return None


def test_all_that_the_model_takes_is_taken_at_once():
    """Strict is not the same as fussy."""
    assert trouble(FULL) is None


@pytest.mark.parametrize("place", PLACES, ids=said)
def test_a_value_that_is_never_right_is_refused_by_its_place(place):
    """A list of lists is nowhere wanted, and the error says where to look."""
    error = trouble(changed(place, [[7]]))

    assert error["param"].startswith(said(place))


@pytest.mark.parametrize("place", [(), *OBJECTS], ids=said)
def test_a_field_that_nobody_knows_is_refused_in_every_object(place):
    """A misspelt field would be left out in silence."""
    error = trouble(changed((*place, "handler"), 1))

    assert error["code"] == "unknown_parameter"
    assert error["param"] == said((*place, "handler"))


@pytest.mark.parametrize("place", [at for at in PLACES if at[-1] in NEEDED], ids=said)
def test_what_is_missing_is_named(place):
    """By the place where it should be."""
    body = copy.deepcopy(FULL)
    del found(body, place[:-1])[place[-1]]

    error = trouble(body)

    assert error["code"] == "missing_required_parameter"
    assert error["param"] == said(place)


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
    | st.sampled_from(["assistant", "tool", "function", "a", "b"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(place=st.sampled_from(PLACES), value=anything)
def test_any_json_in_any_place_is_taken_or_refused(place, value):
    """There is no request over which the rules stumble."""
    error = trouble(changed(place, value))

    assert error is None or error["type"] == "invalid_request_error"


PICTURE = [{"type": "image_url"}]
NO_SUCH = {"type": "function", "function": {"name": "x"}}
WRONG = {
    "no model": ("model", "", "missing_model"),
    "another model": ("model", "gpt-9", "model_not_found"),
    "a number": ("model", 7, "invalid_type"),
    "an empty conversation": ("messages", [], "empty_array"),
    "a role": ("messages[2].role", "human", "invalid_value"),
    "a list for a role": ("messages[2].role", ["user"], "invalid_value"),
    "no text": ("messages[2].content", None, "invalid_type"),
    "a picture": ("messages[2].content", PICTURE, "invalid_value"),
    "silence": ("messages[6].content", None, "invalid_type"),
    "an older form": ("messages[6].function_call", {}, "unsupported_parameter"),
    "sound": ("audio", {}, "unsupported_parameter"),
    "too hot": ("temperature", 3, "decimal_above_max_value"),
    "a boolean": ("temperature", True, "invalid_type"),
    "no token": ("max_tokens", 0, "integer_below_min_value"),
    "two choices": ("n", 2, "integer_above_max_value"),
    "another form": ("response_format.type", "json_object", "invalid_value"),
    "many tools": ("tools", [TOOL] * 129, "array_above_max_length"),
    "two words": ("tools[0].function.name", "two words", "invalid_value"),
    "a long word": ("tools[0].function.name", "x" * 65, "string_above_max_length"),
    "a word": ("tool_choice", "any", "invalid_value"),
    "no such tool": ("tool_choice", NO_SUCH, "invalid_value"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_request_is_refused_as_the_real_api_would(name):
    """Reason and place, for the client's error."""
    where, value, code = WRONG[name]
    place = next(place for place in PLACES if said(place) == where)

    error = trouble(changed(place, value))

    assert error["code"] == code
    assert error["param"].startswith(where)


@pytest.mark.parametrize(
    ("needs", "name"),
    [
        ("tools", "tool_choice"),
        ("tools", "parallel_tool_calls"),
        ("stream", "stream_options"),
    ],
)
def test_a_field_that_makes_no_sense_alone_is_refused(needs, name):
    """A request that lost a part on the way is not taken for another one."""
    error = trouble({"model": "scripted", "messages": [USER], name: FULL[name]})

    assert error["param"] == name
    assert f"'{needs}'" in error["message"]


@pytest.mark.parametrize(
    "schema",
    [{"type": "string"}, {"type": "object", "properties": []}, {"required": [1]}],
    ids=str,
)
def test_a_function_takes_an_object(schema):
    """The arguments have names."""
    error = trouble(changed(("tools", 0, "function", "parameters"), schema))

    assert error["code"] == "invalid_function_parameters"
    assert error["param"] == "tools[0].function.parameters"
