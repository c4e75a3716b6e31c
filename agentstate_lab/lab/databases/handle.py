"""
The handle to a PostgreSQL server: addresses of databases, and making them.

    postgres = start_postgres()
    dsn = postgres.database("06_sql_store")       # made on first use
    dsn = postgres.database("06_sql_store", fresh=True)  # again, and empty

An address (DSN) holds the password. It is a string that works wherever one is
asked for, but a cell or a log that shows it shows no secret.

This module speaks to a server, and does not start one: `postgres` does.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from agentstate_lab.errors import InvalidValue, PostgresUnavailable

if TYPE_CHECKING:
    import psycopg

ANSWER_WITHIN = 10  # seconds; psycopg takes whole ones

# To the embedded server, these win over what the environment says to every client
# of PostgreSQL. No password is sent: both sides prove that they know it.
EMBEDDED: dict[str, Any] = {
    "hostaddr": "127.0.0.1",
    "require_auth": "scram-sha-256",
    "channel_binding": "disable",
    "options": "",
}

# An outside server may hold databases of other people, so ours have a name apart.
PREFIX = "agentstate_"

_NAME = re.compile(r"[a-z0-9_]{1,48}")


class Dsn(str):
    """
    The address of a database. It works as a string, and does not show itself.

    >>> Dsn("postgresql://me:secret@127.0.0.1/db")
    <the address of a database; it holds a password>
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "<the address of a database; it holds a password>"


@dataclass(frozen=True, slots=True)
class Postgres:
    """
    A handle to a running server. It holds no connection.

    Attributes:
        where: What to call it: host and port, or the variable that names it.

        address: The address of its own first database, with the password.

        kill: Ends an embedded server at once; None when it is somebody else's.
    """

    where: str
    address: Dsn = field(repr=False)
    kill: Callable[[], object] | None = field(default=None, repr=False, compare=False)

    @property
    def is_embedded(self) -> bool:
        """Whether the course started it."""
        return self.kill is not None

    def dsn(self, name: str) -> Dsn:
        """
        The address of the course's database *name*, which may not exist yet.

        Raises:
            InvalidValue: *name* is not 1 to 48 of a to z, 0 to 9 and _.
        """
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise InvalidValue(
                "database", f"use 1 to 48 of a-z, 0-9 and _, not {name!r:.100}"
            )
        return Dsn(urlsplit(self.address)._replace(path=f"/{PREFIX}{name}").geturl())

    def database(self, name: str, *, fresh: bool = False) -> Dsn:
        """
        The address of the course's database *name*, made when it is missing.

        Args:
            name: One for each lesson, for example "06_sql_store".

            fresh: Whether to drop it first, with all that is in it and everybody
                who is connected to it.

        Raises:
            InvalidValue: *name* is not 1 to 48 of a to z, 0 to 9 and _.
            PostgresUnavailable: The server does not answer, or refuses.
        """
        address = self.dsn(name)
        with self._connected() as connection:
            if fresh:
                connection.execute(_drop(name))
            if not _exists(connection, name):
                _create(connection, name)
        return address

    def drop(self, name: str) -> None:
        """
        Drop the course's database *name*, if it is there.

        Raises:
            InvalidValue: *name* is not 1 to 48 of a to z, 0 to 9 and _.
            PostgresUnavailable: The server does not answer, or refuses.
        """
        self.dsn(name)
        with self._connected() as connection:
            connection.execute(_drop(name))

    def crash(self) -> None:
        """
        End the server as a crash would: at once, with nothing put in order.

        What was committed is there after the next start; what was not is gone.

        Raises:
            PostgresUnavailable: It is not ours to crash.
        """
        if self.kill is None:
            raise PostgresUnavailable(
                f"the server of {self.where} is not ours to crash: unset"
                f" {self.where} to use the embedded one"
            )
        self.kill()

    def _advice(self) -> str:
        """What to do about a server that does not do what it is asked."""
        if self.is_embedded:
            return "call start_postgres() again"
        return f"see to that server, or unset {self.where} to use the embedded one"

    def version(self) -> str:
        """
        Which PostgreSQL it is, for example "PostgreSQL 18.6".

        Raises:
            PostgresUnavailable: It does not answer, or refuses.
        """
        with self._connected() as connection:
            return "PostgreSQL {}.{}".format(
                *divmod(connection.info.server_version, 10_000)
            )

    @contextmanager
    def _connected(self) -> "Iterator[psycopg.Connection[Any]]":
        """A connection to the first database; what fails there is told in words."""
        import psycopg

        from agentstate_lab.stores.sql import reason

        connected = False
        try:
            with psycopg.connect(
                self.address,
                autocommit=True,
                connect_timeout=ANSWER_WITHIN,
                **(EMBEDDED if self.is_embedded else {}),
            ) as connection:
                connected = True
                yield connection
        except psycopg.Error as error:
            # What the server refused, it did not do; when it fell silent, who knows.
            lost = connected and (error.sqlstate or "08")[:2] in ("08", "57")
            raise PostgresUnavailable(
                f"PostgreSQL at {self.where}: {reason(error)}; {self._advice()}",
                effect="unknown" if lost else "not started",
            ) from None


def who_answers(dsn: str, known: Callable[[int], bool]) -> str:
    """
    Ask an embedded server who it is; an empty string says that it is ours.

    Args:
        dsn: Where it should be.

        known: Says of the process that answers whether it is ours.
    """
    import psycopg

    from agentstate_lab.stores.sql import reason

    try:
        with psycopg.connect(
            dsn, connect_timeout=ANSWER_WITHIN, **EMBEDDED
        ) as connection:
            ours = known(connection.info.backend_pid)
    except psycopg.Error as error:
        return reason(error)
    return "" if ours else "another server answers there"


def _exists(connection: "psycopg.Connection[Any]", name: str) -> bool:
    """Whether there is a course's database *name*."""
    found = connection.execute(
        "SELECT 1 FROM pg_database WHERE datname = %s", (PREFIX + name,)
    )
    return found.fetchone() is not None


def _create(connection: "psycopg.Connection[Any]", name: str) -> None:
    """Make the course's database *name*; another process may be quicker."""
    from psycopg import errors, sql

    try:
        connection.execute(
            sql.SQL("CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE template0").format(
                sql.Identifier(PREFIX + name)
            )
        )
    except (errors.DuplicateDatabase, errors.UniqueViolation):
        return


def _drop(name: str) -> "psycopg.sql.Composed":
    """The statement that drops the course's database *name*."""
    from psycopg import sql

    return sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(
        sql.Identifier(PREFIX + name)
    )
