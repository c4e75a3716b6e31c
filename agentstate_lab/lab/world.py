"""
The outside world: services that do things, and a witness that counts them.

An agent's own notes cannot prove what it did, least of all after a crash. So the
things that it changes live in another process, which outlives the kernel, the
terminal and the agent, and which keeps the ledger. Starting it is finding it: each
`AGENTSTATE_HOME` has one world, and whoever comes next finds the same.

    world = start_world()
    world.effect("deploy", task_id="t1", step="deploy-api", arguments={})
    world.ledger("t1")

This module finds, starts and stops. It does not serve anything (`world_app` does),
and it never signals a process that it cannot prove to be this home's world.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ReplyLost, WorldUnavailable
from .exchange import send
from .home import home
from .ledger import Entry
from .world_handle import EFFECTS, World, proof, task_header

__all__ = [
    "EFFECTS",
    "Entry",
    "World",
    "find_world",
    "start_world",
    "stop_world",
    "task_header",
]

READY_WITHIN = 30.0
ANSWER_WITHIN = 2.0
STUCK_AFTER = 10.0
GONE_WITHIN = 5.0

_MAX_FILE = 4_096
_MODULE = "agentstate_lab.lab.world_app"


def start_world() -> World:
    """
    The world of this home: the one that runs, or a new one.

    Raises:
        WorldUnavailable: It could not be started; the message holds the end of its
            log.
    """
    return find_world() or _start(home())


def find_world() -> World | None:
    """The running world of this home, or None. Nothing is started."""
    record = _Record.read(home())
    return record.world if record and record.answers() else None


def stop_world() -> bool:
    """
    End the world of this home; False when there is none.

    It is asked first. Only a process that is proved to be this home's world is
    ended by force when it does not answer.
    """
    where = home()
    with _lock(where):
        record = _Record.read(where)
        if record is None:
            return False
        runs = record.process(where)
        asked = record.answers() and record.ask_to_stop()
        if runs is None:
            return asked
        gone = asked and _until(lambda: record.process(where) is None, GONE_WITHIN)
        if not gone:
            _end(runs)
            _until(lambda: record.process(where) is None, GONE_WITHIN)
        return True


@dataclass(frozen=True, slots=True)
class _Record:
    """
    What `world.json` says.

    It is written by the world, but anything may be found there: an old one, another
    program's, half a file. So nothing in it is believed before it is checked.
    """

    world: World
    created: float

    @classmethod
    def read(cls, where: Path) -> "_Record | None":
        """The record in *where*, or None when there is no sound one."""
        try:
            with (where / "world.json").open("rb") as file:
                said = json.loads(file.read(_MAX_FILE + 1)[:_MAX_FILE])
            pid, port, token = said["pid"], said["port"], said["token"]
            created = float(said["created"])
            sound = (
                type(pid) is int
                and pid > 0
                and type(port) is int
                and 0 < port < 65_536
                and re.fullmatch("[0-9a-f]{64}", token)
            )
        except (OSError, ValueError, TypeError, LookupError, RecursionError):
            return None
        if not sound:
            return None
        return cls(World(f"http://127.0.0.1:{port}", token, pid), created)

    def answers(self, within: float = ANSWER_WITHIN) -> bool:
        """
        Whether the world that was meant is the one that answers.

        The reply must prove that it knows the token, without the token being sent:
        another program may listen on the port by now.
        """
        try:
            reply = send(self.world.url, "GET", "/health", timeout=within, most=4_096)
        except ReplyLost as error:
            slow = isinstance(error.__cause__, TimeoutError) and within < STUCK_AFTER
            patient = slow and self.process(home()) is not None
            return patient and self.answers(STUCK_AFTER)
        except WorldUnavailable:
            return False
        said = (reply.body.get("world"), reply.body.get("pid"))
        return said == (proof(self.world.token), self.world.pid)

    def process(self, where: Path) -> Any:
        """
        The `psutil.Process` of the world, or None unless it is proved to be it.

        The id may belong to another program by now, so the time it was started and
        its command line must fit as well.
        """
        import psutil

        try:
            process = psutil.Process(self.world.pid)
            fits = abs(process.create_time() - self.created) < 2.0
            command = process.cmdline()[-2:]
            zombie = process.status() == psutil.STATUS_ZOMBIE
        except (psutil.Error, OSError, ValueError, OverflowError):
            return None
        return process if fits and not zombie and command == _command(where) else None

    def ask_to_stop(self) -> bool:
        """Whether the world agreed to end."""
        try:
            self.world._ask("POST", "/stop", {})
        except WorldUnavailable:
            return False
        return True


def _start(where: Path) -> World:
    """Start a world in *where*, unless somebody else does so first."""
    with _lock(where):
        found = find_world()
        if found:
            return found
        pid = _launch(where)
        worlds: list[World] = []

        def ready() -> bool:
            gone = not _alive(pid)
            world = find_world()
            worlds.extend([world] if world else [])
            return bool(world) or gone

        _until(ready, READY_WITHIN)
    if not worlds:
        raise WorldUnavailable(
            f"the world did not start in {where}; its log ends with:\n"
            f"{_log_tail(where)}\nRepair that, then call start_world() again"
        )
    return worlds[0]


def _command(where: Path) -> list[str]:
    """The end of the command line by which the world is known."""
    return [_MODULE, str(where)]


# The world must be nobody's child. A kernel that is restarted politely ends its
# children (on Windows, all of them), and a dead child stays a zombie until its
# parent looks. So a short-lived process starts it and is gone.
_LAUNCHER = """
import subprocess, sys
flags = sum(getattr(subprocess, name, 0) for name in (
    "DETACHED_PROCESS", "CREATE_NEW_PROCESS_GROUP"))
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=2,
    creationflags=flags, start_new_session=True)
print(child.pid, flush=True)
"""


def _launch(where: Path) -> int:
    """Start the process, detached from this one, and return its id."""
    if not sys.executable:
        raise WorldUnavailable("this Python does not know its own program")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    log = os.open(where / "world.log", flags, 0o600)
    python = sys.executable
    try:
        done = subprocess.run(
            [python, "-I", "-S", "-c", _LAUNCHER, python, "-m", *_command(where)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=Path(__file__).parents[2],
            env=_environment(),
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            timeout=READY_WITHIN,
            check=True,
        )
        return int(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise WorldUnavailable(f"the world could not be launched ({error})") from error
    finally:
        os.close(log)


def _environment() -> dict[str, str]:
    """This process's environment without the keys of a live model."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OPENAI_", "PYTHONWARNINGS", "PYTHONINSPECT"))
    }


def _lock(where: Path) -> AbstractContextManager[Any]:
    """The lock under which the world of *where* is started and stopped."""
    from filelock import FileLock

    return FileLock(where / "world.lock", timeout=2 * READY_WITHIN, mode=0o600)


def _until(
    condition: Callable[[], bool],
    seconds: float,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Whether *condition* came true within *seconds*."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        sleep(0.01)
    return True


def _alive(pid: int) -> bool:
    """Whether a process *pid* runs; one that only waits to be buried does not."""
    import psutil

    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True


def _end(process: Any) -> None:
    """End *process* by force."""
    import psutil

    with suppress(psutil.Error):
        process.kill()


def _log_tail(where: Path, size: int = 2_000) -> str:
    """The end of the world's log."""
    try:
        data = (where / "world.log").read_bytes()[-size:]
    except OSError as error:
        return f"(no log: {error})"
    return data.decode(errors="replace").strip() or "(empty)"
