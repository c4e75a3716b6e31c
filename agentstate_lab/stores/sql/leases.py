"""
Leases in the two databases: claim, move on, give back.

A claim is a short transaction: find a row and keep it, decide, write. Others pass
over the row meanwhile (`skip locked`), so that ten workers get ten tasks and do not
queue for one. In SQLite there is one writer at a time anyway.

What a lease is, and what its token is for, is told in `lease`.
"""

import secrets
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from agentstate_lab.errors import (
    AttemptsUsedUp,
    LeaseLost,
    StoreTooNew,
    StoreTorn,
    TaskNotFound,
)
from agentstate_lab.state import Owner, Task, TaskState

from ..claim import MAX_ATTEMPTS, TakeOver, claimed, nobody
from ..lease import LEASE, Claim, Leased, check_seconds
from ..rules import next_version
from ..store import HistoryStore
from . import looking
from . import tables as sql
from .store import SqlStore, columns


class Held(NamedTuple):
    """A row that nobody else can change until the transaction ends."""

    id: str
    line: str
    token: str | None
    expires: float | None
    now: float
    created_at: float

    @property
    def expired(self) -> bool:
        """Whether the row had a lease, and it has ended."""
        return self.expires is not None and self.expires <= self.now


class SqlLeaseStore(SqlStore):
    """A `LeaseStore` on a database; its arguments are those of `SqlStore`."""

    def claim_next(
        self, owner: Owner, *, seconds: float = LEASE, max_attempts: int = MAX_ATTEMPTS
    ) -> Claim | None:
        """Claim the next task; see `LeaseStore.claim_next`."""
        check_seconds(seconds)
        while True:
            with self.database.transaction() as run:
                found = self._next(run, owner, max_attempts)
                if found is None:
                    return None
                claim = self._take(run, *found, seconds)
            if claim is not None:
                return claim

    def claim_task(
        self,
        task_id: str,
        owner: Owner,
        *,
        seconds: float = LEASE,
        max_attempts: int = MAX_ATTEMPTS,
        take_over: TakeOver = nobody,
    ) -> Claim | None:
        """Claim this one task; see `LeaseStore.claim_task`."""
        check_seconds(seconds)
        seen = self.get(task_id)
        # Asked here, since no code but ours runs in a transaction.
        free = seen.state is TaskState.RUNNING and take_over(seen.owner)
        with self.database.transaction() as run:
            row = self._hold(run, task_id)
            task = self._task(task_id, row.line)
            new = claimed(
                task,
                owner,
                max_attempts=max_attempts,
                take_over=lambda now: row.expired or (free and now == seen.owner),
            )
            claim = self._take(run, row, new, seconds)
        if new is not None and claim is None:
            raise AttemptsUsedUp(task_id, task.attempt)
        return claim

    def heartbeat(self, claim: Claim) -> Claim:
        """Move the end of the lease on; see `LeaseStore.heartbeat`."""
        with self.database.transaction() as run:
            row = self._hold(run, claim.task.id, claim)
            expires = row.now + claim.seconds
            run(sql.EXTEND, id=row.id, expires=expires)
        return replace(claim, expires=expires)

    def release(self, claim: Claim) -> Task:
        """Give the task back; see `LeaseStore.release`."""
        now = self._clock()
        with self.database.transaction() as run:
            row = self._hold(run, claim.task.id, claim)
            task = self._task(row.id, row.line)
            again = max(0, task.attempt - 1)
            new = task.replace(state=TaskState.PENDING, owner=None, attempt=again)
            freed = next_version(new, created_at=task.created_at, now=now)
            run(sql.TAKE, **columns(freed), token=None, expires=None)
        return freed

    def leased(self, claim: Claim) -> HistoryStore:
        """This store as the holder of *claim* sees it; see `LeaseStore.leased`."""
        return Leased(self, claim)

    def _next(
        self, run: sql.Run, owner: Owner, max_attempts: int
    ) -> tuple[Held, Task] | None:
        """The next row that can be read, and what a claim makes of it."""
        for queue in looking.QUEUES:
            for row in self._waiting(run, queue):
                try:
                    return row, self._claimed(row, owner, max_attempts)
                except (StoreTooNew, StoreTorn) as error:
                    self._unreadable.name(row.id, error)
        return None

    def _waiting(self, run: sql.Run, queue: looking.Queue) -> Iterator[Held]:
        """The rows of a queue, one after the other, each kept."""
        place: dict[str, object] = {}
        while found := run(
            looking.next_of(queue, behind=bool(place)), now=self._lease_time(), **place
        ):
            row = Held(*found[0])
            yield row
            value = row.expires if queue == "expired" else row.created_at
            place = {"value": value, "last": row.id}

    def _hold(self, run: sql.Run, task_id: str, claim: Claim | None = None) -> Held:
        """The row of a task, kept until the transaction ends."""
        found = run(looking.HOLD, id=self._known(task_id), now=self._lease_time())
        if not found:
            raise TaskNotFound(task_id)
        row = Held(*found[0])
        if claim is not None and row.token != claim.token:
            raise LeaseLost(task_id)
        return row

    def _claimed(self, row: Held, owner: Owner, max_attempts: int) -> Task:
        """What a claim makes of a row that was found by its state or its lease."""
        task = self._task(row.id, row.line)
        new = claimed(
            task, owner, max_attempts=max_attempts, take_over=lambda _: row.expired
        )
        if new is None:
            raise StoreTorn(self._row(row.id), "its columns and its line disagree")
        return new

    def _take(
        self, run: sql.Run, row: Held, new: Task | None, seconds: float
    ) -> Claim | None:
        """Write what a claim makes of a row. A task that is dead now is no claim."""
        if new is None:
            return None
        kept = next_version(new, created_at=new.created_at, now=self._clock())
        if kept.state is not TaskState.RUNNING:
            run(sql.TAKE, **columns(kept), token=None, expires=None)
            return None
        claim = Claim(kept, row.now + seconds, float(seconds), secrets.token_hex())
        token, expires = claim.token, claim.expires
        run(sql.TAKE, **columns(kept), token=token, expires=expires)
        return claim
