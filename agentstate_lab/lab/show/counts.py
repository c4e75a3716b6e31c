"""
What the world has counted of a job, and the steps that it counts.

`counted` reads the ledger: an agent that died cannot tell what it
did. A count is of one moment, so two of them, one before and one after a second run,
say which run did what.

Nothing here runs an agent or changes the ledger.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from agentstate_lab.lab.world import Scenario, scenario_named, start_world

from .table import Cell, Table, Tabled
from .words import times


def steps(scenario: str = "deploy") -> Table:
    """The steps of a job, minute by minute, and what each one changes."""
    job = scenario_named(scenario)
    return Table(
        f"{job.goal} {len(job.steps)} steps, {len(job.effects)} effects",
        ("minute", "step", "the model calls", "changes"),
        tuple(
            (
                str(step.minute),
                step.name,
                f"{step.tool}({', '.join(map(str, step.arguments.values()))})",
                step.effect or "nothing",
            )
            for step in job.steps
        ),
    )


@dataclass(frozen=True, slots=True, repr=False)
class Counted(Tabled):
    """
    What the world had counted for one task at one moment.

    Attributes:
        task_id: The task.

        scenario: The job that it is about.

        counts: How often each step's effect had happened, in the order of the
            first time.
    """

    task_id: str
    scenario: Scenario
    counts: Mapping[str, int]

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps whose effect had happened."""
        return tuple(self.counts)

    @property
    def total(self) -> int:
        """How many effects had happened, repeats and all."""
        return sum(self.counts.values())

    @property
    def repeats(self) -> int:
        """How many of them had happened before."""
        return self.total - len(self.counts)

    @property
    def missing(self) -> int:
        """How many effects of the job had not happened yet."""
        return sum(step.name not in self.counts for step in self.scenario.effects)

    @property
    def verdict(self) -> str:
        """The count as a sentence."""
        if not self.total:
            return "no effect yet"
        if self.repeats:
            also = f"; {self.missing} still to come" if self.missing else ""
            return f"{self.total} effects, {self.repeats} of them repeats{also}"
        if self.missing:
            return (
                f"{self.total} of {self.total + self.missing} effects so far, each once"
            )
        return f"{self.total} effects, each once"

    def table(self) -> Table:
        """Every effect of the job, and how often it had happened."""
        named = {step.name: step.effect or "" for step in self.scenario.effects}
        rows = [
            (name, named.get(name, ""), _times(self.counts.get(name, 0)))
            for name in dict.fromkeys((*named, *self.counts))
        ]
        return Table(self.verdict, ("step", "service", "happened"), tuple(rows))


def _times(count: int) -> str:
    """A count in words; more than one is harm."""
    return Cell(times(count, never="not yet"), tone="harm" if count > 1 else "")


def counted(task_id: str, scenario: str = "deploy") -> Counted:
    """What the world's ledger says of *task_id* now."""
    counts: dict[str, int] = {}
    for entry in start_world().ledger(task_id):
        counts[entry.step] = counts.get(entry.step, 0) + entry.count
    return Counted(task_id, scenario_named(scenario), counts)
