"""
The form that a model fills in when it calls a tool: one field for each parameter.

A form is a pydantic model, made of the names and types of a function's parameters.
It says what it looks like (`schema`), and reads what was sent: either as JSON in one
spelling (`read`), or as the values that the function wants (`values`).

What is wrong is said for whoever filled it in: field by field, with what was there
and what is wanted. A null that a field does not want is a field left out: some models
fill in every field, and some providers make them.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    create_model,
)
from pydantic.errors import PydanticUserError
from pydantic.json_schema import GenerateJsonSchema

from agentstate_lab.errors import InvalidValue

MAX_WRONG = 5  # mistakes that the model is told of at once
MAX_SHOWN = 80  # characters of a wrong value


class Form:
    """
    What a model has to fill in.

    Args:
        given: The type of each parameter.

        optional: Those that may be left out. They stay out: the default is the
            function's.

    Raises:
        InvalidValue: A type is none that JSON can fill.
    """

    def __init__(
        self, given: Mapping[str, Any], optional: Collection[str] = ()
    ) -> None:
        fields: dict[str, Any] = {}
        # Numbered, since a parameter may be called like a method of a model.
        for number, (name, kind) in enumerate(given.items()):
            default = None if name in optional else ...
            fields[f"p{number}"] = (kind, Field(default, alias=name))
        config = ConfigDict(extra="forbid", allow_inf_nan=False)
        self._names = list(given)
        self._model: type[BaseModel]
        try:
            self._model = create_model("Arguments", __config__=config, **fields)
        except (PydanticUserError, TypeError, NameError) as error:
            raise _impossible(error) from error

    def schema(
        self, words: Mapping[str, str], defaults: Mapping[str, Any]
    ) -> dict[str, Any]:
        """
        The form as JSON Schema.

        Args:
            words: What a parameter is, where its type does not say so.

            defaults: What a parameter is when it is left out.
        """
        try:
            schema: dict[str, Any] = self._model.model_json_schema(
                schema_generator=_Untitled
            )
        except PydanticUserError as error:
            raise _impossible(error) from error
        schema.pop("title", None)
        for name, shape in schema.setdefault("properties", {}).items():
            if shape.get("format") == "password":
                why = f"parameter {name} is a secret: what a model sends is stored"
                raise InvalidValue("tool", why)
            if name in words:
                shape.setdefault("description", words[name])
            shape.pop("default", None)
            if defaults.get(name) is not None and _is_json(defaults[name]):
                shape["default"] = defaults[name]
        return schema

    def read(self, arguments: Mapping[str, Any]) -> dict[str, JsonValue]:
        """
        What was filled in, as JSON in one spelling.

        Raises:
            InvalidValue: It says what is wrong with which field.
        """
        filled = self._filled(arguments)
        dumped = filled.model_dump(mode="json", by_alias=True, exclude_unset=True)
        try:
            found: dict[str, JsonValue] = json.loads(
                json.dumps(dumped, allow_nan=False)
            )
        except (TypeError, ValueError) as error:
            why = f"cannot be written as JSON: {error}"
            raise InvalidValue("arguments", why) from error
        return found

    def values(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """What was filled in, as the values that the types say, by parameter."""
        filled = self._filled(arguments)
        fields = zip(type(filled).model_fields, self._names, strict=True)
        there = filled.model_fields_set
        return {name: getattr(filled, one) for one, name in fields if one in there}

    def _filled(self, arguments: Mapping[str, Any]) -> BaseModel:
        try:
            return self._model.model_validate_json(_text(arguments))
        except ValidationError as first:
            error, fewer = first, _without_nulls(arguments, first)
        try:
            if fewer != arguments:
                return self._model.model_validate_json(_text(fewer))
        except ValidationError as second:
            error = second
        raise InvalidValue("arguments", _wrong(error, self._names)) from error


class _Untitled(GenerateJsonSchema):
    """A title that repeats the name says nothing to a model."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Never."""
        return False


def _text(arguments: Mapping[str, Any]) -> bytes:
    """As JSON text: there a date is a text, which among values it is not."""
    return json.dumps(arguments, ensure_ascii=False).encode()


def _without_nulls(arguments: Mapping[str, Any], error: ValidationError) -> Any:
    """The arguments without each null that *error* complains about."""
    fewer = json.loads(json.dumps(arguments))
    for one in error.errors(include_url=False, include_context=False):
        if one["input"] is None:
            *path, last = one["loc"]
            holder = fewer
            for part in path:
                inside = isinstance(holder, dict) and part in holder
                inside |= isinstance(holder, list) and isinstance(part, int)
                holder = holder[part] if inside else None
            if isinstance(holder, dict):
                holder.pop(last, None)
    return fewer


def _wrong(error: ValidationError, known: Iterable[str]) -> str:
    """What is wrong, field by field: its name, what it got, what is wanted."""
    found = error.errors(include_url=False, include_context=False)
    said = [_mistake(one, known) for one in found[:MAX_WRONG]]
    more = len(found) - len(said)
    return "; ".join(said) + (f"; and {more} more" if more else "")


def _mistake(one: Any, known: Iterable[str]) -> str:
    place = ".".join(map(str, one["loc"]))[:MAX_SHOWN] or "all of it"
    if one["type"] == "missing":
        return f"{place} is missing"
    if one["type"] == "extra_forbidden":
        there = (
            f"; there are {', '.join(known) or 'none'}" if len(one["loc"]) < 2 else ""
        )
        return f"{place} is no parameter{there}"
    wanted = one["msg"].replace("Input should be", "must be")
    return f"{place} {wanted}, and got {one['input']!r:.{MAX_SHOWN}}"


def _is_json(value: Any) -> bool:
    """Whether a default can be shown to a model as it is."""
    try:
        return bool(json.loads(json.dumps(value, allow_nan=False)) == value)
    except (TypeError, ValueError, RecursionError):
        return False


def _impossible(error: Exception) -> InvalidValue:
    """What to raise when *error* says that no form can be made."""
    why = str(error).splitlines()[0]
    return InvalidValue("tool", f"a parameter cannot be filled by a model: {why}")
