"""
What a durable step costs, here and elsewhere, from the last kept run of the benchmark.

A notebook cannot measure this: its outputs would differ in each run. So it shows
`benchmarks/scale_out.json`, which `benchmarks/scale_out.py --keep` writes.
"""

import json
from pathlib import Path
from typing import Final

from agentstate_lab.errors import LabError
from agentstate_lab.lab.show import GOOD, NEUTRAL, canvas, figure, name_rows

KEPT: Final = Path(__file__).resolve().parents[4] / "benchmarks" / "scale_out.json"

Costs = dict[str, dict[str, float]]


def kept_costs(path: Path = KEPT) -> Costs:
    """
    Milliseconds of a step, by database and by who does it.

    Raises:
        LabError: The file is not there, or is none of the benchmark.
    """
    try:
        found = json.loads(path.read_text("utf-8"))
        return {
            kind: {name: float(ms) for name, ms in figures.items()}
            for kind, figures in found.items()
        }
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise LabError(
            f"{path.name} cannot be read ({type(error).__name__}): in the course's"
            " folder, run python benchmarks/scale_out.py --keep"
        ) from error


def what_a_step_costs() -> None:
    """Draw the milliseconds of a step: bars, ours in another colour."""
    costs = kept_costs()
    words = "; ".join(
        f"{kind}: " + ", ".join(f"{name} {ms:g} ms" for name, ms in figures.items())
        for kind, figures in costs.items()
    )
    rows = [
        (f"{kind}: {name}", ms, name in ("save", "run_once"))
        for kind, figures in costs.items()
        for name, ms in figures.items()
    ]
    fig, axes = canvas(7.6, 0.42 * len(rows) + 0.9)
    for place, (_, ms, ours) in enumerate(rows):
        axes.barh(place, ms, 0.66, color=GOOD if ours else NEUTRAL)
        axes.text(ms, place, f" {ms:.2f}", va="center")
    name_rows(axes, [name for name, _, _ in rows])
    axes.set_xlim(0, 1.15 * max(ms for _, ms, _ in rows))
    axes.set_xlabel("milliseconds for a step (blue: this course)")
    figure(fig, alt=f"Bars, one for each way to do a step. {words}.", number=words)
