"""
What the command line adds to an agent: its options, and a progress bar.

The durable agent has options and tells events; the agents of the first lessons have
none and print lines. A command knows only a name, so the difference is made here.
"""

import functools
from typing import Any

from ..errors import InvalidValue
from .agents import agent_named
from .bar import TerminalBar
from .durable import durable_agent
from .rig import Agent
from .scenarios import scenario_named


def with_options(name: str, scenario: str, strategy: str | None) -> Agent:
    """
    The agent of this *name*, ready to be run from a terminal.

    Args:
        name: As in `agents.AGENTS`.

        scenario: The job, for the length of the bar.

        strategy: How often to take a checkpoint, or None for the agent's own way.

    Raises:
        InvalidValue: There is no such agent or scenario, or it takes no strategy.
    """
    agent = agent_named(name)
    if agent is not durable_agent:
        if strategy is not None:
            raise InvalidValue(
                "--strategy",
                f"the {name:.100} agent takes no checkpoints; leave it out",
            )
        return agent
    options: dict[str, Any] = {"strategy": strategy} if strategy is not None else {}
    bar = TerminalBar(len(scenario_named(scenario).steps))
    return functools.partial(durable_agent, on_event=bar, **options)
