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
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Self

from filelock import FileLock, Timeout

from agentstate_lab import system
from agentstate_lab.errors import (
    StoreBusy,
    StoreForeign,
    StoreReadOnly,
    StoreWriteFailed,
    TaskNotFound,
)
from agentstate_lab.state import (
    Checkpoint,
    History,
    Message,
    Placed,
    StepRecord,
    Task,
    TaskState,
    found_in,
    prunable,
)

from .atomic_file import atomic_write, real_path, write_bytes
from .json_format import Content, parse, read_task, render
from .listing import TaskPage, Unreadable, Wanted, first_tasks
from .rules import (
    ALL,
    Page,
    Submission,
    accept_checkpoint,
    accept_save,
    accept_submission,
)
from .store import Clock

MAX_FILE_BYTES = 256 * 1024 * 1024


class JsonFileStore:
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
        self._clock = clock
        self._seen: bytes | None = None
        self._swept = False
        self._content = Content()
        self._unreadable = Unreadable()
        self._lock = FileLock(
            f"{self.path}.lock", mode=0o600, timeout=lock_timeout, poll_interval=0.005
        )
        # The lock file keeps processes apart; threads of one store need their own.
        self._thread_lock = threading.Lock()

    def submit(self, task: Task) -> Submission:
        """Store a new task, or return the stored one; see `TaskStore.submit`."""
        with self._locked():
            content = self._read()
            stored = content.task(task.id, str(self.path))
            done = accept_submission(stored, task, self._clock())
            if done.created:
                self._write(content.with_task(done.task))
            return done

    def get(self, task_id: str) -> Task:
        """The stored task; see `TaskStore.get`."""
        with self._reading():
            return self._found(self._read(), task_id)

    def save(
        self,
        task: Task,
        *,
        steps: Sequence[StepRecord] = (),
        messages: Sequence[Message] = (),
        checkpoint: Checkpoint | None = None,
    ) -> Task:
        """Store a changed task and what belongs to it; see `StepStore.save`."""
        where = str(self.path)
        with self._locked():
            content = self._read()
            kept = accept_save(content.task(task.id, where), task, self._clock())
            accept_checkpoint(checkpoint, kept)
            new = content.with_task(kept)
            if steps or messages or checkpoint:
                history = content.history(task.id, where)
                more = history.with_more(steps, messages, checkpoint)
                new = new.with_history(task.id, more)
            self._write(new)
            return kept

    def steps(self, task_id: str, page: Page = ALL) -> list[StepRecord]:
        """The steps of a task; see `StepStore.steps`."""
        return page.of(self._history(task_id).steps)

    def step(self, task_id: str, name: str) -> StepRecord | None:
        """One step of a task; see `StepStore.step`."""
        return self._history(task_id).step(name)

    def messages(self, task_id: str, page: Page = ALL) -> list[Message]:
        """What was said; see `StepStore.messages`."""
        return page.of(self._history(task_id).messages)

    def search(self, task_id: str, text: str, page: Page = ALL) -> list[Placed]:
        """The messages that hold *text*; see `HistoryStore.search`."""
        return page.of(found_in(self._history(task_id), text))

    def message_count(self, task_id: str, *, since: Checkpoint | None = None) -> int:
        """How many messages there are; see `HistoryStore.message_count`."""
        return len(self._history(task_id).messages)

    def checkpoint(self, task_id: str, version: int | None = None) -> Checkpoint | None:
        """One checkpoint; see `HistoryStore.checkpoint`."""
        return self._history(task_id).checkpoint(version)

    def checkpoints(self, task_id: str, page: Page = ALL) -> list[Checkpoint]:
        """The checkpoints, oldest first; see `HistoryStore.checkpoints`."""
        return page.of(self._history(task_id).checkpoints)

    def prune(self, task_id: str, *, keep: int | None, before: float | None) -> int:
        """Drop checkpoints by two rules; see `HistoryStore.prune`."""
        with self._locked():
            content = self._read()
            self._found(content, task_id)
            history = content.history(task_id, str(self.path))
            gone = prunable(list(history.checkpoints), keep=keep, before=before)
            if gone:
                self._write(content.with_history(task_id, history.without(gone)))
            return len(gone)

    def list_by_state(self, state: TaskState | str, *, limit: int = 100) -> list[Task]:
        """The tasks in *state*, oldest first; see `TaskStore.list_by_state`."""
        return first_tasks(self, state, limit)

    def list_tasks(
        self,
        *,
        states: Iterable[TaskState | str] | None = None,
        agents: Iterable[str] | None = None,
        machine: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> TaskPage:
        """One page of tasks; see `StepStore.list_tasks`."""
        wanted = Wanted.of(states, agents, machine, after, limit)
        with self._reading():
            lines = self._read().tasks.items()
        return wanted.page(self._unreadable.read(lines, self._task))

    def close(self) -> None:
        """Nothing stays open between calls."""

    def __enter__(self) -> Self:
        """Use the store in a `with` block."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close the store at the end of the block."""
        self.close()

    def _task(self, task_id: str, line: str) -> Task:
        return read_task(line, f"{self.path}, task {task_id!r}")

    def _sweep(self) -> None:
        """Once, and under the lock: take away what dead writers left behind."""
        if not self._swept:
            for left in self.path.parent.glob(f".{glob.escape(self.path.name)}.*.tmp"):
                left.unlink(missing_ok=True)
            self._swept = True

    def _write_bytes(self, file: int, data: bytes) -> None:
        """Write the temporary file; the crash lab dies in here."""
        write_bytes(file, data)

    def _found(self, content: Content, task_id: str) -> Task:
        task = content.task(task_id, str(self.path))
        if task is None:
            raise TaskNotFound(task_id)
        return task

    def _history(self, task_id: str) -> History:
        with self._reading():
            content = self._read()
            self._found(content, task_id)
        return content.history(task_id, str(self.path))

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
        return self._locked() if system.WINDOWS else self._thread_lock

    def _read(self) -> Content:
        """What the file holds; parsed again only if its bytes have changed."""
        raw = _bytes_of(self.path)
        if raw is None:
            return Content()
        if raw != self._seen:
            self._content = parse(raw, str(self.path))
            self._seen = raw
        return self._content

    def _write(self, content: Content) -> None:
        """Replace the file. The checks and the lock are the caller's."""
        where = str(self.path)
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
