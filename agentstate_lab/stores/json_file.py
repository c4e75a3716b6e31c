"""
Tasks in one JSON file that is always whole: the old content or the new.

Every write replaces the whole file in one step (`atomic_file`). Between
processes, a lock file lets one writer at a time read, compare and write. Readers
need no lock: whatever they open is whole.

A file that is torn, altered, newer or not ours (`json_format` tells) is refused by
name and never written over: it may be the only copy of something.

What it costs: every save writes the whole file again, so the cost grows with the
number of tasks. What it cannot do: find tasks without reading all of them.
"""

import contextlib
import glob
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from agentstate_lab import system
from agentstate_lab.errors import (
    StoreBusy,
    StoreForeign,
    StoreReadOnly,
    StoreWriteFailed,
)

from .atomic_file import atomic_write, real_path, write_bytes
from .json_format import Content, parse, render
from .memory import ContentStore
from .store import Clock

MAX_FILE_BYTES = 256 * 1024 * 1024


class JsonFileStore(ContentStore):
    """
    A `HistoryStore` in one JSON file, safe between threads and processes.

    Args:
        path: The file. Each write makes it anew, with mode 0600, whatever mode
            somebody gave it: it holds what people asked.

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
        self.path = real_path(path)
        super().__init__(str(self.path), clock)
        self._seen: bytes | None = None
        self._swept = False
        self._content = Content()
        self._lock = FileLock(
            f"{self.path}.lock", mode=0o600, timeout=lock_timeout, poll_interval=0.005
        )

    def _sweep(self) -> None:
        """Once, and under the lock: take away what dead writers left behind."""
        if not self._swept:
            for left in self.path.parent.glob(f".{glob.escape(self.path.name)}.*.tmp"):
                left.unlink(missing_ok=True)
            self._swept = True

    def _write_bytes(self, file: int, data: bytes) -> None:
        """Write the temporary file; the crash lab dies in here."""
        write_bytes(file, data)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        # The lock file keeps processes apart; threads of one store need their own.
        with self._thread_lock:
            try:
                self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._lock.acquire()
            except Timeout as error:
                raise StoreBusy(
                    self._where,
                    f"another process held the lock for {self._lock.timeout:g} s;"
                    " try again, or stop that process",
                ) from error
            except OSError as error:
                raise StoreReadOnly(
                    self._where, f"no lock can be made beside it ({error.strerror})"
                ) from error
            try:
                yield
            finally:
                self._lock.release()

    def _reading(self) -> contextlib.AbstractContextManager[object]:
        # Windows cannot replace a file that a reader has open.
        return self._locked() if system.WINDOWS else self._thread_lock

    def _read(self) -> Content:
        """What the file holds; parsed again only if its bytes have changed."""
        raw = _bytes_of(self.path)
        if raw is None:
            return Content()
        if raw != self._seen:
            self._content = parse(raw, self._where)
            self._seen = raw
        return self._content

    def _write(self, content: Content) -> None:
        """Replace the file."""
        where = self._where
        if self.path.exists() and not self.path.stat().st_mode & stat.S_IWUSR:
            raise StoreReadOnly(where, "the file is read-only; it was not touched")
        data = render(content)
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
        self._seen, self._content = data, content


def _bytes_of(path: Path) -> bytes | None:
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
