"""Answers to exercise 02, right and wrong."""

import contextlib
import functools
import os
import shutil
import tempfile
import uuid
from os import fsync, replace
from pathlib import Path

from filelock import FileLock

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


def with_a_fixed_name(path: Path, data: bytes) -> None:
    """One temporary name for ever, emptied when it is left over."""
    name = path.with_suffix(".tmp")
    with contextlib.suppress(FileNotFoundError):
        name.unlink()
    into(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), data)
    os.replace(name, path)  # noqa: PTH105 - another style


def with_named_temporary(path: Path, data: bytes) -> None:
    """The class of the library."""
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    Path(out.name).replace(path)


def with_an_opener(path: Path, data: bytes) -> None:
    """`open` with the mode given by an opener, and the folder forced, too."""

    def private(name: str, flags: int) -> int:
        return os.open(name, flags, 0o600)

    name = path.with_name(f"{path.name}.{os.getpid()}.new")
    with open(name, "wb", opener=private) as out:
        out.write(data[:7])
        out.write(data[7:])
        out.flush()
        os.fsync(out.fileno())
    name.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


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


def with_a_lock(path: Path, data: bytes) -> None:
    """A lock file stays beside it."""
    with FileLock(f"{path}.lock"):
        right(path, data)


def with_a_folder(path: Path, data: bytes) -> None:
    """Prepares the content in a folder of its own, inside the file's folder."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        name = Path(folder) / "new"
        into(os.open(name, os.O_WRONLY | os.O_CREAT, 0o600), data)
        name.replace(path)


def with_synchronous_writes(path: Path, data: bytes) -> None:
    """Every write goes to the disk at once: no fsync is needed."""
    name = path.with_name(f".{path.name}.sync")
    file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_DSYNC, 0o600)
    with os.fdopen(file, "wb") as out:
        out.write(data)
    name.replace(path)


def with_fdatasync(path: Path, data: bytes) -> None:
    """The smaller sister of fsync, and a hard link to the old content."""
    file, name = beside(path)
    with os.fdopen(file, "wb") as out:
        out.write(data)
        out.flush()
        os.fdatasync(out.fileno())
    if path.exists():
        backup = path.with_name(path.name + ".bak")
        backup.unlink(missing_ok=True)
        backup.hardlink_to(path)
    Path(name).replace(path)


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


def with_parents(path: Path, data: bytes) -> None:
    """Makes the folder when it is missing, and wraps what went wrong."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        right(path, data)
    except OSError as error:
        raise RuntimeError(f"not saved: {error}") from error


def with_touch(path: Path, data: bytes) -> None:
    """Made private before it holds anything, written and forced by paths alone."""
    name = path.with_name(f".{path.name}.new")
    name.unlink(missing_ok=True)
    name.touch(mode=0o600)
    name.write_bytes(data)
    with name.open("rb") as again:
        os.fsync(again.fileno())
    name.replace(path)


def with_umask(path: Path, data: bytes) -> None:
    """The mode comes from the umask, and `shutil.move` takes it to its place."""
    before = os.umask(0o077)
    try:
        name = path.with_name(path.name + ".tmp")
        with name.open("wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        shutil.move(name, path)
    finally:
        os.umask(before)


def with_sync(path: Path, data: bytes) -> None:
    """Forces everything that there is."""
    file, name = beside(path)
    with os.fdopen(file, "wb") as out:
        out.write(data)
    os.sync()
    Path(name).replace(path)


def with_a_look_back(path: Path, data: bytes) -> None:
    """Reads again what was written, and tidies up whatever happens."""
    file, name = beside(path)
    try:
        into(file, data)
        if Path(name).read_bytes() != data:
            raise OSError("the disk does not hold what was written")
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)


class Saver:
    """A callable object."""

    def __init__(self, suffix: str) -> None:
        self.suffix = suffix

    def __call__(self, path: Path, data: bytes) -> None:
        """Save."""
        name = path.with_name(path.name + self.suffix)
        into(os.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), data)
        name.replace(path)


RIGHT = {
    "plain": right,
    "package": atomic_write,
    "loop": with_a_loop,
    "fixed-name": with_a_fixed_name,
    "named-temporary": with_named_temporary,
    "opener": with_an_opener,
    "chmod": with_chmod,
    "text-paths": with_text_paths,
    "imported-names": with_imported_names,
    "lock": with_a_lock,
    "folder": with_a_folder,
    "synchronous-writes": with_synchronous_writes,
    "fdatasync": with_fdatasync,
    "descriptors": with_descriptors,
    "parents": with_parents,
    "touch": with_touch,
    "umask": with_umask,
    "sync": with_sync,
    "look-back": with_a_look_back,
    "object": Saver(".part"),
    "partial": functools.partial(atomic_write, mode=0o600),
}


def nothing(path: Path, data: bytes) -> None:
    """Does nothing."""


def in_place(path: Path, data: bytes) -> None:
    """The version everyone writes first."""
    path.write_bytes(data)


def in_place_if_small(path: Path, data: bytes) -> None:
    """As if a small write could not be cut."""
    if len(data) < 4096:
        path.write_bytes(data)
        path.chmod(0o600)
    else:
        right(path, data)


def in_place_at_first(path: Path, data: bytes) -> None:
    """As if there were nothing to lose in the first save."""
    if path.exists():
        right(path, data)
    else:
        into(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), data)


def over_the_old(path: Path, data: bytes) -> None:
    """Writes over the old bytes without emptying the file first."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    into(file, data)
    os.truncate(path, len(data))


def one_write(path: Path, data: bytes) -> None:
    """Does not look at what `os.write` returns."""
    file, name = beside(path)
    os.write(file, data)
    os.fsync(file)
    os.close(file)
    Path(name).replace(path)


def unbuffered(path: Path, data: bytes) -> None:
    """A raw file writes once, and says how much."""
    file, name = beside(path)
    with os.fdopen(file, "wb", buffering=0) as out:
        out.write(data)
        os.fsync(out.fileno())
    Path(name).replace(path)


def elsewhere(path: Path, data: bytes) -> None:
    """The temporary file is where temporary files are."""
    file, name = tempfile.mkstemp()
    into(file, data)
    shutil.move(name, path)


def in_the_working_folder(path: Path, data: bytes) -> None:
    """The temporary file is wherever the program was started."""
    name = Path(f"{path.name}.tmp").absolute()
    into(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), data)
    name.replace(path)


def without_fsync(path: Path, data: bytes) -> None:
    """Nothing is forced to the disk."""
    file, name = beside(path)
    with os.fdopen(file, "wb") as out:
        out.write(data)
    Path(name).replace(path)


def fsync_after(path: Path, data: bytes) -> None:
    """The name first, the bytes later."""
    file, name = beside(path)
    with os.fdopen(file, "wb") as out:
        out.write(data)
    Path(name).replace(path)
    with path.open("r+b") as out:
        os.fsync(out.fileno())


def fsync_before_flush(path: Path, data: bytes) -> None:
    """Forces what is in the file, and the bytes are not there yet."""
    file, name = beside(path)
    with os.fdopen(file, "wb") as out:
        out.write(data)
        os.fsync(out.fileno())
    Path(name).replace(path)


def fsync_of_the_folder(path: Path, data: bytes) -> None:
    """Forces the name, and never the bytes."""
    without_fsync(path, data)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def swallows(path: Path, data: bytes) -> None:
    """Nobody is told."""
    with contextlib.suppress(OSError):
        right(path, data)


def returns_false(path: Path, data: bytes) -> bool:
    """Tells those who look at what a save returns."""
    try:
        right(path, data)
    except OSError:
        return False
    return True


def swallows_fsync(path: Path, data: bytes) -> None:
    """Takes a failed fsync for a detail."""
    file, name = beside(path)
    with os.fdopen(file, "wb") as out:
        out.write(data)
        out.flush()
        with contextlib.suppress(OSError):
            os.fsync(out.fileno())
    Path(name).replace(path)


def removes_first(path: Path, data: bytes) -> None:
    """Makes room for the new file before it takes the name."""
    file, name = beside(path)
    into(file, data)
    path.unlink(missing_ok=True)
    Path(name).rename(path)


def moves_aside_first(path: Path, data: bytes) -> None:
    """Keeps the old one under another name; for an instant, nothing has its own."""
    file, name = beside(path)
    into(file, data)
    if path.exists():
        path.rename(path.with_suffix(".bak"))
    Path(name).rename(path)


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


def own_lock(path: Path, data: bytes) -> None:
    """A lock that a dead process never gives back."""
    lock = path.with_suffix(".lock")
    os.close(os.open(lock, os.O_CREAT | os.O_EXCL))
    try:
        right(path, data)
    finally:
        lock.unlink()


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


def keeps_the_mode(path: Path, data: bytes) -> None:
    """Hands the carelessness of the old file on."""
    file, name = beside(path)
    into(file, data)
    if path.exists():
        shutil.copymode(path, name)
    Path(name).replace(path)


def as_text(path: Path, data: bytes) -> None:
    """Bytes are taken for text."""
    file, name = beside(path)
    with os.fdopen(file, "w", encoding="utf-8") as out:
        out.write(data.decode("latin-1"))
        out.flush()
        os.fsync(out.fileno())
    Path(name).replace(path)


def universal_newlines(path: Path, data: bytes) -> None:
    """Tidies the ends of the lines."""
    right(path, data.replace(b"\r\n", b"\n"))


def needs_a_folder(path: Path, data: bytes) -> None:
    """A bare name has no folder that could be opened."""
    right(path, data)
    folder = os.open(os.path.dirname(path), os.O_RDONLY)  # noqa: PTH120
    os.fsync(folder)
    os.close(folder)


def appends(path: Path, data: bytes) -> None:
    """Adds to the old content."""
    old = path.read_bytes() if path.exists() else b""
    right(path, old + data)


def moves_while_open(path: Path, data: bytes) -> None:
    """The last bytes come when the file is closed, and by then it is in place."""
    file, name = beside(path)
    with os.fdopen(file, "wb") as out:
        out.write(data)
        os.fsync(out.fileno())
        Path(name).replace(path)


def fsync_of_the_old(path: Path, data: bytes) -> None:
    """Forces the file that is about to go."""
    file, name = beside(path)
    with os.fdopen(file, "wb") as out:
        out.write(data)
    if path.exists():
        with path.open("rb") as old:
            os.fsync(old.fileno())
    Path(name).replace(path)


def loops_when_refused(path: Path, data: bytes) -> None:
    """Tries until it works, and a full disk stays full."""
    while True:
        with contextlib.suppress(OSError):
            return right(path, data)


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

WRONG = {
    "nothing": Wrong(nothing, BYTES, "the file was as it had been before"),
    "in-place": Wrong(in_place, CUT, "21 of 42 bytes"),
    "in-place-if-small": Wrong(in_place_if_small, CUT, "neither the old content"),
    "in-place-at-first": Wrong(in_place_at_first, FIRST, "21 of 42 bytes"),
    "over-the-old": Wrong(over_the_old, CUT, "neither the old content nor the new"),
    "one-write": Wrong(one_write, CUT, "it returned as if all were saved"),
    "unbuffered": Wrong(
        unbuffered,
        SAYS,
        "it returned as if all were saved",
        ("survives a cut at any byte",),
    ),
    "elsewhere": Wrong(elsewhere, SAME, "moved in from another folder"),
    "in-the-working-folder": Wrong(
        in_the_working_folder, SAME, "moved in from another folder"
    ),
    "without-fsync": Wrong(without_fsync, DISK, "no fsync was seen"),
    "fsync-after": Wrong(fsync_after, DISK, "moved into place first"),
    "fsync-before-flush": Wrong(fsync_before_flush, DISK, "held 0 of 42 bytes"),
    "fsync-of-the-folder": Wrong(fsync_of_the_folder, DISK, "only the folder"),
    "swallows": Wrong(swallows, SAYS, "it returned as if all were saved"),
    "returns-false": Wrong(returns_false, SAYS, "it returned as if all were saved"),
    "swallows-fsync": Wrong(swallows_fsync, SAYS, "forcing bytes to the disk fails"),
    "removes-first": Wrong(removes_first, KILL, "there was no file under that name"),
    "moves-aside-first": Wrong(moves_aside_first, KILL, "there was no file"),
    "copies": Wrong(copies, CUT, "what it writes under the file's own name"),
    "exclusive": Wrong(exclusive, LEFT, "FileExistsError"),
    "own-lock": Wrong(own_lock, LEFT, "FileExistsError"),
    "does-not-empty": Wrong(does_not_empty, LEFT, "that were not the"),
    "readable": Wrong(readable, OWNER, "every user of the machine"),
    "private-too-late": Wrong(private_too_late, OWNER, "right before it changed"),
    "keeps-the-mode": Wrong(keeps_the_mode, OWNER, "the mode was 0644"),
    "as-text": Wrong(as_text, BYTES, "bytes that were not the"),
    "universal-newlines": Wrong(universal_newlines, BYTES, "bytes that were not the"),
    "needs-a-folder": Wrong(needs_a_folder, ANYWHERE, "FileNotFoundError"),
    "moves-while-open": Wrong(moves_while_open, CUT, "neither the old content"),
    "fsync-of-the-old": Wrong(fsync_of_the_old, DISK, "another file was forced"),
    "loops-when-refused": Wrong(loops_when_refused, SAYS, "it did not come back"),
    "appends": Wrong(appends, BYTES, "bytes that were not the"),
    "leaves-the-folder-out": Wrong(right, NAME, "the folder was not forced"),
    "cuts-the-end": Wrong(
        but(right, ("into(file, data)", 'into(file, data.rstrip(b"\\0"))')),
        "keeps every byte",
        "bytes",
    ),
}

CARD = {
    "puts the bytes `data` at `path`": ["needs-a-folder", "nothing"],
    "byte for byte": ["cuts-the-end", "as-text", "universal-newlines", "appends"],
    "**At every instant**": [
        "moves-while-open",
        "removes-first",
        "moves-aside-first",
        "one-write",
    ],
    "where there was no file": ["in-place-at-first"],
    "the error comes out": [
        "returns-false",
        "swallows",
        "swallows-fsync",
        "loops-when-refused",
    ],
    "and the old content stays": ["unbuffered"],
    "What a dead `save` left behind": ["exclusive", "own-lock", "does-not-empty"],
    "mode 0600 from the moment": ["private-too-late", "readable"],
    "whatever the old mode was": ["keeps-the-mode"],
    "in the file's own folder": ["in-the-working-folder", "elsewhere"],
    "before it takes the name": ["without-fsync", "fsync-after", "fsync-before-flush"],
    "the *name* is on the disk": ["leaves-the-folder-out"],
}
