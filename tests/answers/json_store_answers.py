"""Answers to exercise 02, right and wrong."""

import contextlib
import os
import shutil
import tempfile
import uuid
from os import fsync, replace
from pathlib import Path
from typing import Any

from agentstate_lab.stores import atomic_write
from answers import Wrong, but


def into(file: int, data: bytes) -> None:
    """Write all of it, force it to the disk, and close."""
    with os.fdopen(file, "wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())


def beside(path: Path) -> tuple[int, str]:
    """A temporary file in the same folder."""
    return tempfile.mkstemp(dir=path.parent)


def right(path: Path, data: bytes) -> None:
    """The plain one."""
    file, name = beside(path)
    into(file, data)
    Path(name).replace(path)


def with_a_loop(path: Path, data: bytes) -> None:
    """`os.write` until all is taken, under a random name that is made anew."""
    name = path.parent / f".{uuid.uuid4().hex}"
    file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        while data:
            data = data[os.write(file, data) :]
        os.fsync(file)
    except OSError:
        name.unlink()
        raise
    finally:
        os.close(file)
    name.rename(path)


def with_chmod(path: Path, data: bytes) -> None:
    """The mode is set on the temporary file, before it takes the name."""
    name = path.with_name(path.name + "~")
    with name.open("wb") as out:
        name.chmod(0o600)
        out.write(data)
        out.flush()
        os.fsync(out)
        os.fsync(out)  # twice does no harm
    assert name.read_bytes() == data
    name.replace(path)


def with_text_paths(path: str, data: bytes) -> None:
    """Takes the path for a str."""
    into(os.open(path + ".tmp", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), data)
    os.rename(path + ".tmp", path)  # noqa: PTH104 - another style


def with_imported_names(path: Path, data: bytes) -> None:
    """`from os import fsync, replace`."""
    file, name = beside(path)
    with os.fdopen(file, "wb", buffering=4) as out:
        out.write(data)
        out.flush()
        fsync(out.fileno())
    replace(name, path)  # noqa: PTH105 - another style


def with_synchronous_writes(path: Path, data: bytes) -> None:
    """Every write goes to the disk at once: no fsync is needed."""
    name = path.with_name(f".{path.name}.sync")
    file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_DSYNC, 0o600)
    with os.fdopen(file, "wb") as out:
        out.write(data)
    name.replace(path)


def with_descriptors(path: Path, data: bytes) -> None:
    """Everything relative to an open folder."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        into(os.open(".new", flags, 0o600, dir_fd=folder), data)
        os.replace(".new", path.name, src_dir_fd=folder, dst_dir_fd=folder)
        os.fsync(folder)
    finally:
        os.close(folder)


RIGHT = {
    "plain": right,
    "loop": with_a_loop,
    "chmod": with_chmod,
    "descriptors": with_descriptors,
    "package": atomic_write,
    "text-paths": with_text_paths,
    "imported-names": with_imported_names,
    "synchronous-writes": with_synchronous_writes,
}

BYTES = "keeps every byte"
ANYWHERE = "works from any folder"
CUT = "survives a cut at any byte"
FIRST = "survives a cut during the very first save"
KILL = "survives a kill between any two operations"
SAYS = "says so when the system refuses"
LEFT = "is not stopped by what a dead save left behind"
OWNER = "lets only its owner read the file"
SAME = "prepares the new content in the file's own folder"
DISK = "has the bytes on the disk before the name"
NAME = "has the name on the disk, too"

MAKES = "file, name = beside(path)"
INTO = "into(file, data)"
MOVES = "Path(name).replace(path)"
IF_SMALL = "if len(data) < 4096: path.write_bytes(data)"
FSYNC = "os.fsync(out.fileno())"
OLD_FIRST = f"os.fsync(os.open(path, os.O_RDONLY))\n    {MOVES}"


def saving(*lines: tuple[str, str]) -> Any:
    """The plain answer, with something replaced."""
    return but(right, *lines)


def writing(*lines: tuple[str, str]) -> Any:
    """The plain answer, with something replaced in how it writes its bytes."""
    return but(right, into=but(into, *lines))


def forcing(path: str) -> str:
    """The plain answer's last statement, and one that forces another file."""
    return f"{MOVES}\n    where = os.open({path}, os.O_RDONLY)\n    os.fsync(where)"


unforced = but(into, (FSYNC, "pass"))
without_fsync = but(right, into=unforced)


def in_place(path: Path, data: bytes) -> None:
    """The version everyone writes first."""
    path.write_bytes(data)


def in_place_at_first(path: Path, data: bytes) -> None:
    """As if there were nothing to lose in the first save."""
    if path.exists():
        right(path, data)
    else:
        into(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), data)


def one_write(path: Path, data: bytes) -> None:
    """Does not look at what `os.write` returns."""
    file, name = beside(path)
    os.write(file, data)
    os.fsync(file)
    os.close(file)
    Path(name).replace(path)


def copies(path: Path, data: bytes) -> None:
    """Copies the finished temporary file over the old one."""
    file, name = beside(path)
    into(file, data)
    shutil.copyfile(name, path)
    path.chmod(0o600)
    Path(name).unlink()


def exclusive(path: Path, data: bytes) -> None:
    """A fixed name that must not exist: a leftover blocks it for ever."""
    name = path.with_suffix(".tmp")
    into(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), data)
    name.replace(path)


def does_not_empty(path: Path, data: bytes) -> None:
    """A leftover that is longer shines through."""
    name = path.with_suffix(".tmp")
    into(os.open(name, os.O_WRONLY | os.O_CREAT, 0o600), data)
    name.replace(path)


def readable(path: Path, data: bytes) -> None:
    """Made by `open`, as open as the umask lets it be."""
    name = path.with_suffix(".tmp")
    with name.open("wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    name.replace(path)


def private_too_late(path: Path, data: bytes) -> None:
    """For an instant, everybody can read it."""
    readable(path, data)
    path.chmod(0o600)


def moves_while_open(path: Path, data: bytes) -> None:
    """The last bytes come when the file is closed, and by then it is in place."""
    file, name = beside(path)
    with os.fdopen(file, "wb") as out:
        out.write(data)
        os.fsync(out.fileno())
        Path(name).replace(path)


def swallows(path: Path, data: bytes) -> None:
    """Nobody is told."""
    with contextlib.suppress(OSError):
        right(path, data)


def loops_when_refused(path: Path, data: bytes) -> None:
    """Tries until it works, and a full disk stays full."""
    while True:
        with contextlib.suppress(OSError):
            return right(path, data)


WRONG = {
    "nothing": Wrong(
        lambda path, data: None, BYTES, "the file was as it had been before"
    ),
    "in-place": Wrong(in_place, CUT, "21 of 42 bytes"),
    "in-place-if-small": Wrong(
        saving((MOVES, f"{IF_SMALL}\n    {MOVES}")), CUT, "neither the old content"
    ),
    "in-place-at-first": Wrong(in_place_at_first, FIRST, "21 of 42 bytes"),
    "one-write": Wrong(one_write, CUT, "it returned as if all were saved"),
    "unbuffered": Wrong(
        writing(('"wb"', '"wb", buffering=0')),
        SAYS,
        "it returned as if all were saved",
        (CUT,),
    ),
    "elsewhere": Wrong(
        saving(
            (MAKES, "file, name = tempfile.mkstemp()"),
            (MOVES, "shutil.move(name, path)"),
        ),
        SAME,
        "moved in from another folder",
    ),
    "in-the-working-folder": Wrong(
        saving((MAKES, "file, name = beside(Path('new').absolute())")),
        SAME,
        "moved in from another folder",
    ),
    "without-fsync": Wrong(without_fsync, DISK, "no fsync was seen"),
    "fsync-after": Wrong(
        but(right, (MOVES, forcing("path")), into=unforced),
        DISK,
        "moved into place first",
    ),
    "fsync-of-the-folder": Wrong(
        but(right, (MOVES, forcing("path.parent")), into=unforced),
        DISK,
        "only the folder",
    ),
    "fsync-of-the-old": Wrong(
        but(right, (MOVES, OLD_FIRST), into=unforced), DISK, "another file was forced"
    ),
    "fsync-before-flush": Wrong(
        writing(("        out.flush()\n", "")), DISK, "held 0 of 42 bytes"
    ),
    "swallows": Wrong(swallows, SAYS, "it returned as if all were saved"),
    "swallows-fsync": Wrong(
        writing((FSYNC, f"with contextlib.suppress(OSError):\n            {FSYNC}")),
        SAYS,
        "forcing bytes to the disk fails",
    ),
    "loops-when-refused": Wrong(
        loops_when_refused, SAYS, "it did not come back", seconds=2.0
    ),
    "removes-first": Wrong(
        saving((MOVES, f"path.unlink(missing_ok=True)\n    {MOVES}")),
        KILL,
        "there was no file under that name",
    ),
    "copies": Wrong(copies, CUT, "what it writes under the file's own name"),
    "moves-while-open": Wrong(moves_while_open, CUT, "neither the old content"),
    "exclusive": Wrong(exclusive, LEFT, "FileExistsError"),
    "does-not-empty": Wrong(does_not_empty, LEFT, "that were not the"),
    "readable": Wrong(readable, OWNER, "every user of the machine"),
    "private-too-late": Wrong(private_too_late, OWNER, "right before it changed"),
    "keeps-the-mode": Wrong(
        saving(
            (
                MOVES,
                f"if path.exists():\n        shutil.copymode(path, name)\n    {MOVES}",
            )
        ),
        OWNER,
        "the mode was 0644",
    ),
    "as-text": Wrong(
        writing(
            ('"wb"', '"w", encoding="utf-8"'),
            ("write(data)", 'write(data.decode("latin-1"))'),
        ),
        BYTES,
        "bytes that were not the",
    ),
    "universal-newlines": Wrong(
        saving((INTO, r'into(file, data.replace(b"\r\n", b"\n"))')),
        BYTES,
        "bytes that were not the",
    ),
    "cuts-the-end": Wrong(
        saving((INTO, r'into(file, data.rstrip(b"\0"))')), BYTES, "bytes"
    ),
    "needs-a-folder": Wrong(
        saving((MOVES, forcing("os.path.dirname(path)"))), ANYWHERE, "FileNotFoundError"
    ),
    "leaves-the-folder-out": Wrong(right, NAME, "the folder was not forced"),
}

CARD = {
    "puts the bytes `data` at `path`": ["needs-a-folder", "nothing"],
    "byte for byte": ["cuts-the-end", "as-text", "universal-newlines"],
    "**At every instant**": [
        "moves-while-open",
        "removes-first",
        "one-write",
    ],
    "where there was no file": ["in-place-at-first"],
    "the error comes out": [
        "swallows",
        "swallows-fsync",
        "loops-when-refused",
    ],
    "and the old content stays": ["unbuffered"],
    "What a dead `save` left behind": ["exclusive", "does-not-empty"],
    "mode 0600 from the moment": ["private-too-late", "readable"],
    "whatever the old mode was": ["keeps-the-mode"],
    "in the file's own folder": ["in-the-working-folder", "elsewhere"],
    "before it takes the name": ["without-fsync", "fsync-after", "fsync-before-flush"],
    "the *name* is on the disk": ["leaves-the-folder-out"],
}
