"""
What a conversation must be: known roles, and every tool call answered once.

The real API refuses a tool call that was never answered and an answer to a call
that was never made. An agent that resumes from half a conversation finds that out,
and so it should here: this is the first thing that breaks after a crash.

This module checks messages; it does not look at the rest of the request.
"""

from collections.abc import Mapping
from typing import Any

from ..refusal import Refusal, shown
from .fields import Fields, bad, check_object, check_type, empty_array, required

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


def check_message(message: Any, where: str) -> None:
    """One message by itself."""
    check_type(message, (dict,), where)
    role = required(message, "role", f"{where}.role")
    if not isinstance(role, str) or role not in ROLES:
        supported = ", ".join(repr(name) for name in ROLES)
        raise bad(
            f"Invalid value: {shown(str(role))}. Supported values are: {supported}.",
            f"{where}.role",
        )
    check_object(message, where, ("role", *ROLES[role]))
    if "name" in message:
        check_type(message["name"], (str,), f"{where}.name")
    if role == "tool":
        call = required(message, "tool_call_id", f"{where}.tool_call_id")
        check_type(call, (str,), f"{where}.tool_call_id")
    if role == "assistant":
        _check_assistant(message, where)
    if role != "assistant" or message.get("content") is not None:
        _check_content(required(message, "content", f"{where}.content"), where)


def _check_content(content: Any, where: str) -> None:
    """Text, or a list of parts that are text."""
    where = f"{where}.content"
    check_type(content, (str, list), where)
    if isinstance(content, str):
        return
    if not content:
        raise empty_array(where)
    for index, part in enumerate(content):
        at = f"{where}[{index}]"
        check_type(part, (dict,), at)
        if required(part, "type", f"{at}.type") != "text":
            raise bad(f"Invalid value for '{at}.type': supported is 'text'.", at)
        check_type(required(part, "text", f"{at}.text"), (str,), f"{at}.text")


def _check_assistant(message: Fields, where: str) -> None:
    """What the model itself once said: text, calls of tools, or both."""
    for name in ("audio", "function_call"):
        if message.get(name) is not None:
            raise bad(
                f"Unsupported parameter: '{where}.{name}'.",
                f"{where}.{name}",
                "unsupported_parameter",
            )
    for name, kind in (("refusal", str), ("annotations", list)):
        check_type(message.get(name), (kind, type(None)), f"{where}.{name}")
    calls = message.get("tool_calls")
    if "tool_calls" in message:
        check_type(calls, (list,), f"{where}.tool_calls")
        if not calls:
            raise empty_array(f"{where}.tool_calls")
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
    check_object(call, where, ("id", "type", "function"))
    check_type(required(call, "id", f"{where}.id"), (str,), f"{where}.id")
    if required(call, "type", f"{where}.type") != "function":
        raise bad(
            f"Invalid value for '{where}.type': supported is 'function'.",
            f"{where}.type",
        )
    function = required(call, "function", f"{where}.function")
    check_object(function, f"{where}.function", ("name", "arguments"))
    for name in ("name", "arguments"):
        at = f"{where}.function.{name}"
        check_type(required(function, name, at), (str,), at)


def check_pairing(messages: list[Fields]) -> None:
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
