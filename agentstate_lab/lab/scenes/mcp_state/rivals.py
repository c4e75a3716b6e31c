"""
What conflicts cost: requests, counted, when several agents change one task at once.

The worst case is played, on a real server: all agents read before any of them
writes. One write is accepted, the others meet a conflict, read again, and so on. A
connection plays all of them, since a server does not know who is meant by a request.

Seconds are not counted here; on one machine they would be few, over a network many.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Final

from agentstate_lab.errors import InvalidValue, VersionConflict
from agentstate_lab.lab.show import figure, lines
from agentstate_lab.mcp_state import Grant, StateServer, state_uri
from agentstate_lab.state import AppendFacts, Fact, StatePatch, Task
from agentstate_lab.stores import MemoryStore

from .tapped import TappedClient

MOST: Final = 16  # agents


def requests_of(counts: Iterable[int]) -> dict[int, int]:
    """
    The requests until each of so many agents has made its change.

    Args:
        counts: Numbers of agents, from 1 to 16.

    Raises:
        InvalidValue: A number is not one of these.
    """
    return {count: _requests(count) for count in counts}


def _requests(count: int) -> int:
    """Let *count* agents change one task, and count."""
    if not isinstance(count, int) or not 1 <= count <= MOST:
        raise InvalidValue("counts", f"a number from 1 to {MOST}, not {count!r}")
    store = MemoryStore()
    task, _ = store.submit(Task.new("Release", task_id="release"))
    uri = state_uri(task.agent_id, task.id)
    left = set(range(count))
    with TappedClient(StateServer(store, Grant(agent_id=task.agent_id))) as client:
        while left:
            seen = {agent: client.read(uri) for agent in sorted(left)}
            for agent, state in seen.items():
                with suppress(VersionConflict):
                    client.write(uri, _patch(agent, state.version))
                    left.remove(agent)
        return len(client.notes)


def _patch(agent: int, version: int) -> StatePatch:
    """One more fact."""
    found = AppendFacts(facts=(Fact(key="by", value=agent),))
    return StatePatch(id=f"by-{agent}", base_version=version, operations=(found,))


def what_do_conflicts_cost(measured: Mapping[int, int]) -> None:
    """
    Draw the requests in the worst case beside those without a conflict.

    Args:
        measured: From `requests_of`.

    Raises:
        InvalidValue: Nothing was measured.
    """
    if not measured:
        raise InvalidValue("measured", "at least one number of agents is needed")
    counts = sorted(measured)
    most = counts[-1]
    number = f"{most} agents at once: {measured[most]} requests instead of {2 * most}"
    fig, axes = lines(
        counts,
        ("all at once", [measured[count] for count in counts]),
        ("one after the other", [2 * count for count in counts]),
        x="agents that change one task",
        y="requests",
    )
    axes.set_xticks(counts)
    figure(
        fig,
        alt=(
            "Two lines over the number of agents that change one task at once. One"
            " after the other, each needs 2 requests. All at once, the requests grow"
            f" with the square: {number}."
        ),
        number=number,
    )
