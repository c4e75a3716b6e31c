"""
The result of the cube, for people (a page of tables) and for programs (JSON).

The counts of the cube are the same on every machine. The counts of the random kills
are in part chance, and the times are this machine's; the page says which is which.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agentstate_lab.lab.show import markdown

from .cube import Cell
from .random_kills import Toll
from .resumes import KILLED_AFTER, Resumed


@dataclass(frozen=True, slots=True)
class Result:
    """
    All that was done.

    Attributes:
        cells: The matrices.

        tolls: The kills at random instants, by store.

        seed: What the instants were drawn from.

        resumes: How long killed runs took until they went on, by store.

        broken: What could not be tried, and why.
    """

    cells: Sequence[Cell]
    tolls: Sequence[Toll]
    seed: int
    resumes: Sequence[Resumed]
    broken: Sequence[str] = ()

    @property
    def passed(self) -> bool:
        """Nothing lost, nothing twice where it must not be, and all of it tried."""
        parts = [cell.passed for cell in self.cells]
        parts += [toll.passed for toll in self.tolls]
        parts += [resume.passed for resume in self.resumes]
        return bool(parts) and all(parts) and not self.broken

    @property
    def verdict(self) -> str:
        """One line."""
        matrices = [cell.matrix for cell in self.cells]
        kills = sum(toll.kills for toll in self.tolls)
        return (
            f"{sum(one.total for one in matrices)} deaths at named points:"
            f" {sum(one.survived for one in matrices)} with each effect once,"
            f" {sum(one.waiting for one in matrices)} wait for a person,"
            f" {sum(len(cell.twice) for cell in self.cells)} repeat what was declared"
            f" safe to repeat, {sum(len(cell.harm) for cell in self.cells)} did harm;"
            f" {kills} kills at random instants:"
            f" {sum(len(toll.harm) for toll in self.tolls)} did harm"
            + (f", {len(self.broken)} tables could not be made" if self.broken else "")
        )

    def to_json(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {
            "verdict": self.verdict,
            "passed": self.passed,
            "cube": [cell.to_json() for cell in self.cells],
            "random": {
                "seed": self.seed,
                "stores": [toll.to_json() for toll in self.tolls],
            },
            "resume": [resume.to_json() for resume in self.resumes],
            "broken": list(self.broken),
        }

    def __str__(self) -> str:
        parts = [HEAD.format(verdict=self.verdict), *self._cube()]
        if self.tolls:
            parts.append(self._random())
        if self.resumes:
            parts.append(self._resume())
        return "\n\n".join(parts) + "\n"

    def _cube(self) -> list[str]:
        """One table for each case: stores by strategies."""
        cases = list(dict.fromkeys(cell.case for cell in self.cells))
        return [
            f"## {case.name[0].upper()}{case.name[1:]}\n\n"
            + f"Scenario `{case.scenario}`, {case.signal}.\n\n"
            + _pivot([cell for cell in self.cells if cell.case == case])
            for case in cases
        ]

    def _random(self) -> str:
        rows = [
            (
                toll.store,
                toll.kills,
                len(toll.rows),
                sum(row.survived for row in toll.rows),
                len(toll.harm),
                toll.unrecorded,
                f"{min(toll.seen)} to {max(toll.seen)}",
            )
            for toll in self.tolls
        ]
        return RANDOM.format(seed=self.seed) + markdown(RANDOM_HEAD, rows)

    def _resume(self) -> str:
        rows = [
            (
                r.store,
                r.state,
                f"{r.again:.2f} s",
                f"{r.fresh:.2f} s",
                f"{r.rest:.2f} s",
                "yes" if r.once else "NO",
            )
            for r in self.resumes
        ]
        return RESUME + markdown(RESUME_HEAD, rows)


HEAD = """\
# Killed everywhere

**{verdict}.**

Written by `make cube`; the same as JSON, with every point that did not end with each
effect once, is in [`cube.json`](cube.json).

Each death is that of a fresh process, proved dead (it was waited for, and its status
names the signal). Then another process runs the task again, and the world's ledger
counts. A cell says at how many kill points each effect happened **once** and the task
was completed, at how many it **waits** for a person with no effect twice, and at how
many one effect happened **twice**. The counts of these tables are the same on every
machine. PostgreSQL repeats at one point fewer: there a write is one statement, so a
death inside it comes after the commit and before the answer."""

RANDOM = """\
## Killed at random instants

SIGKILL from outside, after a random part of a run of `deploy`, up to three times for
one task; in all strategies. The parts come from seed {seed}; what a process was doing
then is chance, so only the column *harm* must be the same elsewhere.

"""
RANDOM_HEAD = (
    "store",
    "kills",
    "tasks",
    "once",
    "harm",
    "killed between an effect and its record",
    "effects at the kill",
)

RESUME = f"""\
## Killed and started again

`python -m agentstate_lab run deploy` with SIGKILL after its {KILLED_AFTER}th step, and
the same command again. The claim of the dead process stands, and no lease is waited
for: a new task's first step, which has no claim to look at, takes as long. Medians of
a few tries, on a machine that had more to do; the seconds compare with each other only.

"""
RESUME_HEAD = (
    "store",
    "what the dead left",
    "until it has the task",
    "a new task's first step",
    "until it is completed",
    "each effect once",
)


def _pivot(cells: Sequence[Cell]) -> str:
    """Stores down, strategies across."""
    strategies = list(dict.fromkeys(cell.strategy for cell in cells))
    stores = list(dict.fromkeys(cell.store for cell in cells))
    said = {(cell.store, cell.strategy): str(cell) for cell in cells}
    rows = [
        (store, *(said.get((store, strategy), "") for strategy in strategies))
        for store in stores
    ]
    return markdown(("store", *(f"`{strategy}`" for strategy in strategies)), rows)
