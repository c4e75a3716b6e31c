"""
The drawings of notebook 01, each named for the question it answers.

- `which_states_follow` draws the life of a task from its transition table, so the
  drawing cannot say anything that the code does not do.
- `which_effects_happened` draws what the world counted in several nights, one night
  a row, and marks what was not wanted.

Nothing here runs an agent or reads the ledger.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.show import (
    FAINT,
    GOOD,
    INK,
    Cell,
    Row,
    canvas,
    figure,
    grid,
    listed,
    plural,
)
from agentstate_lab.state import TRANSITIONS, TaskState

from .night import WANTED, Night

# Where each state stands; the four of notebook 01 fill the middle row and below.
PLACES = {
    TaskState.PENDING: (0.0, 1.0),
    TaskState.RUNNING: (2.2, 1.0),
    TaskState.COMPLETED: (4.4, 1.0),
    TaskState.FAILED: (2.2, -0.5),
    TaskState.WAITING: (1.2, 2.5),
    TaskState.CANCELLED: (4.4, 2.5),
    TaskState.DEAD: (4.4, -0.5),
}


def which_states_follow(*states: TaskState | str) -> None:
    """
    Draw which of *states* may follow which.

    Raises:
        InvalidValue: There is no such state, or none was named.
    """
    known = list(TaskState)
    if not states or any(state not in known for state in states):
        raise InvalidValue("states", f"name some of {listed(known)}")
    shown = [TaskState(state) for state in dict.fromkeys(states)]
    after = {
        old: [new for new in shown if new in TRANSITIONS[old] and new is not old]
        for old in shown
    }
    ends = [state for state in shown if not after[state]]
    told = [f"{old} leads to {listed(after[old]) or 'no other state'}" for old in shown]
    count = plural(sum(map(len, after.values())), "arrow")
    last = f"; no arrow leaves {listed(ends)}" if ends else ""
    figure(
        _draw_life(after),
        alt=f"States of a task as boxes with arrows: {'; '.join(told)}.",
        number=f"{count} between {len(shown)} states{last}",
    )


def _draw_life(after: Mapping[TaskState, Sequence[TaskState]]) -> Any:
    """Boxes, and an arrow for each transition; a pair of them bends apart."""
    xs, ys = zip(*(PLACES[state] for state in after), strict=True)
    fig, axes = canvas(7.2, max(ys) - min(ys) + 1.2)
    boxes = {state: _box(axes, state, final=not after[state]) for state in after}
    for old, new in ((one, other) for one in after for other in after[one]):
        bend = 0.2 if old in after[new] else 0.0
        axes.annotate(
            "",
            PLACES[new],
            PLACES[old],
            arrowprops={
                "arrowstyle": "-|>,head_length=0.7,head_width=0.32",
                "connectionstyle": f"arc3,rad={bend}",
                "color": GOOD,
                "linewidth": 1.6,
                "patchA": boxes[old],
                "patchB": boxes[new],
                "shrinkA": 3,
                "shrinkB": 3,
            },
        )
    axes.set_xlim(min(xs) - 0.8, max(xs) + 0.8)
    axes.set_ylim(min(ys) - 0.5, max(ys) + 0.5)
    axes.set_axis_off()
    return fig


def _box(axes: Any, state: TaskState, *, final: bool) -> Any:
    """A state in its place; one that is not left has a thick frame."""
    look = {
        "boxstyle": "round,pad=0.6",
        "facecolor": FAINT if final else "white",
        "edgecolor": INK,
        "linewidth": 2.4 if final else 1.2,
    }
    x, y = PLACES[state]
    text = axes.text(x, y, state, ha="center", va="center", color=INK, bbox=look)
    return text.get_bbox_patch()


def which_effects_happened(nights: Mapping[str, Night]) -> None:
    """
    Draw how often each effect had happened at the end of each night.

    Args:
        nights: The nights by name, in the order of the rows.

    Raises:
        InvalidValue: There is no night.
    """
    if not nights:
        raise InvalidValue("nights", "at least one night is needed")
    rows = [
        (name, *(_cell(night.counted.counts.get(step, 0), step) for step in WANTED))
        for name, night in nights.items()
    ]
    words = "; ".join(map(_told, rows))
    wrong = ", ".join(f"{name} {night.wrong}" for name, night in nights.items())
    figure(
        grid([step.replace("-", "-\n") for step in WANTED], rows, width=8.6),
        alt=f"Nights as rows, effects as columns. {words}.",
        number=f"effects that nobody wanted: {wrong}",
    )


def _cell(count: int, step: str) -> str:
    """How often it happened, and whether that is what was wanted."""
    return Cell(str(count), tone="" if count == WANTED[step] else "harm")


def _told(row: Row) -> str:
    """One night in words: what was not as wanted."""
    name, *counts = row
    wrong = [
        f"{step} {count} instead of {wanted}"
        for count, (step, wanted) in zip(counts, WANTED.items(), strict=True)
        if count != str(wanted)
    ]
    return f"{name}: {', '.join(wrong) or 'all as wanted'}"
