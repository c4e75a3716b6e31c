"""
The stages of exercise 10 in which the agent dies: at every effect, at every write.

Each group of moments is a stage. A first run without a death finds how many there
are; then the process is killed at each of them in turn, proved dead, and the agent is
run again in a new one. A stage passes when every moment is survived, and says how many
were, so a report holds the number of the course: survives n of N. A moment that a run
did not come to, because it wrote less than the first one, does not count.

Effects are few, and each is tried. Of the writes each is tried *before*: there the
file holds all that a death between two writes can leave. In the middle and after, a
few show that this is so; `crash_matrix` tries them all.
"""

import re
from collections.abc import Iterable

from agentstate_lab.lab.crash import Point

from ..judge import LATE, CaseReport, Stage, Subject, Unmet, doing, require, stage
from .scene import rehearsed, trying

# So many are tried at most, from the first to the last.
MOST = {"before": 16, "inside": 3, "after": 3}
SHOWN = 2

MOMENTS = {
    ("effect", "before"): "before an effect",
    ("effect", "inside"): "when an effect has happened and the reply is on its way",
    ("effect", "after"): "when the reply has come, before it does anything else",
    ("write", "before"): "before a write to the store",
    ("write", "inside"): "in the middle of a write to the store",
    ("write", "after"): "after a write to the store, before it does anything else",
}
_SCORE = re.compile(r"survives (\d+) of (\d+)\b")


def killed(kind: str, moment: str) -> Stage:
    """The stage in which the agent is killed at each moment of this kind."""
    where = MOMENTS[kind, moment]

    @stage(f"survives a kill {where}")
    def survives(answer: Subject) -> str:
        with doing(
            f"killed the process {where}, and ran the agent again in a new one",
            "each effect once in the ledger, and the task completed",
        ):
            ordinals = tried(rehearsed(answer)[kind], MOST[moment])
            came = {n: _after(answer, Point(kind, moment, n)) for n in ordinals}
            died = {n: words for n, words in came.items() if words is not None}
            harm = {n: words for n, words in died.items() if words}
            score = f"survives {len(died) - len(harm)} of {len(died)}"
            require(not harm, f"{score}: {_listed(kind, harm)}")
            return score

    return survives


def tried(count: int, most: int) -> list[int]:
    """
    The ordinals to kill at: all of them, or *most*, from the first to the last.

    >>> tried(4, 8), tried(9, 3)
    ([1, 2, 3, 4], [1, 5, 9])
    """
    if count <= most:
        return list(range(1, count + 1))
    return [1 + round(n * (count - 1) / (most - 1)) for n in range(most)]


def _after(answer: Subject, point: Point) -> str | None:
    """Kill at *point*, run again: what is wrong then, in words; None: never there."""
    where = MOMENTS[point.kind, point.moment]
    with trying(
        answer,
        f"killed the process {where} (number {point.ordinal}), and ran the agent"
        " again in a new one",
        "an end of that run, with the task completed",
    ) as scene:
        try:
            first = scene.run(point=str(point))
            scene.is_done_by(scene.run() if first.killed else first)
            return "" if first.killed else None
        except Unmet as unmet:
            if unmet.happened == LATE:  # so it would be at every other moment
                raise
            return unmet.happened


def _listed(kind: str, harm: dict[int, str]) -> str:
    """The first few moments that it did not survive."""
    said = [f"at {kind} {n}, {words}" for n, words in list(harm.items())[:SHOWN]]
    more = f"; and {len(harm) - SHOWN} more" if len(harm) > SHOWN else ""
    return "; ".join(said) + more


def survived(cases: Iterable[CaseReport]) -> str:
    """
    The number of the course, from what the stages say; empty when one is missing.

    >>> survived([CaseReport("in", True, note="survives 2 of 2"),
    ...           CaseReport("at", False, happened="survives 0 of 10: it ...")])
    'Your agent survives 2 of 12 kill points.'
    """
    scores = [_SCORE.match(one.note or one.happened) for one in cases]
    found = [(int(one[1]), int(one[2])) for one in scores if one]
    if not found:
        return ""
    lived, all_ = (sum(column) for column in zip(*found, strict=True))
    return f"Your agent survives {lived} of {all_} kill points."


KILLS = tuple(killed(kind, moment) for kind, moment in MOMENTS)
