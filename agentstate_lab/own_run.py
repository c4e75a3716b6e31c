"""
Run a task under an `execute` function that knows less than ours.

The smallest function that executes a task once (exercise 03) reads it, saves it as
running, works, and saves the end. It names no owner, so nobody could tell after a
crash whether its worker lives; and it saves the end on the version that it read at
the start, although the work has saved its steps in between.

`execute_with` makes up for both, from outside: a task whose worker is proved gone is
released first, and the function gets a view of the store that signs what it saves
and lays its last save over what this very run wrote meanwhile. Whatever anybody else
wrote is a conflict, as ever.
"""

from collections.abc import Callable
from typing import Any

from .errors import VersionConflict
from .execution import Work
from .owner import is_gone, working
from .store import StepStore, execute_step
from .task import Owner, Task, TaskState

Execute = Callable[[Any, str, Work], Task]


def execute_with(execute: Execute, store: StepStore, task_id: str, work: Work) -> Task:
    """
    Let *execute* run the task, so that a crash can be resumed.

    Args:
        execute: Called with a store, the task's id and the work, as the function of
            exercise 03 is.

        store: Where the task is.

        task_id: The task.

        work: Does it.

    Returns:
        The task as it is stored afterwards.
    """
    release_orphan(store, task_id)
    with working() as me:
        execute(SignedStore(store, me), task_id, work)
    return store.get(task_id)


def release_orphan(store: StepStore, task_id: str) -> None:
    """Make a running task pending again when its worker is proved gone."""

    def released(task: Task) -> Task:
        orphan = task.state is TaskState.RUNNING and is_gone(task.owner)
        return task.replace(state="pending", owner=None) if orphan else task

    task = store.get(task_id)
    if released(task) is not task:
        execute_step(store, task_id, released)


class SignedStore:
    """
    A store that signs each save of a running task with the owner of this run.

    Args:
        store: The store behind it.

        me: The owner.
    """

    def __init__(self, store: StepStore, me: Owner) -> None:
        self._store = store
        self._me = me

    def save(self, task: Task, **more: Any) -> Task:
        """Save, signed; over this run's own writes, if they came in between."""
        signed = self._signed(task)
        try:
            return self._store.save(signed, **more)
        except VersionConflict:
            stored = self._store.get(task.id)
            if stored.owner != self._me:
                raise
        ended: dict[str, Any] = {
            "state": task.state,
            "result": task.result,
            "error": task.error,
            "owner": self._me if task.state is TaskState.RUNNING else None,
        }
        return self._store.save(self._signed(stored.replace(**ended)), **more)

    def _signed(self, task: Task) -> Task:
        unsigned = task.state is TaskState.RUNNING and task.owner is None
        return task.model_copy(update={"owner": self._me}) if unsigned else task

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)
