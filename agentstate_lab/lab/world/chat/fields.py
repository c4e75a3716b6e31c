"""
How a chat request is refused: one field at a time, in the words of the real API.

What the client raises carries these words, so an agent's author reads here what the
real service would have said, down to the name of the field.

This module knows types and names. What a request may hold is in `chat_rules`, what
a conversation may be in `chat_messages`.
"""

from collections.abc import Mapping
from typing import Any

from ..refusal import Refusal, shown

Fields = Mapping[str, Any]

NAMES = {
    bool: "a boolean",
    dict: "an object",
    float: "a decimal",
    int: "an integer",
    list: "an array",
    str: "a string",
    type(None): "null",
}


def bad(
    message: str, param: str | None = None, code: str | None = "invalid_value"
) -> Refusal:
    """A 400 about one field."""
    return Refusal(400, message, param=param, code=code)


def required(value: Fields, name: str, where: str) -> Any:
    """
    The field *name* of *value*, which must be there.

    Raises:
        Refusal: 400, naming *where* it is missing.
    """
    if name not in value:
        raise bad(
            f"Missing required parameter: '{where}'.",
            where,
            "missing_required_parameter",
        )
    return value[name]


def check_object(value: Any, where: str, names: tuple[str, ...]) -> None:
    """
    Refuse *value* unless it is an object with no other fields than *names*.

    Raises:
        Refusal: 400, naming *where*.
    """
    check_type(value, (dict,), where)
    for name in value:
        if name not in names:
            at = f"{where}.{name[:100]}"
            raise bad(f"Unknown parameter: {shown(at)}.", at, "unknown_parameter")


def check_type(value: Any, types: tuple[type, ...], where: str) -> None:
    """
    Refuse *value* unless it is of one of *types*. True is not a number.

    Raises:
        Refusal: 400, naming *where*.
    """
    if type(value) not in types:
        wanted = " or ".join(NAMES[kind] for kind in types if kind is not type(None))
        raise bad(
            f"Invalid type for '{where}': expected {wanted}, but got"
            f" {NAMES[type(value)]} instead.",
            where,
            "invalid_type",
        )


def empty_array(where: str) -> Refusal:
    """The refusal of a list that must not be empty."""
    return bad(
        f"Invalid '{where}': empty array. Expected an array with minimum length 1,"
        " but got an empty array instead.",
        where,
        "empty_array",
    )
