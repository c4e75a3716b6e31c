"""
The spine of the course in one picture: at how many moments each agent survives.

Every agent is killed before, inside and after each of its eight effects, 24 moments
that all of them have, and run again; the ledger counts. The full matrices have more
points, and each agent has others there, so they cannot be laid side by side.
"""

from collections.abc import Mapping
from typing import Any

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.show import EXTRA, GOOD, HARM, INK, canvas, figure

from .crash import crash_matrix
from .matrix import MOMENTS, Matrix
from .rig import Agent

POINTS = [f"effect.{moment}:{n}" for n in range(1, 9) for moment in MOMENTS]


def killed_at_each_effect(
    agents: Mapping[str, Agent], *, store: str = "json"
) -> dict[str, Matrix]:
    """
    The matrix of each agent, of the 24 moments around its effects.

    Args:
        agents: By the name that the picture gives them.

        store: The kind of store to give them.
    """
    return {
        name: crash_matrix(agent, store=store, points=POINTS)
        for name, agent in agents.items()
    }


def who_survives(matrices: Mapping[str, Matrix]) -> None:
    """
    Draw how often each agent survived, waited for a person, or did harm.

    Raises:
        InvalidValue: There is nothing to draw.
    """
    if not matrices:
        raise InvalidValue("matrices", "at least one is needed")
    said = "; ".join(f"{name} {m.verdict}" for name, m in matrices.items())
    numbers = ", ".join(f"{name} {m.survived}" for name, m in matrices.items())
    figure(
        _drawn(matrices),
        alt=f"One bar for each agent, from top to bottom: {said}.",
        number=f"survived, of {len(POINTS)} moments around effects: {numbers}",
    )


def _drawn(matrices: Mapping[str, Matrix]) -> Any:
    """Bars of three parts, each with its number in it."""
    fig, axes = canvas(8.0, 0.5 * len(matrices) + 1.0)
    for row, matrix in enumerate(matrices.values()):
        harm = matrix.total - matrix.survived - matrix.waiting
        start = 0
        parts = (
            (matrix.survived, GOOD, "white"),
            (matrix.waiting, EXTRA, INK),
            (harm, HARM, INK),
        )
        for count, fill, ink in parts:
            axes.barh(row, count, left=start, color=fill, height=0.7)
            if count:
                middle = start + count / 2
                axes.text(middle, row, str(count), color=ink, ha="center", va="center")
            start += count
    axes.set_yticks(range(len(matrices)), list(matrices))
    axes.invert_yaxis()
    axes.set_xlim(0, len(POINTS))
    axes.set_xticks([0, 6, 12, 18, 24])
    axes.set_xlabel("moments: once (blue), waits for a person (yellow), harm (red)")
    axes.grid(visible=False)
    return fig
