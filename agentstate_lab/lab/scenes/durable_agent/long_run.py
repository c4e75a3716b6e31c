"""
What a step of a long run costs, counted at the store.

A `Meter` stands before a store and counts what comes through it: reads of the task,
commits, and the bytes that each commit writes. Seconds are not counted here, since
they are another machine's (`benchmarks/long_run.py`); what makes a step dearer than
the one before is in the bytes.
"""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from agentstate_lab.lab.show import figure, lines
from agentstate_lab.state import Checkpoint, Message, StepRecord, Task
from agentstate_lab.stores import HistoryStore

OWNER = {"owner"}  # who works on it: its numbers are those of a machine


class Cost(NamedTuple):
    """
    What one step has cost.

    Attributes:
        written: Bytes that were written, as JSON.

        commits: How often.

        reads: How often the task was read.
    """

    written: int
    commits: int
    reads: int


class Meter:
    """
    A store that counts.

    Args:
        store: The store behind it.

    Attributes:
        costs: The cost of each step, in order.
    """

    def __init__(self, store: HistoryStore) -> None:
        self.costs: list[Cost] = []
        self._store = store
        self._now = Cost(0, 0, 0)

    def get(self, task_id: str) -> Task:
        """Read the task, and count."""
        self._now = self._now._replace(reads=self._now.reads + 1)
        return self._store.get(task_id)

    def save(
        self,
        task: Task,
        *,
        steps: Sequence[StepRecord] = (),
        messages: Sequence[Message] = (),
        checkpoint: Checkpoint | None = None,
    ) -> Task:
        """Save, and count what is written."""
        records = [task, *steps, *([checkpoint] if checkpoint else [])]
        kept = [one.model_dump_json(exclude=OWNER) for one in records]
        kept += [json.dumps(message) for message in messages]
        written, commits, reads = self._now
        self._now = Cost(written + sum(map(len, kept)), commits + 1, reads)
        return self._store.save(
            task, steps=steps, messages=messages, checkpoint=checkpoint
        )

    def mark(self) -> None:
        """A step has ended: what was counted since the last one is its cost."""
        self.costs.append(self._now)
        self._now = Cost(0, 0, 0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def what_does_a_step_write(growing: Meter, ours: Meter) -> None:
    """
    Draw the bytes that each step writes, for two runs of the same length.

    Args:
        growing: Of a run that keeps a fact for each step.

        ours: Of the package's agent.
    """
    grown = [cost.written for cost in growing.costs]
    flat = [cost.written for cost in ours.costs]
    number = (
        f"step {len(flat)} writes {grown[-1]:,} bytes with a fact for each step, or"
        f" {flat[-1]:,}; all steps together {sum(grown):,}, or {sum(flat):,}"
    )
    fig, axes = lines(
        range(1, len(flat) + 1),
        ("a fact\nfor each step", grown),
        ("the digest,\nand snapshots", flat),
        x="step",
        y="bytes written in this step",
    )
    axes.yaxis.set_major_formatter("{x:,.0f}")
    figure(
        fig,
        alt=(
            "Two lines over the steps of a run, in bytes written in that step. With a"
            " fact for each step it rises steadily; the other rises in the first ten"
            f" steps and then stays level: {number}."
        ),
        number=number,
    )
