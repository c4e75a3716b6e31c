"""
Real saves for the check of exercise 02: cut, killed, refused, or watched.

A `Desk` is a folder with one file in it. Every save to it is made in a process of its
own, which may die; afterwards the desk says what a reader of the file finds.
"""

import os
from pathlib import Path
from typing import Any

from agentstate_lab.lab.processes import cut_writes_at, was_cut

from ..judge import WATCH, Ending, Subject, Unmet, doing, require, run_apart

OLD = b'{"task": "deploy", "state": "running"}\n'
NEW = b'{"state": "completed", "task": "deploy"}\r\n'
LARGE = b"".join(b"line %05d of a long file\r\n" % n for n in range(4_000))
DATA = {
    "old": OLD,
    "new": NEW,
    "short": b'{"task": "none"}\n',
    "large": LARGE,
    "odd": bytes(range(256)) + b"\r\n\n\r\x00\xff\xfe" + b"and then nothing: \x00\x00",
    "empty": b"",
    "same size": bytes(reversed(OLD)),
}
NAME = "tasks.json"
UMASK = 0o022
WINDOWS = os.name == "nt"


def save_once(answer: Subject, path: str, data_at: str, use_str: bool) -> None:
    """One save, as the learner's program makes it."""
    data = DATA[data_at]
    answer(path if use_str else Path(path), data)


def kind_of_error(answer: Subject, path: str, data_at: str, use_str: bool) -> str:
    """The name of the class that one save raises; empty when it raises nothing."""
    path_given = path if use_str else Path(path)
    error = answer.outcome(path_given, DATA[data_at]).error
    return "" if error is None else type(error).__name__


def cut_save(answer: Subject, n: int, *job: Any) -> None:
    """A save in a process that dies at byte *n* of any file."""
    cut_writes_at(n)
    save_once(answer, *job)


def copy_cut_save(answer: Subject, n: int, path: str, *job: Any) -> None:
    """A save that is cut only in what it writes under the file's own name."""
    WATCH.install()
    answer.answer.function()
    WATCH.start(Path(path), on_own_open=lambda: cut_writes_at(n))
    save_once(answer, path, *job)


def refused_save(answer: Subject, n: int, *job: Any) -> None:
    """A save to a disk that is full after *n* bytes: the write fails."""
    import resource

    answer.answer.function()
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n, hard))
    save_once(answer, *job)


def watched_save(
    answer: Subject, options: dict[str, Any], umask: int, path: str, *job: Any
) -> list[dict[str, Any]]:
    """A save whose operations are listed, or that dies at one of them."""
    WATCH.install()
    answer.answer.function()
    os.umask(umask)
    WATCH.start(Path(path), **options)
    save_once(answer, path, *job)
    return WATCH.stop()


class Desk:
    """A folder with one file in it, and saves that are made to it."""

    def __init__(self, answer: Subject, name: str = "desk") -> None:
        WATCH.install()
        if answer.fork:
            answer.answer.function()  # loaded here, so that the forks need not
        self.answer = answer
        self.folder = Path(name).absolute()
        self.folder.mkdir()
        self.path = self.folder / NAME
        self.use_str = False
        self._choose_kind()

    def save(self, data: str, call: Any = save_once, *args: Any) -> Ending:
        """Make one save in a new process."""
        job = (*args, str(self.path), data, self.use_str)
        return run_apart(self.answer, call, *job)

    def put(self, data: bytes | None, mode: int = 0o600) -> None:
        """Make the folder hold *data* under the name, and nothing else."""
        self.before = data
        for left in sorted(self.folder.rglob("*"), reverse=True):
            left.rmdir() if left.is_dir() and not left.is_symlink() else left.unlink()
        if data is not None:
            self.path.write_bytes(data)
            self.path.chmod(mode)

    def found(self) -> bytes | None:
        """What a reader finds now."""
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return None

    def saved(self, data: str, call: Any = save_once, *args: Any) -> Any:
        """A save that nothing disturbs must come back and hold; what it returned."""
        value = self.save(data, call, *args).result()
        found = self.found()
        if found == self.before != DATA[data]:
            raise Unmet("it returned, and the file was as it had been before")
        require(found == DATA[data], f"the file held {told(found, DATA[data])}")
        return value

    def watched(self, data: str = "new") -> list[dict[str, Any]]:
        """The operations of a save over an older file that nothing disturbs."""
        self.put(OLD)
        seen: list[dict[str, Any]] = self.saved(data, watched_save, {}, UMASK)
        return seen

    def killed(self, at: int, umask: int = UMASK) -> None:
        """Make a save in a process that dies right before its operation *at*."""
        self.save("new", watched_save, {"kill_at": at}, umask)

    def undisturbed(self) -> list[dict[str, Any]]:
        """An undisturbed save over an older file must hold; its operations."""
        with doing("saved over an older file, undisturbed", "the new content"):
            return self.watched()

    def is_whole(self, new: bytes = NEW) -> None:
        """Fail unless a reader finds the old content or the new."""
        found = self.found()
        if found not in (self.before, new):
            held = told(found, new, self.before)
            raise Unmet(f"the file held {held}: neither the old content nor the new")

    def was_cut(self, ending: Ending, new: bytes = NEW) -> None:
        """Judge a save that met the limit: whole, and honest about it."""
        found = self.found()
        if ending.returned and found != new:
            old = found == self.before
            held = "the old content" if old else told(found, new, self.before)
            raise Unmet(
                "the write was cut short, and it returned as if all were saved; the"
                f" file held {held}"
            )
        self.is_whole(new)
        met = ending.returned or ending.raised or was_cut(ending.status or 0)
        require(bool(met), ending.words)

    def _choose_kind(self) -> None:
        """An answer for `Path` alone, or for `str` alone, is as good as any."""
        wrong_type = {"TypeError", "AttributeError"}
        if self.save("old", kind_of_error).value in wrong_type:
            self.use_str = True
            self.use_str = self.save("old", kind_of_error).value not in wrong_type
        self.put(None)


def told(found: bytes | None, *known: bytes | None) -> str:
    """What was found, compared with what might have been."""
    if found is None:
        return "nothing: there was no file under that name"
    for data in known:
        if data is not None and found != data and data.startswith(found):
            return f"{len(found):,} of {len(data):,} bytes"
    sizes = ", ".join(f"{len(data):,}" for data in known if data is not None)
    return f"{len(found):,} bytes that were not the {sizes} that were saved"


def sample(data: bytes, every_byte: bool) -> list[int]:
    """
    Every byte, or the telling ones: the ends, and where buffers are full.

    The middle comes first: half a file is the clearest thing to be told about.
    """
    last = len(data)
    telling = {0, 1, last - 1, last, 4_095, 4_096, 8_191, 8_192, 65_536, 131_072}
    chosen = range(last + 1) if every_byte else sorted(telling)
    return [last // 2, *(n for n in chosen if n <= last and n != last // 2)]
