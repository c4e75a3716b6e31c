"""
What a check says: the verdict first, then each stage in terms of behaviour.

A stage that failed names three things: what was done to the answer, what was
expected of it, and what happened instead. It never quotes the check's own code,
since nobody can learn from `assert 2 == 1`.

The same report has two forms. The text is for terminals, logs and stored
outputs; it holds no path, time or process id, so that it is the same every time.
The table is for the notebook: every verdict is a word, and colour only repeats it.
"""

import html
import textwrap
from dataclasses import dataclass
from typing import Any

WIDTH = 76

TONES: dict[str, Any] = {"passed": "good", "failed": "harm", "open": ""}


@dataclass(frozen=True, slots=True)
class CaseReport:
    """
    One stage of an exercise and how the answer did.

    Attributes:
        name: The behaviour that the stage asks for.

        passed: Whether the answer showed it.

        done: What was done to the answer; empty when it passed.

        expected: What should have followed.

        happened: What followed instead.

        printed: The beginning of what the answer printed meanwhile.

        note: What a stage that passed wants to say.

        bonus: Whether the exercise counts as solved without it.
    """

    name: str = ""
    passed: bool = False
    done: str = ""
    expected: str = ""
    happened: str = ""
    printed: str = ""
    note: str = ""
    bonus: bool = False

    @property
    def message(self) -> str:
        """The failure in one line; empty for a stage that passed."""
        if self.passed:
            return ""
        return f"{self.done}; expected {self.expected}; {self.happened}"

    @property
    def verdict(self) -> str:
        """The verdict in one word; a bonus that is missing is no failure."""
        if self.passed:
            return "passed"
        return "open" if self.bonus else "failed"

    @property
    def title(self) -> str:
        """The behaviour, and whether it is asked for or a bonus."""
        return f"bonus: {self.name}" if self.bonus else self.name

    @property
    def text(self) -> str:
        """What there is to say, line by line."""
        return "\n".join(f"{label}: {text}" for label, text in self.lines())

    def lines(self) -> list[tuple[str, str]]:
        """What there is to say, label by label."""
        if self.passed:
            return [("note", self.note)] if self.note else []
        said = [
            ("done", self.done),
            ("expected", self.expected),
            ("happened", self.happened),
            ("printed", self.printed),
        ]
        return [(label, text) for label, text in said if text]


@dataclass(frozen=True, slots=True, repr=False)
class Report:
    """
    The outcome of one check.

    Attributes:
        number: The exercise's number, as in its file name.

        name: The exercise's name.

        cases: The stages that were tried; none for an untouched stub.

        total: How many stages count.

        started: False while the stub is as it was.

        todo: What to do next when nothing was started.

        note: What the learner should know besides.
    """

    number: str
    name: str
    cases: tuple[CaseReport, ...]
    total: int
    started: bool = True
    todo: str = ""
    note: str = ""

    @property
    def passed(self) -> bool:
        """Whether every stage that counts has passed."""
        return self.started and self._reached == self.total

    @property
    def score(self) -> str:
        """The stages passed, as "4 of 9"."""
        return f"{self._reached} of {self.total}"

    @property
    def verdict(self) -> str:
        """The whole outcome in one line."""
        title = f"exercise {self.number} {self.name}"
        if not self.started:
            return f"{title}: not started"
        bonus = [case for case in self.cases if case.bonus]
        extra = f", bonus {sum(case.passed for case in bonus)} of {len(bonus)}"
        won = "passed, " if self.passed else ""
        return f"{title}: {won}{self.score} stages{extra if bonus else ''}"

    @property
    def _reached(self) -> int:
        return sum(case.passed and not case.bonus for case in self.cases)

    def __str__(self) -> str:
        parts = [self.verdict]
        if self.todo:
            parts += ["", *textwrap.wrap(self.todo, WIDTH)]
        parts += [""] if self.cases else []
        for case in self.cases:
            parts += [f"  {case.verdict:<6}  {case.title}"]
            for label, text in case.lines():
                parts += _paragraph(label, text)
        if self.note:
            parts += ["", *textwrap.wrap(self.note, WIDTH)]
        return "\n".join(parts)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """The table that the notebook shows."""
        # Here, since the process that tries an answer shows nothing and starts often.
        from agentstate_lab.lab.show import Cell, Table

        if not self.cases:
            said = html.escape(self.todo)
            note = f"<p>{html.escape(self.note)}</p>" if self.note else ""
            return (
                f"<p><strong>{html.escape(self.verdict)}</strong><br>{said}</p>{note}"
            )
        rows = tuple(
            (case.title, Cell(case.verdict, tone=TONES[case.verdict]), case.text)
            for case in self.cases
        )
        head = ("Stage", "Verdict", "What happened")
        return Table(self.verdict, head, rows, note=self.note).html()


def _paragraph(label: str, text: str) -> list[str]:
    """A label and its text, wrapped under each other."""
    indent = " " * 20
    first = f"          {label + ':':<10}"
    wrapped: list[str] = []
    for line in text.splitlines() or [""]:
        start = indent if wrapped else first
        wrapped += textwrap.wrap(
            line, WIDTH, initial_indent=start, subsequent_indent=indent
        )
    return wrapped
