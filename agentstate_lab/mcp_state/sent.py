"""
Arguments that are taken as they were sent.

The SDK helps models that send a list as the text of a list: a text for a parameter
that is not declared as a plain `str` is read as JSON first. For a parameter that is a
text or nothing, that eats texts: the result "null" becomes no result, and "[]" a list.
These types are plain `str` to the SDK, say in their schema that they may be left out,
and check what came without changing it.
"""

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import ValidatorFunctionWrapHandler, WithJsonSchema, WrapValidator

from agentstate_lab.state import TaskState


def _or_nothing(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    """*value* as it was sent; None stands for nothing."""
    return None if value is None else check(value)


def _state(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    """The name of a state as it was sent, or nothing."""
    if value is None:
        return None
    name = check(value)
    if name not in list(TaskState):
        raise ValueError(f"is none of {', '.join(TaskState)}")
    return name


if TYPE_CHECKING:
    MaybeText = str | None
    MaybeState = str | None
else:
    _NOTHING = {"type": "null"}
    MaybeText = Annotated[
        str,
        WrapValidator(_or_nothing),
        WithJsonSchema({"anyOf": [{"type": "string"}, _NOTHING]}),
    ]
    MaybeState = Annotated[
        str,
        WrapValidator(_state),
        WithJsonSchema({"anyOf": [{"enum": list(TaskState)}, _NOTHING]}),
    ]
