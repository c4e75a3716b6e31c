"""
A tool: what the model may call, and what the agent must know before it does.

To the model a tool is a name, a description and parameters. The agent needs more:
how risky a call is, whether a repeat does harm, and what a call is called in its
own records. That name comes from the intent ("deploy-api"), not from the id that
the model gave to the call, which is another one in every run.

What a model asks for is checked here and never believed: a call may name no tool, or
bring no JSON. Whatever is wrong becomes a sentence that the model is told, since it
can mend what it did.

What it cannot do: know what a tool does. That the risk level fits, and that the
receiver honours the key, is the word of whoever describes the tool.
"""

import inspect
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from agentstate_lab.errors import InvalidValue
from agentstate_lab.idempotency import IfUnknown
from agentstate_lab.state import RiskLevel, clean, fingerprint

MAX_ARGUMENTS = 100_000  # characters; a larger wish is a mistake
MAX_SHOWN = 200
MAX_STEP = 180  # characters of a step's name: facts about it have longer keys

Run = Callable[[dict[str, Any], str, float], str]
StepName = Callable[[str, Mapping[str, Any]], str]

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


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
            seconds that it may take, and returns what the model is told. It is called
            in a thread of its own, which is given up when those seconds are over.

        risk_level: "read_only", "write_local" or "external_action"; the last, when
            nobody has thought about it.

        if_unknown: What to do when it may have run and nobody knows: "ask" when the
            receiver honours the key, "wait" for a person, "repeat" when that does no
            harm. A tool that only looks is repeated in any case.

        step_name: Names a call by its intent. Calls that differ need names that do.

    Raises:
        InvalidValue: A name that the chat API refuses, or a word that is none.
    """

    name: str
    description: str
    parameters: tuple[str, ...]
    run: Run = field(repr=False)
    risk_level: str = RiskLevel.EXTERNAL_ACTION
    if_unknown: IfUnknown = "wait"
    step_name: StepName = field(default=named_by_intent, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise InvalidValue(
                "tool", f"{self.name!r:.80} is no name: use letters, digits, - and _"
            )
        choices = {
            "risk_level": tuple(map(str, RiskLevel)),
            "if_unknown": get_args(IfUnknown),
        }
        for name, allowed in choices.items():
            if (chosen := getattr(self, name)) not in allowed:
                known = ", ".join(allowed)
                raise InvalidValue(name, f"{chosen!r:.80} is none of {known}")

    @property
    def only_looks(self) -> bool:
        """Whether it changes nothing, so that a repeat does no harm."""
        return self.risk_level == RiskLevel.READ_ONLY

    def schema(self) -> dict[str, Any]:
        """The tool as the chat API wants it described."""
        return schema_of(self.name, self.description, self.parameters)


def schema_of(
    name: str, description: str, parameters: tuple[str, ...]
) -> dict[str, Any]:
    """
    A function as the chat API wants it described.

    Args:
        name: As the model calls it.

        description: What the model is told of it.

        parameters: The names of its parameters; all are texts, and all are needed.
    """
    takes = {
        "type": "object",
        "properties": {parameter: {"type": "string"} for parameter in parameters},
        "required": list(parameters),
        "additionalProperties": False,
    }
    described = {"name": name, "description": description, "parameters": takes}
    return {"type": "function", "function": described}


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
    except Exception as error:
        why = str(error) or type(error).__name__
        raise InvalidValue("arguments", why[:MAX_SHOWN]) from error
    if not _is_name(step):
        raise InvalidValue(
            "step_name",
            f"{name} got {step!r:.80}; it must be a text of up to {MAX_STEP} printable"
            " characters",
        )
    return Call(str(call["id"]), step, tool, arguments)


def run_tool(call: Call, key: str, seconds: float) -> str:
    """
    Run the tool of *call*, and return what the model is told.

    Args:
        call: What is called, and with what.

        key: The idempotency key of the step.

        seconds: What it may take.

    Raises:
        Exception: Whatever the tool raised.
        InvalidValue: The tool is async: it has not even begun.
    """
    said: object = call.tool.run(dict(call.arguments), key, seconds)
    if inspect.iscoroutine(said):
        said.close()
        raise InvalidValue("tool", f"{call.tool.name} is async: pass what waits for it")
    text = said if isinstance(said, str) else json.dumps(said, default=str)
    return clean(text)  # else no store could keep it


def _is_name(step: object) -> bool:
    """Whether a step can be recorded under this name."""
    text = step if isinstance(step, str) else ""
    return 0 < len(text) <= MAX_STEP and text == text.strip() and text.isprintable()


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
