"""
The schema of a tool under the rules of strict mode.

Some providers promise that what the model sends keeps to the schema, if the schema
keeps to rules of theirs: every object is closed, and every property is required. What
may be left out is then said in another way, as a value that may be null.

Only the schema changes here. That a null means "left out" is known where arguments
are read (`parameters`).

Source: the OpenAI API, "Structured outputs", on supported schemas.
"""

from typing import Any

from agentstate_lab.errors import InvalidValue

Schema = dict[str, Any]

UNSAID = ("default", "discriminator")  # words that strict mode refuses
OPEN = ("patternProperties", "allOf", "not", "prefixItems")


def strict_schema(schema: Schema) -> Schema:
    """
    *schema* as strict mode takes it; the one that was given stays as it is.

    Raises:
        InvalidValue: It says what strict mode cannot say.

    >>> count = {"type": "integer", "default": 1}
    >>> taken = strict_schema({"type": "object", "properties": {"n": count}})
    >>> taken["required"], taken["properties"]["n"]
    (['n'], {'anyOf': [{'type': 'integer'}, {'type': 'null'}]})
    """
    return _strict(schema, "the parameters")


def _strict(schema: Schema, place: str) -> Schema:
    for word in OPEN:
        if word in schema:
            raise InvalidValue("strict", f"{place} cannot be said in it ({word})")
    new = {word: said for word, said in schema.items() if word not in UNSAID}
    for holder in ("properties", "$defs"):
        if holder in new:
            new[holder] = {n: _strict(s, n) for n, s in new[holder].items()}
    if isinstance(new.get("items"), dict):
        new["items"] = _strict(new["items"], place)
    if kinds := new.pop("oneOf", None) or new.get("anyOf"):
        new["anyOf"] = [_strict(one, place) for one in kinds]
    if new.get("type") == "object":
        return _closed(new, set(schema.get("required", ())), place)
    if not new.keys() & {"type", "anyOf", "$ref", "enum", "const"}:
        raise InvalidValue("strict", f"{place} has no type")
    return _alone(new)


def _closed(schema: Schema, required: set[str], place: str) -> Schema:
    """An object with all its properties required, and no others."""
    properties = schema.get("properties", {})
    if schema.get("additionalProperties", False) is not False:
        raise InvalidValue("strict", f"{place} may have any keys; name them in a model")
    shown = {n: s if n in required else _or_null(s) for n, s in properties.items()}
    closed = {"properties": shown, "required": list(shown)}
    return {**schema, **closed, "additionalProperties": False}


def _or_null(schema: Schema) -> Schema:
    """*schema*, or null; what is said about it is said about both."""
    about = {w: schema[w] for w in ("description",) if w in schema}
    alone = {w: said for w, said in schema.items() if w not in about}
    kinds = alone["anyOf"] if set(alone) == {"anyOf"} else [alone]
    null = {"type": "null"}
    return {"anyOf": [*kinds, *([] if null in kinds else [null])], **about}


def _alone(schema: Schema) -> Schema:
    """A reference stands alone in strict mode: what is said beside it goes around."""
    if "$ref" not in schema or len(schema) == 1:
        return schema
    about = {word: said for word, said in schema.items() if word != "$ref"}
    return {"anyOf": [{"$ref": schema["$ref"]}], **about}
