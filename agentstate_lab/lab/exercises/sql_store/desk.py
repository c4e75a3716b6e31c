"""
A table of tasks in a SQLite file, and one call of the answer on it.

A `Desk` is such a file. It hands the answer a connection of its own, and looks at
the table through another one, as any other worker would. What the answer did with
its connection is kept as a `Turn`: its statements, what it worked on, how the call
ended, and whether it left a lock behind. SQLite announces each statement right
before it runs, so a stage can let another worker act at that very moment.

What it cannot announce: statements on a connection that the answer opens itself.
"""

import re
import sqlite3
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..judge import WAITS, Outcome, Subject, Unmet, require, shown, times
from .tasks import LEASE, NOW, PUT, TABLE, Row, Work, connect, result_of, told

# Nobody holds the lock while an answer is tried alone, unless it does so itself.
BUSY_TIMEOUT = 0.1
MAX_WAITS = 100  # in one call: whoever tries again for a lock waits far less often

Before = tuple[int, Callable[[], bool]]

_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)


@dataclass(slots=True)
class Turn:
    """
    One call of the answer.

    Attributes:
        look: Reads the table through another connection.

        work: What the answer is handed as its work.

        before: The number of a statement, from 0, and what is done right before it.

        acted: Whether that was done: the statement came, and no lock was in the way.

        waits: How often it waited for real time; no wait takes any.

        statements: What it ran on its connection, with the values filled in.

        worked: The inputs that the work was called with.

        during: The table at each of these calls, as another connection read it.

        before_work: How many statements had run when the work was first called.

        outcome: What the answer returned or raised.

        left: What it left open, in words; empty if nothing.
    """

    look: Callable[[], dict[str, Row]]
    work: Work = result_of
    before: Before | None = None
    acted: bool = False
    waits: int = 0
    statements: list[str] = field(default_factory=list)
    worked: list[Any] = field(default_factory=list)
    during: list[dict[str, Row]] = field(default_factory=list)
    before_work: int = 0
    outcome: Outcome = field(init=False, repr=False)
    left: str = ""

    def call(self, text: str) -> str:
        """Be the work."""
        if not self.worked:
            self.before_work = len(self.statements)
        self.worked.append(text)
        self.during.append(self.look())
        return self.work(text)

    def waited(self, what: str, seconds: float) -> None:
        """Note a wait, and stop an answer that would wait for ever."""
        self.waits += 1
        if self.waits > MAX_WAITS:
            raise Unmet(f"it waited more than {MAX_WAITS} times, with {what}")

    def heard(self, statement: str) -> None:
        """A statement is about to run."""
        if self.before is not None and len(self.statements) == self.before[0]:
            self.acted = self.before[1]()
        self.statements.append(statement)

    def verb(self, number: int) -> str:
        """The first word of a statement, for a reader."""
        return _COMMENT.sub(" ", self.statements[number]).split()[0].upper()

    def worked_on(self, *inputs: str) -> None:
        """Fail unless the work was called with these inputs, in this order."""
        if self.worked == list(inputs):
            return
        if set(map(str, self.worked)) == set(inputs):
            raise Unmet(f"it called work {times(len(self.worked))}")
        said = " and ".join(shown(one) for one in self.worked)
        raise Unmet(f"it called work with {said}" if said else "it never called work")


class Desk:
    """
    A file with the table.

    Args:
        answer: The answer that is tried.

        rows: What is in the table.
    """

    def __init__(self, answer: Subject, *rows: Row) -> None:
        self.answer = answer
        self.path = Path(tempfile.mkdtemp(dir=".")).resolve() / "tasks.db"
        self.outside = connect(self.path, timeout=0)
        self.outside.execute("PRAGMA journal_mode = WAL")
        self.outside.execute(TABLE)
        self.put(*rows)

    def put(self, *rows: Row) -> None:
        """Put these rows into the table, in the place of older ones."""
        self.outside.execute("BEGIN IMMEDIATE")
        self.outside.executemany(PUT, rows)
        self.outside.execute("COMMIT")

    def rows(self) -> dict[str, Row]:
        """The table as another connection reads it, by id."""
        found = self.outside.execute("SELECT * FROM tasks").fetchall()
        return {row[0]: Row(*row) for row in found}

    def changed(self, statement: str, *values: Any) -> bool:
        """Write from outside; whether a row was changed and no lock was in the way."""
        try:
            return self.outside.execute(statement, values).rowcount == 1
        except sqlite3.Error:
            return False

    def is_free(self) -> bool:
        """Whether another connection can write at once."""
        try:
            self.outside.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        self.outside.execute("ROLLBACK")
        return True

    def turn(
        self,
        work: Work = result_of,
        *,
        now: float = NOW,
        lease: float = LEASE,
        timeout: float = BUSY_TIMEOUT,
        before: Before | None = None,
    ) -> Turn:
        """Call the answer once, on a connection of its own; real waits take no time."""
        turn = Turn(self.rows, work, before)
        db = connect(self.path, timeout)
        db.set_trace_callback(turn.heard)
        WAITS.install()
        with WAITS.noted(turn.waited):
            turn.outcome = self.answer.outcome(db, turn.call, now, lease)
        turn.left = self._left(db)
        db.close()
        if isinstance(turn.outcome.error, Unmet):  # from the work or a wait
            raise turn.outcome.error
        return turn

    def returned(self, turn: Turn, task_id: str, stored: bool) -> None:
        """Fail unless the answer returned this pair."""
        found = turn.outcome.result()
        if found is None:
            raise Unmet("it returned None, which says that nothing could be claimed")
        is_pair = isinstance(found, tuple | list) and len(found) == 2
        met = is_pair and found[0] == task_id and found[1] in (True, False)
        require(met and found[1] == stored, f"it returned {told(found)}")

    def shows(self, task_id: str, **wanted: Any) -> None:
        """Fail unless the row has these values, as another connection reads it."""
        row = self.rows().get(task_id)
        if row is None:
            raise Unmet("the row was gone")
        wrong = [
            f"{name} {shown(getattr(row, name))}"
            for name, value in wanted.items()
            if getattr(row, name) != value
        ]
        require(not wrong, f"the row had {' and '.join(wrong)}")

    def _left(self, db: sqlite3.Connection) -> str:
        """What the answer left open, in words."""
        try:
            db.set_trace_callback(None)
            if db.in_transaction:
                return "its transaction was still open"
            db.execute("SELECT 1").fetchone()
        except sqlite3.ProgrammingError:
            return "it had closed the connection, which is not its own"
        return "" if self.is_free() else "another connection could not write"
