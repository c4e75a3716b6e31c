"""
How long a killed run takes until it goes on.

    python -m agentstate_lab run deploy --task-id friday --store ...    killed
    python -m agentstate_lab run deploy --task-id friday --store ...    again

The first is killed by SIGKILL after its fourth step, when its claim on the task still
stands. The second finds the claim, proves that its owner is gone, and goes on: it
waits for no lease. So it has its first news as soon as a run that starts afresh,
which is what it is measured against.

Seconds are for `benchmarks/`; no test looks at them.
"""

import os
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agentstate_lab.errors import LabError
from agentstate_lab.lab.world import SCENARIOS, start_world
from agentstate_lab.stores import LEASE, open_store

KILLED_AFTER = 4  # steps
STEP_SECONDS = 0.3  # so that the kill comes in the middle of the fifth
SCENARIO = "deploy"
PYTHON = [sys.executable, "-u", "-m"]
COMMAND = [*PYTHON, "agentstate_lab", "run", SCENARIO, "--task-id"]


@dataclass(frozen=True, slots=True)
class Resumed:
    """
    What was measured on one store, medians of several tries, in seconds.

    Attributes:
        store: The kind of store.

        again: From the start of the second process to its word that it has the task.

        fresh: From the start of a process to the first step of a new task.

        rest: From the start of the second process to the end of the task.

        state: What the killed run had left: "running, claimed".

        once: Whether each effect happened once, in every try.
    """

    store: str
    again: float
    fresh: float
    rest: float
    state: str
    once: bool

    @property
    def passed(self) -> bool:
        """No harm, and it was a claim that had to be taken over."""
        return self.once and self.state == "running, claimed"

    def to_json(self) -> dict[str, Any]:
        """Milliseconds, which this machine took, and what was seen."""
        return {
            "store": self.store,
            "found_task_ms": round(self.again * 1e3),
            "first_step_of_a_new_task_ms": round(self.fresh * 1e3),
            "completed_ms": round(self.rest * 1e3),
            "lease_that_was_not_waited_for_s": LEASE,
            "left_behind": self.state,
            "each_effect_once": self.once,
        }


def resumed(kind: str, url: str, *, tries: int = 5) -> Resumed:
    """
    Kill a run on this store and start it again, several times.

    Args:
        kind: What to call the store.

        url: The store.

        tries: How often.

    Raises:
        LabError: A run did not say what it must.
    """
    seen = [_once(url) for _ in range(tries)]
    return Resumed(
        store=kind,
        again=statistics.median(one["again"] for one in seen),
        fresh=statistics.median(one["fresh"] for one in seen),
        rest=statistics.median(one["rest"] for one in seen),
        state=", ".join(sorted({one["state"] for one in seen})),
        once=all(one["once"] for one in seen),
    )


def _once(url: str) -> dict[str, Any]:
    """One task: killed, looked at, started again, counted."""
    world = start_world()
    task_id = f"resume-{uuid.uuid4().hex[:12]}"
    first = _news(task_id, url, [" done"] * KILLED_AFTER, STEP_SECONDS)
    state = _state(task_id, url)
    again = _news(task_id, url, ["found the task", "completed:"])
    counts = {entry.step: entry.count for entry in world.ledger(task_id)}
    world.forget(task_id)
    return {
        "fresh": first[0] - STEP_SECONDS,
        "again": again[0],
        "rest": again[1],
        "state": state,
        "once": counts == {step.name: 1 for step in SCENARIOS[SCENARIO].effects},
    }


def _news(
    task_id: str, url: str, words: Sequence[str], step_seconds: float = 0.0
) -> list[float]:
    """
    Run the task and note when a line has the next of *words*; after the last, kill.

    Raises:
        LabError: The run ended before.
    """
    left, seconds = list(words), []
    start = time.perf_counter()
    process = subprocess.Popen(
        [*COMMAND, task_id, "--store", url, "--step-seconds", str(step_seconds)],
        stdout=subprocess.PIPE,
        env={**os.environ, "AGENTSTATE_PACE": "1"},
    )
    with process:
        for line in process.stdout or ():
            if left[0] in line.decode():
                seconds.append(time.perf_counter() - start)
                if len(left) == 1:
                    break
                left.pop(0)
        process.kill()
    if len(seconds) < len(words):
        raise LabError(f"a run of {SCENARIO} ended without the words {left[0]!r}")
    return seconds


def _state(task_id: str, url: str) -> str:
    """What the store says of the task, and whether somebody has it."""
    store = open_store(url)
    task = store.get(task_id)
    store.close()
    return f"{task.state}, {'free' if task.owner is None else 'claimed'}"
