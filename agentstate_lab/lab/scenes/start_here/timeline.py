"""
Two runs of one job as a picture: what the second one did again.

It is drawn from two counts of the ledger, one taken after the first run died and
one after the second run ended, and not from what an agent said. A step of the
first run is a bar at its minute; the second run begins where the first one ended.

It shows a job whose steps run in order, one a minute, and two runs of it. Nothing
is measured: the minutes are those of the story.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.show import (
    GOOD,
    HARM,
    INK,
    NEUTRAL,
    Counted,
    canvas,
    figure,
    name_rows,
    times,
)
from agentstate_lab.lab.world import Step

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {"done": GOOD, "again": HARM, "looks": NEUTRAL}
GAP = 2.6  # minutes between the two runs in the picture

WORD: dict[str, Any] = {"ha": "right", "va": "center", "fontsize": 8}
PLAIN: dict[str, Any] = {"va": "center", "fontsize": 10}
BOLD: dict[str, Any] = {**PLAIN, "fontweight": "bold"}


@dataclass(frozen=True, slots=True)
class Bar:
    """
    One step in one run.

    Attributes:
        row: The place of the step in the job, from 0.

        start: The minute at which it begins, over both runs.

        word: "done", "again", or "looks" for a step without an effect.
    """

    row: int
    start: float
    word: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """
    Two runs of a job, the first of which was killed.

    Attributes:
        before: What the world had counted when the first run was dead.

        after: What it had counted when the second run had ended.
    """

    before: Counted
    after: Counted

    @property
    def died(self) -> int:
        """The minute of the last effect of the first run."""
        return max(s.minute for s in self._steps if s.name in self.before.counts)

    @property
    def again(self) -> tuple[str, ...]:
        """The steps whose effect both runs had."""
        return tuple(step for step in self.before.counts if self._second(step))

    @property
    def verdict(self) -> str:
        """The number that the picture shows."""
        return (
            f"killed at minute {self.died}, run again: {len(self.again)} of"
            f" {len(self.after.scenario.effects)} effects happened twice"
        )

    def bars(self) -> list[Bar]:
        """Every step of both runs, in order."""
        first = [
            Bar(row, step.minute - 1, "done" if step.effect else "looks")
            for row, step in enumerate(self._steps)
            if step.minute <= self.died
        ]
        start = self.died + GAP
        second = [
            Bar(row, start + step.minute - 1, self._word(step))
            for row, step in enumerate(self._steps)
            if not step.effect or self._second(step.name)
        ]
        return first + second

    @property
    def _steps(self) -> tuple[Step, ...]:
        return self.after.scenario.steps

    def _second(self, step: str) -> int:
        """How often the second run did *step*."""
        return self.after.counts.get(step, 0) - self.before.counts.get(step, 0)

    def _word(self, step: Step) -> str:
        if not step.effect:
            return "looks"
        return "again" if step.name in self.before.counts else "done"


def timeline(before: Counted, after: Counted) -> None:
    """
    Show what a run did that was killed, and what the next one did again.

    Args:
        before: What the world had counted when the first run was dead.

        after: What it had counted when the second run had ended.

    Raises:
        InvalidValue: The two counts are not of one task, or nothing was counted.
    """
    if before.task_id != after.task_id or not before.total:
        raise InvalidValue(
            "timeline",
            "needs two counts of one task: one from after the kill, with at least"
            " one effect, and one from after the second run",
        )
    shown = Timeline(before, after)
    names = ", ".join(shown.again) or "nothing"
    figure(
        _drawn(shown),
        alt=(
            "The steps as rows, time to the right: a first run up to the kill, then"
            f" a second run of the same task from the top. Done again: {names}."
        ),
        number=shown.verdict,
    )


def _drawn(shown: Timeline) -> "Figure":
    """The picture: bars for both runs, the kill between them, the counts beside."""
    steps = shown.after.scenario.steps
    second = shown.died + GAP
    end = second + len(steps) + 1
    fig, axes = canvas(9.2, 4.0)
    for bar in shown.bars():
        axes.barh(bar.row, 0.94, left=bar.start, color=COLOURS[bar.word])
        axes.text(bar.start - 0.12, bar.row, bar.word, **WORD)
    axes.axvline(shown.died + 0.1, color=INK, linewidth=1.5, linestyle="--")
    axes.text(shown.died + 0.3, len(steps) - 1, "killed", **BOLD)
    heads = ((0, "first run"), (second, "second run, same task id"), (end, "counted"))
    for x, text in heads:
        axes.text(x, -1, text, **BOLD)
    for row, step in enumerate(steps):
        count = shown.after.counts.get(step.name, 0)
        said = times(count, never="not yet") if step.effect else "changes nothing"
        axes.text(end, row, said, **(BOLD if count > 1 else PLAIN))
    axes.set_xlim(-1.8, end + 4)
    _label_axes(axes, shown)
    return fig


def _label_axes(axes: "Axes", shown: Timeline) -> None:
    """Steps on the left, the minutes of each run below."""
    steps = shown.after.scenario.steps
    first = range(1, shown.died + 1)
    second = range(1, len(steps) + 1)
    name_rows(axes, [step.name for step in steps])
    axes.set_ylim(len(steps) - 0.2, -1.6)
    axes.set_xticks(
        [m - 0.5 for m in first] + [shown.died + GAP + m - 0.5 for m in second],
        [str(minute) for minute in (*first, *second)],
    )
    axes.set_xlabel("minute of the run")
    axes.tick_params(length=0)
