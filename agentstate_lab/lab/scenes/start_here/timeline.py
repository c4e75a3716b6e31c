"""
Two runs of one job as a picture: what the second one did again.

It is drawn from two counts of the ledger, one taken after the first run died and
one after the second run ended, and not from what an agent said. A step of the
first run is a bar at its minute; the second run begins where the first one ended.

It shows a job whose steps run in order, one a minute, and two runs of it. Nothing
is measured: the minutes are those of the story.
"""

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

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = {"done": GOOD, "again": HARM, "looks": NEUTRAL}
GAP = 2.6  # minutes between the two runs in the picture

WORD: dict[str, Any] = {"ha": "right", "va": "center", "fontsize": 8}
PLAIN: dict[str, Any] = {"va": "center", "fontsize": 10}
BOLD: dict[str, Any] = {**PLAIN, "fontweight": "bold"}

# One step in one run: its row from 0, the minute at which it begins over both runs,
# and "done", "again", or "looks" for a step without an effect.
Bar = tuple[int, float, str]


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
    job = after.scenario
    died = max(step.minute for step in job.steps if step.name in before.counts)
    bars = bars_of(before, after, died)
    again = [job.steps[row].name for row, _, word in bars if word == "again"]
    figure(
        _drawn(after, bars, died),
        alt=(
            "The steps as rows, time to the right: a first run up to the kill, then"
            " a second run of the same task from the top. Done again:"
            f" {', '.join(again) or 'nothing'}."
        ),
        number=(
            f"killed at minute {died}, run again: {len(again)} of"
            f" {len(job.effects)} effects happened twice"
        ),
    )


def bars_of(before: Counted, after: Counted, died: int) -> list[Bar]:
    """Every step of both runs, in order; the first one died at minute *died*."""
    first, second = [], []
    for row, step in enumerate(after.scenario.steps):
        known = before.counts.get(step.name, 0)
        start = died + GAP + step.minute - 1
        if step.minute <= died:
            first.append((row, step.minute - 1.0, "done" if step.effect else "looks"))
        if not step.effect:
            second.append((row, start, "looks"))
        elif after.counts.get(step.name, 0) > known:
            second.append((row, start, "again" if known else "done"))
    return first + second


def _drawn(after: Counted, bars: list[Bar], died: int) -> "Figure":
    """The picture: bars for both runs, the kill between them, the counts beside."""
    steps, second = after.scenario.steps, died + GAP
    end = second + len(steps) + 1
    fig, axes = canvas(9.2, 4.0)
    for row, start, word in bars:
        axes.barh(row, 0.94, left=start, color=COLOURS[word])
        axes.text(start - 0.12, row, word, **WORD)
    axes.axvline(died + 0.1, color=INK, linewidth=1.5, linestyle="--")
    axes.text(died + 0.3, len(steps) - 1, "killed", **BOLD)
    heads = ((0, "first run"), (second, "second run, same task id"), (end, "counted"))
    for x, text in heads:
        axes.text(x, -1, text, **BOLD)
    for row, step in enumerate(steps):
        count = after.counts.get(step.name, 0)
        said = times(count, never="not yet") if step.effect else "changes nothing"
        axes.text(end, row, said, **(BOLD if count > 1 else PLAIN))
    name_rows(axes, [step.name for step in steps])
    axes.set_ylim(len(steps) - 0.2, -1.6)
    axes.set_xlim(-1.8, end + 4)
    minutes = [(m, m - 0.5) for m in range(1, died + 1)]
    minutes += [(m, second + m - 0.5) for m in range(1, len(steps) + 1)]
    axes.set_xticks([at for _, at in minutes], [str(minute) for minute, _ in minutes])
    axes.set_xlabel("minute of the run")
    axes.tick_params(length=0)
    return fig
