"""
Where a store may be that somebody names on the command line.

A store makes the folder of its file, which is right for a program and wrong for a
slip of the keyboard: the run would begin again in a place that nobody meant. So here
the folder has to be there. Whether the store itself can be used, it says itself.
"""

from pathlib import Path

from agentstate_lab.errors import InvalidValue

FILES = ("json", "sqlite")


def checked_place(url: str) -> str:
    """
    *url*, unless it names a file in a folder that does not exist.

    Raises:
        InvalidValue: There is no such folder.
    """
    kind, _, path = url.partition(":")
    if kind in FILES and path and "\0" not in path:
        folder = Path(path).parent
        if not folder.is_dir():
            raise InvalidValue(
                "--store",
                f"there is no folder {str(folder)!r:.200}; make it first, or name"
                " another place",
            )
    return url
