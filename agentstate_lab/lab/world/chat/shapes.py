"""
The shape of a chat request: the types that the `openai` client is written with.

Whoever calls the client with these types has a request that the API takes, so the
world holds each request against the same types, with pydantic. A new version of the
client brings its new fields along.

Three things are not in the types and are added here: how large a value may be, that a
list must not be empty, and what this model does not do. A script reads and writes text
and calls functions; pictures, sound and the API's older forms are left out of the
types, so a request that has them is refused by the field's name.

This module knows one message at a time; what a conversation must be is in `pairing`.
It is slow to load, as `openai` is, so `rules` asks for it with the first request.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import (
    Annotated,
    Any,
    Literal,
    Required,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from openai.types.chat.completion_create_params import CompletionCreateParamsBase
from pydantic import ConfigDict, Field, TypeAdapter, with_config
from typing_extensions import TypedDict, is_typeddict

STRICT = ConfigDict(strict=True, extra="forbid")

# Fields for which nothing but null is taken.
UNSUPPORTED = (
    "audio",
    "function_call",
    "functions",
    "moderation",
    "prediction",
    "web_search_options",
)
# Of objects that are told apart by such a field, those that the model knows.
KNOWN = {
    "role": ("developer", "system", "user", "assistant", "tool"),
    "type": ("text", "function"),
}
_NAME = Field(pattern="^[a-zA-Z0-9_-]+$", max_length=64)
LIMITS: Mapping[str, Any] = {
    "frequency_penalty": Field(ge=-2, le=2),
    "max_completion_tokens": Field(ge=1),
    "max_tokens": Field(ge=1),
    "n": Field(ge=1, le=1),
    "presence_penalty": Field(ge=-2, le=2),
    "temperature": Field(ge=0, le=2),
    "tool_calls": Field(max_length=128),
    "tools": Field(max_length=128),
    "top_logprobs": Field(ge=0, le=20),
    "top_p": Field(ge=0, le=1),
    "Function.name": _NAME,
    "FunctionDefinition.name": _NAME,
}
# What the API takes and the client's types do not say.
MORE: Mapping[str, Mapping[str, Any]] = {
    "CompletionCreateParamsBase": {
        "modalities": list[Literal["text"]] | None,
        "stream": bool | None,
    },
    # A reply may be sent back as it came.
    "ChatCompletionAssistantMessageParam": {"annotations": list[Any] | None},
}


def _exact(kind: Any) -> Any:
    """*kind*, one of the client's types, with the three additions."""
    inner = get_args(kind)
    match get_origin(kind):
        case None if is_typeddict(kind):
            return _object(kind)
        case origin if origin is Required:
            return Required[_exact(inner[0])]
        case origin if origin is Union:
            return _either(inner)
        case origin if origin in (Iterable, Sequence):
            return Annotated[list[_exact(inner[0])], Field(min_length=1)]  # type: ignore[misc]
    return kind


def _object(kind: Any) -> Any:
    """An object with these fields and no others."""
    hints = {**get_type_hints(kind, include_extras=True), **MORE.get(kind.__name__, {})}
    fields: dict[str, Any] = {}
    for name, hint in hints.items():
        limit = LIMITS.get(name) or LIMITS.get(f"{kind.__name__}.{name}")
        fields[name] = None if name in UNSUPPORTED else Annotated[_exact(hint), limit]
    made: Any = TypedDict(kind.__name__, fields, total=False)  # type: ignore[misc]
    return with_config(STRICT)(made)


def _either(kinds: Sequence[Any]) -> Any:
    """One of several; objects are told apart by a field that says what they are."""
    either = [_exact(kind) for kind in kinds if not is_typeddict(kind)]
    objects = [kind for kind in kinds if is_typeddict(kind) and _is_known(kind)]
    if len(objects) > 1:
        tag = next(name for name in KNOWN if name in get_type_hints(objects[0]))
        several: Any = Union[tuple(map(_exact, objects))]  # noqa: UP007 (of any length)
        either.append(Annotated[several, Field(discriminator=tag)])
    else:
        either += map(_exact, objects)
    return Union[tuple(either)]  # noqa: UP007


def _is_known(kind: Any) -> bool:
    """Whether what this object says it is is something that the model knows."""
    hints = get_type_hints(kind)
    return all(
        get_args(hints[tag])[0] in known for tag, known in KNOWN.items() if tag in hints
    )


REQUEST: TypeAdapter[Any] = TypeAdapter(_exact(CompletionCreateParamsBase))
