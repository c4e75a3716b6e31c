"""
A store keeps tasks where a dead process cannot take them along.

`TaskStore` is the whole contract: put a task in, read it, change it, find the
ones in a given state. A write is compare-and-set: it names the version it was
based on, and is refused when somebody else wrote in between. Without that, the
last writer wins, and a late worker can undo a completed task.

`MemoryStore` keeps the contract and forgets everything with the process: good
for tests, and the yardstick for the stores that survive.

The rules of submitting and saving stand here once, as plain functions over the
stored task; every store calls them, so that all stores decide alike. No store
runs effects, and none of them can make an effect outside undone.
"""

import importlib
import threading
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol, Self

from .codec import task_from_json, task_to_json
from .errors import InvalidValue, KeyReused, TaskNotFound, VersionConflict
from .task import Task, TaskState, check_transition

Clock = Callable[[], float]

# Far more than any real contention needs; a step that loses this often is stuck.
MAX_STEP_TRIES = 1_000


class Submission(NamedTuple):
    """
    What `submit` returns: the stored task, and whether this call made it.

    Attributes:
        task: The task as it is stored now.

        created: False when the key was known, and nothing was changed.
    """

    task: Task
    created: bool


class TaskStore(Protocol):
    """
    What every store can do. Taught in notebook 02.

    A store that passes `lab.contract.TaskStoreContract` keeps these promises.
    """

    def submit(self, task: Task) -> Submission:
        """
        Store a new task, or return the one that has its id already.

        Raises:
            KeyReused: The id is known with another input.
            InvalidValue: The task is not new, or cannot be stored.
        """
        ...

    def get(self, task_id: str) -> Task:
        """
        The stored task.

        Raises:
            TaskNotFound: No task has this id.
        """
        ...

    def save(self, task: Task) -> Task:
        """
        Store a changed task if nobody else wrote since it was read.

        Returns:
            The task as stored: one version on, with the time of the write.

        Raises:
            VersionConflict: Somebody else wrote; nothing was changed.
            IllegalTransition: The stored task may not take this state.
            TaskNotFound: It was never submitted.
        """
        ...

    def list_by_state(self, state: TaskState | str, *, limit: int = 100) -> list[Task]:
        """The tasks in *state*, oldest first, at most *limit*."""
        ...

    def close(self) -> None:
        """Let go of files and connections. Closing twice does no harm."""
        ...


def accept_submission(stored: Task | None, task: Task, now: float) -> Submission:
    """
    Decide what a submit does, given what is stored under that id.

    Raises:
        KeyReused: Another input is stored under the id.
        InvalidValue: The task is not new.
    """
    if task.version != 0 or task.state is not TaskState.PENDING:
        raise InvalidValue(
            f"task {task.id!r}",
            f"is {task.state} at version {task.version}; only a new, pending task"
            " can be submitted, an existing one is saved",
        )
    if stored is not None:
        if stored.fingerprint != task.fingerprint:
            raise KeyReused(task.id)
        return Submission(stored, created=False)
    times = {"created_at": now, "updated_at": now, "version": 1}
    return Submission(task.model_copy(update=times), created=True)


def accept_save(stored: Task | None, task: Task, now: float) -> Task:
    """
    Decide whether *task* may take the place of *stored*, and return what to keep.

    Raises:
        TaskNotFound, VersionConflict, KeyReused, IllegalTransition: See
            `TaskStore.save`. Nothing is written then.
    """
    if stored is None:
        raise TaskNotFound(task.id)
    if stored.version != task.version:
        raise VersionConflict(task.id, expected=task.version, found=stored.version)
    if stored.fingerprint != task.fingerprint:
        raise KeyReused(task.id)
    check_transition(stored.state, task.state, task.id)
    fixed = {
        "created_at": stored.created_at,
        "updated_at": now,
        "version": stored.version + 1,
    }
    return task.model_copy(update=fixed)


def select_by_state(
    tasks: Iterable[Task], state: TaskState | str, limit: int
) -> list[Task]:
    """
    The tasks in *state*, oldest first, at most *limit*.

    Raises:
        InvalidValue: There is no such state, or the limit is not a count.
    """
    if state not in list(TaskState):
        raise InvalidValue("state", f"{state!r} is none of {', '.join(TaskState)}")
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise InvalidValue("limit", f"must be a whole number from 1 on, not {limit!r}")
    found = [task for task in tasks if task.state == state]
    return sorted(found, key=lambda task: (task.created_at, task.id))[:limit]


class MemoryStore:
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
        self._clock = clock
        self._lines: dict[str, str] = {}
        self._lock = threading.Lock()

    def submit(self, task: Task) -> Submission:
        """Store a new task, or return the stored one; see `TaskStore.submit`."""
        with self._lock:
            done = accept_submission(self._find(task.id), task, self._clock())
            if done.created:
                self._lines[task.id] = task_to_json(done.task)
            return done

    def get(self, task_id: str) -> Task:
        """The stored task; see `TaskStore.get`."""
        task = self._find(task_id)
        if task is None:
            raise TaskNotFound(task_id)
        return task

    def save(self, task: Task) -> Task:
        """Store a changed task, compare-and-set; see `TaskStore.save`."""
        with self._lock:
            kept = accept_save(self._find(task.id), task, self._clock())
            self._lines[task.id] = task_to_json(kept)
            return kept

    def list_by_state(self, state: TaskState | str, *, limit: int = 100) -> list[Task]:
        """The tasks in *state*, oldest first; see `TaskStore.list_by_state`."""
        with self._lock:
            lines = list(self._lines.values())
        return select_by_state(map(task_from_json, lines), state, limit)

    def close(self) -> None:
        """Nothing to let go of."""

    def __enter__(self) -> Self:
        """Use the store in a `with` block."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close the store at the end of the block."""
        self.close()

    def _find(self, task_id: str) -> Task | None:
        line = self._lines.get(task_id)
        return None if line is None else task_from_json(line, where="memory")


def execute_step(store: TaskStore, task_id: str, fn: Callable[[Task], Task]) -> Task:
    """
    Read a task, let *fn* say what it becomes, and save that; again if others won.

    No lock is held while *fn* runs, so it may take its time, and saving inside it
    cannot wait for itself. The price: when somebody else wrote in between, *fn*
    runs again on what they wrote. It must therefore be pure: effects do not
    belong in it.

    Args:
        store: Where the task is.

        task_id: Which task.

        fn: From the stored task to the changed one.

    Raises:
        TaskNotFound: No task has this id.
        VersionConflict: The step lost to others a thousand times in a row.
    """
    for _ in range(MAX_STEP_TRIES - 1):
        try:
            return store.save(fn(store.get(task_id)))
        except VersionConflict:
            continue
    return store.save(fn(store.get(task_id)))


# The module and class behind each scheme; a store joins with one line.
SCHEMES = {
    "memory": ("store", "MemoryStore"),
    "json": ("json_store", "JsonFileStore"),
}


def open_store(url: str, *, clock: Clock = time.time) -> TaskStore:
    """
    Open the store that *url* names: `memory:` or `json:PATH`.

    Args:
        url: The kind of store, a colon, and its place.

        clock: Where the times of writes come from, in seconds since the epoch.

    Raises:
        InvalidValue: No such kind, or the place is missing or not wanted.
    """
    scheme, colon, place = url.partition(":") if isinstance(url, str) else ("", "", "")
    if not colon or scheme not in SCHEMES:
        known = ", ".join(f"{name}:" for name in SCHEMES)
        raise InvalidValue("store url", f"{url!r} starts with none of {known}")
    if bool(place) == (scheme == "memory"):
        wanted = "takes no path" if place else "needs a path after the colon"
        raise InvalidValue("store url", f"{url!r} {wanted}")
    module, name = SCHEMES[scheme]
    kind = getattr(importlib.import_module(f".{module}", __package__), name)
    opened: TaskStore = kind(place, clock=clock) if place else kind(clock=clock)
    return opened
