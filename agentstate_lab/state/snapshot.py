"""
A checkpoint: what an agent knew at one moment, and how much had been said.

The state is small and is kept whole. The conversation is long and only grows, so a
checkpoint keeps the number of its last message, not the messages: those are stored
once, in their order, beside it. A hundred checkpoints of one conversation then cost
a hundred states and one conversation.

A checkpoint belongs to the version of the task that was saved with it, and names the
one before. Its checksum covers all of it: what was altered, by a bug or by hand, is
known before it is believed.

What is as it always is (no plan, the usual budget) is not written down again a hundred
times: a stored checkpoint leaves defaults out. The checksum covers them, so that a
default which is changed one day is noticed instead of believed.

This module describes; `checkpoint` decides when to take one and what to do with it.
"""

from typing import Any, Literal

from pydantic import field_serializer

from .agent_state import SCHEMA_VERSION, AgentState, Count, Id, Record
from .digest import fingerprint
from .task import Seconds, Task, TaskState

Trigger = Literal["step", "iteration", "state_change"]


class Checkpoint(Record):
    """
    One moment of a task that can be gone back to.

    Attributes:
        task_id: The task.

        version: The version of the task that it was saved with.

        parent: The version of the checkpoint before it, if there was one.

        state: Where the task was in its life.

        agent_state: What the agent knew. The patches that made it are not in it: they
            are of the task's versions, which no fork shares.

        messages: How many messages had been said.

        trigger: What it was taken for.

        taken_at: When, in seconds since the epoch.

        checksum: A digest of all the rest.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    task_id: Id
    version: Count
    parent: Count | None = None
    state: TaskState
    agent_state: AgentState
    messages: Count = 0
    trigger: Trigger = "step"
    taken_at: Seconds = 0.0
    checksum: str = ""

    @classmethod
    def of(
        cls,
        task: Task,
        *,
        messages: int,
        trigger: Trigger,
        parent: int | None = None,
        taken_at: float = 0.0,
    ) -> "Checkpoint":
        """
        The checkpoint that goes with the next save of *task*.

        Args:
            task: The task as it is about to be saved.

            messages: How many messages there are, those of this save included.

            trigger: What it is taken for.

            parent: The version of the checkpoint before it.

            taken_at: The time, in seconds since the epoch.
        """
        made = cls(
            task_id=task.id,
            version=task.version + 1,
            parent=parent,
            state=task.state,
            agent_state=task.agent_state.model_copy(update={"applied_patches": ()}),
            messages=messages,
            trigger=trigger,
            taken_at=taken_at,
        )
        return made.model_copy(update={"checksum": made.digest()})

    def digest(self) -> str:
        """What the checksum must be."""
        rest = self.model_dump(mode="json", exclude={"agent_state", "checksum"})
        whole = self.agent_state.model_dump(mode="json")
        return fingerprint({**rest, "agent_state": whole})

    @property
    def is_whole(self) -> bool:
        """Whether nothing in it was altered."""
        return self.checksum == self.digest()

    @field_serializer("agent_state", when_used="json")
    def _without_defaults(self, state: AgentState) -> dict[str, Any]:
        """The state as it is stored; its schema is always named."""
        said = state.model_dump(mode="json", exclude_defaults=True)
        return {"schema_version": state.schema_version, **said}


def prunable(
    checkpoints: list[Checkpoint], *, keep: int | None, before: float | None
) -> list[int]:
    """
    The versions that rotation drops: two rules, each of which is enough.

    Args:
        checkpoints: All of one task, oldest first.

        keep: Drop what is not among the newest so many; None to keep all.

        before: Drop what was taken before this instant; None to keep all.

    The newest is never dropped: whatever the rules say, the task can be resumed.
    """
    surplus = 0 if keep is None else len(checkpoints) - keep
    return [
        one.version
        for place, one in enumerate(checkpoints[:-1])
        if place < surplus or (before is not None and one.taken_at < before)
    ]
