"""
Whether the write-ahead log beside an SQLite file belongs to it.

A process that is killed leaves its log behind, and the next one reads it: that is how
nothing is lost. SQLite does not ask whether the file is still the one that the log was
written for. So a copy that is put back over the file, with the old log beside it, is
undone, or broken in the middle, as soon as somebody opens it.

Two things tell. A file that changed after the last write to its log was changed by a
checkpoint, which copies the log into the file, or by somebody who put it there. And a
checkpoint copies the newest version of each page, in the order of the pages. What
looks like neither is refused, and nothing is touched.

It is asked only where nobody has the file open: a log in use belongs to its file. Not
asked is what cannot be known: on systems other than Linux, and for a file from before
the last start of the machine, since a power cut can take back the times of files.

Source: the SQLite documentation, "WAL-mode File Format" and "How To Corrupt An SQLite
Database File", section 1.4.
"""

import contextlib
import itertools
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from agentstate_lab import system
from agentstate_lab.errors import StoreTorn

_HEADER: Final = struct.Struct(">8xI4x8s8x")  # the size of a page, and the salts
_FRAME: Final = struct.Struct(">II8s8x")  # the page, the end of a commit, the salts
_LOCK: Final = struct.Struct("hhqqi")  # what Linux tells of a lock
_IN_USE: Final = 128  # the byte of the index of the log that every user keeps locked

# Left open: to close one would take away every lock that this process has on the file.
_kept: list[int] = []


def log_of(path: Path) -> Path:
    """Where the log of the file at *path* is."""
    return path.with_name(f"{path.name}-wal")


def refuse_foreign_log(path: Path) -> None:
    """
    Refuse a file beside which lies a log that was not written for it.

    Call it only while this process has no connection to the file.

    Raises:
        StoreTorn: It must be known first which of the two is wanted.
    """
    log = log_of(path)
    foreign = False
    with contextlib.suppress(OSError):  # there is no log, or not any more
        foreign = (
            system.LINUX
            and _was_changed_after(path, log)
            and not _is_checkpointed(path)
        )
    if foreign:
        raise StoreTorn(
            str(path),
            f"was put there after the last write to {log.name}, which is the log of"
            " another file. Neither was touched. If a copy was put back, move"
            f" {log.name} and {path.name}-shm away; if both are from one moment,"
            f" say so: touch {log.name}",
        )


def _was_changed_after(path: Path, log: Path) -> bool:
    """Whether the file was changed after its log, and nobody is at it."""
    import psutil

    changed, logged = path.stat().st_ctime, log.stat().st_ctime
    return changed > max(logged, psutil.boot_time()) and not _in_use(path)


def _in_use(path: Path) -> bool:
    """Whether another process has the file open with its log."""
    import fcntl

    try:
        index = os.open(path.with_name(f"{path.name}-shm"), os.O_RDONLY)
    except OSError:
        return False
    _kept.append(index)
    asked = _LOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, _IN_USE, 1, 0)
    held, *_ = _LOCK.unpack(fcntl.fcntl(index, fcntl.F_GETLK, asked)[: _LOCK.size])
    return bool(held != fcntl.F_UNLCK)


def _pages_in(log: Path) -> tuple[dict[int, bytes], set[tuple[int, bytes]]]:
    """The newest version of each page that was committed, and the older ones."""
    newest: dict[int, bytes] = {}
    older: set[tuple[int, bytes]] = set()
    begun: list[tuple[int, bytes]] = []
    for number, ends, page in _frames(log):
        begun.append((number, page))
        if ends:
            for one, version in begun:
                if one in newest:
                    older.add((one, newest[one]))
                newest[one] = version
            begun = []
    return newest, older - set(newest.items())


def _frames(log: Path) -> Iterator[tuple[int, bool, bytes]]:
    """The frames of the log that are of today: page, whether it ends a commit."""
    with log.open("rb") as file:
        head = file.read(_HEADER.size)
        if len(head) < _HEADER.size:
            return
        size, salts = _HEADER.unpack(head)
        while len(head := file.read(_FRAME.size)) == _FRAME.size:
            number, pages, salt = _FRAME.unpack(head)
            content = file.read(size)
            if salt != salts or len(content) < size:
                return
            yield number, pages > 0, content


def _is_checkpointed(path: Path) -> bool:
    """Whether the file is as a checkpoint of its log leaves it, finished or not."""
    newest, older = _pages_in(log_of(path))
    if not newest:
        return True
    file = os.open(path, os.O_RDONLY)
    _kept.append(file)
    numbers = sorted(newest)
    there = [os.pread(file, len(newest[n]), (n - 1) * len(newest[n])) for n in numbers]
    copied = [page == newest[n] for n, page in zip(numbers, there, strict=True)]
    done = len(list(itertools.takewhile(bool, copied)))
    rest = zip(numbers[done:], there[done:], strict=True)
    return done > 0 and not any(copied[done:]) and not older & set(rest)
