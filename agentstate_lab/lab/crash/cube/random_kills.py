"""
Kills at instants that nobody has chosen.

A kill point is a moment that somebody has thought of. Here a run is killed from
outside after a random part of the time that a run takes: in the middle of a system
call, of a reply, of an import. Some tasks are killed again in their second and third
run. Then each runs to its end, and the world counts.

The seed fixes which part of a run is let pass before each kill. What the process was
doing at that instant is the machine's affair, so no two runs hit the same places;
what has to come out is the same everywhere. How often a kill fell between an effect
and its record is counted too: those are the ones that matter. Chance finds some of
them, never all; that is why the crash lab has names for them.
"""

import random
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from agentstate_lab.errors import InvalidValue, LabError, TaskNotFound
from agentstate_lab.lab.show import with_options
from agentstate_lab.state import StepStatus
from agentstate_lab.stores import open_store

from ..matrix import Row
from ..rig import Rig
from ..signals import HARD, died_by

MAX_KILLS = 3  # of one task: the fifth claim of a task is its last


@dataclass
class Toll:
    """
    What came of the kills on one kind of store.

    Attributes:
        store: The kind.

        kills: How many processes were killed in the middle of a run.

        quick: How many had ended before their instant, and were not killed.

        unrecorded: After how many kills there was an effect that no record knew of.

        seen: After how many kills there were so many effects.

        rows: What was counted of each task in the end.
    """

    store: str
    kills: int = 0
    quick: int = 0
    unrecorded: int = 0
    seen: Counter[int] = field(default_factory=Counter)
    rows: list[Row] = field(default_factory=list)

    @property
    def harm(self) -> list[Row]:
        """The tasks with an effect lost or repeated, or that were not completed."""
        return [row for row in self.rows if not row.survived]

    @property
    def passed(self) -> bool:
        """No harm."""
        return not self.harm

    def to_json(self) -> dict[str, Any]:
        """The counts, and what went wrong."""
        return {
            "store": self.store,
            "kills": self.kills,
            "tasks": len(self.rows),
            "once": sum(row.survived for row in self.rows),
            "harm": [row.outcome for row in self.harm],
            "killed_after_so_many_effects": dict(sorted(self.seen.items())),
            "killed_between_effect_and_record": self.unrecorded,
            "had_ended_before_the_instant": self.quick,
        }


def kill_at_random(
    store: str,
    kills: int,
    rng: random.Random,
    *,
    strategies: Iterable[str],
    scenario: str = "deploy",
) -> Toll:
    """
    Kill runs on *store* until so many were hit, and count what came of their tasks.

    Args:
        store: A kind of store.

        kills: How many kills must hit, shared out among the strategies.

        rng: Draws the instants.

        strategies: When snapshots are taken.

        scenario: The job.

    Raises:
        InvalidValue: There is nothing to kill.
        LabError: A process outlived its kill.
    """
    chosen = list(strategies)
    if kills < len(chosen) or not chosen:
        raise InvalidValue("kills", f"must be at least one a strategy, not {kills!r}")
    toll = Toll(store)
    for number, strategy in enumerate(chosen, start=1):
        agent = with_options("durable", strategy=strategy)
        with Rig(agent, scenario, store) as rig:
            seconds = _length(rig)
            while toll.kills < kills * number // len(chosen):
                left = kills * number // len(chosen) - toll.kills
                tries = min(left, rng.randint(1, MAX_KILLS))
                _cut(rig, [rng.uniform(0, seconds) for _ in range(tries)], toll)
    return toll


def _length(rig: Rig) -> float:
    """How long a run takes that is not killed: the second, which is warm."""
    rig.rehearse()
    start = time.perf_counter()
    rig.rehearse()
    return time.perf_counter() - start


def _cut(rig: Rig, instants: Iterable[float], toll: Toll) -> None:
    """Kill the runs of one task, each at its instant, and let the last one end."""
    task_id = rig.new_task()
    url = rig.url(task_id)
    for seconds in instants:
        ended = rig.run(task_id, url, limit=seconds)
        if not ended.timed_out or ended.status == 0:
            toll.quick += 1
            break
        if not died_by(ended.status, HARD):
            raise LabError(f"a process was killed, and said {ended}", effect="unknown")
        toll.kills += 1
        happened = sum(entry.count for entry in rig.world.ledger(task_id))
        toll.seen[happened] += 1
        toll.unrecorded += happened > _recorded(task_id, url)
    toll.rows.append(rig.judged("at random", "an instant", task_id, url))


def _recorded(task_id: str, url: str | None) -> int:
    """How many effects the store knows to be done."""
    store = open_store(url or "memory:")
    try:
        return sum(s.status is StepStatus.DONE for s in store.steps(task_id))
    except TaskNotFound:
        return 0
    finally:
        store.close()
