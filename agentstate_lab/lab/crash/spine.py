"""
The spine of the course in one picture: at how many moments each agent survives.

Every agent is killed before, inside and after each of its eight effects, 24 moments
that all of them have, and run again; the ledger counts. The full matrices have more
points, and each agent has others there, so they cannot be laid side by side.
"""

from collections.abc import Mapping
from typing import Any

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.show import Cell, Tone, canvas, figure, name_rows, span

from .crash import crash_matrix
from .matrix import MOMENTS, Matrix
from .rig import Agent

TONES: tuple[Tone, ...] = ("good", "open", "harm")

POINTS = [f"effect.{moment}:{n}" for n in range(1, 9) for moment in MOMENTS]


def killed_at_each_effect(agents: Mapping[str, Agent]) -> dict[str, Matrix]:
    """
    The matrix of each agent, of the 24 moments around its effects.

    Args:
        agents: By the name that the picture gives them.
    """
    return {name: crash_matrix(agent, points=POINTS) for name, agent in agents.items()}


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
    name_rows(axes, list(matrices))
    for row, matrix in enumerate(matrices.values()):
        counts = [matrix.survived, matrix.waiting]
        counts.append(matrix.total - sum(counts))
        start = 0
        for count, tone in zip(counts, TONES, strict=True):
            if count:
                span(axes, row, start, count, Cell(str(count), tone=tone))
            start += count
    axes.set_xlim(0, len(POINTS))
    axes.set_xticks([0, 6, 12, 18, 24])
    axes.set_xlabel("moments: once (blue), waits for a person (yellow), harm (red)")
    return fig
