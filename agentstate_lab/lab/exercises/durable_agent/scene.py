"""
A scene of exercise 10: a task in a file, an agent that may die, and the witness.

Every run of an agent is a process of its own, so the next one knows what is in the
file and nothing else. What became of the job is read from three places, and none of
them is the agent: the task in the file, the ledger of the world, and the notes that
the model and the services took of what they were asked.
"""

import contextlib
import json
import secrets
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

from agentstate_lab.errors import AgentStateError, TaskNotFound
from agentstate_lab.state import Task
from agentstate_lab.stores import JsonFileStore

from ..judge import Ending, Subject, Unmet, doing, require, run_apart, times
from ..outside import FILE, the_world
from .job import SHOP, TASK_ID, one_run
from .model import PLANNED, Json

RIVAL = "rival"


class Scene:
    """
    A job that nobody has begun.

    Args:
        answer: The agent that is tried.

        mood: How the model is; see `model`.
    """

    def __init__(self, answer: Subject, mood: str = "well") -> None:
        self.answer = answer
        self.mood = mood
        self.folder = Path(tempfile.mkdtemp(dir=answer.given["folder"]))
        self.world = the_world(answer)
        self.name = f"{answer.given['name']}-{secrets.token_hex(4)}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        """Let the world forget, and the folder be gone."""
        self.world.forget(f"{self.name}/{TASK_ID}")
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(
        self,
        *,
        point: str | None = None,
        rival: bool = False,
        run: Callable[..., Ending] = run_apart,
    ) -> Ending:
        """
        Run the agent in a new process.

        Args:
            point: Where the process is to die, as in `fuse`.

            rival: Whether another process comes for the same job, while this one
                has asked the model; it takes its notes in a folder of its own.

            run: How the process is made.
        """
        apart = self.folder / RIVAL
        apart.mkdir(exist_ok=True)
        asked = {
            "name": self.name,
            "folder": str(self.folder),
            "notes": str(self.folder),
            "point": point,
            "mood": self.mood,
            "earlier": [step for said in self.said() for step in said.get("steps", ())],
            "rival": {"notes": str(apart)} if rival else None,
        }
        return run(self.answer, one_run, asked)

    def kill(self, point: str) -> None:
        """Run it, and fail unless the process dies at *point*."""
        ending = self.run(point=point)
        if not ending.killed:
            raise Unmet(f"it should have been killed there, but {words(ending)}")

    def order(self, fault: str) -> None:
        """Let the first request for the first effect go wrong."""
        self.world.fault(f"{self.name}/{TASK_ID}", fault, at=PLANNED[0])

    def happened(self) -> dict[str, int]:
        """How often the effect of each step happened: the ledger's count."""
        counted = Counter[str]()
        for entry in self.world.ledger(f"{self.name}/{TASK_ID}"):
            counted[entry.step] += entry.count
        return dict(counted)

    def requests(self, notes: str = "") -> list[Json]:
        """All requests for effects: step and key of each."""
        return _lines(self.folder / notes / "services")

    def said(self, notes: str = "") -> list[Json]:
        """All requests to the model: when, and what it called for or refused."""
        return _lines(self.folder / notes / "model")

    def task(self) -> Task | None:
        """The stored task, if there is one."""
        try:
            return JsonFileStore(self.folder / FILE).get(TASK_ID)
        except TaskNotFound:
            return None
        except AgentStateError as error:
            raise Unmet(f"the store cannot be read any more ({error})") from error

    def is_done_by(self, ending: Ending, result: str = SHOP.answer) -> None:
        """Fail unless each effect happened once, and the task is completed."""
        happened = self.happened()
        for step, count in happened.items():
            require(step in PLANNED, f"{step} happened, and was not to be done")
            if count > 1:
                raise Unmet(f"{step} happened {times(count)}{self._keys(step)}")
        require(ending.returned and not ending.value["error"], words(ending))
        task = self.task()
        if task is None:
            raise Unmet("it returned, and the store has no task with the job's id")
        if task.state != "completed":
            raise Unmet(f"the stored task is {task.state}{_why(task)}")
        for step in PLANNED:
            never = f"{step} never happened, and the stored task is completed"
            require(step in happened, never)
        stored = f"the stored result is {task.result!r:.80}, not what the model said"
        require(task.result == result, stored)

    def _keys(self, step: str) -> str:
        """With which keys a step was requested that happened too often."""
        keys = [one["key"] for one in self.requests() if one["step"] == step]
        if None in keys:
            return ": it was requested without a key"
        return f": it was requested with {len(set(keys))} keys"


@contextlib.contextmanager
def trying(
    answer: Subject, done: str, expected: str, *, mood: str = "well"
) -> Iterator[Scene]:
    """A scene in which this is tried; see `doing`."""
    with doing(done, expected), Scene(answer, mood) as scene:
        yield scene


def rehearsed(answer: Subject, mood: str = "well") -> dict[str, int]:
    """
    How many effects and writes an undisturbed run has, by kind.

    It is run once for all stages, each of which is a process of its own: what came of
    it is in the check's folder.
    """
    kept = Path(answer.given["folder"]) / f"rehearsed-{mood}"
    if not kept.exists():
        with Scene(answer, mood) as scene:
            ending = scene.run()
            try:
                if mood == "well":
                    scene.is_done_by(ending)
                reached = ending.result()["reached"]
                said: Json = {kind: len(names) for kind, names in reached.items()}
            except Unmet as unmet:
                said = {"trouble": unmet.happened}
            kept.write_text(json.dumps(said), "utf-8")
    found: Json = json.loads(kept.read_text("utf-8"))
    if "trouble" in found:
        raise Unmet(f"not even undisturbed does it get through: {found['trouble']}")
    return found


def words(ending: Ending) -> str:
    """How a run ended, in words."""
    if ending.returned and ending.value["error"]:
        return str(ending.value["error"])
    return ending.words


def _why(task: Task) -> str:
    """The stored reason of a task that is not completed."""
    if task.state == "waiting":
        return ": it asks a person, although the receiver honours the key"
    return f" ({task.error})" if task.error else ""


def _lines(log: Path) -> list[Json]:
    """The lines of a log."""
    lines = log.read_text("utf-8").splitlines() if log.exists() else []
    said = [json.loads(line) for line in lines]
    require(all(isinstance(one, dict) for one in said), "it wrote into the check's log")
    return said
