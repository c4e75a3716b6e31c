"""
Tasks in this process's memory, and what a store does that has all of them at hand.

`ContentStore` takes all that is stored as one value (`Content`), makes the next one
from it, and puts that in its place. Where it is kept is the subclass's: `MemoryStore`
forgets everything with the process, good for tests, and the yardstick for the stores
that survive. `json_file` keeps it in a file.
"""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Self

from agentstate_lab.errors import TaskNotFound
from agentstate_lab.state import (
    Checkpoint,
    History,
    Message,
    Placed,
    StepRecord,
    Task,
    TaskState,
    found_in,
    prunable,
)

from .json_format import Content, read_task
from .listing import TaskPage, Unreadable, Wanted, first_tasks
from .rules import (
    ALL,
    Page,
    Submission,
    accept_checkpoint,
    accept_save,
    accept_submission,
)
from .store import Clock


class ContentStore(ABC):
    """
    A `HistoryStore` over one `Content`.

    The next content is made beside the old one, so a write that fails changes
    nothing. That copies the list of all tasks: good for some thousands of them.

    Args:
        where: The place, for errors.

        clock: Where the times of writes come from, in seconds since the epoch.
    """

    def __init__(self, where: str, clock: Clock) -> None:
        self._where = where
        self._clock = clock
        self._unreadable = Unreadable()
        self._thread_lock = threading.Lock()

    @abstractmethod
    def _read(self) -> Content:
        """What is stored."""

    @abstractmethod
    def _write(self, content: Content) -> None:
        """Put *content* in its place. The checks and the lock are the caller's."""

    def _locked(self) -> AbstractContextManager[object]:
        """One writer at a time."""
        return self._thread_lock

    def _reading(self) -> AbstractContextManager[object]:
        """A reader sees one whole content."""
        return self._thread_lock

    def submit(self, task: Task) -> Submission:
        """Store a new task, or return the stored one; see `TaskStore.submit`."""
        with self._locked():
            content = self._read()
            stored = content.task(task.id, self._where)
            done = accept_submission(stored, task, self._clock())
            if done.created:
                self._write(content.with_task(done.task))
            return done

    def get(self, task_id: str) -> Task:
        """The stored task; see `TaskStore.get`."""
        with self._reading():
            return self._found(self._read(), task_id)

    def save(
        self,
        task: Task,
        *,
        steps: Sequence[StepRecord] = (),
        messages: Sequence[Message] = (),
        checkpoint: Checkpoint | None = None,
    ) -> Task:
        """Store a changed task and what belongs to it; see `StepStore.save`."""
        with self._locked():
            content = self._read()
            stored = content.task(task.id, self._where)
            kept = accept_save(stored, task, self._clock())
            accept_checkpoint(checkpoint, kept)
            new = content.with_task(kept)
            if steps or messages or checkpoint:
                history = content.history(task.id, self._where)
                more = history.with_more(steps, messages, checkpoint)
                new = new.with_history(task.id, more)
            self._write(new)
            return kept

    def steps(self, task_id: str, page: Page = ALL) -> list[StepRecord]:
        """The steps of a task; see `StepStore.steps`."""
        return page.of(self._history(task_id).steps)

    def step(self, task_id: str, name: str) -> StepRecord | None:
        """One step of a task; see `StepStore.step`."""
        return self._history(task_id).step(name)

    def messages(self, task_id: str, page: Page = ALL) -> list[Message]:
        """What was said; see `StepStore.messages`."""
        return page.of(self._history(task_id).messages)

    def search(self, task_id: str, text: str, page: Page = ALL) -> list[Placed]:
        """The messages that hold *text*; see `HistoryStore.search`."""
        return page.of(found_in(self._history(task_id), text))

    def message_count(self, task_id: str, *, since: Checkpoint | None = None) -> int:
        """How many messages there are; see `HistoryStore.message_count`."""
        return len(self._history(task_id).messages)

    def checkpoint(self, task_id: str, version: int | None = None) -> Checkpoint | None:
        """One checkpoint; see `HistoryStore.checkpoint`."""
        return self._history(task_id).checkpoint(version)

    def checkpoints(self, task_id: str, page: Page = ALL) -> list[Checkpoint]:
        """The checkpoints, oldest first; see `HistoryStore.checkpoints`."""
        return page.of(self._history(task_id).checkpoints)

    def prune(self, task_id: str, *, keep: int | None, before: float | None) -> int:
        """Drop checkpoints by two rules; see `HistoryStore.prune`."""
        with self._locked():
            content = self._read()
            self._found(content, task_id)
            history = content.history(task_id, self._where)
            gone = prunable(list(history.checkpoints), keep=keep, before=before)
            if gone:
                self._write(content.with_history(task_id, history.without(gone)))
            return len(gone)

    def list_by_state(self, state: TaskState | str, *, limit: int = 100) -> list[Task]:
        """The tasks in *state*, oldest first; see `TaskStore.list_by_state`."""
        return first_tasks(self, state, limit)

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
        wanted = Wanted.of(states, agents, machine, after, limit)
        with self._reading():
            lines = self._read().tasks.items()
        return wanted.page(self._unreadable.read(lines, self._task))

    def close(self) -> None:  # noqa: B027 - there is nothing to do
        """Nothing stays open between calls."""

    def __enter__(self) -> Self:
        """Use the store in a `with` block."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close the store at the end of the block."""
        self.close()

    def _task(self, task_id: str, line: str) -> Task:
        return read_task(task_id, line, self._where)

    def _found(self, content: Content, task_id: str) -> Task:
        task = content.task(task_id, self._where)
        if task is None:
            raise TaskNotFound(task_id)
        return task

    def _history(self, task_id: str) -> History:
        with self._reading():
            content = self._read()
            self._found(content, task_id)
        return content.history(task_id, self._where)


class MemoryStore(ContentStore):
    """
    Tasks in this process's memory: quick, shared by its threads, gone with it.

    It keeps each task as the line that a file would hold, so that a value which
    no store can keep is refused here too, and nobody shares memory with it.

    Args:
        clock: Where the times of writes come from, in seconds since the epoch.

    >>> store = MemoryStore(clock=lambda: 0.0)
    >>> task, created = store.submit(Task.new("Clean the logs", key="ops/42"))
    >>> store.save(task.replace(state="running")).version
    2
    """

    def __init__(self, *, clock: Clock = time.time) -> None:
        super().__init__("memory", clock)
        self._content = Content()

    def _read(self) -> Content:
        return self._content

    def _write(self, content: Content) -> None:
        self._content = content
