"""
When to take a checkpoint, what to check before going on from one, which to keep.

A *strategy* says how often a snapshot is taken: at each step, at each turn of the
loop, or only when the task changes its state. These are levels, not alternatives:
`every_step` includes the others, and a change of state is saved under all of them.
What a strategy never decides about is safety. The task, its steps and its messages
are stored at every save; a snapshot only says how far back one can go, and from
where a replay begins.

Before a run goes on, `resume` checks the task's *status first* and its age last: a
completed task stays completed, however old and whatever became of its checkpoints,
and one that waits for a person does not expire. In between come the schema, the
checksum, the pairing of tool calls, and the budget. Call it before the task is
claimed: a claim is a save, and makes any task young.

*Rotation* has two rules, each of which is enough: drop what is not among the newest,
drop what is too old. The newest checkpoint is never dropped.

Why a fork is a new task: its past can be read from the old one, but its effects will
be its own, so they need keys of their own.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from agentstate_lab.errors import (
    CheckpointExpired,
    CheckpointRefused,
    InvalidValue,
    KeyReused,
)
from agentstate_lab.retry import check_count
from agentstate_lab.state import (
    Checkpoint,
    Message,
    StepRecord,
    Task,
    TaskState,
    Trigger,
)
from agentstate_lab.stores import ALL, MOST, Clock, HistoryStore, Page

from .pairing import repair

LEVELS: dict[str, int] = {"state_change": 0, "iteration": 1, "step": 2}


class CheckpointStrategy(StrEnum):
    """How often a snapshot is taken."""

    EVERY_STEP = "every_step"
    EVERY_ITERATION = "every_iteration"
    ON_STATE_CHANGE = "on_state_change"

    def covers(self, trigger: Trigger) -> bool:
        """
        Whether a snapshot is taken for *trigger*.

        >>> CheckpointStrategy.EVERY_STEP.covers("state_change")
        True
        >>> CheckpointStrategy.ON_STATE_CHANGE.covers("step")
        False
        """
        own = self.removeprefix("every_").removeprefix("on_")
        return LEVELS[trigger] <= LEVELS[own]


@dataclass(frozen=True, slots=True)
class Resumed:
    """
    What a run goes on from.

    Attributes:
        task: The stored task. A completed one comes alone: there is nothing to go
            on with.

        checkpoint: The newest checkpoint, if there is one.

        messages: What was said, with a result for every tool call.

        unknown: The ids of the calls whose result was put in here: they may have
            run.
    """

    task: Task
    checkpoint: Checkpoint | None = None
    messages: list[Message] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


class CheckpointManager:
    """
    Checkpoints of tasks in one store.

    Args:
        store: Where tasks, messages and checkpoints are.

        strategy: How often a snapshot is taken.

        keep: How many checkpoints of a task rotation keeps; None for all.

        max_age: Seconds after which a task that nobody touched is not resumed, and
            after which a checkpoint is dropped; None for never.

        clock: The time, in seconds since the epoch; the one that the store has.

    Raises:
        InvalidValue: An argument makes no sense; zero is not "no limit".
    """

    def __init__(
        self,
        store: HistoryStore,
        *,
        strategy: CheckpointStrategy | str = CheckpointStrategy.EVERY_STEP,
        keep: int | None = None,
        max_age: float | None = None,
        clock: Clock = time.time,
    ) -> None:
        if strategy not in list(CheckpointStrategy):
            known = ", ".join(CheckpointStrategy)
            raise InvalidValue("strategy", f"{strategy!r} is none of {known}")
        self._store = store
        self.strategy = CheckpointStrategy(strategy)
        if keep is not None:
            check_count("keep", keep, MOST)
        self.keep = keep
        self.max_age = _age(max_age)
        self._clock = clock

    def save(
        self,
        task: Task,
        trigger: Trigger = "step",
        *,
        steps: Sequence[StepRecord] = (),
        messages: Sequence[Message] = (),
    ) -> Task:
        """
        Store *task* and what belongs to it; with a snapshot, if the strategy says so.

        A change of the task's state is one whatever *trigger* says.

        Args:
            task: As for `StepStore.save`.

            trigger: What has happened: a "step", an "iteration" or a "state_change".

            steps: As for `StepStore.save`.

            messages: As for `StepStore.save`.

        Raises:
            InvalidValue: There is no such trigger.
            VersionConflict, TaskNotFound, IllegalTransition: Nothing was stored.
        """
        if trigger not in LEVELS:
            raise InvalidValue("trigger", f"{trigger!r} is none of {', '.join(LEVELS)}")
        newest = self._store.checkpoint(task.id)
        changed = newest is None or newest.state != task.state
        why: Trigger = "state_change" if changed else trigger
        if not self.strategy.covers(why):
            return self._store.save(task, steps=steps, messages=messages)
        known = newest if newest is not None and newest.is_whole else None
        said = self._store.message_count(task.id, since=known)
        taken = Checkpoint.of(
            task,
            messages=said + len(messages),
            trigger=why,
            parent=None if newest is None else newest.version,
            taken_at=self._clock(),
        )
        return self._store.save(task, steps=steps, messages=messages, checkpoint=taken)

    def resume(self, task_id: str) -> Resumed:
        """
        What to go on from, checked: status first, age last.

        Returns:
            The task and its conversation, however old if it waits for a person; of a
            completed one, the task alone.

        Raises:
            CheckpointRefused: It has ended, a checkpoint was altered, or the budget
                is used up.
            CheckpointExpired: Nobody has touched it for too long.
            TaskNotFound, StoreTooNew, StoreTorn: It cannot be read.
        """
        task = self._store.get(task_id)
        if task.state in (TaskState.CANCELLED, TaskState.DEAD):
            raise CheckpointRefused(task_id, f"the task is {task.state}")
        if task.state is TaskState.COMPLETED:
            return Resumed(task)
        newest = self._store.checkpoint(task_id)
        if newest is not None and not newest.is_whole:
            raise CheckpointRefused(
                task_id,
                f"the checkpoint at version {newest.version} was altered; go back to"
                " an earlier one with fork()",
            )
        messages, unknown = repair(self._store.messages(task_id))
        resumed = Resumed(task, newest, messages, unknown)
        if task.state is TaskState.WAITING:
            return resumed
        if task.agent_state.budget.pressure() >= 1:
            raise CheckpointRefused(task_id, "its budget is used up")
        age = self._clock() - task.updated_at
        if self.max_age is not None and age > self.max_age:
            raise CheckpointExpired(task_id, age=age, max_age=self.max_age)
        return resumed

    def history(self, task_id: str, page: Page = ALL) -> list[Checkpoint]:
        """The checkpoints of a task, oldest first: all, or those of *page*."""
        return self._store.checkpoints(task_id, page)

    def fork(self, task_id: str, version: int, *, new_id: str) -> Task:
        """
        Begin a new task from an old moment of another one, which stays as it is.

        Forking again under the same *new_id* returns the fork that is there. What a
        person has allowed the original is not allowed the fork: it asks again.

        Args:
            task_id: The task to go back in.

            version: The checkpoint to begin from.

            new_id: The id of the new task. Its effects have keys of their own.

        Raises:
            CheckpointRefused: There is no such checkpoint, or it was altered.
            KeyReused: *new_id* is a task with another input, or a fork from another
                moment that has not begun.
        """
        past = self._store.checkpoint(task_id, version)
        if past is None or not past.is_whole:
            why = "is not kept any more" if past is None else "was altered"
            raise CheckpointRefused(task_id, f"the checkpoint at {version!r} {why}")
        source = self._store.get(task_id)
        fork = Task.new(
            source.user_input,
            task_id=new_id,
            agent_id=source.agent_id,
            agent_state=past.agent_state,
        )
        made = self._store.submit(fork).task
        if made.version > 1:
            return made
        if made.agent_state != fork.agent_state:
            raise KeyReused(new_id)
        # A second commit: an earlier call may have died between the two.
        if not past.messages:
            return made
        said = self._store.messages(task_id, Page(limit=past.messages))
        return self._store.save(made, messages=said)

    def prune(self, task_id: str) -> int:
        """
        Drop the checkpoints that rotation does not keep.

        While the newest one is altered, nothing is dropped: an older one may be all
        that a fork can begin from.

        Returns:
            How many were dropped. Messages and steps stay.
        """
        newest = self._store.checkpoint(task_id)
        if newest is not None and not newest.is_whole:
            return 0
        before = None if self.max_age is None else self._clock() - self.max_age
        return self._store.prune(task_id, keep=self.keep, before=before)


def _age(max_age: float | None) -> float | None:
    if max_age is None:
        return None
    number = isinstance(max_age, int | float) and not isinstance(max_age, bool)
    if not number or not 0 < max_age < math.inf:
        raise InvalidValue("max_age", f"must be seconds above 0, not {max_age!r}")
    return float(max_age)
