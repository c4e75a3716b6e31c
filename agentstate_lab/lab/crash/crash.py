"""
The crash lab: kill an agent at a chosen moment, run it again, read the ledger.

    kill_points("naive")                    the moments at which it can be killed
    crash_at("naive", "effect.after:7")     one death
    crash_matrix("naive")                   all of them, each followed by a new run
    crash_kernel()                          the hard death of this very process

A moment is chosen by name and number ("after the seventh effect"), never by
milliseconds, so each death is the same every time. The victim is a fresh process,
killed by SIGKILL (or told to stop, see `signals`), and proved dead: it was waited
for, its status names the signal, and it said at which point it was. What happened is
counted by the world's ledger, not by the agent.

An agent is one of `agents.AGENTS` by name, or your own function of a `Job`. Your
own travels to the fresh process through a pipe, with what it uses from the
notebook; it is never stored.

What a kill cannot show is a missing fsync: the operating system survives, and it
has the bytes. Only a power cut takes those.
"""

import os
import re
import uuid
from collections.abc import Iterable
from pathlib import Path

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.show import progress
from agentstate_lab.stores import open_store

from .fuse import Point, die
from .matrix import Matrix
from .rig import Agent, Death, Rig, crashes
from .signals import HARD
from .spawner import RUN_LIMIT


def kill_points(agent: Agent, scenario: str = "deploy") -> list[str]:
    """
    Every moment at which *agent* can be killed, found by one run without a death.

    Args:
        agent: By name, or your own function; it gets a JSON store.

        scenario: "disk" or "deploy".

    Raises:
        LabError: The agent does not even get through without being killed.
    """
    with Rig(agent, scenario, "json") as rig:
        return list(rig.rehearse())


def crash_at(
    agent: Agent,
    point: str,
    *,
    scenario: str = "deploy",
    task_id: str | None = None,
    store: str | None = None,
    limit: float = RUN_LIMIT,
    signal: str = HARD,
) -> Death:
    """
    Run *agent* in a fresh process and kill it at *point*.

    Args:
        agent: By name, or your own function.

        point: For example "effect.after:7"; see `kill_points`.

        scenario: "disk" or "deploy".

        task_id: The task to work on; by default a new one.

        store: The store to give it, for example "json:tasks.json".

        limit: Seconds after which a run that does not get there is ended.

        signal: "SIGKILL", "SIGTERM" or "SIGINT".

    Raises:
        KillMissed: It did not die there; the message says what it did instead.
    """
    wanted = Point.read(point)
    if store is not None:
        open_store(store).close()
    with Rig(agent, scenario, store, limit=limit, signal=signal) as rig:
        named = task_id or f"crash-{uuid.uuid4().hex[:12]}"
        return rig.kill(wanted, named, store)


def crash_matrix(
    agent: Agent,
    *,
    scenario: str = "deploy",
    store: str | None = "json",
    points: Iterable[str] | None = None,
    limit: float = RUN_LIMIT,
    signal: str = HARD,
) -> Matrix:
    """
    Kill *agent* at each point, run it again with the same id, and count.

    Whoever watches is shown how far it is.

    Args:
        agent: By name, or your own function.

        scenario: "disk" or "deploy".

        store: The kind of store to give it: "json", "sqlite", "postgresql",
            "memory", or None.

        points: Only these; by default all that one run reaches.

        limit: Seconds that one run may take.

        signal: "SIGKILL", "SIGTERM" or "SIGINT"; after the last two, `finally` runs.

    Raises:
        LabError: The agent does not even get through without being killed.
        KillMissed: It got through without reaching a point.
    """
    chosen = None if points is None else [str(Point.read(point)) for point in points]
    with Rig(agent, scenario, store, limit=limit, signal=signal) as rig:
        reached = rig.rehearse()
        wanted = chosen or list(reached)
        watched = progress(wanted, f"{rig.agent_name} agent, {scenario}, killed")
        rows = tuple(rig.row(point, reached.get(point, "")) for point in watched)
        return Matrix(rig.agent_name, scenario, rig.store_name, rows, signal)


def crash_kernel(once: str | None = None) -> None:
    """
    Kill this very process: no `finally`, no `atexit`, nothing saved on the way.

    JupyterLab notices and starts a new kernel. Run the cells again from the top.

    Args:
        once: A name for this death. With it, the second call only says that this
            death has happened and goes on, so that the cells below get their turn.
    """
    if once is not None:
        mark = _mark(once)
        try:
            os.close(os.open(mark, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            print(f"The kernel died here once already ({once}). Going on.")
            return
    die()


def forget_crash(once: str) -> None:
    """Let `crash_kernel(once=...)` kill again."""
    _mark(once).unlink(missing_ok=True)


def _mark(once: str) -> Path:
    """The file that says that the death called *once* has happened."""
    if not isinstance(once, str) or not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", once):
        raise InvalidValue(
            "once",
            f"{once!r:.100} is no name for a death; use up to 64 small letters,"
            " digits, - and _",
        )
    return crashes() / f"{once}.died"
