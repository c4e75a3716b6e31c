"""
The receiver of exercise 03, part 2, and processes that ask it and are killed.

The effects are real. The world of the learner's home carries them out, honours the
idempotency key, and counts them in its ledger. What a check does there is its own
affair, so its tasks and keys carry a name that no other check has, and they are
forgotten at the end. No answer is handed the world, only a function that asks it.
"""

import contextlib
import http.client  # noqa: F401 - here, so that no forked process has to load it
import json
import secrets
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

from ...digest import fingerprint
from ...errors import EffectRefused, WorldUnavailable
from ...json_store import JsonFileStore
from ...task import Task
from ..fuse import (
    Fuse,
    HalfWritingStore,
    KillingStore,
    KillingWorld,
    Point,
    die,
)
from ..world import World, start_world
from ..world_handle import is_key
from .apart import Ending, run_apart
from .bench import hurried
from .stages import Subject, Unmet, require

TASK_ID = "shop-friday"
STEP = "deploy-api"

MAX_ASKS = 20  # of one check in one scene; a loop that asks for ever is stopped


@contextlib.contextmanager
def setting() -> Iterator[dict[str, Any]]:
    """
    The world, as the stages get it; what the check did there is forgotten afterwards.

    Raises:
        WorldUnavailable: It could not be started.
    """
    world = start_world()
    name = f"check-{secrets.token_hex(8)}"
    given = {"url": world.url, "token": world.token, "pid": world.pid, "name": name}
    try:
        yield given
    finally:
        with contextlib.suppress(WorldUnavailable):
            for entry in world.ledger():
                if entry.task_id.startswith(name):
                    world.forget(entry.task_id)


def reply(step: str, nth: int = 1) -> dict[str, Any]:
    """What the receiver says to the *nth* effect of a task."""
    return {
        "status": "done",
        "effect": "deploy",
        "step": step,
        "receipt": f"deploy-{nth}",
    }


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
        self.world = _world(answer)
        self.name = f"{answer.given['name']}-{secrets.token_hex(4)}"
        for task_id in self.tasks:
            running_task(self.store(), task_id)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        """Let the world forget."""
        for task_id in self.tasks:
            self.world.forget(f"{self.name}/{task_id}")

    def store(self) -> JsonFileStore:
        """The store, newly opened."""
        return JsonFileStore(self.folder / "tasks.json")

    def call(
        self,
        step: str = STEP,
        task_id: str = TASK_ID,
        *,
        point: str | None = None,
        run: Callable[..., Ending] = run_apart,
    ) -> Ending:
        """
        Call the answer for a step in a new process.

        Args:
            step: The step.

            task_id: The task.

            point: Where the process is to die, as in `fuse`.

            run: How the process is made.
        """
        job = {
            "name": self.name,
            "folder": str(self.folder),
            "task_id": task_id,
            "step": step,
            "point": point,
        }
        return run(self.answer, _call, job)

    def order(self, fault: str) -> None:
        """Let the next request for the effect go wrong."""
        self.world.fault(f"{self.name}/{TASK_ID}", fault, at=STEP)

    def happened(self, step: str = STEP, task_id: str = TASK_ID) -> int:
        """How often the effect of a step happened: the ledger's count."""
        entries = self.world.ledger(f"{self.name}/{task_id}")
        return sum(entry.count for entry in entries if entry.step == step)

    def keys(self) -> list[str]:
        """The keys of all requests so far; the word "None" for none."""
        log = self.folder / "asked"
        return log.read_text("utf-8").splitlines() if log.exists() else []

    def returned(self, ending: Ending, nth: int = 1, step: str = STEP) -> None:
        """Fail unless a call returned the receiver's reply."""
        require(ending.returned, ending.words)
        _is_reply(ending, reply(step, nth))

    def happened_once(self) -> None:
        """Fail unless the effect happened once."""
        count = self.happened()
        if count != 1:
            known = {0: "the effect never happened", 2: "the effect happened twice"}
            raise Unmet(known.get(count, f"the effect happened {count} times"))

    def replays(self) -> None:
        """Fail unless one more call, in a new process, only replays."""
        asked = len(self.keys())
        ending = self.call()
        require(ending.returned, f"one call later, {ending.words}")
        require(
            len(self.keys()) == asked,
            "one call later it asked again, although the result was there",
        )
        _is_reply(ending, reply(STEP))


def running_task(store: Any, task_id: str = TASK_ID) -> Task:
    """A running task in *store*, as the worker has it whose steps these are."""
    task = store.submit(Task.new("Deploy the shop", task_id=task_id)).task
    running: Task = store.save(task.replace(state="running", attempt=1))
    return running


def _is_reply(ending: Ending, wanted: dict[str, Any]) -> None:
    if "odd" in ending.value:
        raise Unmet(f"it returned a {ending.value['odd']}, not the receiver's reply")
    value = ending.value["value"]
    require(value is not None, "it returned None, not the receiver's reply")
    require(value == wanted, f"it returned {value!r:.100}, not the receiver's reply")


def _world(answer: Subject) -> World:
    given = answer.given
    return World(given["url"], given["token"], given["pid"])


def _call(answer: Subject, job: dict[str, Any]) -> dict[str, Any]:
    """One call of the answer, in the process that was made for it."""
    folder = Path(job["folder"])
    fuse = Fuse(Point.read(job["point"]) if job["point"] else None, die)
    store = KillingStore(HalfWritingStore(str(folder / "tasks.json"), fuse), fuse)
    world = KillingWorld(_world(answer), fuse)
    asked = 0

    def ask(key: Any) -> Any:
        """Ask the receiver for the effect, under this key."""
        nonlocal asked
        asked += 1
        if asked > MAX_ASKS:
            raise EffectRefused(429, None, "asked too often", effect="not started")
        with (folder / "asked").open("a", encoding="utf-8") as log:
            print(json.dumps(key) if isinstance(key, str) else repr(key), file=log)
        # No key of an earlier check may be known; what is no key stays what it is.
        return world.effect(
            "deploy",
            task_id=f"{job['name']}/{job['task_id']}",
            step=job["step"],
            arguments={"service": job["step"]},
            key=f"{job['name']}:{fingerprint(key)}" if is_key(key) else key,
        )

    with hurried():
        value = answer(store, job["task_id"], job["step"], ask)
    fuse.touch()
    if asked > MAX_ASKS:
        raise Unmet(f"it asked more than {MAX_ASKS} times in one call")
    try:
        said = {"value": json.loads(json.dumps(value))}
    except (TypeError, ValueError):
        said = {"odd": type(value).__name__}
    return {**said, "reached": fuse.reached}
