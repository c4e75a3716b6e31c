"""
The rig of the crash lab: what it takes to kill one agent again and again.

A `Rig` holds the agent, packed for the journey, a spawner, a folder for stores, and
the world that counts. It rehearses (one run without a death, to see what there is),
kills, and judges. Everything it made is gone when it is closed.
"""

import contextlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from agentstate_lab.errors import InvalidValue, KillMissed, LabError, WorldUnavailable
from agentstate_lab.lab.agents import AGENTS, Job, agent_named
from agentstate_lab.lab.databases import start_postgres
from agentstate_lab.lab.home import home
from agentstate_lab.lab.processes import Gone, pack
from agentstate_lab.lab.world import scenario_named, start_world
from agentstate_lab.stores import FILES, SCHEMES, open_store

from .fuse import Point
from .matrix import MOMENTS, Row, judge
from .signals import HARD, died_by, signal_named
from .spawner import RUN_LIMIT, Spawner

Agent = str | Callable[[Job], Any]


@dataclass(frozen=True, slots=True)
class Death:
    """
    Proof that a process died where it was told to.

    Attributes:
        point: The kill point.

        task_id: The task that it was working on.

        pid: Its process id, which nobody has any more.

        status: Its wait status: -9 is SIGKILL.

        signal: What it was told to end by.
    """

    point: str
    task_id: str
    pid: int = field(repr=False)
    status: int = field(repr=False)
    signal: str = field(default=HARD, repr=False)

    def __str__(self) -> str:
        how = self.signal if self.status < 0 else f"exit {self.status}"
        return f"killed at {self.point} by {how}; the process is gone"


class Rig:
    """The rig for one call: the agent packed up, a helper, a folder, the world."""

    def __init__(
        self,
        agent: Agent,
        scenario: str,
        store: str | None,
        *,
        limit: float = RUN_LIMIT,
        signal: str = HARD,
    ) -> None:
        self._signal = signal_named(signal)
        if not 0 < limit < 3600:
            raise InvalidValue("limit", f"must be seconds, up to 3600, not {limit!r}")
        self.scenario = scenario_named(scenario)
        self.agent_name, self._agent = _packed(agent)
        self._store = store_kind(store)
        self.store_name = (self._store or "no").partition(":")[0]
        self.world = start_world()
        self._spawner = Spawner(limit=limit)
        self._run_id = uuid.uuid4().hex[:12]
        self._tasks: list[str] = []
        self._folder = ""
        self._database = ""

    def __enter__(self) -> Self:
        _sweep()
        self._folder = tempfile.mkdtemp(prefix=f"run-{os.getpid()}-", dir=crashes())
        if self._store == "postgresql":
            self._database = start_postgres().database(self._place)
        self._spawner.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._spawner.__exit__(*exc)
        shutil.rmtree(self._folder, ignore_errors=True)
        if self._database:
            start_postgres().drop(self._place)
        # The tasks of a matrix are the lab's own: nobody will ask for them again.
        with contextlib.suppress(WorldUnavailable):
            for task_id in self._tasks:
                self.world.forget(task_id)

    def rehearse(self) -> dict[str, str]:
        """The points that one run reaches, each with a name for what happens there."""
        task_id = self.new_task()
        ended = self.run(task_id, self.url(task_id))
        if not ended.report.get("completed"):
            raise LabError(
                f"the {self.agent_name} agent does not get through even without being"
                f" killed: it {_how(ended, self._spawner.limit)}. Repair that first",
                effect="unknown",
            )
        return {
            str(Point(kind, moment, ordinal)): name
            for kind, names in ended.report["reached"].items()
            for ordinal, name in enumerate(names, start=1)
            for moment in MOMENTS
        }

    def row(self, point: str, name: str) -> Row:
        """Kill at *point*, run again with the same id, and count."""
        task_id = self.new_task()
        url = self.url(task_id)
        self.kill(Point.read(point), task_id, url)
        return self.judged(point, name, task_id, url)

    def judged(self, point: str, name: str, task_id: str, url: str | None) -> Row:
        """Run to the end, and count: the row for what happened to the task before."""
        again = self.run(task_id, url)
        counted: dict[str, int] = {}
        for entry in self.world.ledger(task_id):
            counted[entry.step] = counted.get(entry.step, 0) + entry.count
        return judge(
            point,
            name,
            expected=[step.name for step in self.scenario.effects],
            counted=counted,
            completed=bool(again.report.get("completed")),
            waiting=bool(again.report.get("waiting")),
            ended=_how(again, self._spawner.limit, brief=True),
        )

    def kill(self, point: Point, task_id: str, url: str | None) -> Death:
        """One run that must die at *point*."""
        ended = self.run(task_id, url, point)
        told = ended.report == {"died": str(point)} and not ended.timed_out
        if told and died_by(ended.status, self._signal) and _is_gone(ended.pid):
            return Death(str(point), task_id, ended.pid, ended.status, self._signal)
        raise KillMissed(
            f"the {self.agent_name} agent did not die at {point}: it"
            f" {_how(ended, self._spawner.limit)}{_reached(ended)}",
            effect="unknown",
        )

    def run(
        self,
        task_id: str,
        url: str | None,
        point: Point | None = None,
        **limit: float,
    ) -> Gone:
        """One run in a fresh process, to *point* or to its end."""
        return self._spawner.run(
            {
                **self._agent,
                "scenario": self.scenario.name,
                "task_id": task_id,
                "store_url": url,
                "point": str(point) if point else None,
                "signal": self._signal,
            },
            **limit,
        )

    def new_task(self) -> str:
        """The id of one more task, which is forgotten at the end."""
        self._tasks.append(f"crash-{self._run_id}-{len(self._tasks)}")
        return self._tasks[-1]

    def url(self, task_id: str) -> str | None:
        """The store for one task: its own file, unless a place was named."""
        if self._store in FILES:
            return f"{self._store}:{Path(self._folder) / task_id}.{self._store}"
        if self._store == "postgresql":
            return self._database
        return "memory:" if self._store == "memory" else self._store

    @property
    def _place(self) -> str:
        """The database of this rig alone."""
        return f"crash_{self._run_id}"


def _packed(agent: Agent) -> tuple[str, dict[str, str]]:
    """The agent's name, and what a fresh process needs to have it."""
    function = agent_named(agent)
    for name, known in AGENTS.items():
        if function is known:
            return name, {"agent": name}
    name = str(getattr(function, "__name__", type(function).__name__))
    try:
        packed = pack(function)
    except Exception as error:  # what it holds may raise anything
        raise InvalidValue(
            "agent",
            f"{name} cannot be sent to a fresh process ({type(error).__name__}:"
            f" {error}); open files, clients and stores inside it, or take them"
            " from the job",
        ) from error
    module = str(getattr(function, "__module__", ""))
    return name.removesuffix("_agent"), {"pickle": packed, "module": module}


def store_kind(store: str | None) -> str | None:
    """*store* as one of `SCHEMES` or as the URL of a place."""
    if store is None:
        return None
    kind = store.removesuffix(":") if isinstance(store, str) else ""
    if kind not in SCHEMES:
        open_store(store).close()
        return store
    return kind


def crashes() -> Path:
    """The folder of the crash lab: stores of its runs, and marks of deaths."""
    folder = home() / "crashes"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _sweep() -> None:
    """Remove the folders of labs that were killed themselves."""
    for folder in crashes().glob("run-*-*"):
        pid = folder.name.split("-")[1]
        if pid.isdecimal() and _is_gone(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)


def _is_gone(pid: int) -> bool:
    """Whether no process has this id."""
    import psutil

    return not psutil.pid_exists(pid)


def _how(ended: Gone, limit: float, *, brief: bool = False) -> str:
    """How a run ended, for the end of a sentence that begins with "it"."""
    if ended.timed_out:
        return f"was still running after {limit:g} s"
    if not ended.report:
        return f"ended the process itself, with status {ended.status}"
    if error := ended.report.get("error"):
        return f"raised {error['type']}" + ("" if brief else f": {error['text']}")
    return (
        "completed the task" if ended.report.get("completed") else "was not completed"
    )


def _reached(ended: Gone) -> str:
    """How far a run got, when it could still say so."""
    reached: dict[str, list[str]] = ended.report.get("reached", {})
    counts = [
        f"{len(n)} {kind}{'' if len(n) == 1 else 's'}" for kind, n in reached.items()
    ]
    return f" after {' and '.join(counts)}" if counts else ""
