"""
The databases of the stores, without the stores' tables: a lesson makes its own there.

It is loaded when a lesson has a database, since the driver of PostgreSQL comes along.
"""

import sqlite3
from typing import Any, ClassVar

from agentstate_lab.errors import StoreError
from agentstate_lab.stores.sql import (
    APPLICATION_ID,
    Answer,
    PostgresDatabase,
    SqliteDatabase,
)

# A lesson's own statements hold no secret, so the driver's words may be shown.
_NO_TABLE: Answer = (
    StoreError,
    "there is no such table; after a fresh start, run the cell with"
    " `lab.database(...)` again",
)
_MISTAKE: Answer = (StoreError, "this statement cannot be run")


class OwnSqlite(SqliteDatabase):
    """A file with none of the store's tables."""

    answers: ClassVar[dict[str, Answer]] = {
        "no such table": _NO_TABLE,
        "SQLITE_ERROR": _MISTAKE,
        **SqliteDatabase.answers,
    }

    def _code(self, error: sqlite3.Error) -> tuple[str, str]:
        code, shown = super()._code(error)
        said = str(error)
        if code != "SQLITE_ERROR":
            return code, shown
        return (said if said.startswith("no such table") else code), said

    def _migrate(self, connection: Any) -> None:
        ((mark,),) = connection.execute("pragma application_id")
        if mark == 0:
            connection.execute(f"pragma application_id = {APPLICATION_ID}")


class OwnPostgres(PostgresDatabase):
    """A schema with none of the store's tables."""

    answers: ClassVar[dict[str, Answer]] = {
        "42P01": _NO_TABLE,
        **PostgresDatabase.answers,
        "42": _MISTAKE,
    }

    def _migrate(self, connection: Any) -> None:
        """The store's tables are not wanted here."""
