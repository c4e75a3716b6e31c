"""
What the command line adds to an agent: its options, and a progress bar.

The durable agent has options and tells events; the agents of the first lessons have
none and print lines. A command knows only a name, so the difference is made here.
"""

from collections.abc import Callable
from typing import Any

from agentstate_lab.checkpoint import CheckpointManager
from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.agents import Job, agent_named, durable_agent
from agentstate_lab.lab.world import scenario_named
from agentstate_lab.state import Task
from agentstate_lab.stores import MemoryStore

from .progress import TerminalBar


def with_options(
    name: str, *, strategy: str | None, **options: Any
) -> Callable[[Job], Any]:
    """
    The agent of this *name*, with options where it takes any.

    Args:
        name: As in `agents.AGENTS`.

        strategy: How often to take a checkpoint, or None for the agent's own way.

        options: More for the durable agent; no other one needs them.

    Raises:
        InvalidValue: There is no such agent or strategy, or it takes no strategy.
    """
    agent = agent_named(name)
    if agent is not durable_agent:
        if strategy is not None:
            raise InvalidValue(
                "--strategy",
                f"the {name:.100} agent takes no checkpoints; leave it out",
            )
        return agent
    if strategy is not None:
        # The manager knows the strategies, and refuses any other in words.
        manager = CheckpointManager(MemoryStore(), strategy=strategy)
        options["strategy"] = manager.strategy
    if not options:
        return agent

    def durable(job: Job) -> Task:
        return durable_agent(job, **options)

    return durable


def with_bar(name: str, scenario: str, strategy: str | None) -> Callable[[Job], Any]:
    """
    The agent of this *name*, with a progress bar if it tells how far it is.

    Args:
        name: As in `agents.AGENTS`.

        scenario: The job, for the length of the bar.

        strategy: As for `with_options`.
    """
    bar = TerminalBar(len(scenario_named(scenario).steps))
    return with_options(name, strategy=strategy, on_event=bar)
