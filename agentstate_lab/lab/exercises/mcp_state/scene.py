"""
A scene of exercise 09: two agents, one task, and requests that get lost.

The server is the course's own, in memory, and reached over MCP. The task counts what
was checked: each agent's change adds one to the count and leaves its name. So the
state itself says afterwards whether a change is there once, twice or not at all, and
whether one was made from a state that was not the newest any more.
"""

import functools
import itertools
from collections.abc import Iterable, Iterator
from typing import Any, cast

from agentstate_lab.lab.scenes.mcp_state import Coming, Loss, TappedClient
from agentstate_lab.mcp_state import (
    TIMEOUT,
    Grant,
    ReadResource,
    SharedState,
    StateServer,
    state_uri,
)
from agentstate_lab.state import (
    AgentState,
    AppendFacts,
    Fact,
    Operation,
    StatePatch,
    Task,
    UpsertFact,
)
from agentstate_lab.stores import STEP_PREFIX, MemoryStore, apply_once

from ..judge import WAITS, Outcome, Stopped, Subject, Unmet, require, shown

PATCH = "load-test"
OTHER = "other"
ENOUGH = 100  # requests for one change

Plan = Iterable[Loss | str | None]

_numbers = itertools.count(1)


class Patient(TappedClient):
    """
    A client that has plans for the next readings and the next writings.

    Attributes:
        plans: What happens to the next requests of each kind.
    """

    plans: dict[bool, Iterator[Coming]]

    def request(self, ask: Any, timeout: float = TIMEOUT) -> Any:
        """As for its base, and not for ever."""
        if len(self.notes) >= ENOUGH:
            raise Stopped(f"it had sent {ENOUGH} requests and did not stop")
        self.expect(next(self.plans[isinstance(ask, ReadResource)], None))
        return super().request(ask, timeout)


class Scene:
    """
    One task of the planner, which the worker is to change.

    Args:
        answer: The answer that is tried.

        reads: What happens to the worker's readings, one after the other: nothing
            (None), a loss, or `OTHER`, a change by the planner right before.

        writes: The same for its writings.

        may_write: Whether the worker was granted that.
    """

    def __init__(
        self,
        answer: Subject,
        *,
        reads: Plan = (),
        writes: Plan = (),
        may_write: bool = True,
    ) -> None:
        self.answer = answer
        task = Task.new("Release", task_id=f"t-{next(_numbers)}", agent_id="planner")
        self.store = _store()
        self.task_id = self.store.submit(task).task.id
        self.uri = state_uri("planner", self.task_id)
        self.others = 0
        self.odd = ""
        self.client = _client(may_write)
        self.client.notes.clear()
        self.client.plans = {
            True: map(self._coming, reads),
            False: map(self._coming, writes),
        }

    def _coming(self, planned: Loss | str | None) -> Coming:
        """What is to come, with the planner's change as a function."""
        if isinstance(planned, Loss):
            return planned
        return self.change_by_another if planned == OTHER else None

    def call(self, change: Any = None, uri: str | None = None) -> Outcome:
        """Let the worker make its change, or *change*."""
        made = change or self.change
        with WAITS.noted(lambda what, seconds: None):
            outcome = self.answer.outcome(self.client, uri or self.uri, PATCH, made)
        if isinstance(outcome.error, Stopped):
            raise Unmet(outcome.words)
        return outcome

    def change(self, seen: Any) -> list[Operation]:
        """What the worker adds."""
        if isinstance(seen, SharedState):
            return counted("worker", seen.agent_state)
        self.odd = type(seen).__name__
        return []

    def change_by_another(self) -> None:
        """What the planner adds, at once."""
        self.others += 1
        task = self.store.get(self.task_id)
        patch = StatePatch(
            id=f"planner-{self.others}",
            base_version=task.version,
            operations=tuple(counted("planner", task.agent_state)),
        )
        apply_once(self.store, self.task_id, patch)

    @property
    def state(self) -> AgentState:
        """What is known of the task now."""
        return self.store.get(self.task_id).agent_state

    @property
    def mine(self) -> int:
        """How often the worker's change is in the state."""
        return names(self.state).count("worker")

    def changed_once(self, outcome: Outcome) -> None:
        """
        Fail unless the change is there once, from the newest state, and was returned.

        The state is looked at first: what is there matters more than what was said.
        """
        mine = self.mine
        if not mine:
            outcome.result()
            raise Unmet("its change is not there, and it returned as if it were")
        require(mine == 1, f"its change is there {mine} times")
        count, wanted = self.state.fact("checked"), 1 + self.others
        require(
            count == wanted,
            f"{wanted} changes were made, and the count is {count}: its change was made"
            " from a state that was not the newest any more",
        )
        value = outcome.result()
        if not isinstance(value, SharedState):
            raise Unmet(f"it returned {shown(value)}, not the state as it was read")
        require(
            "worker" in names(value.agent_state),
            f"it returned the state at version {value.version}, from before its change",
        )
        record = self.store.step(self.task_id, STEP_PREFIX + PATCH)
        require(record is not None, f"no patch with the id {PATCH!r} was applied")


def counted(who: str, state: AgentState) -> list[Operation]:
    """One more is checked, by *who*."""
    number = cast(int, state.fact("checked", 0))
    return [
        UpsertFact(fact=Fact(key="checked", value=number + 1)),
        AppendFacts(facts=(Fact(key="by", value=who),)),
    ]


def names(state: AgentState) -> list[Any]:
    """Whose changes are in a state, in their order."""
    return [fact.value for fact in state.known_facts if fact.key == "by"]


@functools.cache
def _store() -> MemoryStore:
    """The tasks of all scenes of a stage: each stage has a process of its own."""
    return MemoryStore(clock=lambda: 0.0)


@functools.cache
def _client(may_write: bool) -> Patient:
    """The worker's connection, over MCP."""
    others = ("planner",)
    grant = Grant.of("worker", reads=others, writes=others if may_write else ())
    return Patient(StateServer(_store(), grant), "worker")
