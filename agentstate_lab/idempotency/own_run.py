"""
Run a task under an `execute` function that knows less than ours.

The smallest function that executes a task once (exercise 03) reads it, saves it as
running, works, and saves the end. It names no owner, so the store names the process,
which may live on when this run of it has ended; it saves the end on the version that
it read at the start, although the work has saved its steps in between; and it takes a
question for a failure.

`execute_with` makes up for all three, from outside. A task whose worker is proved
gone is released first. The function gets a view of the store that signs what it
saves, and in which a task that this very run is working on keeps its version: its
last save is laid over what was written meanwhile. Whatever anybody else has in hand
is a conflict, as ever.
"""

import contextlib
from collections.abc import Callable
from typing import Any

from agentstate_lab.errors import (
    AgentStateError,
    InvalidValue,
    NeedsPerson,
    TaskInProgress,
)
from agentstate_lab.state import Owner, Task, TaskState
from agentstate_lab.stores import StepStore, end, is_gone, text_of, until_saved, working

from .execution import Work

Execute = Callable[[Any, str, Work], Any]

# What the function decides about; all else of the task is the work's.
DECIDED = ("state", "result", "error", "attempt")


def execute_with(execute: Execute, store: StepStore, task_id: str, work: Work) -> Task:
    """
    Let *execute* run the task, so that a crash can be resumed.

    Args:
        execute: Called with a store, the task's id and the work, as the function of
            exercise 03 is. What it returns is not used: the store knows.

        store: Where the task is.

        task_id: The task.

        work: Does it.

    Returns:
        The task as it is stored afterwards.

    Raises:
        NeedsPerson: The task waits for a person.
        TaskInProgress: Somebody else is working on it.
        InvalidValue: *execute* returned, and the task has neither ended nor waits.
        Exception: Whatever *execute* raised.
    """
    asked: list[NeedsPerson] = []

    def asking(user_input: str) -> str:
        try:
            return work(user_input)
        except NeedsPerson as question:
            asked.append(question)
            raise

    release_orphan(store, task_id)
    with working() as me:
        view = SignedStore(store, me)
        try:
            execute(view, task_id, asking)
        except Exception:
            if not asked:
                raise
        except BaseException:  # a polite death: the next worker need not wait for it
            with contextlib.suppress(AgentStateError):  # nothing stops a death
                view.release(task_id)
            raise
        if asked:
            view.wait(task_id, asked[-1])
            raise asked[-1]
        return view.ended(task_id)


def release_orphan(store: StepStore, task_id: str) -> None:
    """Make a running task pending again when its worker is proved gone."""
    _pending(store, task_id, is_gone)


class SignedStore:
    """
    The store, as a function sees it that knows nothing of owners.

    Args:
        store: The store behind it.

        me: Who runs the task.
    """

    def __init__(self, store: StepStore, me: Owner) -> None:
        self._store = store
        self._mine = [me]
        self._version = 0

    def get(self, task_id: str) -> Task:
        """The task; while this run works on it, as if nobody had written."""
        task = self._store.get(task_id)
        if not self._holds(task):
            return task
        return task.model_copy(update={"version": self._version})

    def save(self, task: Task, **more: Any) -> Task:
        """
        Save, signed; over what this run has written in between.

        Raises:
            TaskInProgress: Somebody else is working on it.
            VersionConflict: It is based on a version that is not the last one.
        """
        stored = self._store.get(task.id)
        if self._holds(stored) and task.version == self._version:
            saved = until_saved(lambda: self._laid_over(task, more))
        elif stored.state is not TaskState.RUNNING or self._is_free(stored.owner):
            saved = self._store.save(self._signed(task), **more)
        else:
            raise TaskInProgress(task.id)
        if saved.state is TaskState.RUNNING and saved.owner is not None:
            self._mine.append(saved.owner)
            self._version = saved.version
        return saved

    def release(self, task_id: str) -> None:
        """Let go of the task, if this run still has it."""
        _pending(self._store, task_id, self._mine.__contains__)

    def wait(self, task_id: str, asked: NeedsPerson) -> None:
        """
        Make the task wait, although it was stored as failed, or left running.

        A function that does know waiting has saved the question with an old state.
        """
        again = (TaskState.FAILED, TaskState.WAITING)

        def held() -> Task:
            task = self._store.get(task_id)
            if task.state not in again:
                return task
            # Under a name, or nobody could take it over after a crash right here.
            running = task.replace(state="running", owner=self._mine[0])
            return self._store.save(running)

        task = until_saved(held)
        if self._holds(task) and task.owner is not None:
            says = {"ask": asked.question, "error": text_of(asked)}
            end(self._store, task_id, task.owner, state="waiting", **says)

    def ended(self, task_id: str) -> Task:
        """The task as it is stored, when the function has returned."""
        task = self._store.get(task_id)
        if task.state is TaskState.RUNNING and not self._holds(task):
            raise TaskInProgress(task_id)
        if task.state in (TaskState.RUNNING, TaskState.PENDING):
            raise InvalidValue(
                "execute",
                f"returned, and the task is {task.state}: it must run it, and save how"
                " it ended",
                effect="unknown",
            )
        return task

    def _laid_over(self, task: Task, more: dict[str, Any]) -> Task:
        """Save what *task* decides about on top of what is stored."""
        stored = self._store.get(task.id)
        if not self._holds(stored):
            raise TaskInProgress(task.id)
        decided = {name: getattr(task, name) for name in DECIDED}
        return self._store.save(self._signed(stored.replace(**decided)), **more)

    def _signed(self, task: Task) -> Task:
        """The task with its owner: none when it is not running."""
        if task.state is not TaskState.RUNNING:
            return task.replace(owner=None)
        named = task.owner is not None and not is_gone(task.owner)
        return task if named else task.replace(owner=self._mine[0])

    def _is_free(self, owner: Owner | None) -> bool:
        return owner in self._mine or is_gone(owner)

    def _holds(self, task: Task) -> bool:
        return task.state is TaskState.RUNNING and task.owner in self._mine

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def _pending(
    store: StepStore, task_id: str, is_free: Callable[[Owner | None], bool]
) -> None:
    """Make a running task pending again when its owner *is_free*."""

    def released() -> Task:
        task = store.get(task_id)
        if task.state is not TaskState.RUNNING or not is_free(task.owner):
            return task
        return store.save(task.replace(state="pending", owner=None))

    until_saved(released)
