"""
A call: what a model wants done, checked, and what it is told of it.

What a model asks for is never believed: a call may name no tool, bring no JSON, or
arguments that the tool does not take. Whatever is wrong becomes a sentence that the
model is told, since it can mend what it did.

Running a call is one attempt of it. Whether there may be another one, and whether the
effect is recorded, is for others to say (`attempts`, `idempotency`).
"""

import copy
import inspect
import json
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_jsonable_python

from agentstate_lab.errors import InvalidValue
from agentstate_lab.state import clean

from .tools import MAX_SHOWN, Tool

MAX_STEP = 180  # characters of a step's name: facts about it have longer keys


@dataclass(frozen=True, slots=True)
class Call:
    """
    One tool call, checked.

    Attributes:
        id: The model's own, for the tool message.

        step: Its name in our records.

        tool: What is called.

        arguments: With what, as JSON in one spelling.
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
    arguments = tool.read(given)
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
    """
    said = call.tool.run(copy.deepcopy(call.arguments), key, seconds)
    if inspect.isawaitable(said):
        import asyncio  # only here: most tools do not wait

        said = asyncio.run(_awaited(said, seconds))
    return told(said)


def told(said: object) -> str:
    """
    What the model is told of a result: a text as it is, anything else as JSON.

    The effect has happened by now, so whatever was returned becomes a text.

    >>> told({"free": 41.5, "paths": ("/", "/var")})
    '{"free": 41.5, "paths": ["/", "/var"]}'
    """
    try:
        if not isinstance(said, str):
            plain = to_jsonable_python(said, fallback=str)
            said = json.dumps(plain, ensure_ascii=False)
        return clean(said)  # else no store could keep it
    except Exception:  # noqa: BLE001 - what it returned may not even have a text
        return f"a {type(said).__name__}, which cannot be shown"


async def _awaited(said: Awaitable[Any], seconds: float) -> Any:
    """What *said* brings; it is cancelled when its seconds are over."""
    import asyncio

    async with asyncio.timeout(seconds):
        return await said


def _is_name(step: object) -> bool:
    """Whether a step can be recorded under this name."""
    text = step if isinstance(step, str) else ""
    return 0 < len(text) <= MAX_STEP and text == text.strip() and text.isprintable()
