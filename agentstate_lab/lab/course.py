"""
The first call of every notebook: set the stage, or find it standing.

    from agentstate_lab.lab.course import begin

    lab = begin("02_json_store")

A notebook is run again and again, after a restart, after a crash, by the next
learner. So `begin` finds what is there and wipes nothing: the world with its
ledger, and the notebook's own folder of stores. Starting over is a call of its
own, `fresh_start()`, and only the learner makes it.

This module teaches nothing. It keeps ports, paths and styles out of the cells.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from ..errors import InvalidValue
from .course_map import LESSONS
from .home import home
from .plots import use_style
from .world import start_world
from .world_handle import World


@dataclass(frozen=True, slots=True)
class Lab:
    """
    What a notebook works with.

    Attributes:
        name: The notebook, for example "02_json_store".
    """

    name: str

    def __repr__(self) -> str:
        return f"Lab({self.name!r})"

    @property
    def world(self) -> World:
        """The world, started anew if it was stopped meanwhile."""
        return start_world()

    @property
    def folder(self) -> Path:
        """The notebook's own folder for what its runs write, mode 0700."""
        folder = home() / self.name
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def store_url(self, kind: str = "json") -> str:
        """
        Where this notebook keeps its tasks, for `open_store`.

        Args:
            kind: "json" or "memory".

        Raises:
            InvalidValue: There is no such kind of store.
        """
        files = {"json": "tasks.json"}
        if kind == "memory":
            return "memory:"
        if kind not in files:
            raise InvalidValue("kind", f"{kind!r:.100} is none of memory, json")
        return f"{kind}:{self.folder / files[kind]}"

    def task_id(self, name: str) -> str:
        """
        The id of this notebook's task *name*: the same after every restart.

        >>> Lab("02_json_store").task_id("friday")
        '02_json_store/friday'
        """
        return f"{self.name}/{name}"

    def fresh_start(self) -> None:
        """
        Forget the runs of this notebook: its stores, and its rows in the ledger.

        Nothing calls this but you. What other notebooks did, and your progress in
        the exercises, stays.
        """
        world = self.world
        mine = {entry.task_id for entry in world.ledger()}
        for task_id in sorted(mine):
            if task_id.startswith(f"{self.name}/"):
                world.forget(task_id)
        _forget_deaths(self.name)
        shutil.rmtree(self.folder, ignore_errors=True)
        print(f"Notebook {self.name[:2]} starts from nothing again.")


def begin(name: str) -> Lab:
    """
    Set the stage for the notebook *name*, or find it standing.

    Raises:
        InvalidValue: The course has no such notebook.
        WorldUnavailable: The world could not be started; the message says why.
    """
    known = [lesson.name for lesson in LESSONS]
    if name not in known:
        raise InvalidValue("notebook", f"{name!r:.100} is none of {', '.join(known)}")
    use_style()
    start_world()
    print("The world is running. Its ledger counts what really happens.")
    return Lab(name)


def _forget_deaths(name: str) -> None:
    """Let the crashes of the notebook happen again: their names begin with its own."""
    from .crash import forget_crash
    from .rig import crashes

    for mark in crashes().glob(f"{name[:2]}*.died"):
        forget_crash(mark.stem)
