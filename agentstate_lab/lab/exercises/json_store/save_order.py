"""
The stages of exercise 02 that no kill can decide: where, and in which order.

A killed process loses no byte that the operating system already has, so a missing
fsync does no harm in any of our experiments; a power cut would show it. Nor is there
a second disk to move a file across. These stages list what one save does to files
(`watch`) and judge the list.
"""

from typing import Any

from ..judge import Subject, Unmet, doing, require, stage
from .saves import DATA, WINDOWS, Desk


@stage("prepares the new content in the file's own folder")
def same_folder(answer: Subject) -> None:
    """A move between two file systems is a copy, and a copy can be cut."""
    desk = Desk(answer)
    with doing(
        "saved over an older file and watched where the new content came from",
        "a temporary file in the same folder, moved into place in one step",
    ):
        rename = _last_rename(desk.watched())
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
            _forced_first(desk.watched(data))


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
    if forced:
        raise Unmet("another file was forced to the disk, not the one that was moved")
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
        seen = desk.watched()
        after = seen[seen.index(_last_rename(seen)) :]
        require(
            any(
                one["kind"] == "force" and (one["folder"] or not one["inode"])
                for one in after
            ),
            "the folder was not forced to the disk",
        )
    return None


def _last_rename(seen: list[dict[str, Any]]) -> dict[str, Any]:
    """The move that put the content under its name."""
    renames = [one for one in seen if one["kind"] == "rename" and one["own_name"]]
    require(
        bool(renames),
        "nothing was moved into place: the content was written under its own name",
    )
    return renames[-1]
