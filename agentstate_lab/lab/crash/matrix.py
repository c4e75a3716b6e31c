"""
The crash matrix as a table: where it was killed, and what the world counted.

A row of the table is one effect or one write of the run; its three cells are the
deaths before, inside and after it. A cell says in words what was counted after
the second run: "once" when every effect happened one time and the task is done,
"waits for a person" when nothing happened twice and somebody has to say whether it
happened at all, else what went wrong. Colour repeats the words for those who see
it, and nothing depends on it.

This module counts nothing and kills nothing; `crash` does.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from agentstate_lab.lab.show import Cell, Table, Tabled, Tone, plural, times

from .signals import HARD

SURVIVED = "once"
WAITS = "waits for a person"
MOMENTS = ("before", "inside", "after")


@dataclass(frozen=True, slots=True)
class Row:
    """
    One kill point, and what it led to.

    Attributes:
        point: For example "effect.after:7".

        name: The step whose effect it was, or what the write was for.

        effects: How often each step's effect was counted, over both runs.

        outcome: In words: "once", or what went wrong.

        survived: Each effect once, and the task completed.

        waits: No effect twice, and a person has to say how one of them ended.

        completed: The second run said that the task is done, true or not.
    """

    point: str
    name: str
    effects: Mapping[str, int]
    outcome: str
    survived: bool
    waits: bool = False
    completed: bool = True

    @property
    def moment(self) -> str:
        """Before, inside or after."""
        return self.point.partition(".")[2].partition(":")[0]

    @property
    def place(self) -> str:
        """The effect or write, by ordinal and name: "effect 7: report"."""
        kind, _, ordinal = self.point.partition(":")
        return f"{kind.partition('.')[0]} {ordinal}: {self.name}"


@dataclass(frozen=True, slots=True, repr=False)
class Matrix(Tabled):
    """
    What became of an agent that was killed at each point and then run again.

    Attributes:
        agent: Its name.

        scenario: The job that it did.

        store: The kind of store that it was given.

        rows: One for each kill point.

        signal: How it was told to end.
    """

    agent: str
    scenario: str
    store: str
    rows: tuple[Row, ...]
    signal: str = HARD

    @property
    def survived(self) -> int:
        """At how many points the agent can be killed without harm."""
        return sum(row.survived for row in self.rows)

    @property
    def waiting(self) -> int:
        """At how many points it does no harm and needs a person to go on."""
        return sum(row.waits for row in self.rows)

    @property
    def total(self) -> int:
        """How many points were tried."""
        return len(self.rows)

    @property
    def verdict(self) -> str:
        """The one number of the course, as a sentence."""
        said = f"survives {self.survived} of {plural(self.total, 'kill point')}"
        return f"{said}, at {self.waiting} it {WAITS}" if self.waiting else said

    @property
    def title(self) -> str:
        """What was run, and the verdict."""
        writes = any(row.point.startswith("write") for row in self.rows)
        store = f", {self.store} store" if writes else ""
        how = "" if self.signal == HARD else f", by {self.signal}"
        return f"{self.agent} agent, {self.scenario}{store}{how}: {self.verdict}"

    def table(self) -> Table:
        """
        Every place and its three moments.

        The places where all is well are calm: a long table folds them.
        """
        places: dict[str, dict[str, Row]] = {}
        for row in self.rows:
            places.setdefault(row.place, {})[row.moment] = row
        lines = tuple(
            (place, *(_cell(cells.get(moment)) for moment in MOMENTS))
            for place, cells in places.items()
        )
        calm = [n for n, line in enumerate(lines) if {*line[1:]} <= {SURVIVED, ""}]
        return Table(self.title, ("killed at", *MOMENTS), lines, frozenset(calm))

    def to_json(self) -> dict[str, Any]:
        """Everything, as plain values for `json.dumps`."""
        return {
            "agent": self.agent,
            "scenario": self.scenario,
            "store": self.store,
            "signal": self.signal,
            "survived": self.survived,
            "waiting": self.waiting,
            "total": self.total,
            "verdict": self.verdict,
            "rows": [asdict(row) for row in self.rows],
        }


def _cell(row: Row | None) -> str:
    """What became of one point, in its colour; nothing where there is none."""
    if row is None:
        return ""
    tone: Tone = "good" if row.survived else "open" if row.waits else "harm"
    return Cell(row.outcome, tone=tone)


def judge(
    point: str,
    name: str,
    *,
    expected: Iterable[str],
    counted: Mapping[str, int],
    completed: bool,
    waiting: bool = False,
    ended: str = "",
) -> Row:
    """
    The row for *point*, from what the world counted.

    Args:
        point: Where the agent was killed.

        name: What happened there.

        expected: The steps that must have happened, each once.

        counted: How often each step happened.

        completed: Whether the second run said that the task is done.

        waiting: Whether it said that the task waits for a person.

        ended: How the second run ended, if it did not get through.

    >>> judge("effect.after:1", "a", expected="ab", counted={"a": 2, "b": 1},
    ...     completed=True).outcome
    '2 x a'
    """
    effects = dict.fromkeys(expected, 0) | dict(counted)
    if waiting and max(effects.values(), default=0) <= 1:
        return Row(point, name, effects, WAITS, False, waits=True, completed=False)
    wanted = set(expected)
    harm = {s: n for s, n in effects.items() if n != (1 if s in wanted else 0)}
    words = [_words(count, harm) for count in sorted(set(harm.values()), reverse=True)]
    if not completed:
        words.append(ended or "was not completed")
    outcome = ", ".join(words) or SURVIVED
    return Row(point, name, effects, outcome, not words, completed=completed)


def _words(count: int, harm: Mapping[str, int]) -> str:
    """The steps that happened *count* times: by name, or how many they are."""
    steps = [step for step, n in harm.items() if n == count]
    if len(steps) == 1:
        return f"{count} x {steps[0]}"
    return f"{len(steps)} effects {times(count)}"
