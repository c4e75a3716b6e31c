"""
The two databases of notebook 06, behind one switch.

    db = lab.database("sqlite")        # a file in the lesson's folder
    db = lab.database("postgresql")    # the server that `start_postgres` finds

What a notebook does with `db` is the same for both: statements on a table of its
own, `jobs` (`read`, `write`, `transaction`), and the addresses of stores
(`store_url`). Values are written `:name`, as in the package's own statements.

Nothing is wiped here. What the lesson made in the server is noted in its folder, so
that `fresh_start` can drop it.
"""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agentstate_lab.errors import InvalidValue
from agentstate_lab.stores.sql import Database, Run

from .postgres import start_postgres

KINDS = ("sqlite", "postgresql")

# What people make who have read that a database is safe: no version, no owner.
JOBS = """
create table if not exists jobs (
    id text primary key, state text, result text, attempt integer default 0
)
"""

_NAME = re.compile(r"[a-z0-9_]{1,24}")


@dataclass(frozen=True, slots=True)
class LabDatabase:
    """
    One of the two, for one lesson. It holds no connection, so it may travel.

    Attributes:
        kind: "sqlite" or "postgresql".

        lesson: The notebook's name.

        folder: Where the lesson's files are.
    """

    kind: str
    lesson: str
    folder: Path = field(repr=False)

    def store_url(self, name: str = "tasks") -> str:
        """
        The address of one of the lesson's stores, for `open_store`.

        Raises:
            InvalidValue: The name is not 1 to 24 of a to z, 0 to 9 and _.
            PostgresUnavailable: The server could not be started or reached.
        """
        place = self._place(name)
        return f"sqlite:{place}" if self.kind == "sqlite" else place

    def read(self, statement: str, **values: Any) -> list[Any]:
        """The rows that a statement finds, as tuples."""
        with contextlib.closing(self._own()) as own:
            return own.read(statement, **values)

    def write(self, statement: str, **values: Any) -> int:
        """How many rows a statement has changed; it is committed by itself."""
        with contextlib.closing(self._own()) as own:
            return own.write(statement, **values)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Run]:
        """
        Statements that are committed together at the end of the block.

        An error in the block takes back all that they did, and nothing else.
        """
        with contextlib.closing(self._own()) as own, own.transaction() as run:
            yield run

    def _own(self) -> Database:
        """The notebook's own table."""
        from .own_table import OwnPostgres, OwnSqlite

        place = self._place("jobs")
        if self.kind == "sqlite":
            return OwnSqlite(Path(place))
        return OwnPostgres(place, schema="public")

    def _place(self, name: str) -> str:
        """The path or the address of *name*, made when it is missing."""
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise InvalidValue("name", f"use 1 to 24 of a-z, 0-9 and _, not {name!r}")
        path = self.folder / f"{name}.{self.kind}"
        if self.kind == "sqlite":
            return str(path)
        address = start_postgres().database(f"{self.lesson}_{name}")
        path.touch(mode=0o600)
        return address


def database_of(kind: str, lesson: str, folder: Path) -> LabDatabase:
    """
    The database of *kind* for a lesson, with its table `jobs`.

    Raises:
        InvalidValue: There is no such kind.
        PostgresUnavailable: The server could not be started or reached.
    """
    if kind not in KINDS:
        raise InvalidValue("kind", f"{kind!r:.60} is none of {', '.join(KINDS)}")
    made = LabDatabase(kind, lesson, folder)
    made.write(JOBS)
    return made


def forget_databases(lesson: str, folder: Path) -> None:
    """
    Drop what a lesson made in the server. Its files are the caller's to remove.

    Raises:
        PostgresUnavailable: The server could not be started or reached.
    """
    for note in folder.glob("*.postgresql"):
        start_postgres().drop(f"{lesson}_{note.stem}")
