"""
Where the databases of a home lie, and who runs the server that keeps them.

Each home has one cluster: a folder of database files, and the one server that may
touch them. For you it is the folder `pg` in the home.

For root it is not. PostgreSQL refuses to run as root, so root's server runs as
`nobody`, and `nobody` cannot enter a home of mode 0700. So root's cluster lies
outside, in a folder of mode 0700 that belongs to `nobody`, and the file `pg.place`
in the home says where. What lies there without being named so was left by a home
that has been removed since, and is not used again.

This module makes and removes folders. It starts nothing.
"""

import hashlib
import os
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentstate_lab import system
from agentstate_lab.errors import InvalidValue, PostgresUnavailable
from agentstate_lab.stores import atomic_write

# Kept over a restart of the machine, which /tmp often is not.
LASTING = Path("/var/tmp")


@dataclass(frozen=True, slots=True)
class User:
    """A user of this machine, by numbers."""

    uid: int
    gid: int

    def as_options(self) -> dict[str, Any]:
        """Options that make `subprocess` run a program as this user."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


class Place:
    """
    The folder of the cluster of *home*.

    Attributes:
        folder: Where it is, or would be.

        user: Who runs its server; None when that is whoever runs this.
    """

    def __init__(self, home: Path) -> None:
        self.user = server_user()
        self._pointer = home / "pg.place"
        if self.user is None:
            self.folder = home / "pg"
        else:
            self.folder = self._named() or lasting_folder() / folder_name(home)

    def is_known(self) -> bool:
        """Whether the home has a cluster, and it is there."""
        if self.user is None:
            return self.folder.is_dir()
        return self._named() == self.folder and self._is_sound()

    def make(self) -> None:
        """
        Make the folder, empty and closed to others, unless it is there.

        Raises:
            PostgresUnavailable: It cannot be made, or it is somebody else's.
        """
        if "\n" in str(self.folder):
            raise InvalidValue(
                "AGENTSTATE_HOME", "holds a line break; PostgreSQL cannot live there"
            )
        if self.is_known():
            return
        try:
            self.folder.mkdir(mode=0o700)
            if self.user is not None:
                self.give(self.folder)
                atomic_write(self._pointer, os.fsencode(self.folder))
        except OSError as error:
            raise PostgresUnavailable(
                f"the folder {self.folder} cannot be made ({error.strerror}):"
                " remove what is there, or free some space, then start again"
            ) from error

    def give(self, path: Path) -> None:
        """Make *path* the server's own."""
        if self.user is not None:
            os.chown(path, self.user.uid, self.user.gid)

    def remove(self) -> None:
        """
        Remove the folder with all that is in it.

        Raises:
            PostgresUnavailable: It is somebody else's, or cannot be removed.
        """
        if not self._is_sound():
            raise PostgresUnavailable(
                f"{self.folder} is not a folder of ours: look at it, and remove it"
                " yourself"
            )
        try:
            shutil.rmtree(self.folder)
            self._pointer.unlink(missing_ok=True)
        except OSError as error:
            raise PostgresUnavailable(
                f"{self.folder} could not be removed ({error.strerror}): try again"
            ) from error

    def _is_sound(self) -> bool:
        """Whether the folder is a real one, and ours; others may write in /tmp."""
        try:
            found = self.folder.lstat()
        except OSError:
            return False
        if not stat.S_ISDIR(found.st_mode):
            return False
        return self.user is None or (
            found.st_uid in (0, self.user.uid) and not found.st_mode & 0o077
        )

    def _named(self) -> Path | None:
        """The folder that the home names, unless a copied home names another's."""
        try:
            named = Path(os.fsdecode(self._pointer.read_bytes()))
        except (OSError, ValueError):
            return None
        ours = named.name == folder_name(self._pointer.parent)
        return named if ours and named.is_absolute() else None


def server_user() -> User | None:
    """
    Who runs the server in place of root; None for everybody but root.

    Raises:
        PostgresUnavailable: This is root, and there is no user `nobody`.
    """
    if system.WINDOWS or os.geteuid() != 0:
        return None
    import pwd

    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise PostgresUnavailable(
            "PostgreSQL does not run as root, and this machine has no user `nobody`"
            " to run it: work as another user, or set AGENTSTATE_PG_DSN"
        ) from None
    return User(nobody.pw_uid, nobody.pw_gid)


def folder_name(home: Path) -> str:
    """The name of the cluster of *home* outside of it."""
    return f"agentstate-pg-{digest(home)}"


def digest(path: Path) -> str:
    """A short name for *path*, the same whichever way leads there."""
    return hashlib.sha256(os.fsencode(os.path.realpath(path))).hexdigest()[:16]


def lasting_folder() -> Path:
    """
    A folder for temporary files that every user can enter.

    Raises:
        PostgresUnavailable: There is none.
    """
    for folder in (LASTING, Path(tempfile.gettempdir())):
        if open_to_all(folder):
            return folder
    raise PostgresUnavailable(
        f"{folder} is closed to `nobody`, who runs PostgreSQL for root: set TMPDIR to"
        " a folder that everybody can enter"
    )


def open_to_all(path: Path) -> bool:
    """Whether every user can go to *path*, and enter or run it."""
    real = Path(os.path.realpath(path))
    try:
        return all(one.stat().st_mode & 0o001 for one in (real, *real.parents))
    except OSError:
        return False
