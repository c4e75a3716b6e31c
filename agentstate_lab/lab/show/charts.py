"""
The shapes that the course's pictures are made of, each drawn in one way.

`lines` sets what hurts against what is meant, `grid` shows words in rows and columns,
`span` is a bar in a row that is named by `name_rows`. A tone is the same as in a
`Table`: "good", "open", "harm", or none. It always repeats a word.

A scene puts its numbers in, and adds what only its own picture has.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .plots import EXTRA, FAINT, GOOD, HARM, INK, canvas
from .table import Cell, Row, Tone

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# What is filled, and what is written on it. Words need more contrast than lines, so
# harm is darker here.
FILLS: dict[Tone, tuple[str, str]] = {
    "": (FAINT, INK),
    "good": (GOOD, "white"),
    "open": (EXTRA, INK),
    "harm": ("#9c3c00", "white"),
}

FEW = 12  # points; a line through more of them has no markers

Line = tuple[str, Sequence[float]]


def lines(
    over: Sequence[float], harm: Line, good: Line, *, x: str, y: str
) -> "tuple[Figure, Axes]":
    """
    Two lines, each with its name at its end.

    Args:
        over: Where the points lie, from left to right.

        harm: The name and the values of what hurts.

        good: The name and the values of what is meant.

        x: What is counted from left to right.

        y: What is counted upwards, from 0.
    """
    fig, axes = canvas(7.2, 3.4)
    for (name, values), marker, style, color in (
        (harm, "o", "-", HARM),
        (good, "s", "--", GOOD),
    ):
        look: Any = {"marker": marker if len(over) <= FEW else "", "linestyle": style}
        axes.plot(over, values, color=color, clip_on=False, **look)
        end: Any = {"textcoords": "offset points", "va": "center", "color": color}
        axes.annotate(name, (over[-1], values[-1]), (8, 0), **end)
    axes.set_xlim(right=over[-1])
    axes.set_ylim(bottom=0)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    return fig, axes


def grid(head: Sequence[str], rows: Sequence[Row], *, width: float) -> "Figure":
    """
    Words in rows and columns; what has a tone is bold.

    Args:
        head: The titles of the columns.

        rows: The name of each row, and its words; an empty one leaves its place empty.

        width: Inches from left to right.
    """
    fig, axes = canvas(width, 0.5 * len(rows) + 0.9)
    for place, (_, *words) in enumerate(rows):
        for column, word in enumerate(words):
            if word:
                span(axes, place, column - 0.46, 0.92, word, height=0.84)
    name_rows(axes, [name for name, *_ in rows])
    axes.set_xticks(range(len(head)), head)
    axes.xaxis.tick_top()
    axes.set_xlim(-0.6, len(head) - 0.4)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return fig


def name_rows(axes: "Axes", names: Sequence[str]) -> None:
    """Rows from top to bottom, each with its name on the left."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False)


def span(
    axes: "Axes",
    row: float,
    start: float,
    length: float,
    word: str = "",
    *,
    height: float = 0.7,
) -> None:
    """
    A bar in a row, with its word in the middle.

    Args:
        axes: Where it is drawn.

        row: In which row.

        start: Where it begins.

        length: How long it is.

        word: What stands in it; a `Cell` has a tone.

        height: How high it is; the rows are 1 apart.
    """
    tone = word.tone if isinstance(word, Cell) else ""
    fill, ink = FILLS[tone]
    axes.barh(row, length, left=start, height=height, color=fill)
    middle: Any = {"ha": "center", "va": "center", "fontsize": 8}
    weight = "bold" if tone in ("open", "harm") else "normal"
    axes.text(start + length / 2, row, word, color=ink, fontweight=weight, **middle)
