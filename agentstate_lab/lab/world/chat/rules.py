"""
What a chat request must look like: as strict as the real API, in its words.

A scripted model that takes anything teaches bad habits: the field that was spelt
wrong, the missing model, the tool with half a schema would all be found out on the
day the course is over.

This module checks; it does not answer. What a language model could do and a script
cannot (sound, pictures, several choices) is refused by name.
"""

import math
import re
from collections.abc import Mapping
from typing import Any

from ..refusal import Refusal, shown
from .fields import Fields, bad, check_object, check_type, empty_array, required
from .messages import check_message, check_pairing

# The type of every field of the request, and whether null may stand for "not set".
FIELDS: Mapping[str, tuple[type, ...]] = {
    "frequency_penalty": (float, int, type(None)),
    "logit_bias": (dict, type(None)),
    "logprobs": (bool, type(None)),
    "max_completion_tokens": (int, type(None)),
    "max_tokens": (int, type(None)),
    "messages": (list,),
    "metadata": (dict, type(None)),
    "modalities": (list, type(None)),
    "model": (str,),
    "n": (int, type(None)),
    "parallel_tool_calls": (bool,),
    "presence_penalty": (float, int, type(None)),
    "prompt_cache_key": (str, type(None)),
    "prompt_cache_options": (dict,),
    "prompt_cache_retention": (str, type(None)),
    "reasoning_effort": (str, type(None)),
    "response_format": (dict,),
    "safety_identifier": (str, type(None)),
    "seed": (int, type(None)),
    "service_tier": (str, type(None)),
    "stop": (str, list, type(None)),
    "store": (bool, type(None)),
    "stream": (bool, type(None)),
    "stream_options": (dict, type(None)),
    "temperature": (float, int, type(None)),
    "tool_choice": (str, dict),
    "tools": (list,),
    "top_logprobs": (int, type(None)),
    "top_p": (float, int, type(None)),
    "user": (str,),
    "verbosity": (str, type(None)),
}

RANGES: Mapping[str, tuple[float, float]] = {
    "frequency_penalty": (-2, 2),
    "max_completion_tokens": (1, 2**31),
    "max_tokens": (1, 2**31),
    "presence_penalty": (-2, 2),
    "temperature": (0, 2),
    "top_logprobs": (0, 20),
    "top_p": (0, 1),
}

UNSUPPORTED = (
    "audio",
    "function_call",
    "functions",
    "moderation",
    "prediction",
    "web_search_options",
)

MODEL = "scripted"
SMALL_MODEL = "scripted-small"
PARALLEL_MODEL = "scripted-parallel"

# The models there are, each with the tokens that a request to it may have. The
# first takes whatever the world takes; the second is there to be asked for too much.
# The third calls several tools in one turn, as large models do.
WINDOWS: Mapping[str, float] = {
    MODEL: math.inf,
    SMALL_MODEL: 4_096,
    PARALLEL_MODEL: math.inf,
}

MAX_TOOLS = 128
_FUNCTION_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def check_request(body: Fields) -> None:
    """
    Refuse *body* unless the real API would take it.

    Raises:
        Refusal: 400, or 404 for an unknown model, naming the field.
    """
    _check_fields(body)
    _check_model(body)
    _check_values(body)
    _check_tools(body)
    messages = required(body, "messages", "messages")
    if not messages:
        raise empty_array("messages")
    for index, message in enumerate(messages):
        check_message(message, f"messages[{index}]")
    check_pairing(messages)


def check_window(model: str, messages: int, tools: int) -> None:
    """
    Refuse a request that is longer than the context of *model*.

    Args:
        model: One of `WINDOWS`.

        messages: The tokens of the messages.

        tools: The tokens of the tools on offer, which the model reads, too.

    Raises:
        Refusal: 400, with the numbers.
    """
    window, found = WINDOWS[model], messages + tools
    if found > window:
        raise bad(
            f"This model's maximum context length is {window} tokens. However, your"
            f" messages resulted in {found} tokens ({messages} in the messages,"
            f" {tools} in the functions). Please reduce the length of the messages or"
            " functions.",
            "messages",
            "context_length_exceeded",
        )


def _check_fields(body: Fields) -> None:
    """Every field is known, supported and of its type."""
    for name, value in body.items():
        if name in UNSUPPORTED and value is not None:
            raise bad(
                f"Unsupported parameter: '{name}' is not supported with this model.",
                name,
                "unsupported_parameter",
            )
        if name not in FIELDS and name not in UNSUPPORTED:
            raise bad(
                f"Unknown parameter: {shown(name)}.", name[:100], "unknown_parameter"
            )
        if name in FIELDS:
            check_type(value, FIELDS[name], name)


def _check_model(body: Fields) -> None:
    """The model is named, and it is the one there is."""
    if "model" not in body or not body["model"]:
        raise bad("you must provide a model parameter", "model", "missing_model")
    if body["model"] not in WINDOWS:
        known = " and ".join(map(repr, WINDOWS))
        raise Refusal(
            404,
            f"The model {shown(body['model'])} does not exist or you do not have"
            f" access to it: this world has {known}.",
            param="model",
            code="model_not_found",
        )


def _check_values(body: Fields) -> None:
    """Numbers are in range, and nothing is asked that a script cannot do."""
    for name, (least, most) in RANGES.items():
        value = body.get(name)
        if value is not None and not least <= value <= most:
            raise bad(
                f"Invalid '{name}': expected a number from {least:g} to {most:g}.",
                name,
                "number_out_of_range",
            )
    if body.get("n") not in (None, 1):
        raise bad("Invalid 'n': this model makes 1 choice.", "n")
    if body.get("modalities") not in (None, ["text"]):
        raise bad("Invalid 'modalities': this model only writes text.", "modalities")
    if body.get("response_format", {"type": "text"}) != {"type": "text"}:
        raise bad(
            "Invalid 'response_format': this model only writes text.",
            "response_format",
        )
    if body.get("stream_options") is not None:
        _check_stream_options(body)


def _check_stream_options(body: Fields) -> None:
    """Options of a stream, and only of a stream."""
    if not body.get("stream"):
        raise bad(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
            "stream_options",
        )
    options = body["stream_options"]
    for name, value in options.items():
        if name not in ("include_usage", "include_obfuscation"):
            where = f"stream_options.{name[:100]}"
            raise bad(f"Unknown parameter: {shown(where)}.", where, "unknown_parameter")
        check_type(value, (bool,), f"stream_options.{name}")


def _check_tools(body: Fields) -> None:
    """Tools have the shape of tools, and only tools can be chosen."""
    if "tools" not in body:
        for name in ("tool_choice", "parallel_tool_calls"):
            if name in body:
                raise bad(
                    f"Invalid value for '{name}': '{name}' is only allowed when"
                    " 'tools' are specified.",
                    name,
                )
        return
    tools = body["tools"]
    if not tools:
        raise empty_array("tools")
    if len(tools) > MAX_TOOLS:
        raise bad(f"Invalid 'tools': at most {MAX_TOOLS} are allowed.", "tools")
    names = [_check_tool(tool, f"tools[{i}]") for i, tool in enumerate(tools)]
    if "tool_choice" in body:
        _check_choice(body["tool_choice"], names)


def _check_tool(tool: Any, where: str) -> str:
    """One tool; returns its name."""
    check_object(tool, where, ("type", "function"))
    if required(tool, "type", f"{where}.type") != "function":
        raise bad(
            f"Invalid value for '{where}.type': supported is 'function'.",
            f"{where}.type",
        )
    function = required(tool, "function", f"{where}.function")
    where = f"{where}.function"
    check_object(function, where, ("name", "description", "parameters", "strict"))
    name = required(function, "name", f"{where}.name")
    check_type(name, (str,), f"{where}.name")
    if not _FUNCTION_NAME.fullmatch(name):
        raise bad(
            f"Invalid '{where}.name': string does not match pattern. Expected a"
            " string that matches the pattern '^[a-zA-Z0-9_-]{1,64}$'.",
            f"{where}.name",
        )
    if "description" in function:
        check_type(function["description"], (str,), f"{where}.description")
    if "strict" in function:
        check_type(function["strict"], (bool, type(None)), f"{where}.strict")
    if "parameters" in function:
        _check_schema(function["parameters"], name, f"{where}.parameters")
    return str(name)


def _check_schema(schema: Any, name: str, where: str) -> None:
    """The parameters of a function are a JSON schema of an object."""
    check_type(schema, (dict,), where)
    if schema and schema.get("type") != "object":
        raise bad(
            f"Invalid schema for function '{name}': schema must be a JSON Schema of"
            f" 'type: \"object\"', got 'type: {shown(str(schema.get('type')))}'.",
            where,
            "invalid_function_parameters",
        )
    properties = schema.get("properties", {})
    check_type(properties, (dict,), f"{where}.properties")
    required = schema.get("required", [])
    check_type(required, (list,), f"{where}.required")
    for item in required:
        check_type(item, (str,), f"{where}.required")


def _check_choice(choice: Any, names: list[str]) -> None:
    """The choice is a word, or one of the tools."""
    if isinstance(choice, str):
        if choice not in ("none", "auto", "required"):
            raise bad(
                f"Invalid value: {shown(choice)}. Supported values are: 'none',"
                " 'auto', and 'required'.",
                "tool_choice",
            )
        return
    function = choice.get("function")
    name = function.get("name") if isinstance(function, dict) else None
    if choice.get("type") != "function" or name not in names:
        raise bad(
            "Tool choice must name one of the functions in 'tools'.", "tool_choice"
        )
