"""
Real saves for the check of exercise 02: cut, killed, refused, or watched.

A `Desk` is a folder with one file in it. Every save to it is made in a process of its
own, which may die; afterwards the desk says what a reader of the file finds.
"""

import os
from pathlib import Path
from typing import Any

from agentstate_lab.lab.exercises.judge import (
    WATCH,
    Ending,
    Subject,
    Unmet,
    require,
    run_apart,
)
from agentstate_lab.lab.processes import cut_writes_at, was_cut

OLD = b'{"task": "deploy", "state": "running"}\n'
NEW = b'{"state": "completed", "task": "deploy"}\r\n'
SHORT = b'{"task": "none"}\n'
LARGE = b"".join(b"line %05d of a long file\r\n" % n for n in range(4_000))
ODD = bytes(range(256)) + b"\r\n\n\r\x00\xff\xfe" + b"tail, and then nothing: \x00\x00"
NAME = "tasks.json"
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


DATA = {
    "old": OLD,
    "new": NEW,
    "short": SHORT,
    "large": LARGE,
    "odd": ODD,
    "empty": b"",
    "same size": bytes(reversed(OLD)),
}


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

    def put(self, data: bytes | None) -> None:
        """Make the folder hold *data* under the name, and nothing else."""
        self.before = data
        for left in sorted(self.folder.rglob("*"), reverse=True):
            left.rmdir() if left.is_dir() and not left.is_symlink() else left.unlink()
        if data is not None:
            self.path.write_bytes(data)
            self.path.chmod(0o600)

    def found(self) -> bytes | None:
        """What a reader finds now."""
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return None

    def saved(self, data: str, call: Any = save_once, *args: Any) -> Ending:
        """A save that nothing disturbs must come back and hold."""
        ending = self.save(data, call, *args)
        require(ending.returned, ending.words)
        found = self.found()
        if found == self.before != DATA[data]:
            raise Unmet("it returned, and the file was as it had been before")
        require(found == DATA[data], f"the file held {told(found, DATA[data])}")
        return ending

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


def whole(found: bytes | None, old: bytes | None, new: bytes) -> None:
    """Fail unless a reader finds the old content or the new."""
    if found not in (old, new):
        neither = "neither the old content nor the new"
        raise Unmet(f"the file held {told(found, new, old)}: {neither}")


def after_cut(ending: Ending, desk: Desk, old: bytes | None, new: bytes) -> None:
    """Judge a save that met the limit: whole, and honest about it."""
    found = desk.found()
    if ending.returned and found != new:
        held = told(found, new, old) if found != old else "the old content"
        raise Unmet(
            "the write was cut short, and it returned as if all were saved; the file"
            f" held {held}"
        )
    whole(found, old, new)
    met = ending.returned or ending.raised or was_cut(ending.status or 0)
    require(bool(met), ending.words)


def sample(data: bytes, every_byte: bool) -> list[int]:
    """
    Every byte, or the telling ones: the ends, and where buffers are full.

    The middle comes first: half a file is the clearest thing to be told about.
    """
    last = len(data)
    telling = {0, 1, last - 1, last, 4_095, 4_096, 8_191, 8_192, 65_536, 131_072}
    chosen = range(last + 1) if every_byte else sorted(telling)
    return [last // 2, *(n for n in chosen if n <= last and n != last // 2)]
