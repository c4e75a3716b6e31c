"""
Tasks in one SQLite file: a database without a server.

One process writes at a time, the others wait (`busy_timeout`), readers never do: that
is what write-ahead logging (WAL) is for. A commit is forced to the disk before it is
reported (`synchronous=FULL`). With "NORMAL" it is not: a commit costs a tenth, a
killed process loses nothing, and a power cut takes back the last commits, effects
that were recorded by them included. So "NORMAL" has to be typed out.

The file knows whose it is (its application id). Another program's database, and
anything that is no database, is refused before SQLite opens it.

What it cannot do: be shared between machines. On a network drive, the locks of SQLite
keep nobody out.

Source: the SQLite documentation, "Write-Ahead Logging" and "PRAGMA synchronous".
"""

import contextlib
import errno
import os
import sqlite3
import stat
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

from agentstate_lab.errors import (
    InvalidValue,
    StoreBusy,
    StoreForeign,
    StoreReadOnly,
    StoreTorn,
    StoreWriteFailed,
)

from ..atomic_file import real_path
from ..store import Clock
from . import tables
from .database import BUSY_TIMEOUT, Answer, Database, Moment
from .leases import SqlLeaseStore
from .sqlite_log import refuse_foreign_log
from .tables import Dialect, Run

Synchronous = Literal["FULL", "NORMAL"]

APPLICATION_ID: Final = 0x41474C42  # "AGLB"
MAX_SWITCHES: Final = 1_000
LOOKS: Final = 5


_DAMAGED = (
    "is damaged. Stop what uses it, and move it aside together with the two files that"
    " end in -wal and -shm; only then put a copy in its place"
)
_ANSWERS: dict[str, Answer] = {
    "SQLITE_BUSY": (
        StoreBusy,
        "others were writing all the time; try again, or find out who they are",
    ),
    "SQLITE_LOCKED": (StoreBusy, "others were writing all the time; try again"),
    "SQLITE_FULL": (
        StoreWriteFailed,
        "the disk is full; what was stored is whole. Make room and try again",
    ),
    "SQLITE_IOERR": (
        StoreWriteFailed,
        "the disk could not be read or written; look at it before going on",
    ),
    "SQLITE_READONLY": (StoreReadOnly, "may not be written; it was not touched"),
    "SQLITE_PERM": (StoreReadOnly, "may not be opened"),
    "SQLITE_CANTOPEN": (StoreReadOnly, "cannot be opened or made there"),
    "SQLITE_CORRUPT": (StoreTorn, _DAMAGED),
    "SQLITE_NOTADB": (StoreTorn, _DAMAGED),
    "": (StoreWriteFailed, "SQLite refused; what was stored is whole"),
}


class SqliteStore(SqlLeaseStore):
    """
    A `LeaseStore` in one file, safe between threads and processes of one machine.

    Args:
        path: The file. It is made, mode 0600, if it is not there.

        clock: The one clock of all its times, leases included, in seconds since the
            epoch.

        busy_timeout: How long a writer waits for the others, in seconds.

        synchronous: "FULL" survives a power cut; "NORMAL" loses the last commits.

    Raises:
        StoreForeign, StoreTooNew, StoreTorn: The file is not ours to use.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        clock: Clock = time.time,
        busy_timeout: float = BUSY_TIMEOUT,
        synchronous: Synchronous = "FULL",
    ) -> None:
        self.path = real_path(path)
        database = SqliteDatabase(
            self.path, busy_timeout=busy_timeout, synchronous=synchronous
        )
        super().__init__(database, clock=clock)


class SqliteDatabase(Database):
    """The connection to one SQLite file; its arguments are those of `SqliteStore`."""

    dialect = Dialect(text="text", now=":now", lock="", skip="")
    driver_error = sqlite3.Error
    answers = _ANSWERS
    unsure = ("SQLITE_IOERR",)  # the disk may have the commit all the same

    def __init__(
        self,
        path: Path,
        *,
        busy_timeout: float = BUSY_TIMEOUT,
        synchronous: Synchronous = "FULL",
    ) -> None:
        if synchronous not in ("FULL", "NORMAL"):
            raise InvalidValue("synchronous", f"{synchronous!r} is not FULL or NORMAL")
        super().__init__(str(path), busy_timeout)
        self._path = path
        self._synchronous = synchronous
        self._file: tuple[int, int] | None = None  # which file the connection is to
        _databases.add(self)

    def _committed(self, connection: sqlite3.Connection, moment: Moment) -> bool:
        say = self.dialect.say
        with self._begun(connection):
            for way in moment.ways:
                if connection.execute(say(way), moment.values).rowcount:
                    break
            else:
                return False
            for statement, rows in (
                (tables.ADD_STEP, moment.steps),
                (tables.ADD_MESSAGE, moment.messages),
                (tables.ADD_CHECKPOINT, moment.checkpoints),
            ):
                if rows:
                    connection.executemany(say(statement), rows)
            self.about_to_commit()
        return True

    def about_to_commit(self) -> None:
        """All is written and nothing is committed; the crash lab dies in here."""

    def _connect(self) -> sqlite3.Connection:
        _make_private(self._path)
        if not self._is_open_here():
            refuse_foreign_log(self._path)
        connection = sqlite3.connect(
            self._path,
            timeout=self.busy_timeout,
            isolation_level=None,  # a transaction begins where we say so
            check_same_thread=False,  # the lock of `Database` lets in one at a time
        )
        try:
            connection.execute(f"pragma synchronous = {self._synchronous}")
            self._migrate(connection)
            self._log_ahead(connection)
        except BaseException:
            connection.close()
            raise
        self._file = _identity(self._path)
        return connection

    def _alive(self, connection: sqlite3.Connection) -> bool:
        # A connection goes on writing to a file that was removed, where nobody looks.
        return self._file is not None and _identity(self._path) == self._file

    def _check_place(self) -> None:
        if _identity(self._path) != self._file:
            raise StoreWriteFailed(
                self.where,
                "was removed or replaced while it was written, and what was written is"
                " not in the file that is there now; read it, and decide anew",
                effect="unknown",
            )

    def _is_open_here(self) -> bool:
        """Whether this process has a connection to the file already."""
        file, here = _identity(self._path), os.getpid()
        beside = [one for one in _databases if one._connection is not None]
        return any(one._file == file and one._pid == here for one in beside)

    @contextlib.contextmanager
    def _begun(self, connection: sqlite3.Connection) -> Iterator[None]:
        # At once a writer: one that begins by reading can be refused later on.
        connection.execute("begin immediate")
        try:
            yield
            connection.execute("commit")
        except BaseException:
            if connection.in_transaction:
                connection.execute("rollback")
            raise

    def _claim_place(self, run: Run) -> None:
        ((mark,),) = run("pragma application_id")
        ((tables_there,),) = run("select count(*) from sqlite_master")
        if mark == 0 and tables_there == 0:
            run(f"pragma application_id = {APPLICATION_ID}")
        elif mark != APPLICATION_ID:
            raise _foreign(self.where)

    def _log_ahead(self, connection: sqlite3.Connection) -> None:
        """Write-ahead logging, which the file remembers once it is switched on."""
        mode = ""
        tries = 0
        while not mode:
            tries += 1
            try:
                ((mode,),) = connection.execute("pragma journal_mode = wal")
            except sqlite3.OperationalError as error:
                if tries == MAX_SWITCHES or "BUSY" not in error.sqlite_errorname:
                    raise
                # To switch, SQLite needs the file to itself, and does not wait for
                # that. A writer waits; so wait as one for whoever is in it now.
                with self._begun(connection):
                    pass
        if mode != "wal":
            raise StoreWriteFailed(
                self.where, "this drive allows no write-ahead log; use a local disk"
            )

    def _code(self, error: sqlite3.Error) -> tuple[str, str]:
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        return name, name


# Those of this process, so that one can know of another.
_databases: "weakref.WeakSet[SqliteDatabase]" = weakref.WeakSet()


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file is at *path* now, whatever its name was; None when there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 - at each save; `Path.stat` takes longer
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _make_private(path: Path) -> None:
    """
    Make the file, for its owner alone, or look at who it belongs to.

    SQLite gives its other files (-wal, -shm) the mode of this one.

    Raises:
        StoreForeign, StoreTorn: It is not ours, or damaged. It was not touched.
        StoreReadOnly: It cannot be opened.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _making:
            if not path.exists():
                with contextlib.suppress(FileExistsError):
                    os.close(os.open(path, flags, 0o600))
        _look_at(path)
    except OSError as error:
        raise StoreReadOnly(
            str(path), f"cannot be opened for writing ({error.strerror or error})"
        ) from error


# Nobody may connect to a new file until the one who made it has closed it.
_making = threading.Lock()


def _look_at(path: Path) -> None:
    """Refuse what is not ours to write."""
    found = path.stat()
    # A pipe or a device is not even opened: that could wait for ever.
    if not stat.S_ISREG(found.st_mode):
        raise StoreForeign(str(path), "is not a file; name another path")
    if not found.st_mode & stat.S_IWUSR:  # root could write it, and should not
        raise StoreReadOnly(str(path), "the file is read-only; it was not touched")
    if not os.access(path, os.R_OK | os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    if found.st_size and not _is_marked(path):
        raise _foreign(str(path))


def _is_marked(path: Path) -> bool:
    """
    Whether the file's own header names this course.

    SQLite reads it, and touches nothing (`immutable`). Were the file opened and
    closed from here, the system would take away the locks of every other connection
    that this process has to it, and the next process to close it would remove the
    log into which those connections write.

    Such a look heeds no locks and no log. It can meet a commit half way, and a file
    into which the log was half copied when its process died. A journal or a log
    beside the file says so: then the look is left to the migration, which waits for
    its turn and reads both.

    Raises:
        StoreTorn: The header cannot be read. The file was not touched.
    """
    journal, log = (path.with_name(f"{path.name}-{end}") for end in ("journal", "wal"))
    torn = False
    for _ in range(LOOKS):  # the commit may end between a look and the next line
        try:
            return _mark_of(path) == APPLICATION_ID
        except sqlite3.DatabaseError as error:
            code = getattr(error, "sqlite_errorname", "")
        torn = code.startswith("SQLITE_CORRUPT")
        if journal.exists() or (torn and log.exists()):
            return True
    if torn:
        kind, what = _ANSWERS["SQLITE_CORRUPT"]
        raise kind(str(path), what) from None
    return False


def _mark_of(path: Path) -> int:
    """The application id in the header, read without touching anything."""
    uri = f"{path.as_uri()}?mode=ro&immutable=1"
    with contextlib.closing(sqlite3.connect(uri, uri=True)) as header:
        ((mark,),) = header.execute("pragma application_id")
        return int(mark)


def _foreign(where: str) -> StoreForeign:
    return StoreForeign(
        where, "was not made by this store. It was not touched: name another path"
    )
