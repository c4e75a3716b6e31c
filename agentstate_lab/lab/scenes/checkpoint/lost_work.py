"""
How much work is lost when it dies here, counted by killing it everywhere.

`strategy_agent` is the agent that everyone writes first, with a strategy: after a
step, after a turn, or when the task changes its state, it puts what it knows into
its row. It records no intent and sends no key, so what the row does not know happens
again.

`lost_work` kills agents right after each effect of the deployment, before anything
of it is saved, runs each again, and reads in the ledger what happened twice. The model
calls up to three tools in a turn, so that a step and a turn are not the same.

Nothing is drawn here: that is for `lost_work_view`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from agentstate_lab.checkpoint import CheckpointStrategy
from agentstate_lab.errors import InvalidValue, LabError
from agentstate_lab.lab.agents import (
    Job,
    ask,
    checkpointed_agent,
    done_fact,
    find_task,
    learn,
    render_note,
    run_step,
    tool_says,
    user_says,
)
from agentstate_lab.lab.crash import Agent, Rig, Row
from agentstate_lab.lab.world import Message
from agentstate_lab.lab.world.chat import MODEL, PARALLEL_MODEL
from agentstate_lab.state import Task

SCENARIO = "deploy"


def strategy_agent(job: Job, strategy: str) -> Task:
    """
    Save what is known when *strategy* says so, and otherwise know it alone.

    Args:
        job: The work, with a store.

        strategy: One of `CheckpointStrategy`.
    """
    store, level = job.need_store(), CheckpointStrategy(strategy)
    task = find_task(job)
    if task.state == "completed":
        return task
    state = task.agent_state
    messages: list[Message] = [user_says(render_note(state))]
    while True:
        message = ask(job, messages)
        messages.append(message)
        calls = message.get("tool_calls") or []
        for call in calls:
            step = job.step(call)
            result = run_step(job, step)
            messages.append(tool_says(call, result))
            state = learn(state, done_fact(step, result))
            if level.covers("iteration" if call is calls[-1] else "step"):
                task = store.save(task.replace(agent_state=state))
        if not calls:
            done = {"state": "completed", "result": str(message["content"])}
            return store.save(task.replace(agent_state=state, **done))


def at_once(agent: Callable[[Job], Any]) -> Callable[[Job], Any]:
    """*agent* on a model that calls several tools in one turn."""

    def asked(job: Job) -> Any:
        several = replace(job, model=PARALLEL_MODEL) if job.model == MODEL else job
        return agent(several)

    return asked


AGENTS: Mapping[str, Agent] = {
    "on_state_change": at_once(partial(strategy_agent, strategy="on_state_change")),
    "every_iteration": at_once(partial(strategy_agent, strategy="every_iteration")),
    "every_step": at_once(partial(strategy_agent, strategy="every_step")),
    "with run_once": at_once(checkpointed_agent),
}
"""Those that are compared, by the name that a picture gives them."""


@dataclass(frozen=True, slots=True)
class LostWork:
    """
    What was counted.

    Attributes:
        writes: By agent: how often a run without a death writes to the store.

        again: By agent, then by the step after whose effect it was killed: the steps
            whose effect happened a second time.
    """

    writes: Mapping[str, int]
    again: Mapping[str, Mapping[str, tuple[str, ...]]]

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps after which each agent was killed, in their order."""
        return tuple(next(iter(self.again.values())))

    def mean(self, agent: str) -> float:
        """How many effects one death of *agent* repeats, in the mean."""
        counts = self.counts(agent)
        return sum(counts) / len(counts)

    def worst(self, agent: str) -> int:
        """How many effects the worst death of *agent* repeats."""
        return max(self.counts(agent))

    def counts(self, agent: str) -> list[int]:
        """How many effects each death of *agent* repeats."""
        return [len(steps) for steps in self.again[agent].values()]


def lost_work(agents: Mapping[str, Agent] = AGENTS) -> LostWork:
    """
    Kill each agent after each effect, run it again, and count.

    Args:
        agents: By the name that a picture gives them.

    Raises:
        InvalidValue: There is none.
        LabError: One does not do the whole job after a death.
    """
    if not agents:
        raise InvalidValue("agents", "at least one is needed")
    writes: dict[str, int] = {}
    again: dict[str, dict[str, tuple[str, ...]]] = {}
    for name, agent in agents.items():
        with Rig(agent, SCENARIO, "sqlite") as rig:
            reached = rig.rehearse()
            writes[name] = sum(point.startswith("write.before:") for point in reached)
            again[name] = {
                step: _twice(rig.row(point, step))
                for point, step in reached.items()
                if point.startswith("effect.after:")
            }
    return LostWork(writes, again)


def _twice(row: Row) -> tuple[str, ...]:
    """The steps that happened again, of a job that was done in the end."""
    if min(row.effects.values()) < 1 or "complete" in row.outcome:
        raise LabError(f"the job was not done after a death at {row.point}")
    return tuple(step for step, count in row.effects.items() if count > 1)
