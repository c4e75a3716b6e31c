"""
A tool: what the model may call, and what the agent must know before it does.

To the model a tool is a name, a description and parameters. The agent needs more:
how risky a call is, whether a repeat does harm, and what a call is called in its
own records. That name comes from the intent ("deploy-api"), not from the id that
the model gave to the call, which is another one in every run.

Everything that comes from a model is checked here and never believed: a call may
name no tool, bring no JSON, or lack an id. Whatever is wrong becomes a sentence
that the model is told, since it can mend what it did.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .digest import fingerprint
from .errors import InvalidValue
from .idempotency import IfUnknown
from .step import Message

MAX_ARGUMENTS = 100_000  # characters; a larger wish is a mistake
MAX_SHOWN = 200

Run = Callable[[dict[str, Any], str, float], str]
StepName = Callable[[str, Mapping[str, Any]], str]


def named_by_intent(tool: str, arguments: Mapping[str, Any]) -> str:
    """
    The name of a step, when nobody has a better one: the tool and its arguments.

    >>> named_by_intent("deploy", {"service": "api"})
    'deploy-e464c14d'
    """
    return f"{tool}-{fingerprint(dict(arguments))[:8]}"


@dataclass(frozen=True, slots=True)
class Tool:
    """
    Something the model may call.

    Attributes:
        name: As the model calls it.

        description: What the model is told of it.

        parameters: The names of its parameters; all are texts, and all are needed.

        run: Does it. It gets the arguments, the idempotency key of the step, and the
            seconds that it may take, and returns what the model is told.

        risk_level: "read_only", "write_local" or "external_action".

        if_unknown: What to do when it may have run and nobody knows: "ask" when the
            receiver honours the key, "wait" for a person, "repeat" when that does no
            harm. A tool that only looks is repeated in any case.

        step_name: Names a call by its intent.
    """

    name: str
    description: str
    parameters: tuple[str, ...]
    run: Run = field(repr=False)
    risk_level: str = "read_only"
    if_unknown: IfUnknown = "wait"
    step_name: StepName = field(default=named_by_intent, repr=False)

    def schema(self) -> dict[str, Any]:
        """The tool as the chat API wants it described."""
        return {
            "type": "function",
            "function": {
                "name": self.name,
                "description": self.description,
                "parameters": {
                    "type": "object",
                    "properties": {
                        name: {"type": "string"} for name in self.parameters
                    },
                    "required": list(self.parameters),
                    "additionalProperties": False,
                },
            },
        }


@dataclass(frozen=True, slots=True)
class Call:
    """
    One tool call, checked.

    Attributes:
        id: The model's own, for the tool message.

        step: Its name in our records.

        tool: What is called.

        arguments: With what.
    """

    id: str
    step: str
    tool: Tool
    arguments: dict[str, Any]


def read_call(call: Mapping[str, Any], tools: Mapping[str, Tool]) -> Call:
    """
    The tool call that a model has sent.

    Raises:
        InvalidValue: It cannot be run; the text is for the model.
    """
    function = call.get("function")
    function = function if isinstance(function, Mapping) else {}
    name, given = function.get("name"), function.get("arguments")
    if not isinstance(name, str) or name not in tools:
        known = ", ".join(tools) or "none"
        raise InvalidValue(
            "tool", f"there is none called {name!r:.{MAX_SHOWN}}; there are {known}"
        )
    tool = tools[name]
    arguments = _arguments(tool, given)
    try:
        step = tool.step_name(name, arguments)
    except ValueError as error:
        raise InvalidValue("arguments", str(error)[:MAX_SHOWN]) from error
    return Call(str(call["id"]), step, tool, arguments)


def _arguments(tool: Tool, given: object) -> dict[str, Any]:
    """The arguments, which a model sends as JSON text."""
    try:
        if not isinstance(given, str) or len(given) > MAX_ARGUMENTS:
            raise ValueError("no text of a sensible length")
        found = json.loads(given)
    except (ValueError, RecursionError) as error:
        raise InvalidValue(
            "arguments", f"{tool.name} got no JSON ({error!s:.{MAX_SHOWN}})"
        ) from error
    texts = isinstance(found, dict) and all(isinstance(v, str) for v in found.values())
    if not texts or set(found) != set(tool.parameters):
        wanted = ", ".join(tool.parameters) or "nothing"
        raise InvalidValue(
            "arguments",
            f"{tool.name} takes {wanted}, as texts, and got {found!r:.{MAX_SHOWN}}",
        )
    return dict(found)


def with_ids(message: Message, turn: int) -> Message:
    """
    The model's message with an id for each of its calls, each id once.

    A call that cannot be answered by its id would spoil the whole conversation.
    """
    calls = message.get("tool_calls")
    if not calls:
        return {key: value for key, value in message.items() if key != "tool_calls"}
    if not isinstance(calls, Sequence):
        raise InvalidValue("reply", f"its tool calls are {calls!r:.{MAX_SHOWN}}")
    seen: set[str] = set()
    named = []
    for place, call in enumerate(calls, start=1):
        if not isinstance(call, Mapping):
            raise InvalidValue("reply", f"a tool call is {call!r:.{MAX_SHOWN}}")
        call_id = str(call.get("id") or f"call-{turn}-{place}")
        while call_id in seen:
            call_id = f"{call_id}-{place}"
        seen.add(call_id)
        named.append({"id": call_id, "type": "function", "function": _function(call)})
    return {**message, "tool_calls": named}


def _function(call: Mapping[str, Any]) -> dict[str, str]:
    """What is called, in the form in which the API takes it back."""
    function = call.get("function")
    found = function if isinstance(function, Mapping) else {}
    return {
        "name": str(found.get("name") or "unnamed"),
        "arguments": str(found.get("arguments") or "{}"),
    }
