"""
The doctor: is this machine fit for the course, and if not, what is to be done?

Each check does the thing itself rather than asking whether it should work: a
kernel is started, killed and started again, a database is written, the world is
asked. A check that fails says what to do in words that can be followed.

The doctor changes nothing: what it starts it stops, what it writes it removes. It
shows no key and no token.
"""

import os
import socket
import sqlite3
import stat
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from agentstate_lab import system
from agentstate_lab.errors import AgentStateError
from agentstate_lab.lab.home import home

from .postgres import commit_and_read

Check = Callable[[], str]

PACKAGE = "agentstate-lab"
PYTHONS = ((3, 11), (3, 14))
REINSTALL = "run `make lab` again, or `pip install -r requirements.txt`"
LOCAL_DISK = "set AGENTSTATE_HOME to a folder on a local disk that is yours alone"


class Trouble(Exception):
    """
    A check failed.

    Attributes:
        found: What is wrong.

        advice: What to do about it.
    """

    def __init__(self, found: str, advice: str) -> None:
        super().__init__(found)
        self.found = found
        self.advice = advice


@dataclass(frozen=True, slots=True)
class Finding:
    """
    What one check found.

    Attributes:
        name: What was looked at.

        ok: Whether it is fit.

        said: What was found.

        advice: What to do when it is not fit, else empty.
    """

    name: str
    ok: bool
    said: str
    advice: str = ""

    def __str__(self) -> str:
        said = self.said.replace("\n", f"\n{'':<18}")
        line = f"{'ok' if self.ok else 'FAILED':<8}{self.name:<10}{said}"
        return line if self.ok else f"{line}\n{'':<18}-> {self.advice}"


def examine(checks: dict[str, Check] | None = None) -> Iterator[Finding]:
    """Run the checks one after another, each whatever became of the others."""
    for name, check in (CHECKS if checks is None else checks).items():
        try:
            yield Finding(name, True, check())
        except Trouble as trouble:
            yield Finding(name, False, trouble.found, trouble.advice)
        except AgentStateError as error:
            yield Finding(name, False, str(error), "do what the message says")
        except Exception as error:  # noqa: BLE001 - whatever it is, the others run
            said = f"{type(error).__name__}: {error}"
            yield Finding(name, False, said, f"{REINSTALL}; then ask the doctor again")


def verdict(findings: Iterable[Finding]) -> str:
    """One line over all findings."""
    bad = [finding.name for finding in findings if not finding.ok]
    return f"to repair: {', '.join(bad)}" if bad else "all well: run `make lab`"


def python() -> str:
    """A Python that the course is tested with."""
    found = sys.version_info[:2]
    said = ".".join(map(str, sys.version_info[:3]))
    if not PYTHONS[0] <= found <= PYTHONS[1]:
        raise Trouble(
            f"{said} is not among 3.11 to 3.14",
            "`make clean`, then `make lab PYTHON=python3.12` (or another of these)",
        )
    return f"{said} at {sys.executable}"


def packages() -> str:
    """Every package that the course needs, in a version that it knows."""
    from packaging.requirements import Requirement

    try:
        wanted = [Requirement(line) for line in metadata.requires(PACKAGE) or ()]
    except metadata.PackageNotFoundError:
        raise Trouble(
            f"{PACKAGE} itself is not installed in this Python",
            "run `make lab`, or `pip install --no-deps --editable .` in the repository",
        ) from None
    needed = of_the_course(wanted)
    wrong = [said for said in map(unfit, needed) if said]
    if wrong:
        raise Trouble("; ".join(wrong), REINSTALL)
    return f"{len(needed)} packages, all within the ranges of pyproject.toml"


def of_the_course(wanted: list[Any]) -> list[Any]:
    """Of all that the package can ask for, what it and its extra `lab` need."""
    extras, needed = ["", "lab"], []
    for extra in extras:  # an extra that takes in others adds them here
        for one in wanted:
            if one.marker and not one.marker.evaluate({"extra": extra}):
                continue
            if one.name == PACKAGE:
                extras += one.extras
            elif one not in needed:
                needed.append(one)
    return needed


def unfit(requirement: Any) -> str:
    """What is wrong with the installed version of a package, or nothing."""
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return f"{requirement.name} is missing (wanted {requirement.specifier})"
    if requirement.specifier.contains(version, prereleases=True):
        return ""
    return f"{requirement.name} {version} is not {requirement.specifier}"


def folder() -> str:
    """A home that can be written and that nobody else can read."""
    where = home()
    with _writing(where), tempfile.TemporaryFile(dir=where) as file:
        file.write(b"doctor")
    mode = stat.S_IMODE(where.stat().st_mode)
    if not system.WINDOWS and mode & 0o077:
        raise Trouble(
            f"{where} can be opened by others (mode {mode:04o})",
            f"your runs hold prompts and results: chmod 700 '{where}'",
        )
    return str(where)


@contextmanager
def _writing(where: Path) -> Iterator[None]:
    """Say what to do when the folder cannot be written: no installation helps then."""
    try:
        yield
    except OSError as error:
        found = f"{where} cannot be written ({error.strerror or error})"
        raise Trouble(
            found, f"give yourself the right to write there, or {LOCAL_DISK}"
        ) from error


def database() -> str:
    """SQLite with a write-ahead log, in the home."""
    with _writing(home()), tempfile.TemporaryDirectory(dir=home()) as where:
        path = Path(where) / "doctor.sqlite"
        with closing(sqlite3.connect(path)) as writer:
            (mode,) = writer.execute("PRAGMA journal_mode = WAL").fetchone()
            writer.execute("CREATE TABLE seen (number INTEGER)")
            writer.execute("INSERT INTO seen VALUES (8)")
            writer.commit()
            with closing(sqlite3.connect(path)) as reader:
                read = reader.execute("SELECT number FROM seen").fetchall()
    if mode != "wal" or read != [(8,)]:
        raise Trouble(
            f"SQLite {sqlite3.sqlite_version} keeps no write-ahead log in {home()}",
            LOCAL_DISK,
        )
    return f"SQLite {sqlite3.sqlite_version}, write-ahead log in the home"


def port() -> str:
    """A free port on this machine that can be reached."""
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            address = server.getsockname()
            with socket.create_connection(address, timeout=5):
                server.settimeout(5)
                server.accept()[0].close()
    except OSError as error:
        raise Trouble(
            f"no server can be reached on 127.0.0.1 ({error})",
            "allow connections of this machine to itself in your firewall",
        ) from error
    return "127.0.0.1 can be listened on and reached"


def kernel() -> str:
    """A notebook kernel that starts, dies when it is killed, and starts again."""
    from agentstate_lab.lab.processes import Kernel

    with Kernel() as started:
        found = started.run("import sys, agentstate_lab; sys.prefix")
        if found != repr(sys.prefix):
            raise Trouble(
                f"notebooks run in another Python, or cannot: {found}",
                "look for a kernel of another Python with `jupyter kernelspec list`"
                " and remove it: `jupyter kernelspec remove python3`",
            )
        started.run("minute = 8")
        started.kill()
        started.start_again()
        left = started.run("'minute' in globals()")
    if left != "False":
        raise Trouble(f"a killed kernel still knows its variables: {left}", REINSTALL)
    return "started, killed, started again; its variables were gone"


def world() -> str:
    """The world starts, can be found, and answers."""
    from agentstate_lab.lab.world import find_world, start_world

    with as_it_was():
        pid = start_world().pid
        found = find_world()
        if found is None or found.pid != pid:
            raise Trouble(
                "a world was started and could not be found again",
                "`agentstate-lab stop`, then ask the doctor again",
            )
        count = len(found.ledger())
    return f"started and answered; its ledger holds {count} effects"


def model() -> str:
    """The model answers, or a live one is configured (which is not called)."""
    from agentstate_lab.lab.world import connect_model

    with as_it_was():
        client, name = connect_model()
        with closing(client):
            if os.environ.get("AGENTSTATE_MODEL"):
                return f"live: {name} is configured; it was not called"
            client.chat.completions.create(
                model=name, messages=[{"role": "user", "content": "Are you well?"}]
            )
    return "scripted: it answered through the openai client"


@contextmanager
def as_it_was() -> Iterator[None]:
    """Stop the world afterwards, unless it was running before."""
    from agentstate_lab.lab.world import find_world, stop_world

    ran = find_world() is not None
    try:
        yield
    finally:
        if not ran:
            stop_world()


CHECKS: dict[str, Check] = {
    "python": python,
    "packages": packages,
    "home": folder,
    "sqlite": database,
    "port": port,
    "postgres": commit_and_read,
    "kernel": kernel,
    "world": world,
    "model": model,
}
