"""
Replace a file so that no crash can leave half of it.

A file that is written in place is torn by whatever stops the writer: a kill, a
full disk, a power cut. So the new content goes to a temporary file in the same
folder, is forced to the disk, and then takes the old file's place in one step
that the operating system makes indivisible:

    write the temporary file → fsync → replace → fsync of the folder

The same folder, because a replace between two file systems is a copy. The fsync
before it, because the name may reach the disk before the bytes do.

What this does not do: keep two writers apart. They will not mix their bytes, but
the later one wins; whoever reads, changes and writes needs a lock (`json_store`).
A killed process cannot show a missing fsync, since the operating system still has
its bytes: only a power cut can.

Source: the durability chapter of the SQLite documentation ("Atomic Commit"), and
the POSIX rename and fsync pages.
"""

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from agentstate_lab import system
from agentstate_lab.errors import InvalidValue, StoreWriteFailed

WriteBytes = Callable[[int, bytes], None]


def real_path(path: str | os.PathLike[str]) -> Path:
    """
    The file that *path* means today, whatever becomes of links and folders.

    Raises:
        InvalidValue: No file can have this path.
    """
    try:
        return Path(os.path.realpath(os.fspath(path)))
    except (ValueError, TypeError) as error:
        raise InvalidValue("store path", f"{path!r:.100} ({error})") from error


def write_bytes(file: int, data: bytes) -> None:
    """Write all of *data*: one `os.write` may take less than it is given."""
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def atomic_write(
    path: Path, data: bytes, *, mode: int = 0o600, write: WriteBytes = write_bytes
) -> None:
    """
    Put *data* at *path* so that a reader finds the old content or the new.

    The temporary file carries the ids of process and thread: two writers never
    share one, and a writer that died leaves at most one behind.

    Args:
        path: The file to replace or make.

        data: Its new content.

        mode: Who may read it; by default, its owner alone.

        write: Writes the bytes; the crash lab hands in one that dies halfway.

    Raises:
        OSError: The system refused; *path* is as it was.
        StoreWriteFailed: The content is in place, but the system did not say
            that it would survive a power cut.
    """
    name = f".{path.name}.{os.getpid()}.{threading.get_native_id()}.tmp"
    temporary = path.with_name(name)
    temporary.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    file = os.open(temporary, flags, mode)
    try:
        try:
            write(file, data)
            _flush(file)
        finally:
            os.close(file)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    try:
        _flush_folder(path.parent)
    except OSError as error:
        raise StoreWriteFailed(
            str(path),
            f"is written, but its folder could not be flushed ({error.strerror});"
            " after a power cut it may hold the old content",
            effect="unknown",
        ) from error


def _flush(file: int) -> None:
    """Force the bytes to the disk; on macOS, fsync alone stops at the drive's cache."""
    if sys.platform == "darwin":
        import fcntl

        fcntl.fcntl(file, fcntl.F_FULLFSYNC)
    else:
        os.fsync(file)


def _flush_folder(folder: Path) -> None:
    """
    Force the new name to the disk.

    Windows has no such call: after a power cut the old name may be back.
    """
    if system.WINDOWS:
        return
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
