"""
Tools and steps: what an agent may do, and what it is called in the ledger.

A tool is offered to the model. A step is one call of a tool that a job needs, and
its name comes from the intent (`deploy-api`), so it is the same in every run,
whatever id the model gave to the call. `perform` does a step: a tool that only
looks is answered here, an effect is asked of the world.

A tool that changes something is named after the service of the world that it asks.
What it takes is in `tools`.

Nothing here decides what comes next, repeats a call or remembers one.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

EFFECTS = ("deploy", "open_ticket", "clean_logs", "send_mail")


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
        return self.tool if self.tool in EFFECTS else None

    @property
    def risk_level(self) -> str:
        """The risk level of the tool that it calls."""
        from .tools import TOOLS  # loads more than a look at the ledger needs

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


def perform(step: Step, *, world: EffectWorld, task_id: str, **options: Any) -> str:
    """
    Do *step* and return the text for the tool message.

    What the world raises is the caller's to handle.

    Args:
        step: What is to be done.

        world: Where it is to be done.

        task_id: For whom.

        options: More for `world.effect`: an idempotency `key`, a `timeout`.
    """
    if step.effect is None:
        return step.says
    reply = world.effect(
        step.effect,
        task_id=task_id,
        step=step.name,
        arguments=step.arguments,
        **options,
    )
    return json.dumps(reply, sort_keys=True)
