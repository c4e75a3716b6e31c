"""
The store, as a run sees it that has the task to itself.

Nobody else writes to a task while it runs, with rare exceptions: a person who cancels
it, a note that another agent leaves. To read the task again before each of its own
saves would double the work of every step, and prove nothing: the save itself compares
the version. So what this run has saved is kept in hand, and the next save stands on
that. When somebody did write in between, the save is refused, nothing is in hand any
more, and the task is read.

Only a task that this run has saved as running is kept. Whoever waits for somebody
else's task sees the store.
"""

import contextlib
from collections.abc import Sequence
from typing import Any

from agentstate_lab.errors import VersionConflict
from agentstate_lab.state import Checkpoint, StepRecord, StepStatus, Task, TaskState
from agentstate_lab.stores import HistoryStore

from .finished import counted


class Held:
    """
    A store for one run of one task; see above.

    Args:
        store: The store behind it.
    """

    def __init__(self, store: HistoryStore) -> None:
        self._store = store
        self._task: Task | None = None
        self._newest: Checkpoint | None = None
        self._said: int | None = None

    def get(self, task_id: str) -> Task:
        """The task: in hand, or as it is stored."""
        task = self._task
        return task if task and task.id == task_id else self._store.get(task_id)

    def look(self, task_id: str) -> Task:
        """The task as it is stored, whatever is in hand."""
        task = self._store.get(task_id)
        if self._task is not None and task.version != self._task.version:
            self._forget()
        return task if self._task is None else self._task

    def save(self, task: Task, **more: Any) -> Task:
        """Save, and keep in hand what was saved; see `StepStore.save`."""
        messages, checkpoint = more.get("messages", ()), more.get("checkpoint")
        said, self._said = self._said, None
        held, self._task = self._task, None
        mine = held is not None and held.version == task.version
        saved = self._store.save(task, **more)
        if saved.state is TaskState.RUNNING and saved.owner is not None:
            self._task = saved
            self._newest = checkpoint or (self._newest if mine else None)
            self._said = said + len(messages) if mine and said is not None else None
            if checkpoint is not None:
                self._said = checkpoint.messages
        return saved

    def checkpoint(self, task_id: str, version: int | None = None) -> Checkpoint | None:
        """One checkpoint: the newest is in hand, when this run has taken it."""
        if version is None and self._task is not None and self._newest is not None:
            return self._newest
        return self._store.checkpoint(task_id, version)

    def message_count(self, task_id: str, *, since: Checkpoint | None = None) -> int:
        """How many messages there are; counted once, and then carried on."""
        if self._task is None or self._said is None:
            said = self._store.message_count(task_id, since=since)
            self._said = said if self._task is not None else None
            return said
        return self._said

    def _forget(self) -> None:
        self._task = self._newest = self._said = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class Counting:
    """
    A store that carries the digest on with each result that is recorded.

    Args:
        store: The store behind it.

        tool: Whose results they are.
    """

    def __init__(self, store: Any, tool: str) -> None:
        self._store = store
        self._tool = tool

    def save(self, task: Task, *, steps: Sequence[StepRecord] = (), **more: Any) -> Any:
        """Save; a record that is done is counted in the same commit."""
        done = [one for one in steps if one.status is StepStatus.DONE]
        for record in done:
            said = str(record.result)
            new = counted(task.agent_state, self._tool, record.name, said)
            task = task.learned(new)
        return self._store.save(task, steps=steps, **more)

    def step(self, task_id: str, name: str) -> StepRecord | None:
        """
        One step; what a person has settled is counted when the run first finds it.

        Such a record is nobody's (`idempotency.resolve`). From now on it is this run's.
        """
        found: StepRecord | None = self._store.step(task_id, name)
        if found is None or found.status is not StepStatus.DONE or found.owner:
            return found
        task = self._store.get(task_id)
        mine = found.model_copy(update={"owner": task.owner})
        with contextlib.suppress(VersionConflict):  # then whoever finds it next counts
            self.save(task, steps=[mine])
        return mine

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)
