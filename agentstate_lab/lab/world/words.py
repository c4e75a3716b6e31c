"""
A request that is not what it must be, in the words of the real API.

What a request must look like is said by types (`chat.shapes`, `routes`), and pydantic
holds the request against them. What it finds is meant for the author of the types;
`refused` says it to the author of the request: which field, what is wrong with it and
what would be right, as `openai.BadRequestError` says it for the real service.

Where a field may be one of several things, pydantic tells why it is none of them. The
place that lies deepest is then the one to speak of: that is where one of them failed
last.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .refusal import Refusal, bad, shown

if TYPE_CHECKING:
    from pydantic import ValidationError

Path = tuple[str | int, ...]

_MISSING = ("missing_required_parameter", "Missing required parameter: {at}.")

# What pydantic finds, by its name for it: the real API's code and words.
_REASONS = {
    "missing": _MISSING,
    "union_tag_not_found": _MISSING,
    "extra_forbidden": ("unknown_parameter", "Unknown parameter: {at}."),
    "none_required": (
        "unsupported_parameter",
        "Unsupported parameter: {at} is not supported with this model.",
    ),
    "literal_error": (
        "invalid_value",
        "Invalid value: {got}. Supported values are: {expected}.",
    ),
    "union_tag_invalid": (
        "invalid_value",
        "Invalid value: {got}. Supported values are: {expected_tags}.",
    ),
    "greater_than_equal": (
        "{number}_below_min_value",
        "Invalid {at}: {number} below minimum value. Expected a value >= {ge:g}, but"
        " got {got} instead.",
    ),
    "less_than_equal": (
        "{number}_above_max_value",
        "Invalid {at}: {number} above maximum value. Expected a value <= {le:g}, but"
        " got {got} instead.",
    ),
    "too_short": (
        "empty_array",
        "Invalid {at}: empty array. Expected an array with minimum length"
        " {min_length}, but got an empty array instead.",
    ),
    "too_long": (
        "array_above_max_length",
        "Invalid {at}: array too long. Expected an array with maximum length"
        " {max_length}, but got an array with length {actual_length} instead.",
    ),
    "string_too_short": (
        "empty_string",
        "Invalid {at}: empty string. Expected a string with minimum length"
        " {min_length}, but got an empty string instead.",
    ),
    "string_too_long": (
        "string_above_max_length",
        "Invalid {at}: string too long. Expected a string with maximum length"
        " {max_length}, but got a string with length {length} instead.",
    ),
    "string_pattern_mismatch": (
        "invalid_value",
        "Invalid {at}: string does not match pattern. Expected a string that matches"
        " the pattern '{pattern}'.",
    ),
}

_OTHER = ("invalid_value", "Invalid value for {at}.")

_GOT = {
    bool: "a boolean",
    dict: "an object",
    float: "a decimal",
    int: "an integer",
    list: "an array",
    str: "a string",
    type(None): "null",
}
# The same by what pydantic calls a value that is none: `bool_type`, `int_type`, ...
_WANTED = {
    **{f"{kind.__name__}_type": name for kind, name in _GOT.items()},
    "model_attributes_type": "an object",
    "string_type": "a string",
}


def refused(error: "ValidationError", asked: Any) -> Refusal:
    """The refusal of *asked*, for one of the reasons in *error*."""
    found = [(_path(one, asked), one) for one in error.errors(include_url=False)]
    # A wrong type of object explains the fields that it lacks.
    found.sort(key=lambda pair: pair[1]["type"] == "missing")
    first, _ = found[0]
    near = [path for path, _ in found if path[: len(first)] == first]
    deepest = max(near, key=len)
    at = "".join(
        f"[{part}]" if isinstance(part, int) else f".{part:.100}" for part in deepest
    )
    return _said([one for path, one in found if path == deepest], at.removeprefix("."))


def _said(there: Sequence[Any], at: str) -> Refusal:
    """What is wrong at one place, all of it *there*."""
    others = [one for one in there if not _wanted(one)]
    if not others:
        wanted = " or ".join(dict.fromkeys(map(_wanted, there)))
        return bad(
            f"Invalid type for {shown(at)}: expected {wanted}, but got"
            f" {_GOT[type(there[0]['input'])]} instead.",
            at,
            "invalid_type",
        )
    code, words = _REASONS.get(others[0]["type"], _OTHER)
    facts = others[0].get("ctx", {})
    given = facts.get("tag", others[0]["input"])
    facts |= {
        "at": shown(at),
        "got": shown(given) if isinstance(given, str) else f"{given!r:.80}",
        "length": len(given) if isinstance(given, str) else 0,
        "number": "decimal" if float in map(type, facts.values()) else "integer",
    }
    return bad(words.format(**facts), at, code.format(**facts))


def _wanted(one: Any) -> str:
    """What type would be right; empty when the type is."""
    if one["type"] == "literal_error" and not isinstance(one["input"], str):
        return "a string"
    return _WANTED.get(one["type"], "")


def _path(one: Any, asked: Any) -> Path:
    """
    Where in *asked* something is wrong.

    Pydantic's own place also names the kind that it tried where there are several;
    such a name leads nowhere in the request.
    """
    path: Path = ()
    for part in one["loc"]:
        try:
            asked = asked[part]
        except (LookupError, TypeError):
            continue
        path += (part,)
    if one["type"] == "missing":
        return (*path, one["loc"][-1])
    if one["type"].startswith("union_tag"):
        return (*path, one["ctx"]["discriminator"].strip("'"))
    return path
