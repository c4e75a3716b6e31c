"""
Tasks in one JSON file that is always whole: the old content or the new.

Every write replaces the whole file in one step (`atomic_file`). Between
processes, a lock file lets one writer at a time read, compare and write. Readers
need no lock: whatever they open is whole.

The first line carries the format, its version, and a digest of all that follows,
so that a file which is torn, altered, newer or not ours is known before it is
believed. Such a file is refused by name and never written over: it may be the
only copy of something.

What it costs: every save writes the whole file again, so the cost grows with the
number of tasks. What it cannot do: find tasks without reading all of them.
"""

import contextlib
import glob
import hashlib
import json
import os
import re
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from filelock import FileLock, Timeout

from .atomic_file import atomic_write, write_bytes
from .codec import task_from_json, task_to_json
from .errors import (
    InvalidValue,
    StoreBusy,
    StoreForeign,
    StoreReadOnly,
    StoreTooNew,
    StoreTorn,
    StoreWriteFailed,
    TaskNotFound,
)
from .store import Clock, Submission, accept_save, accept_submission, select_by_state
from .task import Task, TaskState

FORMAT = "agentstate-lab tasks"
FORMAT_VERSION = 1
MAX_FILE_BYTES = 256 * 1024 * 1024

_MARK = f'{{"format":"{FORMAT}","schema_version":'.encode()
_HEAD = re.compile(
    re.escape(_MARK) + rb'(\d{1,9}),"sha256":"([0-9a-f]{64})","tasks":\{\n'
)
_TAIL = b"\n}}\n"


class JsonFileStore:
    """
    A `TaskStore` in one JSON file, safe between threads and processes.

    Args:
        path: The file. It is made, mode 0600, by the first write.

        clock: Where the times of writes come from, in seconds since the epoch.

        lock_timeout: How long a writer waits for the others, in seconds.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        clock: Clock = time.time,
        lock_timeout: float = 30.0,
    ) -> None:
        # A link would be replaced by the file; the file behind it is what is meant.
        try:
            self.path = Path(os.path.realpath(os.fspath(path)))
        except ValueError as error:
            raise InvalidValue("store path", f"{path!r:.100} ({error})") from error
        self._clock = clock
        self._seen: bytes | None = None
        self._swept = False
        self._rows: dict[str, str] = {}
        self._lock = FileLock(
            f"{self.path}.lock", mode=0o600, timeout=lock_timeout, poll_interval=0.005
        )
        # The lock file keeps processes apart; threads of one store need their own.
        self._thread_lock = threading.Lock()

    def submit(self, task: Task) -> Submission:
        """Store a new task, or return the stored one; see `TaskStore.submit`."""
        with self._locked():
            rows = self._read()
            done = accept_submission(self._find(rows, task.id), task, self._clock())
            if done.created:
                self._write({**rows, task.id: _row(done.task)})
            return done

    def get(self, task_id: str) -> Task:
        """The stored task; see `TaskStore.get`."""
        with self._reading():
            task = self._find(self._read(), task_id)
        if task is None:
            raise TaskNotFound(task_id)
        return task

    def save(self, task: Task) -> Task:
        """Store a changed task, compare-and-set; see `TaskStore.save`."""
        with self._locked():
            rows = self._read()
            kept = accept_save(self._find(rows, task.id), task, self._clock())
            self._write({**rows, task.id: _row(kept)})
            return kept

    def list_by_state(self, state: TaskState | str, *, limit: int = 100) -> list[Task]:
        """The tasks in *state*, oldest first; see `TaskStore.list_by_state`."""
        with self._reading():
            rows = self._read()
        tasks = (_task(row, str(self.path)) for row in rows.values())
        return select_by_state(tasks, state, limit)

    def close(self) -> None:
        """Nothing stays open between calls."""

    def __enter__(self) -> Self:
        """Use the store in a `with` block."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close the store at the end of the block."""
        self.close()

    def _sweep(self) -> None:
        """Once, and under the lock: take away what dead writers left behind."""
        if not self._swept:
            for left in self.path.parent.glob(f".{glob.escape(self.path.name)}.*.tmp"):
                left.unlink(missing_ok=True)
            self._swept = True

    def _write_bytes(self, file: int, data: bytes) -> None:
        """Write the temporary file; the crash lab dies in here."""
        write_bytes(file, data)

    def _find(self, rows: dict[str, str], task_id: str) -> Task | None:
        row = rows.get(task_id)
        return None if row is None else _task(row, str(self.path))

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """One writer at a time: a lock for threads, a lock file for processes."""
        with self._thread_lock:
            try:
                self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._lock.acquire()
            except Timeout as error:
                raise StoreBusy(
                    str(self.path),
                    f"another process held the lock for {self._lock.timeout:g} s;"
                    " try again, or stop that process",
                ) from error
            except OSError as error:
                raise StoreReadOnly(
                    str(self.path), f"no lock can be made beside it ({error.strerror})"
                ) from error
            try:
                yield
            finally:
                self._lock.release()

    def _reading(self) -> contextlib.AbstractContextManager[object]:
        # Windows cannot replace a file that a reader has open.
        return self._locked() if os.name == "nt" else self._thread_lock

    def _read(self) -> dict[str, str]:
        """The rows of the file by task id; parsed again only if the bytes changed."""
        raw = _content(self.path)
        if raw is None:
            return {}
        if raw != self._seen:
            self._rows = _parse(raw, str(self.path))
            self._seen = raw
        return self._rows

    def _write(self, rows: dict[str, str]) -> None:
        """Replace the file. The checks and the lock are the caller's."""
        where = str(self.path)
        if self.path.exists() and not self.path.stat().st_mode & stat.S_IWUSR:
            raise StoreReadOnly(where, "the file is read-only; it was not touched")
        data = _render(rows)
        if len(data) > MAX_FILE_BYTES:
            raise StoreWriteFailed(
                where,
                f"would have {len(data)} bytes, the limit is {MAX_FILE_BYTES};"
                " use a database (notebook 06)",
            )
        try:
            self._sweep()
            atomic_write(self.path, data, write=self._write_bytes)
        except OSError as error:
            raise StoreWriteFailed(
                where, f"{error.strerror or error}; the old content is whole"
            ) from error
        self._seen, self._rows = data, rows


def _content(path: Path) -> bytes | None:
    """
    What the file holds, or None when there is no file.

    A pipe or a device is refused before it is opened: opening could wait for ever.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise StoreForeign(str(path), "is not a file; name another path")
        if status.st_size > MAX_FILE_BYTES:
            raise StoreForeign(
                str(path), f"has {status.st_size} bytes, the limit is {MAX_FILE_BYTES}"
            )
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreForeign(
            str(path), f"cannot be read ({error.strerror or error})"
        ) from error


def _render(rows: dict[str, str]) -> bytes:
    """The bytes of the file: a head with a digest, then one task a line."""
    body = ",\n".join(rows.values()).encode() + _TAIL
    digest = hashlib.sha256(body).hexdigest().encode()
    return _MARK + b'%d,"sha256":"%s","tasks":{\n' % (FORMAT_VERSION, digest) + body


def _row(task: Task) -> str:
    """One line of the file: the id, a colon, the task."""
    return f"{json.dumps(task.id)}:{task_to_json(task)}"


def _task(row: str, where: str) -> Task:
    """The task in one line of the file."""
    return task_from_json(row[_id_in(row)[1] + 1 :], where=where)


def _id_in(row: str) -> tuple[str, int]:
    """The id that a line begins with, and where it ends."""
    task_id, end = json.JSONDecoder().raw_decode(row)
    return task_id, end


def _parse(raw: bytes, where: str) -> dict[str, str]:
    """The rows by task id, or the reason why this file is not believed."""
    head = _HEAD.match(raw)
    if head and int(head[1]) == FORMAT_VERSION:
        body = raw[head.end() :]
        if hashlib.sha256(body).hexdigest().encode() == head[2]:
            rows = body.decode().removesuffix(_TAIL.decode())
            return {_id_in(row)[0]: row for row in rows.split(",\n") if row}
    raise _refusal(raw, where)


def _refusal(raw: bytes, where: str) -> Exception:
    """Name what a file is that is not a whole file of this version."""
    version = re.match(re.escape(_MARK) + rb"(\d{1,9})\b", raw)
    if version and int(version[1]) > FORMAT_VERSION:
        return StoreTooNew(
            where,
            f"has format version {int(version[1])}, this course reads up to"
            f" {FORMAT_VERSION}; update agentstate-lab. The file was not touched",
        )
    if raw.startswith(_MARK) or _MARK.startswith(raw):
        return StoreTorn(
            where,
            f"is cut off or altered ({len(raw)} bytes, the digest does not match)."
            " It was not touched: move it aside, or put a copy back",
        )
    return StoreForeign(
        where,
        "was not written by this store. It was not touched: name another path",
    )
