"""
A worker: claim a task, run it under a lease, say now and then that it is alive.

This is `execution` for tasks that are given out for a time (`lease`). The work gets
the store as the holder of the lease sees it, and uses it as any other; what it
saves after a take-over is refused.

A worker is a loop over `work_next`. It needs no list of the other workers and no
leader: the table of tasks is the queue, and a claim is what keeps two workers apart.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator

from agentstate_lab.errors import (
    AttemptsUsedUp,
    IllegalTransition,
    LeaseLost,
    StoreError,
    StoreTooNew,
    StoreTorn,
    TaskInProgress,
)
from agentstate_lab.state import Owner, Task, TaskState
from agentstate_lab.stores import (
    LEASE,
    MAX_ATTEMPTS,
    Claim,
    LeaseStore,
    StepStore,
    each_task,
    is_gone,
    machine,
    working,
)

from .execution import Work, run_claimed

# An orphan that these say of is another's by now, or nobody's to run.
_LEFT = (TaskInProgress, AttemptsUsedUp, IllegalTransition, StoreTooNew, StoreTorn)

BEATS = 3  # to a lease, so that one or two may be late

Pause = Callable[[threading.Event, float], bool]
WorkFor = Callable[[StepStore, Task], Work]


def work_next(
    store: LeaseStore,
    work_for: WorkFor,
    *,
    seconds: float = LEASE,
    max_attempts: int = MAX_ATTEMPTS,
    pause: Pause = threading.Event.wait,
) -> Task | None:
    """
    Claim a task, run it under its lease with a heartbeat, store how it ended.

    Looked for are, in this order: a task whose lease has ended, the oldest pending
    one, a running one whose worker is proved gone.

    Args:
        store: Where the tasks are.

        work_for: From the store, as the holder of the lease sees it, and the task to
            the work that the task needs.

        seconds: How long the lease lasts when it is not moved on.

        max_attempts: How often a task may be claimed before it is dead.

        pause: Waits between heartbeats, and says whether the work has ended.

    Returns:
        The task as it is stored now, also when it failed; None when there is none.

    Raises:
        LeaseLost: The task was taken over in the middle, and goes on elsewhere.

    A worker: ``while work_next(store, work_for): pass``
    """
    with working() as me:
        claim = store.claim_next(me, seconds=seconds, max_attempts=max_attempts)
        claim = claim or _claim_orphan(store, me, seconds, max_attempts)
        if claim is None:
            return None
        try:
            return _run(store, claim, me, work_for, pause)
        except LeaseLost:
            raise
        except Exception:  # noqa: BLE001 - it is stored as the task's error
            return store.get(claim.task.id)


def work_on(
    store: LeaseStore,
    task_id: str,
    work_for: WorkFor,
    *,
    seconds: float = LEASE,
    max_attempts: int = MAX_ATTEMPTS,
    pause: Pause = threading.Event.wait,
) -> Task:
    """
    As `resume_task`, under a lease: run this one task, or go on with it.

    It is taken over when its lease has ended, or at once from a worker that is
    proved gone. The arguments are those of `work_next`.

    Raises:
        TaskInProgress: Its lease has not ended.
        LeaseLost: It was taken over in the middle.
        Exception: Whatever the work raised, after it was stored as the error.
    """
    with working() as me:
        claim = store.claim_task(
            task_id, me, seconds=seconds, max_attempts=max_attempts, take_over=is_gone
        )
        if claim is None:
            return store.get(task_id)
        return _run(store, claim, me, work_for, pause)


@contextlib.contextmanager
def beating(
    store: LeaseStore, claim: Claim, *, pause: Pause = threading.Event.wait
) -> Iterator[None]:
    """
    Keep the lease alive inside the block, from a thread of its own.

    A heartbeat says that the process lives, not that its work gets anywhere: a work
    that hangs keeps its task. For that there are deadlines.
    """
    over = threading.Event()

    def beat() -> None:
        while not pause(over, claim.seconds / BEATS):
            try:
                store.heartbeat(claim)
            except LeaseLost:
                return  # the next write will be refused, and says so
            except StoreError:
                continue  # the next beat may get through

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _run(
    store: LeaseStore,
    claim: Claim,
    me: Owner,
    work_for: WorkFor,
    pause: Pause,
) -> Task:
    leased = store.leased(claim)

    def work(asked: str) -> str:
        return work_for(leased, claim.task)(asked)

    with beating(store, claim, pause=pause):
        return run_claimed(leased, claim.task, me, work)


def _claim_orphan(
    store: LeaseStore, me: Owner, seconds: float, max_attempts: int
) -> Claim | None:
    """A running task whose worker is proved gone, before its lease ends."""
    for task in each_task(store, states=[TaskState.RUNNING], machine=machine()):
        if is_gone(task.owner):
            with contextlib.suppress(*_LEFT):
                claim = store.claim_task(
                    task.id,
                    me,
                    seconds=seconds,
                    max_attempts=max_attempts,
                    take_over=is_gone,
                )
                if claim is not None:
                    return claim
    return None
