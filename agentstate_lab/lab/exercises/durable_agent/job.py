"""
The job of exercise 10, and one run of an agent on it, in a process of its own.

Two services are to be deployed, so there are two effects whose keys can be mixed up.
The store is a file and the effects happen in the world, both past a fuse as in the
crash lab; the model is in this process (`model`). What happened is counted by
the world's ledger.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from agentstate_lab.errors import EffectRefused
from agentstate_lab.lab.agents import Job
from agentstate_lab.lab.crash import (
    Fuse,
    HalfWritingStore,
    KillingStore,
    KillingWorld,
    Point,
    die,
)
from agentstate_lab.lab.world import SCENARIOS, is_key
from agentstate_lab.state import Task, fingerprint

from ..judge import Outcome, Stopped, Subject, Unmet, hurried, run_apart
from ..outside import FILE, the_world
from .model import OTHER_PLAN, PLANNED, Json, Model

TASK_ID = "shop-4.2"
REFUSED = "deploy-worker"  # the service that takes no release on a Friday
MAX_TURNS = 20
MAX_EFFECTS = 60  # requests of one process
MAX_WAITS = 2_000  # of one process; enough to see a long lease end, in short waits

_DEPLOY = SCENARIOS["deploy"]
SHOP = replace(
    _DEPLOY,
    goal="Deploy release 4.2 of the shop: first the API, then the web.",
    steps=tuple(
        step
        for step in _DEPLOY.steps
        if step.name in ("check-status", OTHER_PLAN, REFUSED, *PLANNED)
    ),
)


def one_run(answer: Subject, asked: Json) -> Json:
    """
    Run the answer on the job, and say how that ended, unless the process dies.

    Args:
        answer: The answer.

        asked: What `scene.Scene` wants: where the file and the notes are, when
            to die, the mood of the model, whether another process comes meanwhile.
    """
    fuse = Fuse(Point.read(asked["point"]) if asked["point"] else None, die)
    notes = Path(asked["notes"])

    def note(said: Json) -> None:
        _append(notes / "model", {"at": time.monotonic(), **said})
        if asked["rival"] and "steps" in said:
            rival, asked["rival"] = asked["rival"], None
            run_apart(answer, one_run, {**asked, **rival})

    model = Model(asked["mood"], note, asked["earlier"], asked=fuse.touch)
    path = str(Path(asked["folder"]) / FILE)
    job = Job(
        scenario=SHOP,
        task_id=TASK_ID,
        client=model.client(),
        model="scripted",
        world=Outside(KillingWorld(the_world(answer), fuse), asked["name"], notes),
        store=KillingStore(HalfWritingStore(path, fuse), fuse),
        sleep=fuse.touching(lambda seconds: time.sleep(seconds)),
        on_event=fuse.touching(lambda text: None),
    )
    with hurried(alone=True, most=MAX_WAITS):
        outcome = answer.outcome(job)
    fuse.touch()
    return {**_told(outcome), "reached": fuse.reached}


class Outside:
    """
    The world, as the job has it: every request is noted, and named by its intent.

    Args:
        world: Carries the effects out.

        name: What no other check is called.

        notes: The folder for them.
    """

    def __init__(self, world: KillingWorld, name: str, notes: Path) -> None:
        self._world = world
        self._name = name
        self._log = notes / "services"
        self._requests = 0

    def effect(
        self,
        effect: str,
        *,
        arguments: Mapping[str, Any],
        key: str | None = None,
        timeout: float = 30.0,
        **more: Any,
    ) -> Json:
        """Request an effect; see `World.effect`."""
        name = SHOP.step_for(effect, arguments).name  # whatever its sender calls it
        self._requests += 1
        if self._requests > MAX_EFFECTS:
            often = f"it requested effects {MAX_EFFECTS} times in one run"
            raise Stopped(f"{often}, and would not stop")
        said = key if key is None or isinstance(key, str) else repr(key)
        _append(self._log, {"step": name, "key": said})
        if name == REFUSED:
            return refuse()
        return self._world.effect(
            effect,
            task_id=f"{self._name}/{TASK_ID}",
            step=name,
            arguments=arguments,
            # No key of an earlier check may be known; what is no key stays as it is.
            key=f"{self._name}:{fingerprint(key)}" if is_key(key) else key,
            timeout=timeout,
        )


def refuse() -> Json:
    """What the service says that takes no release."""
    why = "no release on a Friday"
    raise EffectRefused(403, "forbidden", why, effect="not started")


def _append(log: Path, said: Json) -> None:
    """One more line in a log that outlives this process."""
    with log.open("a", encoding="utf-8") as file:
        print(json.dumps(said), file=file)


def _told(outcome: Outcome) -> Json:
    """What a run came to, as it can travel."""
    match outcome.error:
        case Stopped():
            raise Unmet(outcome.words)
        case None:
            return {"returned": _shown(outcome.value), "error": ""}
    return {"returned": None, "error": outcome.words}


def _shown(value: Any) -> Json:
    """What came back: a task as it counts, anything else by its kind."""
    if isinstance(value, Task):
        return {"id": value.id, "version": value.version}
    return {"kind": "nothing (None)" if value is None else f"a {type(value).__name__}"}
