"""
Run a task from its claim to its end, resume it, find those that nobody runs.

A task is the unit that people ask about, so what becomes of it is always written
down: completed with its result, failed with its error, waiting with its question.
A repeated call finds that, and returns or continues; it never starts over beside
somebody who is at work.

What was done inside the task is not known here. A task that is resumed calls its
work from the top, and the steps in it must know what they have done: that is
`idempotency.run_once`.
"""

import contextlib
from collections.abc import Callable

from agentstate_lab.errors import (
    AgentStateError,
    LeaseLost,
    NeedsPerson,
    StoreTooNew,
    StoreTorn,
    TaskInProgress,
)
from agentstate_lab.state import Owner, Task, TaskState
from agentstate_lab.stores import (
    MAX_ATTEMPTS,
    StepStore,
    TakeOver,
    claim,
    each_task,
    end,
    is_gone,
    machine,
    nobody,
    text_of,
    working,
)

Work = Callable[[str], str]


def execute_task(
    store: StepStore, task_id: str, work: Work, *, max_attempts: int = MAX_ATTEMPTS
) -> Task:
    """
    Run a task that is pending or has failed; one that is completed is returned.

    Args:
        store: Where the task is.

        task_id: The task.

        work: Does it. It is called with the task's input, and what it returns
            becomes the result.

        max_attempts: How often the task may be claimed before it is dead.

    Returns:
        The stored task: completed, or waiting for a person and left alone.

    Raises:
        TaskInProgress: It is running.
        AttemptsUsedUp: It has been claimed that often; it is dead now.
        Exception: Whatever *work* raised, after it was stored as the error.
    """
    return _execute(store, task_id, work, max_attempts, nobody)


def resume_task(
    store: StepStore, task_id: str, work: Work, *, max_attempts: int = MAX_ATTEMPTS
) -> Task:
    """
    As `execute_task`, and a running task whose worker is proved gone is taken over.

    A live worker's task is never taken, however long it takes.
    """
    return _execute(store, task_id, work, max_attempts, is_gone)


def recover(
    store: StepStore,
    work_for: Callable[[Task], Work],
    *,
    limit: int | None = None,
    max_attempts: int = MAX_ATTEMPTS,
) -> list[Task]:
    """
    Resume every running task whose worker is gone.

    Each is claimed, not only listed: of several recovering workers, one gets it. That
    a worker is gone can be proved on its own machine alone, so only what was begun on
    this one is looked at. What cannot be read is passed over.

    Args:
        store: Where the tasks are.

        work_for: The work that a task needs.

        limit: How many to take over at most; None for all there are.

        max_attempts: How often a task may be claimed before it is dead.

    Returns:
        The tasks that this call took over, as they are stored now: also those
        that failed again.
    """
    taken: list[Task] = []
    for task in each_task(store, states=[TaskState.RUNNING], machine=machine()):
        if limit is not None and len(taken) >= limit:
            break
        if is_gone(task.owner):
            with contextlib.suppress(TaskInProgress, StoreTooNew, StoreTorn):
                taken.append(_recovered(store, task, work_for, max_attempts))
    return taken


def _recovered(
    store: StepStore,
    task: Task,
    work_for: Callable[[Task], Work],
    max_attempts: int,
) -> Task:
    """The task as it is stored after its work went on, also when that failed again."""
    try:
        resume_task(store, task.id, work_for(task), max_attempts=max_attempts)
    except TaskInProgress:
        raise  # another worker was quicker
    except Exception:  # noqa: BLE001 - it is stored as the task's error
        pass
    return store.get(task.id)


def _execute(
    store: StepStore,
    task_id: str,
    work: Work,
    max_attempts: int,
    take_over: TakeOver,
) -> Task:
    with working() as me:
        task = claim(store, task_id, me, max_attempts=max_attempts, take_over=take_over)
        if task.owner != me:
            return task
        return run_claimed(store, task, me, work)


def run_claimed(store: StepStore, task: Task, me: Owner, work: Work) -> Task:
    """
    Run a task that *me* has claimed, and store how it ended.

    Args:
        store: Where the task is.

        task: The task as the claim returned it.

        me: Who claimed it.

        work: Does it; see `execute_task`, also for what is returned and raised.

    Raises:
        LeaseLost: The task is another worker's by now; see `lease`.
    """
    try:
        result = work(task.user_input)
        return end(store, task.id, me, state="completed", result=result)
    except NeedsPerson as waits:
        # To wait is no failure: a task with many questions must not die of them.
        known = {"error": text_of(waits), "attempt": task.attempt - 1}
        end(store, task.id, me, ask=waits.question, state="waiting", **known)
        raise
    except LeaseLost:
        raise  # whose task it is now decides what becomes of it
    except Exception as error:
        end(store, task.id, me, state="failed", error=text_of(error))
        raise
    except BaseException:  # a polite death: the next worker need not wait for it
        # If it cannot be released (it has ended, say), that stops nobody from dying.
        with contextlib.suppress(AgentStateError):
            end(store, task.id, me, state="pending", attempt=task.attempt - 1)
        raise
