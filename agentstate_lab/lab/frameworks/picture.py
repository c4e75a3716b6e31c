"""
The first table as a picture: at how many of 24 deaths each effect happened once.

Two bars a row, the same code without and with keys. A bar also has its number in
words, so nothing depends on the colour. There is one picture for light pages and one
for dark ones.
"""

from collections.abc import Mapping
from typing import Any

from agentstate_lab.lab.show import EXTRA, GOOD, INK, NEUTRAL, canvas

from .record import Row

NIGHT, MOON = "#14181c", "#dfe6ea"


def drawn(rows: Mapping[str, Row], *, dark: bool = False) -> Any:
    """The figure of the kept *rows*, for a light page or for a *dark* one."""
    ink = MOON if dark else INK
    figure, axes = canvas(8.6, 0.52 * len(rows) + 1.1)
    for n, row in enumerate(rows.values()):
        for kind, fill, shift in (
            ("without keys", NEUTRAL, -0.2),
            ("with keys", GOOD if not dark else "#4da3d8", 0.2),
        ):
            _bar(axes, n + shift, row[kind], fill, ink)
    axes.set_yticks(range(len(rows)), [plain(row["title"]) for row in rows.values()])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(0, 30)
    axes.set_xticks([0, 6, 12, 18, 24])
    axes.set_xlabel(
        "of 24 deaths: each effect once\n"
        "(grey: without keys, blue: with keys, yellow: waits for a person)"
    )
    if dark:
        _darken(figure, axes)
    return figure


def _bar(
    axes: Any, place: float, tries: list[dict[str, Any]], fill: str, ink: str
) -> None:
    """One bar with its number."""
    counts = sorted({one["once"] for one in tries})
    waits = tries[0]["waits"]
    axes.barh(place, counts[0], color=fill, height=0.36)
    axes.barh(place, waits, left=counts[0], color=EXTRA, height=0.36)
    said = " or ".join(map(str, counts)) + (f", waits at {waits}" if waits else "")
    axes.text(counts[0] + waits + 0.3, place, said, va="center", color=ink, fontsize=8)


def plain(title: str) -> str:
    """A title without the marks of Markdown."""
    return title.replace("`", "")


def _darken(figure: Any, axes: Any) -> None:
    """The same picture on a dark page."""
    figure.set_facecolor(NIGHT)
    axes.set_facecolor(NIGHT)
    axes.tick_params(colors=MOON)
    axes.xaxis.label.set_color(MOON)
    axes.grid(color="#39434b")
    for side in axes.spines.values():
        side.set_color(MOON)
