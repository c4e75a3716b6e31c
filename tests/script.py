"""A model that says what a test wrote down, and tools that note what they did."""

import json
from collections.abc import Callable
from inspect import Parameter, Signature
from types import SimpleNamespace
from typing import Any

from agentstate_lab.agent import (
    AgentEvent,
    IdempotencyKey,
    SecondsLeft,
    Tool,
    run_agent,
    tool,
)
from agentstate_lab.lab.clock import FakeClock
from agentstate_lab.lab.world import start_world
from agentstate_lab.lab.world.chat import MODEL
from agentstate_lab.lab.world.chat.rules import check_request
from agentstate_lab.state import Task
from agentstate_lab.stores import StepStore


def call(name: str, arguments: Any = None, call_id: Any = "c1") -> dict[str, Any]:
    """One tool call, as a model sends it; text arguments are sent as they are."""
    text = arguments if isinstance(arguments, str) else json.dumps(arguments or {})
    function = {"name": name, "arguments": text}
    return {"id": call_id, "type": "function", "function": function}


def reply(said: Any, tokens: int | None = 10) -> Any:
    """A reply of the chat API: with a text, or with calls."""
    message = SimpleNamespace(role="assistant", content=said)
    if isinstance(said, list):
        message.content, message.tool_calls = None, said
    usage = None if tokens is None else SimpleNamespace(total_tokens=tokens)
    return SimpleNamespace(choices=[SimpleNamespace(message=message)], usage=usage)


class Script:
    """
    A client whose replies are written down, one for each request.

    A text and a list of calls become a reply, an error is raised, a function gets the
    request; anything else is the reply itself. It refuses, as the real API does, a
    conversation in which a call has not its one result.

    Attributes:
        asked: The messages of each request.

        requests: All that came with them.
    """

    def __init__(self, *lines: Any, **attributes: Any) -> None:
        self.lines = list(lines)
        self.asked: list[list[dict[str, Any]]] = []
        self.requests: list[dict[str, Any]] = []
        self.chat = SimpleNamespace(completions=self)
        vars(self).update(attributes)

    def create(self, *, messages: Any, **request: Any) -> Any:
        """The next line of the script."""
        check_request({"model": MODEL, "messages": messages})
        self.asked.append(messages)
        self.requests.append(request)
        line = self.lines.pop(0)
        if isinstance(line, BaseException):
            raise line
        if callable(line):
            line = line(request)
        return reply(line) if isinstance(line, str | list) else line


class Tools:
    """
    Tools that note what they were asked for, and answer from a list or with "ok".

    Attributes:
        ran: The name, the arguments, the key and the seconds of each run.
    """

    def __init__(self, **answers: Any) -> None:
        self.ran: list[tuple[str, dict[str, Any], str, float]] = []
        self.answers = {name: list(said) for name, said in answers.items()}

    def tool(self, name: str, *parameters: str, **more: Any) -> Tool:
        """A tool of this name; it only looks, unless more is said."""

        def run(the_key: str, the_seconds: float, **arguments: Any) -> Any:
            self.ran.append((name, dict(arguments), the_key, the_seconds))
            answer = self.answers.get(name) or ["ok"]
            said = answer.pop(0) if len(answer) > 1 else answer[0]
            if isinstance(said, BaseException):
                raise said
            return said(the_seconds) if callable(said) else said

        takes = {"the_key": IdempotencyKey, "the_seconds": SecondsLeft}
        takes |= dict.fromkeys(parameters, str)
        run.__signature__ = Signature(  # type: ignore[attr-defined]
            [
                Parameter(n, Parameter.KEYWORD_ONLY, annotation=t)
                for n, t in takes.items()
            ]
        )
        described = {"risk_level": "read_only", "description": name, **more}
        return tool(run, name=name, **described)

    def count(self, name: str) -> int:
        """How often a tool was run."""
        return [ran[0] for ran in self.ran].count(name)


def runner(store: Any, clock: FakeClock, **always: Any) -> Callable[..., Task]:
    """A function that runs the agent "t" on a script, on *clock* alone."""

    def run(client: Any, tools: Any = (), **more: Any) -> Task:
        options: dict[str, Any] = {
            "task_id": "t",
            "user_input": "Do it.",
            "store": store,
            "model": "m",
            "sleep": clock.sleep,
            "clock": clock,
            "wall": clock,
            **always,
            **more,
        }
        return run_agent(client=client, tools=tools, **options)

    return run


def results(store: StepStore, task_id: str = "t") -> dict[str, str]:
    """What the model was told of each call, in order."""
    said = store.messages(task_id)
    return {m["tool_call_id"]: m["content"] for m in said if m["role"] == "tool"}


def counts(task_id: str) -> dict[str, int]:
    """What the world counted for the task, by step."""
    return {entry.step: entry.count for entry in start_world().ledger(task_id)}


def stopping(number: int) -> Callable[[AgentEvent], None]:
    """An `on_event` that interrupts at the event of this number, and only there."""
    left = [None] * number

    def on_event(event: AgentEvent) -> None:
        if left:
            left.pop()
            if not left:
                raise KeyboardInterrupt

    return on_event
