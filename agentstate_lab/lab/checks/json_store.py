"""
The check of exercise 02: a save that leaves the old content or the new.

Each stage makes real saves in processes of their own: cut off at a byte by the
kernel's file size limit (`lab.cut`), killed between two operations (`watch`), or
refused by the system. Afterwards it looks at the file, as a reader would.

What no killed process can show is a missing fsync: the operating system still has
the bytes. That stage therefore looks at the order of the calls, and says so.
"""

import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..cut import HAS_LIMIT, cut_writes_at, was_cut
from .apart import Ending, run_apart
from .stages import Stage, Subject, Unmet, doing, require, stage
from .watch import WATCH

OLD = b'{"task": "deploy", "state": "running"}\n'
NEW = b'{"state": "completed", "task": "deploy"}\r\n'
SHORT = b'{"task": "none"}\n'
LARGE = b"".join(b"line %05d of a long file\r\n" % n for n in range(4_000))
ODD = bytes(range(256)) + b"\r\n\n\r\x00\xff\xfe" + b"tail without newline"
NAME = "tasks.json"
MAX_OPERATIONS = 80
WINDOWS = os.name == "nt"

HINTS = (
    "A file that is opened for writing is empty at once, and a process can die at"
    " the very next byte. Under which name could you write, so that nobody minds"
    " half a file? And which single operation can change what a name stands for?",
    "Write a temporary file in the folder of path, all of it, then os.replace it"
    " onto path. Before the replace: flush, os.fsync, close. What is the"
    " temporary's mode? And what if one os.write takes fewer bytes than you gave?",
    "The shape: file, name = tempfile.mkstemp(dir=path.parent), which is 0600 and"
    " never blocked by a leftover. with os.fdopen(file, 'wb') as out: write, flush,"
    " os.fsync(out.fileno()). After the block os.replace(name, path). Catch"
    " nothing, or tidy up and raise again.",
)


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


def cuts(answer: Subject, desk: Desk, pairs: Iterable[tuple[str | None, str]]) -> None:
    """Cut the saves: the one of "new" at every byte, the others at a sample."""
    for old, new in pairs:
        every_byte = answer.fork and old in (None, "old") and new == "new"
        before = None if old is None else DATA[old]
        over = "with no file there yet" if old is None else "over an older file"
        for n in sample(DATA[new], every_byte):
            with doing(
                f"saved {len(DATA[new]):,} bytes {over} and cut the writing at byte"
                f" {n:,}",
                f"{'no file' if old is None else 'the old content'} or all of the new",
            ):
                desk.put(before)
                ending = desk.save(new, cut_save, n)
                after_cut(ending, desk, before, DATA[new])


@stage("keeps every byte")
def keeps(answer: Subject) -> None:
    """What was saved is what is read, whatever was there before."""
    desk = Desk(answer)
    for old, new, what in (
        (None, "new", "one line of JSON to a new file"),
        ("new", "short", "something shorter over it"),
        ("short", "large", f"{len(LARGE):,} bytes over it"),
        ("large", "odd", "bytes that are no text: \\r\\n, \\x00, \\xff"),
        ("odd", "empty", "no bytes at all"),
    ):
        with doing(f"saved {what} and read the file", "the very bytes that were saved"):
            desk.put(None if old is None else DATA[old])
            desk.saved(new)


@stage("works from any folder")
def works_anywhere(answer: Subject) -> None:
    """A bare file name, a relative path and an absolute one mean the same."""
    desk = Desk(answer)
    other = desk.folder / "sub"
    for shown, path, where in (
        ("tasks.json", NAME, desk.folder),
        ("../tasks.json", f"../{NAME}", other),
        ("an absolute path", str(desk.path), other),
    ):
        with doing(f"saved to {shown} from the folder it names", "the file there"):
            desk.put(OLD)
            other.mkdir()
            here = Path.cwd()
            os.chdir(where)
            try:
                ending = run_apart(answer, save_once, path, "new", desk.use_str)
            finally:
                os.chdir(here)
            require(ending.returned, ending.words)
            require(desk.found() == NEW, f"the file held {told(desk.found(), NEW)}")
            require(not any(other.iterdir()), "another folder got a file, too")


@stage("survives a cut at any byte")
def survives_cuts(answer: Subject) -> None:
    """Old content is there: it stays until the new one is whole."""
    desk = Desk(answer)
    with doing("saved over an older file, undisturbed", "the new content"):
        desk.put(OLD)
        desk.saved("new")
    pairs = (("old", "new"), ("new", "short"), ("old", "same size"), ("old", "large"))
    cuts(answer, desk, pairs)
    _copies(answer, desk)


def _copies(answer: Subject, desk: Desk) -> None:
    """An answer that writes under the file's own name is cut there, too."""
    desk.put(OLD)
    seen = desk.saved("new", watched_save, {}, 0o022).value
    if not _opens_own(seen):
        return
    for n in sample(NEW, every_byte=False):
        with doing(
            f"saved {len(NEW)} bytes over an older file and cut what it writes under"
            f" the file's own name at byte {n}",
            "the old content or all of the new",
        ):
            desk.put(OLD)
            after_cut(desk.save("new", copy_cut_save, n), desk, OLD, NEW)


def _opens_own(seen: list[dict[str, Any]]) -> bool:
    """Whether the file was opened for writing under its own name."""
    return any(one["kind"] == "open" and one["own_name"] for one in seen)


@stage("survives a cut during the very first save")
def survives_first(answer: Subject) -> None:
    """No content is there: half a file must not be taken for a whole one."""
    desk = Desk(answer)
    with doing("saved where there was no file, undisturbed", "the new content"):
        desk.saved("new")
    cuts(answer, desk, [(None, "new"), (None, "large")])


@stage("survives a kill between any two operations")
def survives_kills(answer: Subject) -> None:
    """Right before each thing it does to a file, the process is killed."""
    desk = Desk(answer)
    with doing("saved over an older file, undisturbed", "the new content"):
        desk.put(OLD)
        seen = desk.saved("new", watched_save, {}, 0o022).value
    for at, operation in enumerate(seen[:MAX_OPERATIONS]):
        with doing(
            f"saved over an older file and killed the process right before it"
            f" {operation['words']}",
            "the old content or all of the new",
        ):
            desk.put(OLD)
            desk.save("new", watched_save, {"kill_at": at}, 0o022)
            whole(desk.found(), OLD, NEW)
    if _opens_own(seen):
        with doing(
            "saved over an older file and killed the process when it had opened that"
            " file for writing",
            "the old content or all of the new",
        ):
            desk.put(OLD)
            desk.save("new", copy_cut_save, 0)
            whole(desk.found(), OLD, NEW)


@stage("says so when the system refuses")
def says_so(answer: Subject) -> None:
    """A failed write, a failed fsync, a name that cannot be had: all must be heard."""
    desk = Desk(answer)
    with doing("saved over an older file, undisturbed", "the new content"):
        desk.put(OLD)
        desk.saved("new")
    for n in (len(NEW) // 2, 0, len(NEW) - 1) if HAS_LIMIT else ():
        _refused(desk, n)
    with doing("saved while forcing bytes to the disk fails (fsync)", "an error"):
        desk.put(OLD)
        ending = desk.save("new", watched_save, {"forcing_fails": True}, 0o022)
        forced = not ending.returned or any(
            one["kind"] == "force" and one["inode"] and not one["folder"]
            for one in ending.value
        )
        if forced:  # otherwise another stage has the word
            require(not ending.returned, "it returned as if all were saved")
            _died_not(ending)
            whole(desk.found(), OLD, NEW)
    with doing("saved under a name that a folder has", "an error"):
        desk.put(None)
        (desk.path / "inside").mkdir(parents=True)
        ending = desk.save("new")
        require(not ending.returned, "it returned as if all were saved")
        _died_not(ending)
        require((desk.path / "inside").is_dir(), "the folder was gone")


def _refused(desk: Desk, n: int) -> None:
    """The disk is full after *n* bytes."""
    with doing(
        f"saved {len(NEW)} bytes to a disk that refuses more than {n}",
        "an error, and the old content still there",
    ):
        desk.put(OLD)
        ending = desk.save("new", refused_save, n)
        found = desk.found()
        held = "the old content" if found == OLD else told(found, NEW, OLD)
        require(
            not ending.returned,
            f"it returned as if all were saved; the file held {held}",
        )
        _died_not(ending)
        require(found == OLD, f"it raised, but the file held {held}")


def _died_not(ending: Ending) -> None:
    if ending.status is not None:
        raise Unmet(ending.words)


@stage("is not stopped by what a dead save left behind")
def not_stopped(answer: Subject) -> None:
    """The dead process cannot tidy up; the next one must cope."""
    desk = Desk(answer)
    with doing("saved over an older file, undisturbed", "the new content"):
        desk.put(OLD)
        seen = desk.saved("new", watched_save, {}, 0o022).value
    desk.put(OLD)
    for n in (len(LARGE) - 1, 0):
        desk.save("large", cut_save, n)
    for at in range(min(len(seen), MAX_OPERATIONS)):
        desk.save("new", watched_save, {"kill_at": at}, 0o022)
    for data in ("short", "new", "old"):
        with doing(
            "killed saves at several moments, left their files lying, and saved again",
            "the new content, and nothing of what was left",
        ):
            desk.saved(data)


@stage("lets only its owner read the file")
def only_owner(answer: Subject) -> str | None:
    """Mode 0600 from the moment the content stands under its name."""
    desk = Desk(answer)
    if WINDOWS:
        return "not tried: on Windows the folder's access list decides, no mode"
    for old, mode, what in (
        (None, 0, "a new file"),
        (OLD, 0o600, "an older file of mode 0600"),
        (OLD, 0o644, "an older file of mode 0644"),
    ):
        with doing(f"saved to {what}, in a process with umask 0", "mode 0600"):
            _put_with_mode(desk, old, mode)
            seen = desk.saved("new", watched_save, {}, 0).value
            _private(desk)
        for at, operation in enumerate(seen[:MAX_OPERATIONS]):
            with doing(
                f"saved to {what}, in a process with umask 0, and killed it right"
                f" before it {operation['words']}",
                "mode 0600 as soon as the new content is there",
            ):
                _put_with_mode(desk, old, mode)
                desk.save("new", watched_save, {"kill_at": at}, 0)
                if desk.found() == NEW:
                    _private(desk)
    return None


def _put_with_mode(desk: Desk, old: bytes | None, mode: int) -> None:
    desk.put(old)
    if old is not None:
        desk.path.chmod(mode)


def _private(desk: Desk) -> None:
    mode = stat.S_IMODE(desk.path.stat().st_mode)
    who = "every user of the machine" if mode & 0o007 else "nobody else"
    require(mode == 0o600, f"the mode was {mode:04o}: {who} can open the file")


@stage("prepares the new content in the file's own folder")
def same_folder(answer: Subject) -> None:
    """A move between two file systems is a copy, and a copy can be cut."""
    desk = Desk(answer)
    with doing(
        "saved over an older file and watched where the new content came from",
        "a temporary file in the same folder, moved into place in one step",
    ):
        rename = _last_rename(_watched(desk))
        require(
            rename["beside"],
            "it was moved in from another folder: where that is another disk, the"
            " move fails or turns into a copy",
        )


@stage("has the bytes on the disk before the name")
def bytes_first(answer: Subject) -> None:
    """A recorded order, not a felt one: a kill cannot take bytes from the system."""
    desk = Desk(answer)
    for data in ("new", "large"):
        size = len(DATA[data])
        with doing(
            f"saved {size:,} bytes and listed what was forced to the disk, and when",
            "an fsync of the whole temporary file, and only then the move into place"
            " (a power cut can keep the name and lose the bytes)",
        ):
            _forced_first(_watched(desk, data))


def _forced_first(seen: list[dict[str, Any]]) -> None:
    """Judge the order of the operations."""
    rename = _last_rename(seen)
    before = seen[: seen.index(rename)]
    if any(one["kind"] == "open" and one["durable"] for one in before):
        return
    forced = [one for one in before if one["kind"] == "force"]
    if any(one["inode"] is None for one in forced):
        return
    of_file = [one for one in forced if one["inode"] == rename["inode"]]
    if any(one["size"] == rename["size"] for one in of_file):
        return
    if of_file:
        held = of_file[-1]["size"]
        raise Unmet(
            f"the fsync came when the file held {held:,} of {rename['size']:,} bytes:"
            " the others were still in Python's buffer (flush first)"
        )
    after = seen[seen.index(rename) :]
    if any(one["kind"] == "force" and not one["folder"] for one in after):
        raise Unmet("the file was moved into place first, and forced to disk after")
    if any(one["folder"] for one in (*forced, *after) if one["kind"] == "force"):
        raise Unmet("only the folder was forced to the disk, never the file's bytes")
    raise Unmet("nothing was forced to the disk: no fsync was seen")


@stage("has the name on the disk, too", bonus=True)
def name_too(answer: Subject) -> str | None:
    """The rename is itself a write, to the folder."""
    desk = Desk(answer)
    if WINDOWS:
        return "not tried: Windows has no call for it and needs none"
    with doing(
        "saved and listed what was forced to the disk after the move into place",
        "an fsync of the folder: until then a power cut brings the old file back",
    ):
        seen = _watched(desk)
        after = seen[seen.index(_last_rename(seen)) :]
        require(
            any(
                one["kind"] == "force" and (one["folder"] or not one["inode"])
                for one in after
            ),
            "the folder was not forced to the disk",
        )
    return None


def _watched(desk: Desk, data: str = "new") -> list[dict[str, Any]]:
    """The operations of one undisturbed save over an older file."""
    desk.put(OLD)
    seen: list[dict[str, Any]] = desk.saved(data, watched_save, {}, 0o022).value
    return seen


def _last_rename(seen: list[dict[str, Any]]) -> dict[str, Any]:
    """The move that put the content under its name."""
    renames = [one for one in seen if one["kind"] == "rename" and one["own_name"]]
    require(
        bool(renames),
        "nothing was moved into place: the content was written under its own name",
    )
    return renames[-1]


STAGES: tuple[Stage, ...] = (
    keeps,
    works_anywhere,
    survives_cuts,
    survives_first,
    survives_kills,
    says_so,
    not_stopped,
    only_owner,
    same_folder,
    bytes_first,
    name_too,
)
