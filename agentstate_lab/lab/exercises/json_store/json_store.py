"""
The check of exercise 02: a save that leaves the old content or the new.

Each stage makes real saves in processes of their own: cut off at a byte by the
kernel's file size limit (`lab.cut`), killed between two operations (`watch`), or
refused by the system. Afterwards it looks at the file, as a reader would.

What no killed process can show is a missing fsync: the operating system still has
the bytes. The stages in `save_order` therefore look at the order of the calls.
"""

import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from agentstate_lab.lab.processes import HAS_LIMIT

from ..judge import Stage, Subject, doing, require, run_apart, stage
from .save_order import bytes_first, name_too, same_folder
from .saves import (
    DATA,
    LARGE,
    NAME,
    NEW,
    OLD,
    UMASK,
    WINDOWS,
    Desk,
    copy_cut_save,
    cut_save,
    refused_save,
    sample,
    save_once,
    told,
    watched_save,
)

MAX_OPERATIONS = 80

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
            ending.result()
            require(desk.found() == NEW, f"the file held {told(desk.found(), NEW)}")
            require(not any(other.iterdir()), "another folder got a file, too")


@stage("survives a cut at any byte")
def survives_cuts(answer: Subject) -> None:
    """Old content is there: it stays until the new one is whole."""
    desk = Desk(answer)
    seen = desk.undisturbed()
    pairs = (("old", "new"), ("new", "short"), ("old", "same size"), ("old", "large"))
    cuts(answer, desk, pairs)
    if _opens_own(seen):
        _cuts_under_own_name(desk)


def _cuts_under_own_name(desk: Desk) -> None:
    """An answer that writes under the file's own name is cut there, too."""
    for n in sample(NEW, every_byte=False):
        with doing(
            f"saved {len(NEW)} bytes over an older file and cut what it writes under"
            f" the file's own name at byte {n}",
            "the old content or all of the new",
        ):
            desk.put(OLD)
            desk.was_cut(desk.save("new", copy_cut_save, n))


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
    seen = desk.undisturbed()
    for at, operation in enumerate(seen[:MAX_OPERATIONS]):
        with doing(
            f"saved over an older file and killed the process right before it"
            f" {operation['words']}",
            "the old content or all of the new",
        ):
            desk.put(OLD)
            desk.killed(at)
            desk.is_whole()
    if _opens_own(seen):
        with doing(
            "saved over an older file and killed the process when it had opened that"
            " file for writing",
            "the old content or all of the new",
        ):
            desk.put(OLD)
            desk.save("new", copy_cut_save, 0)
            desk.is_whole()


@stage("says so when the system refuses")
def says_so(answer: Subject) -> None:
    """A failed write, a failed fsync, a name that cannot be had: all must be heard."""
    desk = Desk(answer)
    desk.undisturbed()
    for n in (len(NEW) // 2, 0, len(NEW) - 1) if HAS_LIMIT else ():
        _refused(desk, n)
    with doing("saved while forcing bytes to the disk fails (fsync)", "an error"):
        desk.put(OLD)
        ending = desk.save("new", watched_save, {"forcing_fails": True}, UMASK)
        forced = not ending.returned or any(
            one["kind"] == "force" and one["inode"] and not one["folder"]
            for one in ending.value
        )
        if forced:  # otherwise another stage has the word
            require(not ending.returned, "it returned as if all were saved")
            require(ending.status is None, ending.words)
            desk.is_whole()
    with doing("saved under a name that a folder has", "an error"):
        desk.put(None)
        (desk.path / "inside").mkdir(parents=True)
        ending = desk.save("new")
        # `shutil.move` puts the file into the folder: odd, but saved it is.
        moved_in = any(one.is_file() for one in desk.path.iterdir())
        require(moved_in or not ending.returned, "it returned as if all were saved")
        require(ending.status is None, ending.words)
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
        require(ending.status is None, ending.words)
        require(found == OLD, f"it raised, but the file held {held}")


@stage("is not stopped by what a dead save left behind")
def not_stopped(answer: Subject) -> None:
    """The dead process cannot tidy up; the next one must cope."""
    desk = Desk(answer)
    seen = desk.undisturbed()
    desk.put(OLD)
    for n in (len(LARGE) - 1, 0):
        desk.save("large", cut_save, n)
    for at in range(min(len(seen), MAX_OPERATIONS)):
        desk.killed(at)
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
            desk.put(old, mode)
            seen = desk.saved("new", watched_save, {}, 0)
            _private(desk)
        for at, operation in enumerate(seen[:MAX_OPERATIONS]):
            with doing(
                f"saved to {what}, in a process with umask 0, and killed it right"
                f" before it {operation['words']}",
                "mode 0600 as soon as the new content is there",
            ):
                desk.put(old, mode)
                desk.killed(at, umask=0)
                if desk.found() == NEW:
                    _private(desk)
    return None


def _private(desk: Desk) -> None:
    mode = stat.S_IMODE(desk.path.stat().st_mode)
    who = "every user of the machine" if mode & 0o007 else "nobody else"
    require(mode == 0o600, f"the mode was {mode:04o}: {who} can open the file")


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
                desk.was_cut(desk.save(new, cut_save, n), DATA[new])


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
