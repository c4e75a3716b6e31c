"""
What the learner sees of the progress: the table, a hint, what a reset did.

Each has a text form and, where it helps, one for the notebook; both say everything
in words. Nothing is counted or kept here; `progress` does that.
"""

import textwrap
from dataclasses import dataclass
from html import escape
from pathlib import Path

from agentstate_lab.lab.exercises import Exercise
from agentstate_lab.lab.exercises.judge import WIDTH
from agentstate_lab.lab.home import repository_root
from agentstate_lab.lab.show import Shown, Table, Tabled

HEADS = ("exercise", "status", "best score", "attempts", "hints")


@dataclass(frozen=True, slots=True)
class Row:
    """
    What is known about one exercise.

    Attributes:
        exercise: Which one.

        attempts: How often a check was tried with something written.

        best: The most stages that passed at once.

        total: How many stages there were then.

        hints: How many of its hints were read.

        passed: Whether it has ever passed.
    """

    exercise: Exercise
    attempts: int = 0
    best: int = 0
    total: int = 0
    hints: int = 0
    passed: bool = False

    @property
    def status(self) -> str:
        """Where the learner stands, in a word or two."""
        if self.passed:
            return "passed"
        return "tried" if self.attempts else "not started"

    @property
    def score(self) -> str:
        """The best score, as "4 of 9"."""
        return f"{self.best} of {self.total}" if self.attempts else "-"


@dataclass(frozen=True, slots=True)
class Guesses:
    """
    What became of the learner's predictions.

    Attributes:
        kept: How many were made.

        judged: How many of them have met their outcome.

        right: How many of those were right.
    """

    kept: int = 0
    judged: int = 0
    right: int = 0

    def __str__(self) -> str:
        if not self.kept:
            return "predictions: none yet; a wrong one teaches as much as a right one"
        open_ones = self.kept - self.judged
        waiting = f", {open_ones} waiting for their outcome" if open_ones else ""
        return f"predictions: {self.right} of {self.judged} right{waiting}"


@dataclass(frozen=True, slots=True, repr=False)
class Progress(Tabled):
    """
    All exercises with what the learner did, as text and as a table.

    Attributes:
        rows: One for each exercise, in order.

        guesses: What became of the predictions.
    """

    rows: tuple[Row, ...]
    guesses: Guesses = Guesses()

    @property
    def passed(self) -> frozenset[str]:
        """The names of the exercises that have passed."""
        return frozenset(row.exercise.name for row in self.rows if row.passed)

    def table(self) -> Table:
        """A line for each exercise, under how many have passed."""
        rows = [
            (
                f"{row.exercise.number} {row.exercise.name}",
                row.status,
                row.score,
                str(row.attempts),
                str(row.hints),
            )
            for row in self.rows
        ]
        title = f"exercises passed: {len(self.passed)} of {len(self.rows)}"
        return Table(title, HEADS, tuple(rows), note=str(self.guesses))


@dataclass(frozen=True, slots=True, repr=False)
class Hint(Shown):
    """
    One step of the ladder: a nudge, then the place, then the shape.

    Attributes:
        number: Which step, from 1.

        total: How many there are.

        text: What it says.
    """

    number: int
    total: int
    text: str

    def __str__(self) -> str:
        return textwrap.fill(f"hint {self.number} of {self.total}: {self.text}", WIDTH)

    def html(self) -> str:
        """The paragraph that the notebook shows."""
        return (
            f"<p><strong>hint {self.number} of {self.total}:</strong>"
            f" {escape(self.text)}</p>"
        )


@dataclass(frozen=True, slots=True, repr=False)
class Reset:
    """
    What `reset` did.

    Attributes:
        stub: The notebook, untouched again.

        kept: Where the learner's version is now, or None when there was none.

        exercises: The names of the exercises that are in it.
    """

    stub: Path
    kept: Path | None
    exercises: tuple[str, ...] = ()

    def __str__(self) -> str:
        name = _place(self.stub)
        if self.kept is None:
            return f"{name} is untouched; there was nothing to keep"
        both = f", with {' and '.join(self.exercises)}" if self.exercises[1:] else ""
        return (
            f"{name} is untouched again{both}; your version is kept as"
            f" {_place(self.kept)}. In JupyterLab, choose File > Reload Notebook from"
            " Disk"
        )

    __repr__ = __str__


def _place(path: Path) -> str:
    """Where *path* is, seen from the repository if it is in there."""
    root = repository_root()
    inside = root is not None and path.is_relative_to(root)
    return path.relative_to(root).as_posix() if root and inside else str(path)
