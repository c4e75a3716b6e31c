"""
The agents of the first lessons, each small enough to read whole.

An agent is a loop: ask the model, do what it calls for, tell it the result, until
it calls for nothing. What the three here do differently is where they keep what
they know:

- `naive_agent` keeps it in local variables, so it dies with the process;
- `noted_agent` hands it over as a note, so that a replacement can go on;
- `saving_agent` puts it into a store after each step, so that any later process
  finds it.

None of them survives every death: the effect and the record of it are two lines,
and a process can die between them. The agent of notebook 03, which repairs that, is
in `idempotent`; that of notebook 05, which also keeps a deadline, in `timed`.
"""

import math
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.world import Message
from agentstate_lab.state import AgentState, Task, TaskState, UseBudget

from .durable import durable_agent
from .idempotent import idempotent_agent
from .job import Job, Say, Sleep, ask, open_job, run_step, tool_says, user_says
from .notes import (
    answer_fact,
    ask_person,
    done_fact,
    done_patch,
    learn,
    read_note,
    render_note,
    steps_done,
    write_note,
)
from .timed import timed_agent


def naive_agent(job: Job) -> str:
    """
    The version everyone writes first: what it knows is in local variables.
    """
    messages: list[Message] = [user_says(job.scenario.goal)]
    while True:
        message = ask(job, messages)
        messages.append(message)
        if not message.get("tool_calls"):
            return str(message["content"])
        for call in message["tool_calls"]:
            result = run_step(job, job.step(call))
            messages.append(tool_says(call, result))


def saving_agent(job: Job) -> str:
    """
    After each step, the store knows that it is done.

    One gap is left: a process that dies after a step and before its save has done
    what nobody will remember.
    """
    store = job.need_store()
    task = find_task(job)
    if task.state == TaskState.COMPLETED:
        return str(task.result)
    messages: list[Message] = [user_says(render_note(task.agent_state))]
    while True:
        message = ask(job, messages)
        messages.append(message)
        if not message.get("tool_calls"):
            result = str(message["content"])
            store.save(task.replace(state="completed", result=result))
            return result
        for call in message["tool_calls"]:
            step = job.step(call)
            result = run_step(job, step)
            task = store.save(task.apply(done_patch(task, step, result)))
            messages.append(tool_says(call, result))


def noted_agent(
    job: Job,
    note: AgentState | Mapping[str, Any] | None = None,
    *,
    steps: int | None = None,
    approved: Collection[str] = (),
) -> dict[str, Any]:
    """
    Go on from a note, and write the note for the next one.

    It stops when the model is done (the fact `answer`), after *steps* steps, when
    the budget is used up, or at a step that needs a person who has not agreed (an
    open question). It goes by the note alone: whatever is missing there was never
    known.

    Args:
        job: The work. Its store is not used.

        note: What the one before knew, as JSON; None to begin.

        steps: Hand over after so many steps.

        approved: The steps that a person has agreed to.
    """
    state = read_note(job, note)
    messages: list[Message] = [user_says(render_note(state))]
    last = math.inf if steps is None else state.budget.used.steps + steps
    while state.budget.used.steps < min(last, state.budget.max_steps):
        message = ask(job, messages)
        messages.append(message)
        if not message.get("tool_calls"):
            return write_note(learn(state, answer_fact(message)))
        for call in message["tool_calls"]:
            step = job.step(call)
            risky = state.needs_approval(step.risk_level)
            if risky and step.name not in approved:
                question = f"May I run {step.name}?"
                return write_note(learn(state, ask_person(question)))
            result = run_step(job, step)
            learned = done_fact(step, result)
            state = learn(state, learned, UseBudget(steps=1))
            messages.append(tool_says(call, result))
    return write_note(state)


AGENTS: dict[str, Callable[[Job], Any]] = {
    "naive": naive_agent,
    "saving": saving_agent,
    "idempotent": idempotent_agent,
    "durable": durable_agent,
    "timed": timed_agent,
}


def find_task(job: Job) -> Task:
    """The stored task of *job*, submitted if it is new, and running unless done."""
    store = job.need_store()
    task = store.submit(Task.new(job.scenario.goal, task_id=job.task_id)).task
    if task.state == TaskState.COMPLETED:
        job.on_event("found the task: it is completed")
        return task
    if done := steps_done(task.agent_state):
        job.on_event(f"found the task: {len(done)} steps are done")
    if task.state == TaskState.RUNNING:
        return task
    return store.save(task.replace(state=TaskState.RUNNING))


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    How a run ended.

    Attributes:
        completed: Whether the task is done, as far as the agent knows.

        result: What the agent returned; of a task that is not done, why.

        waiting: Whether the task waits for a person.
    """

    completed: bool
    result: Any
    waiting: bool = field(default=False, repr=False)


def outcome_of(returned: Any) -> Outcome:
    """What an agent's return value says: a `Task` has a state, all else is a result."""
    if isinstance(returned, Task):
        completed = returned.state == TaskState.COMPLETED
        result = returned.result if completed else returned.error
        return Outcome(completed, result, returned.state == TaskState.WAITING)
    return Outcome(True, returned)


def agent_named(agent: str | Callable[[Job], Any]) -> Callable[[Job], Any]:
    """The agent of that name, or *agent* itself when it can be called."""
    if isinstance(agent, str) and agent in AGENTS:
        return AGENTS[agent]
    if callable(agent):
        return agent
    known = ", ".join(AGENTS)
    if isinstance(agent, str):
        raise InvalidValue("agent", f"{agent!r:.100} is none of {known}")
    raise InvalidValue(
        "agent", f"{agent!r:.100} is neither a function nor one of {known}"
    )


def run_job(
    scenario: str,
    task_id: str,
    agent: str | Callable[[Job], Any] = "naive",
    *,
    store_url: str | None = None,
    step_seconds: float = 0.0,
    sleep: Sleep = time.sleep,
    on_event: Say = print,
) -> Outcome:
    """
    Run *agent* on *scenario* in this process, and say how it ended.

    Run it again with the same *task_id* after a crash: what happens then is the
    agent's doing.
    """
    run = agent_named(agent)
    job = open_job(
        scenario,
        task_id,
        store_url=store_url,
        step_seconds=step_seconds,
        sleep=sleep,
        on_event=on_event,
    )
    try:
        return outcome_of(run(job))
    finally:
        if job.store is not None:
            job.store.close()
        job.client.close()
