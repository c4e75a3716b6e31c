"""
Cut a write at an exact byte, the way a full disk or a dying machine does.

A save that is killed at a random moment is nearly always killed beside the write.
Here the process dies at byte *n* of a file, every time, so a test can visit each
byte. Call `cut_writes_at(n)` in a child process that is about to write: the first
*n* bytes of any file get through, the next one ends the process.

On POSIX the kernel does it: the file size limit (`RLIMIT_FSIZE`) with the default
action of its signal, `SIGXFSZ`. Windows has no such limit, so there (or with
`portable=True`) the functions that write are replaced by ones that count, and the
process ends with `os._exit(CUT_EXIT)`. Either way nothing is cleaned up: no
`finally`, no `atexit`, no flush.

It cannot show a missing fsync: the bytes that got through are in the operating
system's hands and survive. The replaced functions are those of Python; a write
made by a C library (SQLite, for one) is only seen by the kernel's limit.
"""

import builtins
import io
import os
import signal
import stat
import sys
from typing import Any

CUT_EXIT = 153  # what a shell reports for a process that SIGXFSZ ended: 128 + 25

try:
    import resource
except ImportError:  # Windows
    HAS_LIMIT = False
else:
    HAS_LIMIT = hasattr(signal, "SIGXFSZ")


def cut_writes_at(n: int, *, portable: bool = not HAS_LIMIT) -> None:
    """
    End this process at the first byte beyond *n* of any file it writes.

    There is no way back: call it only in a child process, right before the write.

    Args:
        n: How many bytes of each file get through.

        portable: True replaces Python's own functions, False uses the kernel's
            limit; by default, the limit where there is one.
    """
    # An import inside the code under test would write bytecode and be cut first.
    sys.dont_write_bytecode = True
    if portable:
        _replace_writers(n)
    else:
        _limit_files(n)


def was_cut(returncode: int) -> bool:
    """Whether a child with this *returncode* ended in a cut write."""
    return returncode == CUT_EXIT or (HAS_LIMIT and returncode == -int(signal.SIGXFSZ))


def _limit_files(n: int) -> None:
    """Let the kernel do it. Python ignores the signal unless told otherwise."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n, hard))


def _is_file(fd: int) -> bool:
    """Whether *fd* is a file on disk: a pipe or a terminal has no byte *n*."""
    return stat.S_ISREG(os.fstat(fd).st_mode)


class _Cut:
    """The number of bytes that get through, and the functions of before."""

    limit = 0
    write = staticmethod(os.write)
    open: Any = staticmethod(io.open)


class _CutFile(io.FileIO):
    """A file that takes the bytes up to the limit and then ends the process."""

    def write(self, data: Any, /) -> int:
        """Write *data*, or as much as fits and nothing ever after."""
        view = memoryview(data).cast("B")
        if not _is_file(self.fileno()):
            return super().write(view)
        appends = "a" in self.mode
        start = os.fstat(self.fileno()).st_size if appends else self.tell()
        fits = max(0, _Cut.limit - start)
        if len(view) <= fits:
            return super().write(view)
        super().write(view[:fits])
        os._exit(CUT_EXIT)


def _cut_write(fd: int, data: Any, /) -> int:
    """What `os.write` is replaced by."""
    if not _is_file(fd):
        return _Cut.write(fd, data)
    view = memoryview(data).cast("B")
    fits = max(0, _Cut.limit - os.lseek(fd, 0, os.SEEK_CUR))
    if len(view) <= fits:
        return _Cut.write(fd, view)
    _Cut.write(fd, view[:fits])
    os._exit(CUT_EXIT)


def _cut_open(
    file: Any,
    mode: str = "r",
    buffering: int = -1,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    closefd: bool = True,
    opener: Any = None,
) -> Any:
    """What `open` is replaced by: the same layers over a file that counts."""
    if not set(mode) & set("wax+"):
        return _Cut.open(
            file, mode, buffering, encoding, errors, newline, closefd, opener
        )
    raw = _CutFile(file, mode.replace("b", "").replace("t", ""), closefd, opener)
    if buffering == 0:
        return raw
    layer: type = io.BufferedRandom if "+" in mode else io.BufferedWriter
    buffer = layer(raw)
    if "b" in mode:
        return buffer
    return io.TextIOWrapper(buffer, encoding, errors, newline, buffering == 1)


def _replace_writers(n: int) -> None:
    """Put the counting functions where Python's own library looks for them."""
    _Cut.limit = n
    os.write = _cut_write
    io.open = _cut_open
    builtins.open = _cut_open
