"""
The ledger: what really happened, written down by the one who did it.

An agent that died cannot tell what it did, and a log tells what it meant to do.
The services of the world therefore write each effect down themselves, in the same
transaction as the reply they are about to send. Whatever happens to the reply, and
to whoever waits for it, the row is there.

A request that carries an idempotency key leaves its reply behind as well, so a
repeat can be answered without happening again. Keys belong to one service: the
same key at another service is another key.

This module does not decide what a service replies, and it does not know which
requests are under way: `routes` does. It keeps no order between two tasks.
"""

import json
import os
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentstate_lab.errors import StoreError, StoreForeign, StoreTooNew

Json = dict[str, Any]

# Whose file it is stands in the header of the file, where SQLite keeps it.
MARK = int.from_bytes(b"aslw")
VERSION = 1
WHOSE = (
    "PRAGMA application_id",
    "PRAGMA user_version",
    "SELECT COUNT(*) FROM sqlite_master",
)

SCHEMA = f"""
BEGIN IMMEDIATE;
PRAGMA application_id = {MARK};
PRAGMA user_version = {VERSION};
CREATE TABLE IF NOT EXISTS happened (
    id INTEGER PRIMARY KEY,
    task_id TEXT NOT NULL,
    step TEXT NOT NULL,
    effect TEXT NOT NULL,
    key TEXT
);
CREATE INDEX IF NOT EXISTS happened_by_task ON happened (task_id, effect);
CREATE TABLE IF NOT EXISTS replied (
    effect TEXT NOT NULL,
    key TEXT NOT NULL,
    task_id TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    reply TEXT NOT NULL,
    PRIMARY KEY (effect, key)
);
COMMIT;
"""

ENTRIES = """
SELECT task_id, step, effect, key, COUNT(*) FROM happened
WHERE ?1 IS NULL OR task_id = ?1
GROUP BY task_id, step, effect, key ORDER BY MIN(id)
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """
    One effect and how often it happened.

    Attributes:
        task_id: The task that asked for it.

        step: The step of that task.

        effect: The service that did it, for example "deploy".

        key: The idempotency key it was asked with, or None.

        count: How often it happened. Two is one too many.
    """

    task_id: str
    step: str
    effect: str
    key: str | None
    count: int


class Ledger:
    """
    The durable list of effects, in one SQLite file that only its owner reads.

    Safe to use from several threads. WAL and FULL: a row that was reported is on
    the disk, and stays there when the power goes.

    Args:
        path: The file, made with mode 0600 when it is missing.

    Raises:
        StoreForeign: The file is not a ledger. It was not touched.
        StoreTooNew: A newer version of the course wrote it. It was not touched.
        StoreError: The system or another program keeps it from being used.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            self._db = sqlite3.connect(
                path, check_same_thread=False, isolation_level=None
            )
        except (OSError, sqlite3.OperationalError) as error:
            raise StoreError(str(path), f"cannot be opened ({error})") from error
        try:
            self._open(str(path))
        except BaseException:
            self._db.close()
            raise

    def _open(self, where: str) -> None:
        """Look whose file it is, and only then change anything in it."""
        try:
            mark, version, tables = (
                self._db.execute(question).fetchone()[0] for question in WHOSE
            )
            if tables and mark != MARK:
                raise StoreForeign(where, "another program's database; move it away")
            if version > VERSION:
                raise StoreTooNew(where, "written by a newer version of the course")
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.executescript(SCHEMA)
        except sqlite3.OperationalError as error:
            raise StoreError(
                where, f"cannot be used now ({error}); is another program in it?"
            ) from error
        except sqlite3.DatabaseError as error:
            raise StoreForeign(
                where, f"not a ledger of this course ({error}); move it away"
            ) from error

    def happen(
        self,
        effect: str,
        *,
        task_id: str,
        step: str,
        key: str | None,
        fingerprint: str,
        reply: Callable[[int], Json],
    ) -> Json:
        """
        Let *effect* happen, and keep its reply, in one commit.

        The reply is made by *reply*, which is told how often this service has now
        worked for this task.
        """
        with self._lock, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute(
                "INSERT INTO happened (task_id, step, effect, key) VALUES (?, ?, ?, ?)",
                (task_id, step, effect, key),
            )
            row = self._db.execute(
                "SELECT COUNT(*) FROM happened WHERE task_id = ? AND effect = ?",
                (task_id, effect),
            ).fetchone()
            said = reply(row[0])
            if key is not None:
                self._db.execute(
                    "INSERT INTO replied VALUES (?, ?, ?, ?, ?)",
                    (effect, key, task_id, fingerprint, json.dumps(said)),
                )
        return said

    def replied(self, effect: str, key: str) -> tuple[str, Json] | None:
        """The fingerprint and the reply that *key* left behind, if any."""
        with self._lock:
            row = self._db.execute(
                "SELECT fingerprint, reply FROM replied WHERE effect = ? AND key = ?",
                (effect, key),
            ).fetchone()
        return (row[0], json.loads(row[1])) if row else None

    def entries(self, task_id: str | None = None) -> list[Entry]:
        """What happened, in the order of its first happening."""
        with self._lock:
            rows = self._db.execute(ENTRIES, (task_id,)).fetchall()
        return [Entry(*row) for row in rows]

    def forget(self, task_id: str) -> None:
        """Drop the rows and the keys of *task_id*, as if it had never been."""
        with self._lock, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute("DELETE FROM happened WHERE task_id = ?", (task_id,))
            self._db.execute("DELETE FROM replied WHERE task_id = ?", (task_id,))

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()
