"""
A connection to a database that threads share and a fork does not spoil.

There is one, and threads take turns for the length of a statement or of a short
transaction. A connection for each thread would be quicker for a process that waits
for nothing else; an agent waits for its model, and a database has better things to
do than to keep hundreds of connections open. Who needs more opens more stores.

Three accidents are expected. A connection that broke while it was idle is noticed
before it is used, and made anew. One that breaks in the middle of a write leaves the
outcome unknown, and the error says so. And a child process of a fork has the same
socket as its parent: it leaves that alone and connects by itself.

What is said over the connection is in `sql_tables`; what for, in `sql`.
"""

import contextlib
import functools
import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, NamedTuple, TypeVar

from agentstate_lab.errors import Effect, StoreError, StoreUnavailable
from agentstate_lab.retry import check_number

from . import migrations
from .tables import Dialect, Run

Values = dict[str, Any]
T = TypeVar("T")

Answer = tuple[type[StoreError], str]

BUSY_TIMEOUT = 30.0  # seconds
MAX_WAIT = 86_400

# What a fork brought along must not even be collected: that would close it.
_inherited: list[Any] = []


class Moment(NamedTuple):
    """
    Everything that one save writes.

    Attributes:
        ways: The compare-and-set, last; before it there may be a cheaper one, for a
            task that is in its state already.

        values: Their parameters.

        steps: The parameters of each step.

        messages: The parameters of each message.

        checkpoints: The parameters of the checkpoint, if there is one.
    """

    ways: tuple[str, ...]
    values: Values
    steps: list[Values]
    messages: list[Values]
    checkpoints: list[Values]


class Database(ABC):
    """
    One connection, opened by the first use; the subclass knows how to.

    Args:
        where: The place, for errors; nothing secret is in it.

        busy_timeout: How long a writer waits for the others, in seconds.

    Raises:
        InvalidValue: Nobody can wait that long.
    """

    dialect: Dialect
    driver_error: ClassVar[type[Exception]]
    answers: ClassVar[Mapping[str, Answer]]  # what to say, by the start of a code
    read_only: ClassVar[tuple[str, ...]] = ()  # another connection may write
    unsure: ClassVar[tuple[str, ...]]  # after these, a write may be done or not

    def __init__(self, where: str, busy_timeout: float) -> None:
        check_number("busy_timeout", busy_timeout, 0, MAX_WAIT)
        self.where = where
        self.busy_timeout = busy_timeout
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._connection: Any = None
        self._closed = False

    def open(self) -> None:
        """Connect now, so that a wrong place is known before it is needed."""
        with self.using():
            pass

    def read(self, statement: str, **values: Any) -> list[Any]:
        """The rows that a statement finds."""
        with self.using() as connection:
            return self._rows(connection, statement, **values)

    def write(self, statement: str, **values: Any) -> int:
        """How many rows a statement has changed, by itself and at once."""
        with self.using(writing=True) as connection:
            return self._where_it_writes(
                connection, lambda one: self._changed(one, statement, values)
            )

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Run]:
        """Run statements that belong together; the block must soon be over."""
        with self.using(writing=True) as connection, contextlib.ExitStack() as stack:

            def begin(one: Any) -> Any:
                stack.enter_context(self._begun(one))
                return one

            writing = self._where_it_writes(connection, begin)
            yield functools.partial(self._rows, writing)

    def commit(self, moment: Moment) -> bool:
        """Write all of *moment* or nothing; whether its conditions held."""
        with self.using(writing=True) as connection:
            return self._where_it_writes(
                connection, lambda one: self._committed(one, moment)
            )

    @abstractmethod
    def _committed(self, connection: Any, moment: Moment) -> bool:
        """Write *moment* over this connection; see `commit`."""

    def _changed(self, connection: Any, statement: str, values: Values) -> int:
        """How many rows a statement has changed, in a commit of its own."""
        return int(connection.execute(self.dialect.say(statement), values).rowcount)

    @contextlib.contextmanager
    def using(self, *, writing: bool = False) -> Iterator[Any]:
        """The connection, for one thread at a time; its errors come out as ours."""
        self._leave_to_parent()
        with self._lock:
            if self._closed:
                raise StoreUnavailable(self.where, "the store is closed; open it again")
            try:
                self._reconnect()
                yield self._connection
                if writing:
                    self._check_place()
            except self.driver_error as error:
                refusal = self._refusal(error, writing=writing)
            else:
                return
        # Not as its cause: the driver's text may show what was to be stored.
        raise refusal from None

    def _reconnect(self) -> None:
        """Connect, unless there is a connection that can be used."""
        if self._connection is not None and not self._alive(self._connection):
            self._drop()
        if self._connection is None:
            self._connection = self._connect()

    def _drop(self) -> None:
        """Let go of a connection that is of no use any more."""
        broken, self._connection = self._connection, None
        broken.close()

    def _where_it_writes(self, connection: Any, act: Callable[[Any], T]) -> T:
        """
        What *act* returns; once more, and anew, if this connection only reads.

        After a failover the server behind an open connection is another's copy, and
        the address leads to the one that writes. Nothing was written by the first.
        """
        try:
            return act(connection)
        except self.driver_error as error:
            if not self._code(error)[0].startswith(self.read_only):
                raise
        self._drop()
        self._reconnect()
        return act(self._connection)

    def _refusal(self, error: Exception, *, writing: bool) -> StoreError:
        """The driver's *error* as one of ours, by the first prefix of its code."""
        code, shown = self._code(error)
        kind, what = next(
            answer for prefix, answer in self.answers.items() if code.startswith(prefix)
        )
        unsure = writing and code.startswith(self.unsure)
        effect: Effect | None = "unknown" if unsure else None
        return kind(self.where, f"{what} ({shown})", effect=effect)

    def close(self) -> None:
        """Let go of the connection. Closing twice does no harm."""
        self._leave_to_parent()
        with self._lock:
            self._closed = True
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self.close()

    @abstractmethod
    def _connect(self) -> Any:
        """A new connection, to a database whose tables are up to date."""

    @abstractmethod
    def _alive(self, connection: Any) -> bool:
        """Whether the connection can still be used."""

    def _check_place(self) -> None:  # noqa: B027 - most places stay
        """Refuse to report what was written to a place that is gone by now."""

    @abstractmethod
    def _begun(self, connection: Any) -> contextlib.AbstractContextManager[object]:
        """A transaction: committed at the end of the block, or rolled back."""

    @abstractmethod
    def _code(self, error: Any) -> tuple[str, str]:
        """The code of the driver's *error*, and what may be shown of it."""

    @abstractmethod
    def _claim_place(self, run: Run) -> None:
        """Keep other migrations waiting, and refuse a database that is not ours."""

    def _migrate(self, connection: Any) -> None:
        """Bring the tables up to date, each migration in a transaction."""
        run = functools.partial(self._rows, connection)
        more = True
        with contextlib.suppress(self.driver_error):  # there are no tables yet
            more = migrations.applied(run, self.where) < len(migrations.MIGRATIONS)
        while more:
            with self._begun(connection):
                self._claim_place(run)
                more = migrations.migrate(run, self.where)

    def _rows(self, connection: Any, statement: str, **values: Any) -> list[Any]:
        done = connection.execute(self.dialect.say(statement), values)
        return list(done.fetchall()) if done.description else []

    def _leave_to_parent(self) -> None:
        """After a fork the connection is the parent's: not to be used, nor closed."""
        if self._pid != os.getpid():
            _inherited.append(self._connection)
            self._connection = None
            self._lock = threading.Lock()
            self._pid = os.getpid()
