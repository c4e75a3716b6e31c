"""
Tasks in PostgreSQL: for workers on many machines.

A save is one statement (`postgres_statement`): one round trip, one commit, and no
transaction that could be left open.

Between a store and its server there may be a pooler, which gives each transaction
whatever session is free. What one sets in a session another would then meet. So
nothing is kept there: no setting, no prepared statement, no lock, no search path. Each
table is named with its schema. What must hold for a commit is asked for in the very
statement that commits (`settled`), and in a transaction of several, right behind its
`begin`: that the commit is forced to the server's disk, where the server would not,
and that waiting for a row that another has locked ends after `busy_timeout`. The
price: the server plans each statement anew.

Leases are measured with the server's clock, the one clock that all workers share.
The tables lie in a schema of their own, so that they disturb nothing else in the
database.

The driver is psycopg 3. Its errors come out as ours, with what the server said and
its code, and never with an address, a password or a value.

Source: the PostgreSQL documentation, "WITH queries" and "The Locking Clause".
"""

import contextlib
import re
import time
from collections.abc import Iterator
from dataclasses import replace
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
from . import migrations
from .database import BUSY_TIMEOUT, Answer, Database, Moment, Values
from .leases import SqlLeaseStore
from .postgres_address import parts_of, reason, shown
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


_NAMED: Final = "select oid from pg_namespace"

_WORDS = Dialect(
    text='text collate "C"',
    now=(
        "coalesce(cast(:now as double precision), cast(extract(epoch from"
        " statement_timestamp()) as double precision))"
    ),
    lock=" for update",
    skip=" for update skip locked",
    find="strpos(line, :text)",
    parameter=r"%(\1)s",
)


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

    A connection through a pooler in transaction mode is as good as any other.

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
    ) -> None:
        super().__init__(
            PostgresDatabase(dsn, busy_timeout=busy_timeout, schema=schema),
            clock=clock or time.time,
            shared_clock=clock is None,
        )


class PostgresDatabase(Database):
    """
    The connection to one schema of a PostgreSQL database.

    Its arguments are those of `PostgresStore`.
    """

    driver_error = psycopg.Error
    answers = _ANSWERS
    read_only = ("25006",)
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
        self._settings = _settings(self.busy_timeout)
        self.dialect = replace(
            _WORDS, place=f'"{schema}".', settled=_settled(self._settings)
        )

    def _committed(self, connection: psycopg.Connection[Any], moment: Moment) -> bool:
        statement, values = one_statement(moment)
        return bool(self._changed(connection, statement, values))

    def _changed(
        self, connection: psycopg.Connection[Any], statement: str, values: Values
    ) -> int:
        try:
            return super()._changed(connection, statement, values)
        except psycopg.errors.SerializationFailure:
            # Where sessions begin stricter than "read committed", losing a race is an
            # error and not an answer. Nothing was written; ask as we mean it.
            with self._begun(connection):
                return super()._changed(connection, statement, values)

    def _connect(self) -> psycopg.Connection[Any]:
        try:
            connection = psycopg.connect(
                self._address, autocommit=True, prepare_threshold=None
            )
        except psycopg.Error as error:
            why = f"{reason(error)}. Look at the server and at the address"
            raise StoreUnavailable(self.where, why) from None
        try:
            self._check_encoding(connection)
            self._migrate(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _check_encoding(self, connection: psycopg.Connection[Any]) -> None:
        """Refuse a database that cannot hold every text."""
        if connection.info.parameter_status("server_encoding") != "UTF8":
            raise StoreForeign(
                self.where, "its encoding is not UTF8; make a database that has it"
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

    @contextlib.contextmanager
    def _begun(self, connection: psycopg.Connection[Any]) -> Iterator[None]:
        begin = f"begin isolation level read committed; {_say_set(self._settings)}"
        last = connection.execute(begin)
        while last.nextset():
            pass
        try:
            ((*_, read_only),) = last.fetchall()
            if read_only == "on":
                raise psycopg.errors.ReadOnlySqlTransaction("a read-only session")
            yield
            connection.execute("commit")
        except BaseException:
            with contextlib.suppress(psycopg.Error):
                connection.execute("rollback")
            raise

    def _claim_place(self, run: Run) -> None:
        run("select pg_advisory_xact_lock(:key)", key=MIGRATION_LOCK)
        # Asked of the table: a looked-up name may be from before the wait.
        there = run(f"{_NAMED} where nspname = :name", name=self._schema)
        if not there:
            run(f'create schema "{self._schema}"')
        names = {
            name
            for (name,) in run(
                f"select relname from pg_class where relnamespace = ({_NAMED}"
                " where nspname = :name) and relkind in ('r', 'p', 'v', 'm', 'f')",
                name=self._schema,
            )
        }
        if names and migrations.MIGRATIONS_TABLE not in names:
            raise StoreForeign(
                self.where,
                f"its schema {self._schema} was not made by this store. It was not"
                " touched: name another database",
            )

    def _code(self, error: psycopg.Error) -> tuple[str, str]:
        if error.sqlstate:
            said = error.diag.message_primary or error
            return error.sqlstate, f"{said}, {error.sqlstate}"
        # Without a code it is the driver that speaks, mostly of a connection.
        broken = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
        return "08" if broken else "", type(error).__name__


def _settings(busy_timeout: float) -> dict[str, str]:
    """What must hold while something is written, as SQL expressions by name."""
    return {
        # Zero would mean to wait for ever.
        "lock_timeout": f"'{max(1, round(busy_timeout * 1000))}ms'",
        "idle_in_transaction_session_timeout": f"'{MAX_STOPPED * 1000:.0f}ms'",
        # Whoever asked for more, such as a copy on another server, keeps that.
        "synchronous_commit": (
            "case current_setting('synchronous_commit') when 'off' then 'on'"
            " else current_setting('synchronous_commit') end"
        ),
    }


def _say_set(settings: dict[str, str]) -> str:
    """The query that settles them until the transaction ends; last, may it write?"""
    calls = [f"set_config('{name}', {to}, true)" for name, to in settings.items()]
    return f"select {', '.join(calls)}, current_setting('transaction_read_only')"


def _settled(settings: dict[str, str]) -> str:
    """
    The same as a condition of a statement that is a transaction by itself.

    It names no row, so it is worked out once, before the first row is looked for.
    """
    calls = [f"set_config('{name}', {to}, true)" for name, to in settings.items()]
    return f"(select concat({', '.join(calls)})) is not null"
