"""
The whole cube of the crash lab: every kill point, on every store, in every strategy.

    make cube      about a quarter of an hour; the result is kept in `benchmarks/`

A matrix answers for one agent on one store. Here the same questions are asked of all
of them, in five cases: receivers that honour a key, receivers that honour none (with
the two things one can do then), and the two polite deaths. Beside the cube stand 200
kills at random instants (`random_kills`), since a named point is a moment that
somebody has thought of, and the time until a killed run goes on (`resumes`).

A case says what may be seen in it. Everything else is harm, and harm is an exit
status of 1. So is a case that shows none of what it is about: a table in which
nothing was at stake proves nothing.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from agentstate_lab.checkpoint import CheckpointStrategy
from agentstate_lab.lab.agents import Job
from agentstate_lab.lab.show import with_options
from agentstate_lab.lab.world import TOOLS

from ..crash import crash_matrix
from ..matrix import Matrix, Row
from ..signals import HARD

STORES = ("json", "sqlite", "postgresql")
STRATEGIES = tuple(str(strategy) for strategy in CheckpointStrategy)

May = Literal["once", "wait", "repeat"]

_TWICE = re.compile(r"2 x \S+")
# Between the record of an intent and that of its result nobody knows.
_UNKNOWN = re.compile(r"effect|write\S+ (started|done):")


@dataclass(frozen=True, slots=True)
class Case:
    """
    What the agent is up against, and what may come of it.

    Attributes:
        name: In words.

        scenario: The job.

        may: What a point may lead to beside "once": nothing else, that a person is
            asked, or that the one step in question happens twice.

        signal: How the victims end.
    """

    name: str
    scenario: str
    may: May = "once"
    signal: str = HARD

    def agent(self, strategy: str) -> Callable[[Job], Any]:
        """The durable agent for this case."""
        options: dict[str, Any] = {}
        if self.may != "once":
            options["keyless"] = frozenset(
                t.name for t in TOOLS.values() if not t.only_looks
            )
            options["if_unknown"] = self.may
        return with_options("durable", strategy=strategy, **options)

    def allows(self, row: Row) -> bool:
        """Whether *row* is what this case may lead to."""
        if self.may == "repeat" and _TWICE.fullmatch(row.outcome):
            return True
        if self.may == "wait" and row.waits:
            return bool(_UNKNOWN.match(f"{row.point} {row.name}"))
        return row.survived


CASES = (
    Case("the receiver honours the key", "deploy"),
    Case("no key: an unknown outcome waits for a person", "disk", may="wait"),
    Case("no key: declared safe to repeat", "disk", may="repeat"),
    Case("the receiver honours the key; SIGTERM", "disk", signal="SIGTERM"),
    Case("the receiver honours the key; SIGINT", "disk", signal="SIGINT"),
)


@dataclass(frozen=True, slots=True)
class Cell:
    """
    One matrix of the cube, counted.

    Attributes:
        case: What it was up against.

        store: The kind of store.

        strategy: When snapshots were taken.

        matrix: All of it.
    """

    case: Case
    store: str
    strategy: str
    matrix: Matrix

    @property
    def twice(self) -> list[Row]:
        """The rows in which an effect happened more than once."""
        return [r for r in self.matrix.rows if max(r.effects.values(), default=0) > 1]

    @property
    def harm(self) -> list[Row]:
        """The rows that the case does not allow."""
        return [row for row in self.matrix.rows if not self.case.allows(row)]

    @property
    def idle(self) -> bool:
        """Whether the case is about something that no row shows."""
        shown: Mapping[May, Sequence[Row]] = {
            "once": self.matrix.rows,
            "wait": [row for row in self.matrix.rows if row.waits],
            "repeat": self.twice,
        }
        return not shown[self.case.may]

    @property
    def passed(self) -> bool:
        """No harm, and something at stake."""
        return not self.harm and not self.idle

    def __str__(self) -> str:
        counts = {
            "once": self.matrix.survived,
            "wait": self.matrix.waiting,
            "twice": len(self.twice),
            "HARM": len(self.harm),
        }
        said = [f"{count} {word}" for word, count in counts.items() if count]
        return ", ".join(said) or "no points"

    def to_json(self) -> dict[str, Any]:
        """The counts, and every point that did not end with each effect once."""
        return {
            "case": self.case.name,
            "scenario": self.case.scenario,
            "signal": self.case.signal,
            "store": self.store,
            "strategy": self.strategy,
            "points": self.matrix.total,
            "once": self.matrix.survived,
            "waiting": self.matrix.waiting,
            "twice": len(self.twice),
            "harm": len(self.harm),
            "not_once": {
                row.point: f"{row.name}: {row.outcome}"
                for row in self.matrix.rows
                if not row.survived
            },
        }


def tried(
    case: Case, store: str, strategy: str, *, points: Sequence[str] | None = None
) -> Cell:
    """
    One matrix of the cube.

    Args:
        case: What the agent is up against.

        store: The kind of store.

        strategy: When snapshots are taken.

        points: Only these kill points; by default, all that a run reaches.

    Raises:
        LabError, KillMissed: As `crash_matrix`.
    """
    matrix = crash_matrix(
        case.agent(strategy),
        scenario=case.scenario,
        store=store,
        points=points,
        signal=case.signal,
    )
    return Cell(case, store, strategy, matrix)
