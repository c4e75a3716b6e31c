"""
The receiver of exercise 03, part 2: its requests come from a process that may die.

The effects are real. The world of the learner's home carries them out, honours the
idempotency key, and counts them in its ledger. Keys carry the name of the check, as
tasks do. No answer is handed the world, only a function that sends it a request.
"""

import http.client  # noqa: F401 - here, so that no forked process has to load it
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agentstate_lab.lab.crash import (
    Fuse,
    HalfWritingStore,
    KillingStore,
    KillingWorld,
    Point,
    die,
)
from agentstate_lab.lab.world import is_key
from agentstate_lab.state import fingerprint

from ..judge import Stopped, Subject, Unmet, hurried, require
from ..outside import FILE, the_world

TASK_ID = "shop-friday"
STEP = "deploy-api"

MAX_REQUESTS = 20  # in one call; whoever never stops is stopped, and the world spared

Job = dict[str, Any]


def reply(step: str, nth: int = 1) -> dict[str, Any]:
    """What the receiver says to the *nth* effect of a task."""
    return {
        "status": "done",
        "effect": "deploy",
        "step": step,
        "receipt": f"deploy-{nth}",
    }


def receiver(world: KillingWorld, job: Job) -> Callable[[Any], Any]:
    """
    What the answer requests the effect of one step from.

    Args:
        world: Carries it out, or knows the key.

        job: Which step of which task, and where requests are noted.
    """
    name, step = job["name"], job["step"]
    keys: list[Any] = []

    def request(key: Any) -> Any:
        _note(keys, key)
        with (Path(job["folder"]) / "requests").open("a", encoding="utf-8") as log:
            print(json.dumps(key) if isinstance(key, str) else repr(key), file=log)
        return world.effect(
            "deploy",
            task_id=f"{name}/{job['task_id']}",
            step=step,
            arguments={"service": step},
            # No key of an earlier check may be known; what is no key stays as it is.
            key=f"{name}:{fingerprint(key)}" if is_key(key) else key,
        )

    return request


class Stub:
    """
    A receiver in this process, which changes nothing anywhere.

    Args:
        reply: What it says; an error is raised.

        look: Called when a request comes.
    """

    def __init__(
        self, reply: Any = None, look: Callable[[], object] | None = None
    ) -> None:
        self.keys: list[Any] = []
        self._reply = reply
        self._look = look

    def __call__(self, key: Any) -> Any:
        """Take in a request under this key."""
        _note(self.keys, key)
        if self._look is not None:
            self._look()
        if isinstance(self._reply, Exception):
            raise self._reply
        return self._reply


def _note(keys: list[Any], key: Any) -> None:
    """One more request."""
    if len(keys) == MAX_REQUESTS:
        raise Stopped(
            f"it sent {MAX_REQUESTS} requests in one call, and would not stop"
        )
    keys.append(key)


def one_call(answer: Subject, job: Job) -> dict[str, Any]:
    """One call of the answer, in the process that was made for it."""
    fuse = Fuse(Point.read(job["point"]) if job["point"] else None, die)
    path = str(Path(job["folder"]) / FILE)
    store = KillingStore(HalfWritingStore(path, fuse), fuse)
    request = receiver(KillingWorld(the_world(answer), fuse), job)
    with hurried():
        outcome = answer.outcome(store, job["task_id"], job["step"], request)
    fuse.touch()
    value = outcome.result()
    if job["twice"]:
        _replays(answer, job, store, value)
    return {**_as_json(value), "reached": fuse.reached}


def shown(value: Any) -> str:
    """A value for a report, which is the same every time."""
    plain = value is None or isinstance(value, str | int | float | list | dict)
    return f"{value!r:.100}" if plain else f"a {type(value).__name__}"


def _replays(answer: Subject, job: Job, store: Any, value: Any) -> None:
    """Fail unless one more call returns the same and requests nothing."""
    request = Stub()
    outcome = answer.outcome(store, job["task_id"], job["step"], request)
    require(
        not request.keys,
        "one call later it requested again: the result was not recorded",
    )
    if outcome.error is not None:
        raise Unmet(f"one call later, {outcome.words}")
    same = outcome.value == value
    require(same, f"one call later it returned {shown(outcome.value)}")


def _as_json(value: Any) -> dict[str, Any]:
    """The value as it can travel, or what kind of thing cannot."""
    try:
        return {"value": json.loads(json.dumps(value))}
    except (TypeError, ValueError):
        return {"odd": type(value).__name__}
