"""
What notebook 00 shows of a job: its steps, and what the world counted of them.

`counted` asks the ledger and not the agent: an agent that died cannot tell what it
did. A count is a picture of one moment, so two of them, one before and one after a
second run, say which run did what.

Everything is said in words first, as plain text and as a table for the notebook;
colour repeats the words for those who see it. Nothing here runs an agent or
changes the ledger.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from agentstate_lab.lab.world import Scenario, Step, scenario_named, start_world

from .words import times

_TABLE = "border-collapse:collapse;color:var(--jp-content-font-color1,inherit);"
_CAPTION = "text-align:left;color:inherit;padding:.4em 0;"
_CELL = (
    "padding:2px 10px;text-align:left;border:1px solid var(--jp-border-color2,#8888);"
)
# Both colours of the pair are given, so that it reads in a light and a dark theme.
_HARM = _CELL + "background-color:#f6d5d5;color:#5c0f0f;"


@dataclass(frozen=True, slots=True)
class Table:
    """
    Rows of words under a caption, as plain text and as HTML.

    Attributes:
        caption: What the table says, in one line.

        head: The titles of the columns.

        rows: The cells, row by row.

        harm: The numbers of the rows that show harm, from 0.
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    harm: frozenset[int] = frozenset()

    def __str__(self) -> str:
        lines = [self.head, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        text = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]
        return "\n".join([self.caption, "", *text])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        heads = "".join(
            f'<th scope="col" style="{_CELL}">{escape(title)}</th>'
            for title in self.head
        )
        body = "\n".join(
            _html_row(row, _HARM if number in self.harm else _CELL)
            for number, row in enumerate(self.rows)
        )
        return (
            f'<table style="{_TABLE}">\n<caption style="{_CAPTION}">'
            f"{escape(self.caption)}</caption>\n<thead><tr>{heads}</tr></thead>\n"
            f"<tbody>\n{body}\n</tbody>\n</table>"
        )


def _html_row(row: tuple[str, ...], style: str) -> str:
    """One row; its first cell names it, its last one carries the verdict."""
    first, *middle, last = row
    return (
        f'<tr><th scope="row" style="{_CELL}">{escape(first)}</th>'
        + "".join(f'<td style="{_CELL}">{escape(cell)}</td>' for cell in middle)
        + f'<td style="{style}">{escape(last)}</td></tr>'
    )


def steps(scenario: str = "deploy") -> Table:
    """The steps of a job, minute by minute, and what each one changes."""
    job = scenario_named(scenario)
    return Table(
        f"{job.goal} {len(job.steps)} steps, {len(job.effects)} effects",
        ("minute", "step", "the model calls", "changes"),
        tuple(
            (str(step.minute), step.name, _call(step), step.effect or "nothing")
            for step in job.steps
        ),
    )


def _call(step: Step) -> str:
    """The tool call, as one would write it."""
    return f"{step.tool}({', '.join(map(str, step.arguments.values()))})"


@dataclass(frozen=True, slots=True, repr=False)
class Counted:
    """
    What the world had counted for one task at one moment.

    Attributes:
        task_id: The task.

        scenario: The job that it is about.

        counts: How often each step's effect had happened, in the order of the
            first time.
    """

    task_id: str
    scenario: Scenario
    counts: Mapping[str, int]

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps whose effect had happened."""
        return tuple(self.counts)

    @property
    def total(self) -> int:
        """How many effects had happened, repeats and all."""
        return sum(self.counts.values())

    @property
    def repeats(self) -> int:
        """How many of them had happened before."""
        return self.total - len(self.counts)

    @property
    def missing(self) -> int:
        """How many effects of the job had not happened yet."""
        return sum(step.name not in self.counts for step in self.scenario.effects)

    @property
    def verdict(self) -> str:
        """The count as a sentence."""
        if not self.total:
            return "no effect yet"
        if self.repeats:
            also = f"; {self.missing} still to come" if self.missing else ""
            return f"{self.total} effects, {self.repeats} of them repeats{also}"
        if self.missing:
            return (
                f"{self.total} of {self.total + self.missing} effects so far, each once"
            )
        return f"{self.total} effects, each once"

    def table(self) -> Table:
        """Every effect of the job, and how often it had happened."""
        named = {step.name: step.effect or "" for step in self.scenario.effects}
        names = list(dict.fromkeys((*named, *self.counts)))
        counts = [self.counts.get(name, 0) for name in names]
        return Table(
            self.verdict,
            ("step", "service", "happened"),
            tuple(
                (name, named.get(name, ""), times(count))
                for name, count in zip(names, counts, strict=True)
            ),
            frozenset(row for row, count in enumerate(counts) if count > 1),
        )

    def __str__(self) -> str:
        return str(self.table())

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()


def counted(task_id: str, scenario: str = "deploy") -> Counted:
    """What the world's ledger says of *task_id* now."""
    counts: dict[str, int] = {}
    for entry in start_world().ledger(task_id):
        counts[entry.step] = counts.get(entry.step, 0) + entry.count
    return Counted(task_id, scenario_named(scenario), counts)


def compare(my_count: object, ledger: Counted) -> str:
    """
    Hold the learner's count of repeats against the ledger, without giving it away.

    Args:
        my_count: How many effects the learner takes for repeats; None for no
            guess yet.

        ledger: What the world counted.
    """
    if my_count is None:
        return "No count yet: put your number in the place of None, and run again."
    if not isinstance(my_count, int) or isinstance(my_count, bool) or my_count < 0:
        return f"{my_count!r:.60} is no count: write a whole number, such as 0 or 3."
    if not ledger.total:
        return "Nothing has happened under this task id yet: run the agent first."
    if my_count == ledger.repeats:
        return f"You said {my_count}, and so does the ledger: {ledger.verdict}."
    return (
        f"You said {my_count}, and the ledger says otherwise.\n"
        "Count the effects of each run by its lines, then see which came again."
    )
