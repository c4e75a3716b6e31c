"""
The table of tasks that exercise 06 is about: its rows, and a connection to it.

The notebook shows the table to the learner; a test compares the two.
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from ..judge import shown

TABLE = """\
CREATE TABLE tasks (
    id       TEXT PRIMARY KEY,
    created  REAL NOT NULL,
    input    TEXT NOT NULL,
    state    TEXT NOT NULL DEFAULT 'pending',
    attempts INTEGER NOT NULL DEFAULT 0,
    token    TEXT,
    expires  REAL,
    result   TEXT
)"""
PUT = "INSERT OR REPLACE INTO tasks VALUES (?, ?, ?, ?, ?, ?, ?, ?)"

NOW, LEASE = 1000.0, 60.0

Work = Callable[[str], str]


class Row(NamedTuple):
    """One row of the table."""

    id: str
    created: float
    input: str
    state: str = "pending"
    attempts: int = 0
    token: str | None = None
    expires: float | None = None
    result: str | None = None

    def leased(self, expires: float, token: str = "another worker's") -> "Row":
        """The row in the hands of another worker until *expires*."""
        taken = self._replace(state="running", attempts=self.attempts + 1)
        return taken._replace(token=token, expires=expires)

    def finished(self, result: str) -> "Row":
        """The row with its result."""
        done = self._replace(state="completed", result=result)
        return done._replace(token=None, expires=None)


TASK = Row("t-7", 10.0, "count to 3")


def connect(path: Path, timeout: float) -> sqlite3.Connection:
    """A connection that commits each statement at once, unless it is told to begin."""
    # Any thread: an answer may call the work in one of its own.
    db = sqlite3.connect(
        path, timeout=timeout, isolation_level=None, check_same_thread=False
    )
    db.execute("PRAGMA synchronous = OFF")  # no check loses its power
    return db


def result_of(text: str) -> str:
    """What the work makes of its input."""
    return f"result of {text}"


def told(found: Any) -> str:
    """A returned value, for a reader."""
    if isinstance(found, tuple | list):
        return f"({', '.join(shown(one) for one in found[:4])})"
    return shown(found)
