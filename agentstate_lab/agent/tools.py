"""
A tool: what the model may call, and what the agent must know before it does.

    @tool(risk_level="external_action", if_unknown="resend")
    def deploy(service: str, replicas: int = 1, *, key: IdempotencyKey) -> str:
        ...

To the model a tool is a name, a description and parameters, and a function has all
three (`parameters`). The agent needs more: how risky a call is, whether a repeat does
harm, and what a call is called in its own records. That name comes from the intent
("deploy-api"), not from the id that the model gave to the call, which is another one
in every run.

What it cannot do: know what a tool does. That the risk level fits, and that the
receiver honours the key, is the word of whoever describes the tool.
"""

import inspect
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args, overload

from agentstate_lab.errors import InvalidValue
from agentstate_lab.idempotency import IfUnknown
from agentstate_lab.state import RiskLevel, fingerprint

from .docstring import described
from .parameters import Parameters, signature_of

MAX_ARGUMENTS = 100_000  # characters; a larger wish is a mistake
MAX_SHOWN = 200

Run = Callable[[dict[str, Any], str, float], Any]
StepName = Callable[[str, Mapping[str, Any]], str]

TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")  # what the chat API takes


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
    Something the model may call; `tool` makes one from a function.

    Attributes:
        name: As the model calls it.

        description: What the model is told of it.

        parameters: What it takes.

        run: Does it. It gets the arguments, the idempotency key of the step, and the
            seconds that it may take, and returns what the model is told. It is called
            in a thread of its own, which is given up when those seconds are over.
            What it returns may have to be awaited; then it is cancelled instead.

        risk_level: "read_only", "write_local" or "external_action"; the last, when
            nobody has thought about it.

        if_unknown: What to do when it may have run and nobody knows: "resend" when the
            receiver honours the key, "wait" for a person, "repeat" when that does no
            harm. A tool that only looks is repeated in any case.

        step_name: Names a call by its intent. Calls that differ need names that do.

    Raises:
        InvalidValue: A name that the chat API refuses, or a word that is none.
    """

    name: str
    description: str
    parameters: Parameters = field(repr=False)
    run: Run = field(repr=False)
    risk_level: str = RiskLevel.EXTERNAL_ACTION
    if_unknown: IfUnknown = "wait"
    step_name: StepName = field(default=named_by_intent, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not TOOL_NAME.fullmatch(self.name):
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
        function = {
            "name": self.name,
            "description": self.description,
            "parameters": self.parameters.schema,
        }
        strict = {"strict": True} if self.parameters.strict else {}
        return {"type": "function", "function": {**function, **strict}}

    def read(self, given: object) -> dict[str, Any]:
        """
        The arguments of a call in one spelling, from what the model has sent.

        Raises:
            InvalidValue: They are not what the tool takes; the text is for the model.
        """
        try:
            return self.parameters.read(_parsed(given))
        except InvalidValue as error:
            why = error.why
        except Exception as error:  # noqa: BLE001 - a validator may raise anything
            why = (str(error) or type(error).__name__)[:MAX_SHOWN]
        raise InvalidValue("arguments", f"{self.name}: {why}")


@overload
def tool(
    fn: Callable[..., Any],
    /,
    *,
    name: str | None = ...,
    description: str | None = ...,
    risk_level: str = ...,
    if_unknown: IfUnknown = ...,
    step_name: StepName = ...,
    strict: bool = ...,
) -> Tool: ...


@overload
def tool(
    *,
    name: str | None = ...,
    description: str | None = ...,
    risk_level: str = ...,
    if_unknown: IfUnknown = ...,
    step_name: StepName = ...,
    strict: bool = ...,
) -> Callable[[Callable[..., Any]], Tool]: ...


def tool(
    fn: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    risk_level: str = RiskLevel.EXTERNAL_ACTION,
    if_unknown: IfUnknown = "wait",
    step_name: StepName = named_by_intent,
    strict: bool = False,
) -> Tool | Callable[[Callable[..., Any]], Tool]:
    """
    Make a tool of a function, also of an `async def`; alone, or as a decorator.

    The schema comes from the type hints: numbers, booleans, choices, lists, pydantic
    models, whatever JSON can fill. Its words come from the docstring and from
    `Annotated[..., Field(description=...)]`. What the function returns, the model is
    told: a text as it is, anything else as JSON.

    Args:
        fn: The function. Without it, a decorator comes back.

        name: As the model calls it; by default, the function's own.

        description: What the model is told; by default, from the docstring.

        risk_level: How risky a call is; see `Tool`.

        if_unknown: What to do when it may have run and nobody knows; see `Tool`.

        step_name: Names a call by its intent; see `Tool`.

        strict: Whether the provider is asked to hold the model to the schema. What
            may be left out is then sent as null.

    Raises:
        InvalidValue: The function is none that a model could call. It says why.

    >>> from agentstate_lab.agent import SecondsLeft
    >>> @tool(risk_level="read_only")
    ... def check_disk(path: str, *, seconds: SecondsLeft) -> str:
    ...     "Show how full a path is."
    ...     return f"{path}: 41 % full"
    >>> check_disk.parameters.schema["properties"]
    {'path': {'type': 'string'}}
    """

    def made(fn: Callable[..., Any]) -> Tool:
        if inspect.isgeneratorfunction(fn) or inspect.isasyncgenfunction(fn):
            raise InvalidValue("tool", "it must return what it found, and not yield it")
        signature = signature_of(fn, strict=strict)

        def run(arguments: dict[str, Any], key: str, seconds: float) -> Any:
            given = {"key": key, "seconds": seconds}
            filled = {name: given[by] for name, by in signature.filled.items()}
            return fn(**signature.values(arguments), **filled)

        return Tool(
            name=getattr(fn, "__name__", "") if name is None else name,
            description=described(fn).text if description is None else description,
            parameters=signature.parameters,
            run=run,
            risk_level=risk_level,
            if_unknown=if_unknown,
            step_name=step_name,
        )

    return made if fn is None else made(fn)


def _parsed(given: object) -> Mapping[str, Any]:
    """
    The arguments, which a model sends as JSON text, and some servers as they are.

    A call without any comes in many forms: nothing, a blank, null, an empty list.
    """
    found: object = given
    try:
        if isinstance(given, str):
            if len(given) > MAX_ARGUMENTS:
                raise ValueError("no text of a sensible length")
            found = json.loads(given.strip() or "null", parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise InvalidValue(
            "arguments", f"this is no JSON ({error!s:.{MAX_SHOWN}})"
        ) from error
    if found is None or found in ("", []):
        return {}
    if not isinstance(found, Mapping):
        raise InvalidValue(
            "arguments", f"must be an object, not {found!r:.{MAX_SHOWN}}"
        )
    return found


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no number that JSON knows")
