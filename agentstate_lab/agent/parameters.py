"""
The parameters of a tool, as the function says that does it.

A function in Python has described its parameters already: type hints say what each
may be, defaults say which may be left out, the docstring says what they mean. So the
schema for the model is made from these, and what the model sends is held against the
same hints. There is no second description that could be wrong.

What comes out of that check is JSON again: the *arguments*, in one spelling (a model
may write `"3"` for 3). They name the step, they are what a person is shown, and what
the function gets is made from them and from nothing else.

A parameter that is left out stays out. Its default belongs to the function, and may
be another one after the next release; the name of a step that was begun must not be.

Two parameters are not the model's to give: the `IdempotencyKey` of the step and the
`SecondsLeft`. The agent fills them, and the model does not see them.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import JsonValue
from pydantic.fields import FieldInfo

from agentstate_lab.errors import InvalidValue

from .docstring import described
from .form import Form
from .strict import strict_schema

Read = Callable[[Mapping[str, Any]], dict[str, JsonValue]]


@dataclass(frozen=True, slots=True)
class Filled:
    """Marks a parameter that the agent fills: with "key" or with "seconds"."""

    by: str


IdempotencyKey = Annotated[str, Filled("key")]
"""The type of a parameter that gets the idempotency key of the step."""

SecondsLeft = Annotated[float, Filled("seconds")]
"""The type of a parameter that gets the seconds that the call may take."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """
    What a tool takes from the model.

    Attributes:
        schema: As JSON Schema, for the model.

        read: From what the model sent to the arguments, in one spelling. It raises
            `InvalidValue`, in words for the model.

        strict: Whether the schema keeps the rules under which a provider promises
            that the model keeps to it.
    """

    schema: dict[str, Any]
    read: Read = field(repr=False)
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Signature:
    """
    A function that a model may call, with what it takes from whom.

    Attributes:
        parameters: What the model gives.

        values: From the arguments to what the function gets for them.

        filled: What the agent gives: "key" or "seconds", by parameter.
    """

    parameters: Parameters
    values: Callable[[Mapping[str, Any]], dict[str, Any]] = field(repr=False)
    filled: Mapping[str, str]


def signature_of(fn: Callable[..., Any], *, strict: bool = False) -> Signature:
    """
    What *fn* takes, from its type hints and its docstring.

    Args:
        fn: The function.

        strict: Whether its schema must keep the rules of strict mode.

    Raises:
        InvalidValue: A parameter has no type hint, or one that no JSON can fill.
    """
    filled: dict[str, str] = {}
    given: dict[str, Any] = {}
    defaults: dict[str, Any] = {}
    for name, one in _declared(fn).items():
        _check(name, one)
        if by := _filled_by(one.annotation):
            filled[name] = by
            continue
        given[name] = one.annotation
        if one.default is not one.empty:
            defaults[name] = one.default
    form = Form(given, optional=defaults)
    schema = form.schema(described(fn).arguments, defaults)
    shown = strict_schema(schema) if strict else schema
    return Signature(Parameters(shown, form.read, strict), form.values, filled)


def _declared(fn: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(fn, eval_str=True).parameters
    except (TypeError, ValueError, NameError) as error:
        raise InvalidValue(
            "tool", f"the parameters of {fn!r:.80} cannot be read: {error}"
        ) from error


def _check(name: str, one: inspect.Parameter) -> None:
    """Refuse, when the tool is made, what no model could fill."""
    if one.kind not in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY):
        raise InvalidValue("tool", f"parameter {one} cannot be given by its name")
    if one.annotation is one.empty:
        raise InvalidValue("tool", f"parameter {name} needs a type hint: {name}: str")
    if isinstance(one.default, FieldInfo):
        raise InvalidValue(
            "tool",
            f"parameter {name} has a Field for a default: write Annotated[TYPE,"
            " Field(...)], and the default as a value",
        )


def _filled_by(annotation: Any) -> str:
    """Which of the two the agent fills, if *annotation* is one; also `… | None`."""
    either = get_origin(annotation) in (Union, UnionType)
    for one in get_args(annotation) if either else [annotation]:
        for mark in getattr(one, "__metadata__", ()):
            if isinstance(mark, Filled):
                return mark.by
    return ""
