"""
What a chat request must look like: as strict as the real API, in its words.

A scripted model that takes anything teaches bad habits. The real API refuses a
field it does not know, a tool call that was never answered and an answer to a call
that was never made, and an agent that resumes from half a conversation finds that
out. So does an agent here.

This module checks; it does not answer. What a language model could do and a script
cannot (sound, pictures, several choices) is refused by name.
"""

import re
from collections.abc import Mapping
from typing import Any

from .wire import Refusal, shown

NAMES = {
    bool: "a boolean",
    dict: "an object",
    float: "a decimal",
    int: "an integer",
    list: "an array",
    str: "a string",
    type(None): "null",
}

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

# What a message of each role may hold besides its role.
ROLES: Mapping[str, tuple[str, ...]] = {
    "system": ("content", "name"),
    "developer": ("content", "name"),
    "user": ("content", "name"),
    "assistant": (
        "content",
        "name",
        "refusal",
        "tool_calls",
        "annotations",
        "audio",
        "function_call",
    ),
    "tool": ("content", "tool_call_id"),
}

MODEL = "scripted"
MAX_TOOLS = 128
_FUNCTION_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")

Fields = Mapping[str, Any]


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
    messages = _required(body, "messages", "messages")
    if not messages:
        raise _empty_array("messages")
    for index, message in enumerate(messages):
        _check_message(message, f"messages[{index}]")
    _check_pairing(messages)


def bad(
    message: str, param: str | None = None, code: str | None = "invalid_value"
) -> Refusal:
    """A 400 about one field."""
    return Refusal(400, message, param=param, code=code)


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
            _check_type(value, FIELDS[name], name)


def _check_model(body: Fields) -> None:
    """The model is named, and it is the one there is."""
    if "model" not in body or not body["model"]:
        raise bad("you must provide a model parameter", "model", "missing_model")
    if body["model"] != MODEL:
        raise Refusal(
            404,
            f"The model {shown(body['model'])} does not exist or you do not have"
            f" access to it: this world has {MODEL!r}.",
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
        _check_type(value, (bool,), f"stream_options.{name}")


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
        raise _empty_array("tools")
    if len(tools) > MAX_TOOLS:
        raise bad(f"Invalid 'tools': at most {MAX_TOOLS} are allowed.", "tools")
    names = [_check_tool(tool, f"tools[{i}]") for i, tool in enumerate(tools)]
    if "tool_choice" in body:
        _check_choice(body["tool_choice"], names)


def _check_tool(tool: Any, where: str) -> str:
    """One tool; returns its name."""
    _check_object(tool, where, ("type", "function"))
    if _required(tool, "type", f"{where}.type") != "function":
        raise bad(
            f"Invalid value for '{where}.type': supported is 'function'.",
            f"{where}.type",
        )
    function = _required(tool, "function", f"{where}.function")
    where = f"{where}.function"
    _check_object(function, where, ("name", "description", "parameters", "strict"))
    name = _required(function, "name", f"{where}.name")
    _check_type(name, (str,), f"{where}.name")
    if not _FUNCTION_NAME.fullmatch(name):
        raise bad(
            f"Invalid '{where}.name': string does not match pattern. Expected a"
            " string that matches the pattern '^[a-zA-Z0-9_-]{1,64}$'.",
            f"{where}.name",
        )
    if "description" in function:
        _check_type(function["description"], (str,), f"{where}.description")
    if "strict" in function:
        _check_type(function["strict"], (bool, type(None)), f"{where}.strict")
    if "parameters" in function:
        _check_schema(function["parameters"], name, f"{where}.parameters")
    return str(name)


def _check_schema(schema: Any, name: str, where: str) -> None:
    """The parameters of a function are a JSON schema of an object."""
    _check_type(schema, (dict,), where)
    if schema and schema.get("type") != "object":
        raise bad(
            f"Invalid schema for function '{name}': schema must be a JSON Schema of"
            f" 'type: \"object\"', got 'type: {shown(str(schema.get('type')))}'.",
            where,
            "invalid_function_parameters",
        )
    properties = schema.get("properties", {})
    _check_type(properties, (dict,), f"{where}.properties")
    required = schema.get("required", [])
    _check_type(required, (list,), f"{where}.required")
    for item in required:
        _check_type(item, (str,), f"{where}.required")


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


def _check_message(message: Any, where: str) -> None:
    """One message by itself."""
    _check_type(message, (dict,), where)
    role = _required(message, "role", f"{where}.role")
    if not isinstance(role, str) or role not in ROLES:
        supported = ", ".join(repr(name) for name in ROLES)
        raise bad(
            f"Invalid value: {shown(str(role))}. Supported values are: {supported}.",
            f"{where}.role",
        )
    _check_object(message, where, ("role", *ROLES[role]))
    if "name" in message:
        _check_type(message["name"], (str,), f"{where}.name")
    if role == "tool":
        call = _required(message, "tool_call_id", f"{where}.tool_call_id")
        _check_type(call, (str,), f"{where}.tool_call_id")
    if role == "assistant":
        _check_assistant(message, where)
    if role != "assistant" or message.get("content") is not None:
        _check_content(_required(message, "content", f"{where}.content"), where)


def _check_content(content: Any, where: str) -> None:
    """Text, or a list of parts that are text."""
    where = f"{where}.content"
    _check_type(content, (str, list), where)
    if isinstance(content, str):
        return
    if not content:
        raise _empty_array(where)
    for index, part in enumerate(content):
        at = f"{where}[{index}]"
        _check_type(part, (dict,), at)
        if _required(part, "type", f"{at}.type") != "text":
            raise bad(f"Invalid value for '{at}.type': supported is 'text'.", at)
        _check_type(_required(part, "text", f"{at}.text"), (str,), f"{at}.text")


def _check_assistant(message: Fields, where: str) -> None:
    """What the model itself once said: text, calls of tools, or both."""
    for name in ("audio", "function_call"):
        if message.get(name) is not None:
            raise bad(
                f"Unsupported parameter: '{where}.{name}'.",
                f"{where}.{name}",
                "unsupported_parameter",
            )
    calls = message.get("tool_calls")
    if "tool_calls" in message:
        _check_type(calls, (list,), f"{where}.tool_calls")
        if not calls:
            raise _empty_array(f"{where}.tool_calls")
        for index, call in enumerate(message["tool_calls"]):
            _check_call(call, f"{where}.tool_calls[{index}]")
    if not calls and message.get("content") is None and not message.get("refusal"):
        raise bad(
            "Invalid value for 'content': expected a string, got null.",
            f"{where}.content",
            "invalid_type",
        )


def _check_call(call: Any, where: str) -> None:
    """One call of a tool, as the model made it."""
    _check_object(call, where, ("id", "type", "function"))
    _check_type(_required(call, "id", f"{where}.id"), (str,), f"{where}.id")
    if _required(call, "type", f"{where}.type") != "function":
        raise bad(
            f"Invalid value for '{where}.type': supported is 'function'.",
            f"{where}.type",
        )
    function = _required(call, "function", f"{where}.function")
    _check_object(function, f"{where}.function", ("name", "arguments"))
    for name in ("name", "arguments"):
        at = f"{where}.function.{name}"
        _check_type(_required(function, name, at), (str,), at)


def _check_pairing(messages: list[Fields]) -> None:
    """
    Every call is answered once, before anything else is said.
    """
    waiting: list[str] = []
    answered: set[str] = set()
    for index, message in enumerate(messages):
        where = f"messages.[{index}].role"
        if message["role"] == "tool":
            call = message["tool_call_id"]
            if call not in waiting:
                raise _orphan(call, call in answered, where)
            waiting.remove(call)
            answered.add(call)
            continue
        if waiting:
            raise _unanswered(waiting, where)
        answered.clear()
        waiting = [call["id"] for call in message.get("tool_calls", [])]
        if len(set(waiting)) < len(waiting):
            raise bad("Duplicate 'id' in 'tool_calls': each call needs its own.", where)
    if waiting:
        raise _unanswered(waiting, f"messages.[{len(messages)}].role")


def _unanswered(calls: list[str], where: str) -> Refusal:
    names = ", ".join(shown(call)[1:-1] for call in calls[:10])
    return bad(
        "An assistant message with 'tool_calls' must be followed by tool messages"
        " responding to each 'tool_call_id'. The following tool_call_ids did not have"
        f" response messages: {names}",
        where,
        None,
    )


def _orphan(call: str, twice: bool, where: str) -> Refusal:
    if twice:
        return bad(
            f"Invalid parameter: {shown(call)} already has its response message.",
            where,
            None,
        )
    return bad(
        "Invalid parameter: messages with role 'tool' must be a response to a"
        f" preceeding message with 'tool_calls'; {shown(call)} answers none.",
        where,
        None,
    )


def _required(value: Fields, name: str, where: str) -> Any:
    """The field *name*, which must be there."""
    if name not in value:
        raise bad(
            f"Missing required parameter: '{where}'.",
            where,
            "missing_required_parameter",
        )
    return value[name]


def _check_object(value: Any, where: str, names: tuple[str, ...]) -> None:
    """*value* is an object with no other fields than *names*."""
    _check_type(value, (dict,), where)
    for name in value:
        if name not in names:
            at = f"{where}.{name[:100]}"
            raise bad(f"Unknown parameter: {shown(at)}.", at, "unknown_parameter")


def _check_type(value: Any, types: tuple[type, ...], where: str) -> None:
    """*value* is of one of *types*; True is not a number."""
    if type(value) not in types:
        wanted = " or ".join(NAMES[kind] for kind in types if kind is not type(None))
        raise bad(
            f"Invalid type for '{where}': expected {wanted}, but got"
            f" {NAMES[type(value)]} instead.",
            where,
            "invalid_type",
        )


def _empty_array(where: str) -> Refusal:
    return bad(
        f"Invalid '{where}': empty array. Expected an array with minimum length 1,"
        " but got an empty array instead.",
        where,
        "empty_array",
    )
