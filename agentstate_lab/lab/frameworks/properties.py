"""
The second table: what a resume should mean, as six properties.

The names are those of Khan, "Resume Means Resume" (arXiv 2608.03836). Each is shown by
real deaths, and judged from outside: by which effects the next run asked for, and by
what the world counted. So no framework has to be opened up, and every one is asked
the same. Only a fork is an operation of the framework itself; its adapter does it.

What cannot be seen from outside is not judged: two runs that ask for the same effects
may still differ in what they remember.
"""

import contextlib
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from agentstate_lab.lab.crash import Point, Rig, Row
from agentstate_lab.lab.home import home

from .contender import Contender
from .effects import RUN_SECONDS
from .strain import Strained, give_orders

PLACES = (2, 5, 8)  # effects: an early one, one in the middle, the last
SIZES = (500, 3_000, 6_000, 12_000, 24_000, 48_000, 96_000)  # bytes
PROPERTIES = (
    "prefix continuation",
    "checkpoint validity",
    "consume once",
    "recovery determinism",
)
RIVALS = 3
AGAIN = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """
    What was seen of one property.

    Attributes:
        holds: Whether it held; None when the framework offers no such operation.

        said: What was seen, in a few words.
    """

    holds: bool | None
    said: str


def prefix_continuation(rig: Rig) -> Finding:
    """After a death, the next run goes on behind what was done, and adds the rest."""
    seen = [_continues(rig, place) for place in PLACES]
    wrong = [said for said in seen if said != "goes on"]
    return Finding(not wrong, wrong[0] if wrong else "goes on")


def _continues(rig: Rig, place: int) -> str:
    """Where the next run begins, after a death inside the effect at *place*."""
    names = [step.name for step in rig.scenario.effects]
    asked = _resumed(rig, f"effect.inside:{place}")["asked"]
    if asked in (names[place - 1 :], names[place:]):
        return "goes on"
    if asked[:1] == names[:1]:
        return "begins again"
    return f"asks for {len(asked)} of the {len(names) - place + 1} effects left"


def checkpoint_validity(rig: Rig) -> Finding:
    """
    Killed in the middle of writing a file, it can load what is there, and goes on.

    The operating system ends the process as soon as a file of its own would grow past
    a size. Half of a record is on the disk then.
    """
    rows = [row for size in SIZES if (row := _torn(rig, size))] or _cut_off(rig)
    if not rows:
        return Finding(None, "writes no file of its own")
    bad = [row.outcome for row in rows if not row.survived]
    said = f"{len(rows) - len(bad)} of {len(rows)} torn writes"
    return Finding(not bad, f"{said}; {bad[0]}" if bad else said)


def _torn(rig: Rig, size: int) -> Row | None:
    """What came of a run torn at *size*, or None when no file grew so large."""
    task_id = rig.new_task()
    url = rig.url(task_id)
    give_orders(task_id, torn_at=size)
    if rig.run(task_id, url).status >= 0:
        return None
    give_orders(task_id)
    return rig.judged("torn", "a write", task_id, url)


def _cut_off(rig: Rig) -> list[Row]:
    """
    What came of deaths inside writes that go past the fuse: those of our own stores.

    So a database on a server is tried, too, which writes its files elsewhere.
    """
    points = [point for point in rig.rehearse() if point.startswith("write.inside")]
    return [rig.row(point, "a write") for point in points[:: len(SIZES)]]


def recovery_determinism(rig: Rig) -> Finding:
    """The same death, three times: the same run afterwards, and the same effects."""
    for point in ("effect.before:6", "effect.inside:4"):
        seen = [_resumed(rig, point) for _ in range(AGAIN)]
        kinds = len({repr(one) for one in seen})
        if kinds > 1:
            return Finding(False, f"{kinds} different recoveries of {AGAIN}")
    return Finding(True, "the same each time")


def _resumed(rig: Rig, point: str) -> dict[str, Any]:
    """Kill at *point*, run again, and say what the second run asked for and left."""
    task_id = rig.new_task()
    url = rig.url(task_id)
    rig.kill(Point.read(point), task_id, url)
    report = rig.run(task_id, url).report
    return {
        "asked": report.get("reached", {}).get("effect", []),
        "completed": report.get("completed", False),
        "counted": {e.step: e.count for e in rig.world.ledger(task_id)},
    }


def consume_once(rig: Rig, rivals: Sequence[Rig]) -> Finding:
    """Of some processes that resume one run at the same instant, one goes on."""
    most = max(_race(rig, rivals) for _ in range(AGAIN))
    if most == 1:
        return Finding(True, f"one of {len(rivals)} goes on")
    return Finding(False, f"one effect {most} times, of {len(rivals)}")


def _race(rig: Rig, rivals: Sequence[Rig]) -> int:
    """How often the most frequent effect happened, when all *rivals* resume one run."""
    task_id = rig.new_task()
    url = rig.url(task_id)
    rig.kill(Point.read("effect.before:4"), task_id, url)
    with tempfile.TemporaryDirectory(dir=home()) as folder:
        give_orders(task_id, keyed=False, meet_in=folder, rivals=len(rivals))
        with ThreadPoolExecutor(len(rivals)) as pool:
            list(pool.map(lambda rival: rival.run(task_id, url), rivals))
    return max(entry.count for entry in rig.world.ledger(task_id))


def findings(
    contender: Contender, only: Collection[str] = PROPERTIES
) -> Iterator[tuple[str, Finding]]:
    """
    Each property that is seen by deaths and races, one after another.

    Args:
        contender: The row.

        only: Some of `PROPERTIES`.

    Raises:
        LabError, KillMissed: As `crash_matrix`.
    """
    with contextlib.ExitStack() as rigs:
        rig = rigs.enter_context(_rig(contender, contender.store))
        for name in only:
            if name == "consume once":
                more = [_rig(contender, None) for _ in range(RIVALS - 1)]
                rivals = [rig, *map(rigs.enter_context, more)]
                yield name, consume_once(rig, rivals)
            else:
                # Where timing decides, what is seen once may not be so the next time.
                seen = (_SEEN[name](rig) for _ in range(contender.tries))
                yield name, min(seen, key=lambda one: one.holds is not False)


def _rig(contender: Contender, store: str | None) -> Rig:
    """A rig whose runs follow their orders."""
    return Rig(Strained(contender), "deploy", store, limit=RUN_SECONDS)


_SEEN: dict[str, Callable[[Rig], Finding]] = {
    "prefix continuation": prefix_continuation,
    "checkpoint validity": checkpoint_validity,
    "recovery determinism": recovery_determinism,
}
