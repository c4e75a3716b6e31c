"""
The outside world: services that do things, and a witness that counts them.

An agent's own notes cannot prove what it did, least of all after a crash. So the
things that it changes live in another process, which outlives the kernel, the
terminal and the agent, and which keeps the ledger. Starting it is finding it: each
`AGENTSTATE_HOME` has one world, and whoever comes next finds the same.

    world = start_world()
    world.effect("deploy", task_id="t1", step="deploy-api", arguments={})
    world.ledger("t1")

This module finds, starts and stops. It does not serve anything (`app` does),
and it never signals a process that it cannot prove to be this home's world.
"""

import os
import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path

from agentstate_lab.errors import WorldUnavailable
from agentstate_lab.lab.home import home, locked
from agentstate_lab.lab.processes import alive, end_of_log, until

from .handle import World
from .record import MODULE, Record

READY_WITHIN = 30.0
LOCK_WITHIN = 60.0


def start_world() -> World:
    """
    The world of this home: the one that runs, or a new one.

    Raises:
        WorldUnavailable: It could not be started; the message holds the end of its
            log.
    """
    if running := find_world():
        return running
    where = home()
    with _lock(where):
        record = Record.read(where)
        if record and record.answers():  # somebody else has started it meanwhile
            return record.world
        if record:
            record.stop()
        pid = _launch(where)
        until(lambda: find_world() or not alive(pid), READY_WITHIN)
        world = find_world()
    if world is None:
        raise WorldUnavailable(
            f"the world did not start in {where}; its log ends with:\n"
            f"{end_of_log(where / 'world.log')}\nRepair that"
            " (`python -m agentstate_lab doctor` tries the rest), then run the"
            " notebook's first code cell (`begin`) again"
        )
    return world


def find_world() -> World | None:
    """The running world of this home, or None. Nothing is started."""
    record = Record.read(home())
    return record.world if record and record.answers() else None


def stop_world() -> bool:
    """
    End the world of this home; False when there is none.

    It is asked first. Only a process that is proved to be this home's world is
    ended by force when it does not listen.

    Raises:
        WorldUnavailable: Another program holds this home's lock.
    """
    where = home()
    with _lock(where):
        record = Record.read(where)
        return record is not None and record.stop()


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
    python = sys.executable or "python"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    try:
        log = os.open(where / "world.log", flags, 0o600)
        try:
            launched = subprocess.run(
                [python, "-I", "-S", "-c", _LAUNCHER, python, "-m", MODULE, where],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=Path(__file__).parents[3],
                env=_environment(),
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
                timeout=READY_WITHIN,
                check=True,
            )
        finally:
            os.close(log)
        return int(launched.stdout)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise WorldUnavailable(
            f"the world could not be launched from {where} ({error})"
        ) from error


def _environment() -> dict[str, str]:
    """
    This process's environment, without the secrets of a live model and without
    what would turn a warning in somebody else's package into a world that dies.
    """
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OPENAI_", "PYTHONWARNINGS"))
    }


def _lock(where: Path) -> AbstractContextManager[None]:
    """The lock under which the world of *where* is started and stopped."""
    return locked(where / "world.lock", LOCK_WITHIN, WorldUnavailable)
