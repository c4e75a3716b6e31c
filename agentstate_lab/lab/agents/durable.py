"""
The agent of the course, `agent.run_agent`, on the jobs of the course.

The package knows nothing of deployments. Here the tools of a job become tools of the
agent: what each asks of the world, under which key, and what its steps are called.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from agentstate_lab.agent import STEP_SECONDS, AgentEvent, Tool, run_agent
from agentstate_lab.idempotency import IfUnknown
from agentstate_lab.lab.world import TOOLS, perform
from agentstate_lab.state import AgentState, Budget, Constraints, Task

from .job import Job, pace


def durable_agent(
    job: Job,
    *,
    keyless: Collection[str] = (),
    if_unknown: IfUnknown = "wait",
    **options: Any,
) -> Task:
    """
    Run the job, or go on with it.

    Args:
        job: The work, with a store.

        keyless: The services that honour no idempotency key.

        if_unknown: What to do when one of those may have acted or not.

        options: More for `run_agent`: the strategy, your own `execute` and `retry`,
            an `agent_state` with a budget and the risk levels at which a person must
            agree, an `on_event` that gets the events themselves.

    Returns:
        The task as it is stored at the end of the run.
    """

    def told(event: AgentEvent) -> None:
        if event.kind != "asked":  # what the model wants, the next line shows
            job.on_event(line(event))

    options.setdefault("on_event", told)
    wait = job.step_seconds * pace()
    options.setdefault("step_seconds", STEP_SECONDS + 2 * wait)
    options.setdefault("agent_state", state_for(job))
    return run_agent(
        job.task_id,
        job.scenario.goal,
        store=job.need_store(),
        tools=tools_of(job, keyless=keyless, if_unknown=if_unknown),
        client=job.client,
        model=job.model,
        sleep=job.sleep,
        **options,
    )


def state_for(job: Job, **constraints: Any) -> AgentState:
    """
    What the agent knows at the start: the goal, and a budget that the job can keep.

    Args:
        job: The work; its steps may take long.

        constraints: For example `human_in_the_loop`.
    """
    wait = job.step_seconds * pace() * len(job.scenario.steps)
    budget = Budget(max_wall_time_ms=300_000 + round(2_000 * wait))
    return AgentState(
        goal=job.scenario.goal,
        budget=budget,
        constraints=Constraints.model_validate(constraints),
    )


def tools_of(
    job: Job, *, keyless: Collection[str] = (), if_unknown: IfUnknown = "wait"
) -> list[Tool]:
    """The tools of the job, each asking the world under the key of its step."""

    def step_name(tool: str, arguments: Mapping[str, Any]) -> str:
        return job.scenario.step_for(tool, arguments).name

    def tool_named(name: str) -> Tool:
        honoured = name not in keyless

        def run(arguments: dict[str, Any], key: str, seconds: float) -> str:
            if (wait := job.step_seconds * pace()) > 0:
                job.sleep(wait)
            return perform(
                job.scenario.step_for(name, arguments),
                world=job.world,
                task_id=job.task_id,
                key=key if honoured else None,
                timeout=seconds,
            )

        return replace(
            TOOLS[name],
            run=run,
            if_unknown="resend" if honoured else if_unknown,
            step_name=step_name,
        )

    return [
        tool_named(name) for name in dict.fromkeys(s.tool for s in job.scenario.steps)
    ]


def line(event: AgentEvent) -> str:
    """
    An event as one line, with how far the run is.

    >>> line(AgentEvent("step", "announce done", turns=3, max_turns=20))
    '[ 3 of 20 turns] announce done'
    """
    return f"[{event.turns:>2} of {event.max_turns} turns] {event.text}"
