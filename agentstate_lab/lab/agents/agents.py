"""
The agents of the first lessons, each small enough to read whole.

An agent is a loop: ask the model, do what it calls for, tell it the result, until
it calls for nothing. What the four here do differently is where they keep what
they know:

- `naive_agent` keeps it in local variables, so it dies with the process;
- `finally_agent` saves it on its way out, whatever ends it but a kill;
- `saving_agent` puts it into a store after each step, so that any later process
  finds it;
- `noted_agent` hands it over as a note, so that a replacement can go on.

None of them survives every death: the effect and the record of it are two lines,
and a process can die between them. The agent of notebook 03, which repairs that, is
in `idempotent`; that of notebook 05, which also keeps a deadline, in `timed`.
"""

import math
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.world import Message, Step
from agentstate_lab.state import (
    AddQuestions,
    AgentState,
    Fact,
    Task,
    TaskState,
    UpsertFact,
    UseBudget,
)

from .durable import durable_agent
from .idempotent import idempotent_agent
from .job import (
    Job,
    Say,
    Sleep,
    ask,
    find_task,
    open_job,
    run_step,
    tool_says,
    user_says,
)
from .notes import done_fact, done_patch, learn, render_note
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


def finally_agent(job: Job) -> str:
    """
    What is done is in a list, and saved in `finally`, where everybody looks first.

    It loses nothing when it is stopped politely, by an exception, by Ctrl-C, by
    JupyterLab's Restart. A process that is killed runs no `finally`, and then this
    agent knows as little as the one that never saves.
    """
    store = job.need_store()
    task = find_task(job)
    done: list[tuple[Step, str]] = []
    quiet = replace(job, on_event=lambda line: None)
    messages: list[Message] = [user_says(render_note(task.agent_state))]
    try:
        while True:
            message = ask(job, messages)
            messages.append(message)
            if not message.get("tool_calls"):
                return str(message["content"])
            for call in message["tool_calls"]:
                step = job.step(call)
                result = run_step(quiet, step)
                done.append((step, result))
                job.on_event(f"minute {step.minute}: {step.name} done")
                messages.append(tool_says(call, result))
    finally:
        for step, result in done:
            task = store.save(task.apply(done_patch(task, step, result)))


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
    note: Mapping[str, Any] | None = None,
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
    if note is None:
        note = {"goal": job.scenario.goal}
    state = AgentState.model_validate({"goal": "", **note})
    messages: list[Message] = [user_says(render_note(state))]
    last = math.inf if steps is None else state.budget.used.steps + steps
    while state.budget.used.steps < min(last, state.budget.max_steps):
        message = ask(job, messages)
        messages.append(message)
        if not message.get("tool_calls"):
            answer = str(message["content"])
            said = Fact(key="answer", value=answer, source="model")
            state = learn(state, UpsertFact(fact=said))
            return state.model_dump(mode="json")
        for call in message["tool_calls"]:
            step = job.step(call)
            risky = state.needs_approval(step.risk_level)
            if risky and step.name not in approved:
                asked = AddQuestions(questions=(f"May I run {step.name}?",))
                return learn(state, asked).model_dump(mode="json")
            result = run_step(job, step)
            learned = done_fact(step, result)
            state = learn(state, learned, UseBudget(steps=1))
            messages.append(tool_says(call, result))
    return state.model_dump(mode="json")


AGENTS: dict[str, Callable[[Job], Any]] = {
    "naive": naive_agent,
    "saving": saving_agent,
    "idempotent": idempotent_agent,
    "durable": durable_agent,
    "timed": timed_agent,
}


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
