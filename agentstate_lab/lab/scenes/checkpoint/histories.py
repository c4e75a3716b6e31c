"""
What notebook 07 does to a history: it makes it long, and it damages it.

`long_history` fills one up, a checkpoint a second. `one_of_each` makes tasks that have
come as far as tasks come. `damaged` alters the newest
checkpoint of a task in its SQLite file, as a bad disk, a bug or a newer program
would, and puts it back at the end of the block.

Nothing here judges what it did: that is for the store and the manager.
"""

import contextlib
import json
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from agentstate_lab.checkpoint import CheckpointManager
from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.clock import FakeClock
from agentstate_lab.state import Task, TaskState
from agentstate_lab.stores import TaskStore
from agentstate_lab.stores.sql import SqliteStore


def long_history(path: Path, clock: FakeClock, task_id: str, count: int) -> SqliteStore:
    """
    A store in which a task has *count* checkpoints at least, one for each second.

    Args:
        path: The file of the store.

        clock: The store's clock; it is moved on.

        task_id: The task. One that is there gets as many more as it lacks.

        count: How many, from 1.
    """
    store = SqliteStore(path, clock=clock)
    manager = CheckpointManager(store, clock=clock)
    task = store.submit(Task.new("Watch the shop.", task_id=task_id)).task
    if task.state is TaskState.PENDING:
        task = task.replace(state=TaskState.RUNNING)
    for _ in range(count - len(store.checkpoints(task_id))):
        clock.advance(1)
        task = manager.save(task)
    return store


PATHS = {
    "pending": (),
    "running": ("running",),
    "failed": ("running", "failed"),
    "waiting": ("running", "waiting"),
    "completed": ("running", "completed"),
}


def one_of_each(store: TaskStore) -> dict[str, str]:
    """Submit a task for each state that can be looked at; the ids, by state."""
    made = {}
    for state, path in PATHS.items():
        new = Task.new("Look.", task_id=f"one-of-each-{uuid.uuid4().hex}")
        task = store.submit(new).task
        for step in path:
            task = store.save(task.replace(state=step))
        made[state] = task.id
    return made


def _torn(line: str) -> str:
    return line[: len(line) // 2]


def _altered(line: str) -> str:
    fields = json.loads(line)
    goal = {**fields["agent_state"], "goal": "Delete the shop."}
    return json.dumps({**fields, "agent_state": goal})


def _newer(line: str) -> str:
    return json.dumps({**json.loads(line), "schema_version": 2, "mood": "good"})


DAMAGES: dict[str, Callable[[str], str]] = {
    "torn": _torn,
    "altered": _altered,
    "newer": _newer,
}

_NEWEST = """
task_id = :id and version = (select max(version) from checkpoints where task_id = :id)
"""


@contextlib.contextmanager
def damaged(path: Path, task_id: str, how: str) -> Iterator[None]:
    """
    Inside the block, the newest checkpoint of a task is not what it was.

    Args:
        path: The file of a `SqliteStore`.

        task_id: The task; it has a checkpoint.

        how: "torn" (half of it), "altered" (another goal) or "newer" (a schema that
            this course does not know).

    Raises:
        InvalidValue: There is no such damage, or nothing to damage.
    """
    if how not in DAMAGES:
        raise InvalidValue("how", f"{how!r:.100} is none of {', '.join(DAMAGES)}")
    with contextlib.closing(sqlite3.connect(path)) as db:
        select = f"select line from checkpoints where {_NEWEST}"
        found = db.execute(select, {"id": task_id})
        line = next((one for (one,) in found), None)
        if line is None:
            raise InvalidValue("task_id", f"{task_id!r} has no checkpoint")
        _put(db, task_id, DAMAGES[how](line))
        try:
            yield
        finally:
            _put(db, task_id, line)


def _put(db: sqlite3.Connection, task_id: str, line: str) -> None:
    values = {"id": task_id, "line": line}
    with db:
        db.execute(f"update checkpoints set line = :line where {_NEWEST}", values)
