"""
Tasks in PostgreSQL: for workers on many machines.

A save is one statement (`postgres_statement`): one round trip, one commit, and no
transaction that could be left open.

A commit is forced to the server's disk before it is reported; a session of this
store switches that on where it was off. Waiting for a row that another has locked
ends after `busy_timeout`.

Leases are measured with the server's clock, the one clock that all workers share.
The tables lie in a schema of their own, so that they disturb nothing else in the
database, and names of theirs are never looked up elsewhere.

The driver is psycopg 3. Its errors come out as ours, with what the server said and
its code, and never with an address, a password or a value.

Source: the PostgreSQL documentation, "WITH queries" and "The Locking Clause".
"""

import contextlib
import re
import secrets
import time
from collections.abc import Callable
from typing import Any, Final

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.pq import TransactionStatus

from agentstate_lab.errors import (
    InvalidValue,
    StoreBusy,
    StoreForeign,
    StoreReadOnly,
    StoreTorn,
    StoreUnavailable,
    StoreWriteFailed,
)

from ..store import Clock
from . import tables
from .database import BUSY_TIMEOUT, Answer, Database, Moment
from .leases import SqlLeaseStore
from .postgres_address import parts_of, shown
from .postgres_reason import reason
from .postgres_statement import one_statement
from .tables import Dialect, Run

SCHEMA: Final = "agentstate"
MIGRATION_LOCK: Final = 0x41474C42  # "AGLB"
MAX_STOPPED = 10.0  # seconds that a stopped worker can keep a row inside a claim


_GONE = (
    StoreUnavailable,
    "the connection was lost; the next call makes a new one",
)
_BUSY = (StoreBusy, "others kept it locked; try again, or find out who they are")
_ANSWERS: dict[str, Answer] = {
    "57P": _GONE,
    "08": _GONE,
    "25P03": _GONE,  # it was stopped in the middle of a claim
    "55P03": _BUSY,
    "57014": _BUSY,
    "40": _BUSY,
    "53100": (
        StoreWriteFailed,
        "the disk is full; what was stored is whole. Make room and try again",
    ),
    "25006": (StoreReadOnly, "it may only be read"),
    "42501": (StoreReadOnly, "its user may not do that"),
    "42": (StoreForeign, "its tables are not those of this store"),
    "XX": (StoreTorn, "it is damaged. Look at the server's log, or put a copy back"),
    "": (StoreWriteFailed, "the server refused; what was stored is whole"),
}


class PostgresStore(SqlLeaseStore):
    """
    A `LeaseStore` in a PostgreSQL database.

    Args:
        dsn: The address, `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`.

        clock: Where all times come from, in seconds since the epoch. By default,
            leases are measured with the server's clock, and the times of writes are
            this process's.

        busy_timeout: How long a statement waits for a row that is locked, in seconds.

        schema: Where the tables are.

        new_token: Makes the secret of a claim.

    Raises:
        InvalidValue: The address cannot be read. It is not shown.
        StoreUnavailable: The server does not answer, or refuses.
        StoreForeign, StoreTooNew: The schema is not ours to use.
    """

    def __init__(
        self,
        dsn: str,
        *,
        clock: Clock | None = None,
        busy_timeout: float = BUSY_TIMEOUT,
        schema: str = SCHEMA,
        new_token: Callable[[], str] = secrets.token_hex,
    ) -> None:
        super().__init__(
            PostgresDatabase(dsn, busy_timeout=busy_timeout, schema=schema),
            clock=clock or time.time,
            shared_clock=clock is None,
            new_token=new_token,
        )


class PostgresDatabase(Database):
    """
    The connection to one schema of a PostgreSQL database.

    Its arguments are those of `PostgresStore`.
    """

    dialect = Dialect(
        text='text collate "C"',
        now=(
            "coalesce(cast(:now as double precision), cast(extract(epoch from"
            " statement_timestamp()) as double precision))"
        ),
        lock=" for update",
        skip=" for update skip locked",
        parameter=r"%(\1)s",
    )
    driver_error = psycopg.Error
    answers = _ANSWERS
    unsure = ("57P", "08", "25P03")  # the connection broke before the answer came

    def __init__(
        self, dsn: str, *, busy_timeout: float = BUSY_TIMEOUT, schema: str = SCHEMA
    ) -> None:
        address = parts_of(dsn)
        super().__init__(shown(address), busy_timeout)
        if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", schema):
            raise InvalidValue("schema", f"use a-z, 0-9 and _, not {schema!r:.100}")
        self._address = make_conninfo(**address)
        self._schema = schema

    def commit(self, moment: Moment) -> bool:
        """Write all of *moment* or nothing; whether its conditions held."""
        statement, values = one_statement(moment)
        with self.using(writing=True) as connection:
            done = connection.execute(self.dialect.say(statement), values)
            return bool(done.rowcount)

    def _connect(self) -> psycopg.Connection[Any]:
        try:
            connection = psycopg.connect(self._address, autocommit=True)
        except psycopg.Error as error:
            why = f"{reason(error)}. Look at the server and at the address"
            raise StoreUnavailable(self.where, why) from None
        try:
            self._set_up(connection)
            self._migrate(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _set_up(self, connection: psycopg.Connection[Any]) -> None:
        """Settle what the server or the address may have set otherwise."""
        if connection.info.parameter_status("server_encoding") != "UTF8":
            raise StoreForeign(
                self.where, "its encoding is not UTF8; make a database that has it"
            )
        for name, value in {
            "search_path": self._schema,
            # Zero would mean to wait for ever.
            "lock_timeout": f"{max(1, round(self.busy_timeout * 1000))}ms",
            "idle_in_transaction_session_timeout": f"{MAX_STOPPED * 1000:.0f}ms",
            "default_transaction_isolation": "read committed",
            "client_min_messages": "warning",
        }.items():
            connection.execute("select set_config(%s, %s, false)", (name, value))
        connection.execute(
            "select set_config('synchronous_commit', 'on', false)"
            " where current_setting('synchronous_commit') = 'off'"
        )

    def _alive(self, connection: psycopg.Connection[Any]) -> bool:
        # What a server says to an idle connection is mostly a farewell. The first
        # look may find its words, the second then finds the end.
        look = connection.pgconn.consume_input
        try:
            look()
            look()
        except psycopg.Error:
            return False
        # Anything but idle was left by an interrupt.
        idle: int = TransactionStatus.IDLE
        return connection.pgconn.transaction_status == idle

    def _begun(
        self, connection: psycopg.Connection[Any]
    ) -> contextlib.AbstractContextManager[object]:
        return connection.transaction()

    def _claim_place(self, run: Run) -> None:
        run("select pg_advisory_xact_lock(:key)", key=MIGRATION_LOCK)
        ((there,),) = run("select to_regnamespace(:name)", name=self._schema)
        if there is None:
            run(f"create schema {self._schema}")
        names = {
            name
            for (name,) in run(
                "select relname from pg_class where relnamespace ="
                " to_regnamespace(:name) and relkind in ('r', 'p', 'v', 'm', 'f')",
                name=self._schema,
            )
        }
        if names and tables.MIGRATIONS_TABLE not in names:
            raise StoreForeign(
                self.where,
                f"its schema {self._schema} was not made by this store. It was not"
                " touched: name another database",
            )

    def _code(self, error: psycopg.Error) -> tuple[str, str]:
        if error.sqlstate:
            return error.sqlstate, f"{error.diag.message_primary}, {error.sqlstate}"
        # Without a code it is the driver that speaks, mostly of a connection.
        broken = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
        return "08" if broken else "", type(error).__name__
