"""
The first call of each notebook: the world is up, and this lesson's runs are found.

    from agentstate_lab.lab.course import begin

    lab = begin("02_json_store")

A lesson's runs stay until somebody says `lab.fresh_start()`: restarting the kernel
is how the course is used, so no cell may wipe what an earlier run left. Each lesson
has a folder of its own in the home and task ids of its own, so that lessons do not
count each other's effects.
"""

import itertools
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.home import home
from agentstate_lab.lab.world import World, connect_model, start_world

from .course_map import LESSONS

if TYPE_CHECKING:
    from agentstate_lab.lab.databases import LabDatabase

GIVEN = ".given"  # in a lesson's folder: a mark for each id that `new_id` gave out


@dataclass(frozen=True, slots=True)
class Lab:
    """
    What a notebook works with.

    Attributes:
        lesson: The notebook's name.

        world: The outside world, with its ledger.

        folder: Where this lesson's files are.
    """

    lesson: str
    world: World
    folder: Path

    def path(self, name: str) -> Path:
        """
        The path of one of this lesson's files.

        Raises:
            InvalidValue: The name would lead out of the lesson's folder.
        """
        if name in ("", ".", "..") or Path(name).name != name:
            raise InvalidValue("name", f"{name!r} is not a plain file name")
        return self.folder / name

    def store_url(self, name: str = "tasks.json") -> str:
        """Where one of this lesson's stores is, for `open_store`."""
        return f"json:{self.path(name)}"

    def database(self, kind: str) -> "LabDatabase":
        """
        A database for this lesson: "sqlite", or "postgresql".

        Raises:
            InvalidValue: There is no such kind.
            PostgresUnavailable: The server could not be started or reached.
        """
        from agentstate_lab.lab.databases import database_of

        return database_of(kind, self.lesson, self.folder)

    def task_id(self, name: str) -> str:
        """An id for one of this lesson's tasks: the same after a restart."""
        return f"{self.lesson}/{name}"

    def new_id(self, name: str) -> str:
        """
        An id for one more try: nothing has happened under it, and nobody has it.

        The first try has the plain name, a repeat of the cell gets a number, so
        that each try is counted from zero and nothing of an earlier one is wiped.
        """
        known = {entry.task_id for entry in self.world.ledger()}
        tries = itertools.chain([name], (f"{name}-{n}" for n in itertools.count(2)))
        ids = map(self.task_id, tries)
        return next(one for one in ids if one not in known and self._give_out(one))

    def _give_out(self, task_id: str) -> bool:
        """
        Whether this call is the first to give out *task_id*.

        The ledger cannot tell: a task may have been stored and had no effect yet.
        """
        given = self.folder / GIVEN
        given.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A digest, since a name may hold what no file name can.
        mark = given / sha256(task_id.encode()).hexdigest()
        try:
            # Looks and makes in one step: two kernels never get the same id.
            mark.touch(mode=0o600, exist_ok=False)
        except FileExistsError:
            return False
        return True

    def request(
        self,
        service: str,
        task_id: str,
        step: str,
        key: str | None = None,
        timeout: float = 30.0,
    ) -> dict[str, Any]:
        """
        Request one effect from a service of the world, and return its reply.

        Args:
            service: For example "deploy".

            task_id: The task that wants it.

            step: The step of that task.

            key: The idempotency key, if the service is to know a repeat.

            timeout: Seconds to wait for the reply.

        Raises:
            EffectRefused, ReplyLost, WorldUnavailable: See `World.effect`.
        """
        return self.world.effect(
            service,
            task_id=task_id,
            step=step,
            arguments={"step": step},
            key=key,
            timeout=timeout,
        )

    def connect(self) -> tuple[Any, str]:
        """
        A client and the name of its model: the world's scripted one, unless
        `AGENTSTATE_MODEL` names another.

        Raises:
            InvalidValue: A setting is malformed; no secret is shown.
        """
        return connect_model()

    def count(self, task_id: str) -> int:
        """How many effects the ledger counts for a task, repeats and all."""
        return sum(entry.count for entry in self.world.ledger(task_id))

    def wait(
        self, seconds: float, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Take as long as a step of work would; `AGENTSTATE_PACE` multiplies it."""
        from agentstate_lab.lab.agents import pace

        if (paced := seconds * pace()) > 0:
            sleep(paced)

    def fresh_start(self) -> str:
        """
        Forget this lesson's runs: its files and databases, what the ledger holds of
        its tasks, and the deaths of the kernel (`crash_kernel`) that are named for
        the lesson.

        Never called behind anybody's back.
        """
        from agentstate_lab.lab.crash import crashes, forget_crash
        from agentstate_lab.lab.databases import forget_databases

        ids = {entry.task_id for entry in self.world.ledger()}
        mine = sorted(one for one in ids if one.startswith(f"{self.lesson}/"))
        for task_id in mine:
            self.world.forget(task_id)
        for mark in crashes().glob(f"{self.lesson}*.died"):
            forget_crash(mark.stem)
        forget_databases(self.lesson, self.folder)
        shutil.rmtree(self.folder)
        self.folder.mkdir(mode=0o700)
        return f"{self.lesson}: a fresh start; tasks forgotten: {len(mine)}"


def begin(lesson: str) -> Lab:
    """
    Start the world, or find it, and open the lesson.

    Args:
        lesson: The notebook's name, for example "00_start_here".

    Raises:
        InvalidValue: There is no such lesson.
        WorldUnavailable: The world could not be started.
    """
    known = {one.name: one for one in LESSONS}
    if lesson not in known:
        raise InvalidValue("lesson", f"{lesson!r} is none of {', '.join(known)}")
    folder = home() / lesson
    folder.mkdir(mode=0o700, exist_ok=True)
    lab = Lab(lesson, start_world(), folder)
    entries = lab.world.ledger()
    ran = sum(one.count for one in entries if one.task_id.startswith(f"{lesson}/"))
    found = f"{ran} effects of earlier runs are in the ledger" if ran else "nothing ran"
    print(f"{lesson}: {known[lesson].question}")
    print(f"The world is up; {found}{'' if ran else ' here yet'}.")
    return lab
