"""Tools from functions: what the model is told of them, and when one is refused."""

import datetime
import enum
import functools
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field, SecretStr

from agentstate_lab.agent import IdempotencyKey, SecondsLeft, Tool, tool
from agentstate_lab.agent.docstring import described
from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.world.chat import MODEL
from agentstate_lab.lab.world.chat.rules import check_request


class Size(enum.Enum):
    """A choice."""

    SMALL = "s"
    LARGE = "l"


class Place(BaseModel):
    """A nested model; `zone` may be left out."""

    region: str
    zone: int = 1


def deploy(  # noqa: D417 - what is not described is part of the test
    service: Annotated[str, Field(description="As in the list.", min_length=2)],
    title: str,
    places: list[Place],
    size: Size = Size.SMALL,
    mode: Literal["slow", "fast"] = "slow",
    on: datetime.date | None = None,
    copy: int = 3,
    dry: bool = False,
    *,
    key: IdempotencyKey,
    seconds: SecondsLeft | None = None,
) -> str:
    """
    Deploy a service.

    It takes a while.

    Args:
        title: What the ticket
            is called.
        copy: How many: from 1.

    Returns:
        What nobody tells the model.
    """
    return f"{service} {title} {places} {size} {mode} {on} {copy} {dry} {key} {seconds}"


def schema_of(fn, **about):
    """The schema of a function's parameters."""
    return tool(fn, **about).parameters.schema


def test_a_function_is_described_as_the_chat_api_wants_it():
    """The scripted model is as strict as the real one; strict mode included."""
    tools = [tool(deploy).schema(), tool(deploy, name="again", strict=True).schema()]
    asked = [{"role": "user", "content": "?"}]

    check_request({"model": MODEL, "messages": asked, "tools": tools})


def test_types_words_and_defaults_come_from_the_function():
    """Nobody writes them down a second time."""
    schema = schema_of(deploy)
    told = schema["properties"]

    assert schema["required"] == ["service", "title", "places"]
    assert told["service"]["description"] == "As in the list."
    assert told["title"] == {
        "type": "string",
        "description": "What the ticket is called.",
    }
    assert told["copy"] == {
        "type": "integer",
        "description": "How many: from 1.",
        "default": 3,
    }
    assert told["mode"]["enum"] == ["slow", "fast"]
    assert told["dry"] == {"type": "boolean", "default": False}
    assert schema["additionalProperties"] is False


def test_what_the_agent_fills_is_not_shown_to_the_model():
    """A model that sees a key would make one up."""
    assert not {"key", "seconds"} & set(schema_of(deploy)["properties"])


def test_the_description_is_the_docstring_without_its_sections():
    """What it returns and raises is for people."""
    assert tool(deploy).description == "Deploy a service.\n\nIt takes a while."


def test_a_docstring_in_the_form_of_sphinx_is_read():
    """Many have thousands of them."""

    def look(path, depth):
        """
        Look.

        :param str path: Where to look,
            from the root.
        :param depth: How deep.
        :returns: What is there.
        """

    assert described(look).text == "Look."
    assert described(look).arguments == {
        "path": "Where to look, from the root.",
        "depth": "How deep.",
    }


def test_a_docstring_without_sections_is_a_description():
    """And a sentence with a colon in it describes no argument."""

    def look():
        """Look. Note: it only looks."""

    assert described(look) == ("Look. Note: it only looks.", {})
    assert described(lambda: None) == ("", {})


def test_a_tool_that_nobody_has_thought_about_is_treated_as_the_worst():
    """It needs a record, and a person when its outcome is unknown."""
    made = tool(deploy)

    assert (made.name, made.risk_level) == ("deploy", "external_action")
    assert (made.if_unknown, made.only_looks) == ("wait", False)


def test_the_decorator_and_the_call_make_the_same_tool():
    """With and without brackets."""

    @tool
    def bare() -> None:
        """Look."""

    @tool(risk_level="read_only", name="look")
    def with_words() -> None:
        """Look."""

    assert isinstance(bare, Tool)
    assert (bare.name, bare.description) == ("bare", "Look.")
    assert (with_words.name, with_words.only_looks) == ("look", True)


def test_a_method_and_a_partial_are_functions_too():
    """What is given already is no parameter any more."""

    class Shop:
        def close(self, reason: str) -> str:
            """Close it."""
            return reason

    closing, looking = tool(Shop().close), functools.partial(deploy, places=[])

    assert list(closing.parameters.schema["properties"]) == ["reason"]
    assert "places" in schema_of(looking, name="look")["properties"]


@pytest.mark.parametrize("fill", [True, False], ids=["strict", "not-strict"])
def test_strict_mode_requires_every_property_at_every_depth(fill):
    """What may be left out may be null; there are no other keys and no defaults."""
    schema = schema_of(deploy, strict=fill)
    place = schema["$defs"]["Place"]

    assert (schema["required"] == list(schema["properties"])) is fill
    assert (place["required"] == ["region", "zone"]) is fill
    assert (place.get("additionalProperties") is False) is fill
    assert ("default" in schema["properties"]["copy"]) is not fill
    assert ({"type": "null"} in schema["properties"]["copy"].get("anyOf", [])) is fill


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        pytest.param(dict[str, int], "may have any keys", id="open-object"),
        pytest.param(object, "has no type", id="anything"),
        pytest.param(tuple[int, str], "prefixItems", id="tuple"),
    ],
)
def test_what_strict_mode_cannot_say_is_refused_when_the_tool_is_made(kind, why):
    """The provider would refuse every request of the run."""

    def look(where): ...

    look.__annotations__["where"] = kind

    with pytest.raises(InvalidValue, match=why):
        tool(look, strict=True)


def _without_a_hint(path): ...


def _with_many(*paths: str): ...


def _by_place(path: str, /): ...


def _with_a_field(path: str = Field("x")): ...


def _with_a_secret(token: SecretStr): ...


def _with_a_connection(db: Tool.__class__ | type(print)): ...


def _with_an_unknown_name(path: "NoSuchType"): ...  # noqa: F821


def _that_yields():
    yield 1


@pytest.mark.parametrize(
    ("fn", "why"),
    [
        pytest.param(_without_a_hint, "path needs a type hint", id="no-hint"),
        pytest.param(_with_many, "cannot be given by its name", id="many"),
        pytest.param(_by_place, "cannot be given by its name", id="by-place"),
        pytest.param(_with_a_field, "default as a value", id="field-as-default"),
        pytest.param(_with_a_secret, "is a secret", id="secret"),
        pytest.param(_with_a_connection, "cannot be filled", id="no-json"),
        pytest.param(_with_an_unknown_name, "cannot be read", id="unknown-name"),
        pytest.param(_that_yields, "and not yield it", id="generator"),
        pytest.param(max, "cannot be read", id="builtin"),
        pytest.param(lambda: None, "is no name", id="lambda"),
        pytest.param(7, "cannot be read", id="number"),
    ],
)
def test_a_function_that_no_model_can_call_is_refused_when_the_tool_is_made(fn, why):
    """With the parameter and what to write instead; not in the middle of a run."""
    with pytest.raises(InvalidValue, match=why):
        tool(fn)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        pytest.param({"risk_level": "harmless"}, "risk_level", id="risk-level"),
        pytest.param({"risk_level": None}, "risk_level", id="no-risk-level"),
        pytest.param({"if_unknown": "guess"}, "if_unknown", id="if-unknown"),
    ],
)
def test_a_tool_with_an_unknown_word_is_refused_when_it_is_made(wrong, named):
    """Not in the middle of a run."""
    with pytest.raises(InvalidValue) as caught:
        tool(deploy, **wrong)

    assert caught.value.name == named


@pytest.mark.parametrize("name", ["", "two words", "a" * 65, "übung", 7])
def test_a_name_that_the_chat_api_refuses_is_refused(name):
    """With one such name, every request of the run would be refused."""
    with pytest.raises(InvalidValue, match="is no name"):
        tool(deploy, name=name)
