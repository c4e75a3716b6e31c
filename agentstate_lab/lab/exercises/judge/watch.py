"""
Watch what an answer does to files, and stop it at any of these moments.

A save that looks right can be wrong in the order of its steps: the old file
removed before the new one is in place, the name moved before the bytes are on the
disk. So the check lists the operations of one save (Python announces most of them
through its audit hooks; the calls that force bytes to the disk are wrapped), and
then runs it again and again, killed right before the first of them, the second,
and so on.

What it cannot see: operations of other programs and of C libraries.
"""

import errno
import os
import signal
import stat
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agentstate_lab.lab.processes import CUT_EXIT

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_SYNCED = getattr(os, "O_SYNC", 0) | getattr(os, "O_DSYNC", 0)
_FULL_FSYNC = 51  # macOS: F_FULLFSYNC

_OTHERS = {
    "os.remove": "removed",
    "os.rmdir": "removed the folder",
    "os.mkdir": "made the folder",
    "os.link": "linked",
    "os.symlink": "linked",
    "os.truncate": "cut short",
    "os.chmod": "changed the mode of",
    "os.chown": "changed the owner of",
    "shutil.copyfile": "copied",
}


@dataclass(slots=True)
class Operation:
    """
    One thing that was done to a file, seen right before it happened.

    Attributes:
        kind: "open" (for writing), "rename", "force" (fsync and its kin), "other".

        words: The operation for a reader, after "right before it".

        inode: Which file, as far as it is known then.

        size: How many bytes the file held.

        folder: Whether *inode* is a folder.

        own_name: Whether it concerns the file under the name being saved.

        beside: For a rename: whether it came from the same folder or below.

        durable: For an open: whether each write goes to the disk at once.
    """

    kind: str
    words: str
    inode: tuple[int, int] | None = None
    size: int = 0
    folder: bool = False
    own_name: bool = False
    beside: bool = True
    durable: bool = False


class Watch:
    """
    The operations of this process on files; one for each process.

    Attributes:
        seen: What was done since `start`.
    """

    def __init__(self) -> None:
        self.seen: list[Operation] = []
        self._target: Path | None = None
        self._kill_at: int | None = None
        self._on_own_open: Callable[[], None] | None = None
        self._forcing_fails = False
        self._installed = False
        self._busy = False

    def install(self) -> None:
        """Begin to listen. Do it before the answer is loaded."""
        if self._installed:
            return
        self._installed = True
        sys.addaudithook(self._hear)
        for name in ("fsync", "fdatasync", "sync"):
            self._wrap(os, name)
        if sys.platform == "darwin":  # there, fsync alone stops at the drive's cache
            import fcntl

            self._wrap(fcntl, "fcntl")

    def start(
        self,
        target: Path,
        *,
        kill_at: int | None = None,
        on_own_open: Callable[[], None] | None = None,
        forcing_fails: bool = False,
    ) -> None:
        """
        Watch from here on.

        Args:
            target: The file that is to be saved.

            kill_at: Die right before the operation of this number, from 0.

            on_own_open: Called right before *target* is opened for writing.

            forcing_fails: Let the calls that force bytes to the disk fail.
        """
        self.seen = []
        self._target = _full(target)
        self._kill_at = kill_at
        self._on_own_open = on_own_open
        self._forcing_fails = forcing_fails

    def stop(self) -> list[dict[str, Any]]:
        """Stop watching; what was seen, ready for JSON."""
        self._target = None
        return [asdict(operation) for operation in self.seen]

    def _hear(self, event: str, args: tuple[Any, ...]) -> None:
        if self._target is None or self._busy:
            return
        self._busy = True
        try:
            operation = self._operation(event, args)
            if operation is not None:
                self._note(operation)
        except (OSError, TypeError, ValueError):
            pass  # the operation itself will fail in the same way
        finally:
            self._busy = False

    def _note(self, operation: Operation) -> None:
        if len(self.seen) == self._kill_at:
            _die()
        self.seen.append(operation)
        if operation.kind == "open" and operation.own_name and self._on_own_open:
            self._on_own_open()

    def _operation(self, event: str, args: tuple[Any, ...]) -> Operation | None:
        if event == "open":
            path, _, flags = args
            if isinstance(path, int) or not flags & _WRITES:
                return None
            return self._about(
                "open", "opened {} for writing", path, durable=bool(flags & _SYNCED)
            )
        if event == "os.rename":
            return self._rename(*args)
        if event in _OTHERS:
            return self._about("other", f"{_OTHERS[event]} {{}}", args[0])
        return None

    def _rename(self, source: Any, to: Any, source_at: int, to_at: int) -> Operation:
        at = None if source_at == -1 else source_at
        status = os.stat(source, dir_fd=at)
        own = self._is_target(to, to_at)
        name = "its own name" if own else "another name"
        return Operation(
            "rename",
            f"moved a file to {name}",
            (status.st_dev, status.st_ino),
            status.st_size,
            own_name=own,
            beside=self._is_beside(source, at),
        )

    def _about(
        self, kind: str, words: str, path: Any, *, durable: bool = False
    ) -> Operation:
        if isinstance(path, int):
            return Operation(kind, words.format("a file"))
        own = self._is_target(path, -1)
        operation = Operation(
            kind, words.format("the file" if own else "another file"), durable=durable
        )
        operation.own_name = own
        return operation

    def _is_target(self, path: Any, folder: int) -> bool:
        if folder != -1:
            same = os.path.samestat(os.fstat(folder), self._folder.stat())
            return same and os.fspath(path) == self._name
        return _full(path) == self._target

    def _is_beside(self, path: Any, folder: int | None) -> bool:
        if folder is not None:
            return os.path.samestat(os.fstat(folder), self._folder.stat())
        return self._folder in _full(path).parents

    @property
    def _folder(self) -> Path:
        return (self._target or Path()).parent

    @property
    def _name(self) -> str:
        return (self._target or Path()).name

    def _wrap(self, module: Any, name: str) -> None:
        """Announce a call that no audit hook announces, wherever it is found."""
        real = getattr(module, name, None)
        if real is None:
            return

        def call(*args: Any, **kwargs: Any) -> Any:
            forces = name != "fcntl" or args[1:2] == (_FULL_FSYNC,)
            if self._target is not None and forces:
                self._force(args[0] if args else kwargs.get("fd"))
            return real(*args, **kwargs)

        # `from os import fsync` travels as "fsync of the module posix".
        for one in {module, sys.modules.get(real.__module__, module)}:
            setattr(one, name, call)

    def _force(self, file: Any) -> None:
        """Note a call that forces bytes to the disk."""
        if file is None:
            self._note(Operation("force", "forced everything to the disk"))
            return
        number = file if isinstance(file, int) else file.fileno()
        status = os.fstat(number)
        folder = stat.S_ISDIR(status.st_mode)
        what = "the folder" if folder else "a file"
        self._note(
            Operation(
                "force",
                f"forced {what} to the disk",
                (status.st_dev, status.st_ino),
                status.st_size,
                folder,
            )
        )
        if self._forcing_fails and not folder:
            raise OSError(errno.EIO, os.strerror(errno.EIO))


WATCH = Watch()


def _full(path: Any) -> Path:
    """The path with every link of its folder resolved, but not its own name."""
    whole = Path(os.fsdecode(path))
    return Path(os.path.realpath(whole.parent)) / whole.name


def _die() -> None:
    """End this process at once, with nothing tidied up."""
    if hasattr(signal, "SIGKILL"):
        os.kill(os.getpid(), signal.SIGKILL)
    os._exit(CUT_EXIT)
