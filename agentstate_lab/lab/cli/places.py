"""
Where a store may be that somebody names on the command line.

A store makes the folder of its file, which is right for a program and wrong for a
slip of the keyboard: the run would begin again in a place that nobody meant. So here
the folder has to be there. Whether the store itself can be used, it says itself.
"""

from pathlib import Path

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.home import home


def checked_place(url: str) -> str:
    """
    *url*, unless it names a file in a folder that does not exist.

    Raises:
        InvalidValue: There is no such folder.
    """
    if path := file_of(url):
        folder = Path(path).parent
        if not folder.is_dir():
            raise InvalidValue(
                "--store",
                f"there is no folder {str(folder)!r:.200}; make it first, or name"
                " another place",
            )
    return url


def chosen_place(url: str | None) -> str:
    """The store that somebody named, else the one in the home."""
    return checked_place(url or f"json:{home() / 'tasks.json'}")


def place_with_tasks(url: str | None) -> str:
    """
    As `chosen_place`, for whoever looks for a task: it must be there already.

    Raises:
        InvalidValue: There is no such file, or nobody else can have written to it.
    """
    place = chosen_place(url)
    if place.partition(":")[0] == "memory":
        raise InvalidValue("--store", "memory: is new in each process, and empty")
    path = file_of(place)
    if path and not Path(path).exists():
        raise InvalidValue(
            "--store", f"there is no file {path!r:.200}: no task was stored there"
        )
    return place


def file_of(url: str) -> str | None:
    """The path in the URL of a store that is a file, or None when there is none."""
    from agentstate_lab.stores import FILES  # here: `--help` does without it

    kind, _, path = url.partition(":")
    return path if kind in FILES and path and "\0" not in path else None
