"""
A scene of exercise 03, part 2: running tasks in a file, and calls in new processes.

Each scene is fresh: the receiver has not heard of its tasks, and whatever becomes of
a call, the next one finds the file as it was left. The ledger of the world counts.
"""

import functools
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Self, TypeVar

from agentstate_lab.state import Task
from agentstate_lab.stores import JsonFileStore, StepStore

from ..judge import Ending, Subject, Unmet, require, run_apart, times
from ..outside import FILE, the_world
from .receiver import STEP, TASK_ID, one_call, reply

S = TypeVar("S", bound=StepStore)


class Scene:
    """
    Running tasks in a file, and a receiver that has not heard of them.

    Args:
        answer: The answer that is tried.

        tasks: The ids of the tasks.
    """

    def __init__(self, answer: Subject, *tasks: str) -> None:
        self.answer = answer
        self.tasks = tasks or (TASK_ID,)
        self.folder = Path(tempfile.mkdtemp(dir=".")).absolute()
        self.world = the_world(answer)
        self.name = f"{answer.given['name']}-{secrets.token_hex(4)}"
        (self.folder / FILE).write_bytes(_file_with_running(self.tasks))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        """Let the world forget."""
        for task_id in self.tasks:
            self.world.forget(f"{self.name}/{task_id}")

    def call(
        self,
        step: str = STEP,
        task_id: str = TASK_ID,
        *,
        point: str | None = None,
        twice: bool = False,
        run: Callable[..., Ending] = run_apart,
    ) -> Ending:
        """
        Call the answer for a step in a new process.

        Args:
            step: The step.

            task_id: The task.

            point: Where the process is to die, as in `fuse`.

            twice: Whether it is called once more, and must then replay.

            run: How the process is made.
        """
        job = {
            "name": self.name,
            "folder": str(self.folder),
            "task_id": task_id,
            "step": step,
            "point": point,
            "twice": twice,
        }
        return run(self.answer, one_call, job)

    def order(self, fault: str) -> None:
        """Let the next request for the effect go wrong."""
        self.world.fault(f"{self.name}/{TASK_ID}", fault, at=STEP)

    def happened(self, step: str = STEP, task_id: str = TASK_ID) -> int:
        """How often the effect of a step happened: the ledger's count."""
        entries = self.world.ledger(f"{self.name}/{task_id}")
        return sum(entry.count for entry in entries if entry.step == step)

    def keys(self) -> list[str]:
        """The keys of all requests so far; the word "None" for none."""
        log = self.folder / "requests"
        return log.read_text("utf-8").splitlines() if log.exists() else []

    def was_requested(self, ending: Ending) -> None:
        """Fail unless a request came at all; what was raised says more."""
        if not self.keys():
            ending.result()
            raise Unmet("it never requested the effect")

    def was_killed(self, ending: Ending) -> None:
        """Fail unless the process died where it was told to."""
        if not ending.killed:
            self.was_requested(ending)
            raise Unmet(f"it should have been killed there, but {ending.words}")

    def returned(self, ending: Ending, nth: int = 1, step: str = STEP) -> None:
        """Fail unless a call returned the receiver's reply."""
        said = ending.result()
        if "odd" in said:
            raise Unmet(f"it returned a {said['odd']}, not the receiver's reply")
        value = said["value"]
        met = value == reply(step, nth)
        require(met, f"it returned {value!r:.100}, not the receiver's reply")

    def is_done_by(self, ending: Ending) -> None:
        """Fail unless the effect happened once, and a call returned its reply."""
        count = self.happened()
        if count > 1:
            raise Unmet(f"the effect happened {times(count)}")
        self.returned(ending)
        require(count == 1, "the effect never happened")


def with_running(store: S, *tasks: str) -> S:
    """The store, with running tasks of these ids in it; by default, of one."""
    for task_id in tasks or (TASK_ID,):
        task = store.submit(Task.new("Deploy the shop", task_id=task_id)).task
        store.save(task.replace(state="running", attempt=1))
    return store


@functools.cache
def _file_with_running(tasks: tuple[str, ...]) -> bytes:
    """What a file with these running tasks holds; making it takes a few writes."""
    with tempfile.TemporaryDirectory(dir=".") as folder:
        store = with_running(JsonFileStore(Path(folder) / FILE), *tasks)
        return store.path.read_bytes()
