"""
Tools and steps: what an agent may do, and what it is called in the ledger.

A tool is offered to the model. A step is one call of a tool that a job needs, and
its name comes from the intent (`deploy-api`), so it is the same in every run,
whatever id the model gave to the call. `perform` does a step: a tool that only
looks is answered here, an effect is asked of the world.

Nothing here decides what comes next, repeats a call or remembers one.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from agentstate_lab.errors import InvalidValue


@dataclass(frozen=True, slots=True)
class Tool:
    """
    Something the model may call.

    Attributes:
        effect: The service of the world that it changes, or None when it only
            looks.

        risk_level: "read_only"; "write_local" for what the team can mend by
            itself; "external_action" for what customers see.
    """

    name: str
    description: str
    parameters: tuple[str, ...]
    effect: str | None
    risk_level: str

    def schema(self) -> dict[str, Any]:
        """The tool as the chat API wants it described."""
        from agentstate_lab.agent import schema_of  # heavy, and asked for seldom

        return schema_of(self.name, self.description, self.parameters)

    def read(self, arguments: str | Mapping[str, Any]) -> dict[str, Any]:
        """The *arguments* of a call, which a model sends as JSON text, checked."""
        given: object = arguments
        if isinstance(arguments, str):
            try:
                given = json.loads(arguments)
            except (ValueError, RecursionError) as error:
                raise InvalidValue(
                    "arguments", f"{self.name} got text that is not JSON ({error})"
                ) from error
        if not isinstance(given, Mapping) or set(given) != set(self.parameters):
            wanted = ", ".join(self.parameters)
            raise InvalidValue(
                "arguments", f"{self.name} takes {wanted} and got {given!r:.200}"
            )
        return dict(given)


TOOLS = {
    tool.name: tool
    for tool in (
        Tool("check_disk", "Show how full a path is.", ("path",), None, "read_only"),
        Tool("check_status", "Show how a service is.", ("service",), None, "read_only"),
        Tool("clean_logs", "Delete old logs.", ("path",), "clean_logs", "write_local"),
        Tool("open_ticket", "Open a ticket.", ("title",), "open_ticket", "write_local"),
        Tool(
            "send_mail",
            "Send a mail to all customers.",
            ("subject",),
            "send_mail",
            "external_action",
        ),
        Tool(
            "deploy",
            "Deploy the new release of a service.",
            ("service",),
            "deploy",
            "external_action",
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Step:
    """
    One tool call of a job, by a name that is the same in every run.

    Attributes:
        minute: When the story does it, from 1.

        says: What a tool that only looks finds. Empty for an effect: there the
            world answers.
    """

    name: str
    tool: str
    arguments: Mapping[str, Any] = field(hash=False)
    minute: int = 0
    says: str = ""

    @property
    def effect(self) -> str | None:
        """The service that the step changes, or None."""
        return TOOLS[self.tool].effect

    @property
    def risk_level(self) -> str:
        """The risk level of the tool that it calls."""
        return TOOLS[self.tool].risk_level


class EffectWorld(Protocol):
    """What a step needs of the world: `World` has it, and so has what wraps it."""

    def effect(
        self,
        effect: str,
        *,
        task_id: str,
        step: str,
        arguments: Mapping[str, Any],
        key: str | None = None,
        timeout: float = 30.0,
    ) -> dict[str, Any]:
        """Ask a service for an effect, and return its reply."""


def perform(
    step: Step, *, world: EffectWorld, task_id: str, key: str | None = None
) -> str:
    """
    Do *step* and return the text for the tool message.

    An effect is asked for under the idempotency *key*, if there is one. What the
    world raises is the caller's to handle.
    """
    if step.effect is None:
        return step.says
    reply = world.effect(
        step.effect,
        task_id=task_id,
        step=step.name,
        arguments=step.arguments,
        key=key,
    )
    return json.dumps(reply, sort_keys=True)
