"""
The scene that the course leads to: the kernel of notebook 10 dies during its run.

The cells are the notebook's own, found by their ids. The moment of a death is the
world's doing and no sleep's: one reply does not come, so the run stands still there
for as long as anybody needs to press a button.
"""

import time
from dataclasses import dataclass
from pathlib import Path

import nbformat
from runs import counts

from agentstate_lab.lab.world import SCENARIOS

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / "notebooks" / "10_durable_agent.ipynb"

TASK = "10_durable_agent/sunday"
EFFECTS = [step.name for step in SCENARIOS["deploy"].effects]
ABOVE = ("begin", "both", "own-load")  # what the cell of the restart needs
RUN, LEDGER = "restart-run", "restart-ledger"
PACE = "0.05"  # of two seconds a step: all ten take a second


@dataclass(frozen=True)
class Moment:
    """
    Where a run stands still, for a death to come.

    Attributes:
        fault: What the world does there.

        step: The step whose reply does not come.

        service: The one that is asked; no step before asks it.

        effects: How many effects have happened by then.
    """

    fault: str
    step: str
    service: str
    effects: int

    def order(self, world):
        """Have the run stand still there, once."""
        world.fault(TASK, self.fault, at=self.step, seconds=60)

    def wait(self, world):
        """Return when the run stands there."""
        end = time.monotonic() + 60
        while not self._came(world):
            assert time.monotonic() < end, f"{self.step} was not asked for"
            time.sleep(0.02)

    def _came(self, world):
        asked = self.service in world.requests(TASK)
        return asked and sum(counts(world, TASK).values()) == self.effects


# The worst one: it has happened, and nobody has heard of it.
UNHEARD = Moment("drip", "clean-logs", "clean_logs", effects=7)


def sources(path=NOTEBOOK):
    """The code cells of a notebook, by their ids."""
    notebook = nbformat.read(path, as_version=4)
    return {c["id"]: c.source for c in notebook.cells if c.cell_type == "code"}
