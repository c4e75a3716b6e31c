"""
Who may run a task, and what is left behind when the run ends.

Two workers that both see "pending" both begin, unless seeing and taking are one
step. So a worker *claims*: it saves the task as running, under its own name, based
on the version that it read. Of any number of workers, one save is accepted.

A claim ends with the run. Completed, failed and waiting are results; a worker that
is asked to stop releases the task, and the next one need not wait. A worker that is
killed can do nothing, and its claim stands until somebody proves that it is gone
(`owner`).

This module runs no work: `idempotency` does.
"""

from collections.abc import Callable
from typing import Any

from agentstate_lab.errors import AttemptsUsedUp, TaskInProgress, VersionConflict
from agentstate_lab.retry import effect_of, status_of
from agentstate_lab.state import (
    AddQuestions,
    Owner,
    Task,
    TaskState,
    check_transition,
    clean,
)

from .store import MAX_STEP_TRIES, StepStore, execute_step

TakeOver = Callable[[Owner | None], bool]

MAX_ATTEMPTS = 5
MAX_ERROR = 2_000  # characters; a page of HTML is no reason


def nobody(owner: Owner | None) -> bool:
    """Take over from nobody."""
    return False


def claim(
    store: StepStore,
    task_id: str,
    owner: Owner,
    *,
    max_attempts: int = MAX_ATTEMPTS,
    take_over: TakeOver = nobody,
) -> Task:
    """
    Make *owner* the one who runs this task, by compare-and-set.

    The attempt is counted here and not at a failure: a task that kills its worker
    never gets as far as failing.

    Args:
        store: Where the task is.

        task_id: The task.

        owner: Who wants it.

        max_attempts: How often it may be claimed before it is dead.

        take_over: Whether a running task of this owner may be taken from it.

    Returns:
        The stored task. Its owner is *owner*, unless there is nothing to run: it
        is completed, or waits for a person.

    Raises:
        TaskInProgress: It is running.
        AttemptsUsedUp: It was claimed *max_attempts* times before; it is dead now.
        IllegalTransition: It has been cancelled, or is dead.
    """
    for _ in range(MAX_STEP_TRIES):
        task = store.get(task_id)
        new = claimed(task, owner, max_attempts=max_attempts, take_over=take_over)
        if new is None:
            return task
        try:
            saved = store.save(new)
        except VersionConflict:
            continue
        if saved.state is TaskState.DEAD:
            raise AttemptsUsedUp(task_id, saved.attempt)
        return saved
    raise TaskInProgress(task_id)


def claimed(
    task: Task, owner: Owner, *, max_attempts: int, take_over: TakeOver
) -> Task | None:
    """
    What a claim makes of *task*; the arguments are those of `claim`.

    Returns:
        The task as running under *owner*, or as dead when its attempts are used up.
        None when there is nothing to run: it is completed, or waits for a person.

    Raises:
        TaskInProgress: It is running.
        IllegalTransition: It has been cancelled, or is dead.
    """
    if task.state in (TaskState.COMPLETED, TaskState.WAITING):
        return None
    if task.state is TaskState.RUNNING and not take_over(task.owner):
        raise TaskInProgress(task.id)
    check_transition(task.state, TaskState.RUNNING, task.id)
    if task.attempt >= max_attempts:
        return task.replace(state=TaskState.DEAD, owner=None)
    return task.replace(
        state=TaskState.RUNNING, owner=owner, attempt=task.attempt + 1, error=None
    )


def end(
    store: StepStore,
    task_id: str,
    owner: Owner,
    *,
    ask: str | None = None,
    **changes: Any,
) -> Task:
    """
    Save how the run of *owner* ended, and let go of the task.

    Args:
        store: Where the task is.

        task_id: The task.

        owner: Whose run it was.

        ask: A question that a person has to answer.

        changes: What becomes of the task.

    Raises:
        TaskInProgress: Somebody else has the task by now; nothing was changed.
    """

    def ended(task: Task) -> Task:
        if task.owner != owner:
            raise TaskInProgress(task_id)
        if ask is not None:
            task = task.learned(AddQuestions(questions=(ask,)))
        return task.replace(**changes, owner=None)

    return execute_step(store, task_id, ended)


def surely_not_started(error: Exception) -> bool:
    """
    Whether *error* proves that the effect did not happen.

    Our own errors say so. Of others, an HTTP status from 400 to 499 is a refusal,
    but for 408 (the server gave up waiting) and 409 (somebody is at it). Anything
    else proves nothing: a connection that breaks may have carried the request.
    """
    if effect := effect_of(error):
        return effect == "not started"
    status = status_of(error) or 0
    return 400 <= status < 500 and status not in (408, 409)


def text_of(error: BaseException) -> str:
    """The text of *error* as a store can keep it; its kind, if it has none."""
    text = str(error) or type(error).__name__
    return clean(text)[:MAX_ERROR]
