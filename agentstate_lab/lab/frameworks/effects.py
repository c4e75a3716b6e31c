"""
The first table: what the world counted of a row's effects, over 24 deaths.

A kill point can do two kinds of harm at once (one effect twice, another never), so the
columns do not add up to 24.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from agentstate_lab.lab.crash import POINTS, Matrix, crash_matrix

from .contender import Contender

RUN_SECONDS = 60.0  # for one run; it takes a tenth of a second on a quiet machine


@dataclass(frozen=True, slots=True)
class Effects:
    """
    At how many kill points what was counted.

    Attributes:
        points: How many were tried.

        once: Each effect once, and the task completed.

        twice: Some effect more than once.

        never: Some effect not at all, and nobody was asked.

        false: The second run said that it is done, and it is not.

        stuck: The second run did not get to an end.

        waits: A person is asked, and nothing happened twice.

        worst: The first point that was not once, to reproduce it; or "".

        outcome: What happened there.
    """

    points: int
    once: int
    twice: int
    never: int
    false: int
    stuck: int
    waits: int
    worst: str = ""
    outcome: str = ""

    @classmethod
    def of(cls, matrix: Matrix) -> "Effects":
        """The counts of one matrix."""
        rows = matrix.rows
        lost = [r for r in rows if 0 in r.effects.values() and not r.waits]
        red = next((row for row in rows if not (row.survived or row.waits)), None)
        return cls(
            points=len(rows),
            once=matrix.survived,
            twice=sum(max(r.effects.values(), default=0) > 1 for r in rows),
            never=len(lost),
            false=sum(row.completed for row in lost),
            stuck=sum(not (row.completed or row.waits) for row in rows),
            waits=matrix.waiting,
            worst=red.point if red else "",
            outcome=red.outcome if red else "",
        )


def effects_of(
    contender: Contender,
    *,
    keyed: bool,
    points: Sequence[str] = POINTS,
) -> list[Effects]:
    """
    The counts of *contender*, as often as its timing asks for.

    Args:
        contender: The row.

        keyed: Whether each effect carries a key made of task and step.

        points: Where it is killed.

    Raises:
        LabError, KillMissed: As `crash_matrix`.
    """
    return [
        Effects.of(
            crash_matrix(
                contender.agent(keyed=keyed),
                store=contender.store,
                points=points,
                limit=RUN_SECONDS,
            )
        )
        for _ in range(contender.tries)
    ]
