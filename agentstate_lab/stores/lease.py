"""
Leases: a claim that ends by itself when its worker falls silent.

A claim without an end is safe, and stands for ever when its worker is on a machine
that burned down: nobody elsewhere can prove that it is gone. So a claim comes with
a *lease*, an instant after which another worker may take the task. The holder moves
it on: each save does, and a *heartbeat* between saves.

A lease is a guess about a silent worker, and the guess can be wrong: a process that
was stopped for an hour wakes up in the middle of a step and goes on. So each claim
also has a *token*, made anew and secret, which every write carries. The database
compares it in the statement that writes. After a take-over the token in the row is
another, and the late worker's write is refused (`LeaseLost`).

What a token cannot do: stop what the late worker does outside the database. For that
there is the idempotency key (`idempotency`).

Which clock counts: one for all workers, the store's. On PostgreSQL that is the
server's own, on SQLite that of the one machine. With two clocks, a worker whose
clock is behind would be taken for dead while it works.

Source: Gray and Cheriton, "Leases"; the fencing token of Kleppmann, "How to do
distributed locking".
"""

import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from agentstate_lab.errors import InvalidValue
from agentstate_lab.state import (
    Checkpoint,
    Message,
    Owner,
    Placed,
    StepRecord,
    Task,
    TaskState,
)

from .claim import MAX_ATTEMPTS, TakeOver, nobody
from .listing import TaskPage
from .owner import boot_id, is_gone
from .rules import ALL, Page, Submission
from .store import HistoryStore

LEASE = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Claim:
    """
    A task in the hands of one worker, until the lease ends.

    Attributes:
        task: The task as it was stored by the claim.

        expires: When the lease ends, in seconds on the store's clock.

        seconds: By how much each save and each heartbeat moves that on.

        token: Proves that a write comes from this claim. Never shown.
    """

    task: Task
    expires: float
    seconds: float
    token: str = field(repr=False)


class LeaseStore(HistoryStore, Protocol):
    """
    A store that gives out tasks for a time. Taught in notebook 06.

    A store that passes `lab.contracts.LeaseStoreContract` keeps these promises.
    """

    def claim_next(
        self, owner: Owner, *, seconds: float = LEASE, max_attempts: int = MAX_ATTEMPTS
    ) -> Claim | None:
        """
        Claim a task whose lease has ended, else the oldest one that is pending.

        A running task without a lease is never taken: `recover` knows about those.

        Args:
            owner: Who wants it.

            seconds: How long the lease lasts when it is not moved on.

            max_attempts: How often a task may be claimed; then it is dead, and the
                next one is looked for.

        Returns:
            The claim, or None when there is nothing to do.
        """
        ...

    def claim_task(
        self,
        task_id: str,
        owner: Owner,
        *,
        seconds: float = LEASE,
        max_attempts: int = MAX_ATTEMPTS,
        take_over: TakeOver = nobody,
    ) -> Claim | None:
        """
        Claim this one task: pending, failed, or running with a lease that has ended.

        Args:
            task_id: The task.

            owner: Who wants it.

            seconds: As for `claim_next`.

            max_attempts: As for `claim_next`.

            take_over: Whether a task may be taken from this owner before its lease
                ends; `is_gone` takes it from whoever is proved gone.

        Returns:
            The claim, or None when it is completed or waits for a person.

        Raises:
            TaskInProgress: Its lease has not ended.
            AttemptsUsedUp, IllegalTransition, TaskNotFound: See `claim.claim`.
        """
        ...

    def heartbeat(self, claim: Claim) -> Claim:
        """
        Move the end of the lease on. The task's version stays as it is.

        Raises:
            LeaseLost: The task has been taken over, or has ended.
        """
        ...

    def release(self, claim: Claim) -> Task:
        """
        Give the task back: it is pending again, and this attempt does not count.

        Raises:
            LeaseLost: It is not this worker's to give back.
        """
        ...

    def get(self, task_id: str, *, claim: Claim | None = None) -> Task:
        """
        The stored task; see `TaskStore.get`.

        Raises:
            LeaseLost: With a *claim*, when the task has been taken over, or ended.
        """
        ...

    def save(
        self,
        task: Task,
        *,
        steps: Sequence[StepRecord] = (),
        messages: Sequence[Message] = (),
        checkpoint: Checkpoint | None = None,
        claim: Claim | None = None,
    ) -> Task:
        """
        Store a changed task; see `StepStore.save`.

        With a *claim*, only while its token is the one in the row, and the lease is
        moved on. Without one, compare-and-set decides alone: so does a person
        cancel a task, which ends the lease.

        Raises:
            LeaseLost: The task has been taken over, or has ended.
        """
        ...

    def leased(self, claim: Claim) -> HistoryStore:
        """This store in the hands of the holder of *claim*: each save carries it."""
        ...


class Leased:
    """
    A store as the holder of a claim sees it; whatever takes a store takes this.

    What it does with the claimed task carries the token, so that `run_once` and the
    rest need not know about leases. Other tasks are read and written as ever, and so
    is this one, once the holder itself has ended the run.
    """

    def __init__(self, store: LeaseStore, claim: Claim) -> None:
        self._store = store
        self._claim: Claim | None = claim

    def submit(self, task: Task) -> Submission:
        """Store a new task; see `TaskStore.submit`."""
        return self._store.submit(task)

    def get(self, task_id: str) -> Task:
        """The stored task; see `LeaseStore.get`."""
        return self._store.get(task_id, claim=self._for(task_id))

    def save(
        self,
        task: Task,
        *,
        steps: Sequence[StepRecord] = (),
        messages: Sequence[Message] = (),
        checkpoint: Checkpoint | None = None,
    ) -> Task:
        """Store a changed task, under the lease; see `LeaseStore.save`."""
        claim = self._for(task.id)
        saved = self._store.save(
            task, steps=steps, messages=messages, checkpoint=checkpoint, claim=claim
        )
        if claim is not None and saved.state is not TaskState.RUNNING:
            self._claim = None
        return saved

    def steps(self, task_id: str, page: Page = ALL) -> list[StepRecord]:
        """The steps of a task; see `StepStore.steps`."""
        return self._store.steps(task_id, page)

    def step(self, task_id: str, name: str) -> StepRecord | None:
        """One step of a task; see `StepStore.step`."""
        return self._store.step(task_id, name)

    def messages(self, task_id: str, page: Page = ALL) -> list[Message]:
        """What was said; see `StepStore.messages`."""
        return self._store.messages(task_id, page)

    def search(self, task_id: str, text: str, page: Page = ALL) -> list[Placed]:
        """The messages that hold *text*; see `HistoryStore.search`."""
        return self._store.search(task_id, text, page)

    def message_count(self, task_id: str, *, since: Checkpoint | None = None) -> int:
        """How many messages there are; see `HistoryStore.message_count`."""
        return self._store.message_count(task_id, since=since)

    def checkpoint(self, task_id: str, version: int | None = None) -> Checkpoint | None:
        """One checkpoint; see `HistoryStore.checkpoint`."""
        return self._store.checkpoint(task_id, version)

    def checkpoints(self, task_id: str, page: Page = ALL) -> list[Checkpoint]:
        """The checkpoints, oldest first; see `HistoryStore.checkpoints`."""
        return self._store.checkpoints(task_id, page)

    def prune(self, task_id: str, *, keep: int | None, before: float | None) -> int:
        """Drop checkpoints by two rules; see `HistoryStore.prune`."""
        return self._store.prune(task_id, keep=keep, before=before)

    def list_by_state(self, state: TaskState | str, *, limit: int = 100) -> list[Task]:
        """The tasks in *state*, oldest first; see `TaskStore.list_by_state`."""
        return self._store.list_by_state(state, limit=limit)

    def list_tasks(
        self,
        *,
        states: Iterable[TaskState | str] | None = None,
        agents: Iterable[str] | None = None,
        machine: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> TaskPage:
        """One page of tasks; see `StepStore.list_tasks`."""
        return self._store.list_tasks(
            states=states, agents=agents, machine=machine, after=after, limit=limit
        )

    def holds(self, task_id: str) -> bool:
        """Whether this is the task that was claimed, and its run goes on."""
        return self._for(task_id) is not None

    def is_gone(self, owner: Owner | None) -> bool:
        """
        Whether *owner*, who began a step of this task, is out of the way.

        Whoever held the task before has lost it together with its lease, wherever
        it is and whether it knows or not. Only of this process we know better.
        """
        if owner is None or (owner.boot_id, owner.pid) != (boot_id(), os.getpid()):
            return True
        return is_gone(owner)

    def close(self) -> None:
        """The store stays open: it is not this view's to close."""

    def _for(self, task_id: str) -> Claim | None:
        mine = self._claim
        return mine if mine is not None and task_id == mine.task.id else None


def check_seconds(seconds: float) -> float:
    """
    A length of a lease that makes sense.

    Raises:
        InvalidValue: It is no number, or not more than zero, or without end.
    """
    number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not number or not 0 < seconds < math.inf:
        raise InvalidValue(
            "seconds", f"a lease lasts a number of seconds above 0, not {seconds!r}"
        )
    return float(seconds)
