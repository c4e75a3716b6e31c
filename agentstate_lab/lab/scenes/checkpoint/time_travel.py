"""
A run looked back on: its checkpoints behind a slider.

Each place of the slider is one moment as it was stored: where the task stood, what
the agent knew, and how much had been said. Nothing is worked out again; a moment
that rotation dropped is not there.
"""

from collections.abc import Sequence

from agentstate_lab.lab.agents import steps_done
from agentstate_lab.lab.show import Table, slider
from agentstate_lab.state import Checkpoint


def travel(history: Sequence[Checkpoint]) -> None:
    """
    Show a slider over *history*, or a table where no widget runs.

    Args:
        history: The checkpoints of one task, oldest first; two at least.
    """
    rows = []
    for one in history:
        done = steps_done(one.agent_state)
        rows.append(
            (
                str(one.version),
                "" if one.parent is None else str(one.parent),
                one.trigger,
                str(one.messages),
                f"{len(done)} done{f', {done[-1]} last' if done else ''}",
                one.state,
            )
        )
    head = ("version", "before it", "taken for", "messages", "steps", "task")
    twin = Table(f"{len(rows)} checkpoints", head, tuple(rows))
    texts = {f"version {one.version}": moment(one) for one in history}
    slider("moment", texts, twin=twin)


def moment(one: Checkpoint) -> str:
    """What there was at one checkpoint, line by line."""
    facts = [
        f"  {fact.key} = {fact.value!s:.60}" for fact in one.agent_state.known_facts
    ]
    return "\n".join(
        [
            f"task: {one.state}, saved as version {one.version}",
            f"taken for: {one.trigger}; the one before: {one.parent}",
            f"messages so far: {one.messages}",
            f"facts: {len(facts)}",
            *facts,
        ]
    )
