"""
The agent of notebook 03: every step once, whatever dies in between.

It is the loop of `naive_agent` with two changes. What the model said is stored
before it is acted on, so that a later run follows the same plan. And each step goes
through `run_once`, so that a later run gets its result and not its effect. A run
after a crash therefore takes the same path from the top and finds its way paved up
to the gap.

Whether a service honours the key is not the agent's to decide. `keyless` names the
services that do not; for a step of theirs the third outcome, unknown, is left to a
person, or, on the caller's word, repeated.
"""

from collections.abc import Collection

from agentstate_lab.errors import OutcomeUnknown
from agentstate_lab.idempotency import IfUnknown, resume_task, run_once
from agentstate_lab.lab.world import Message, Step
from agentstate_lab.state import Task
from agentstate_lab.stores import record_more

from .job import Job, ask, run_step, tool_says, user_says


def idempotent_agent(
    job: Job,
    *,
    keyless: Collection[str] = (),
    if_unknown: IfUnknown = "wait",
) -> Task:
    """
    Run the job, or go on with it: to begin and to resume are one call.

    Args:
        job: The work, with a store.

        keyless: The services that honour no idempotency key.

        if_unknown: What to do when one of those may have acted or not: "wait" for
            a person, or "repeat" it.

    Returns:
        The task: completed, or waiting for a person.
    """
    store = job.need_store()
    task = store.submit(Task.new(job.scenario.goal, task_id=job.task_id)).task
    tell_what_is_known(job)

    def work(goal: str) -> str:
        messages: list[Message] = [user_says(goal)]
        said = iter(store.messages(task.id))
        while True:
            message = next(said, None) or decide(job, messages)
            messages.append(message)
            if not message.get("tool_calls"):
                return str(message["content"])
            for call in message["tool_calls"]:
                step = job.step(call)
                honoured = step.effect not in keyless
                choice: IfUnknown = "resend" if honoured else if_unknown
                result = once(job, step, choice, keyed=honoured)
                messages.append(tool_says(call, result))

    try:
        return resume_task(store, task.id, work)
    except OutcomeUnknown:
        return store.get(task.id)


def decide(job: Job, messages: list[Message]) -> Message:
    """What the model says next, stored before anybody acts on it."""
    message = ask(job, messages)
    record_more(job.need_store(), job.task_id, messages=[message])
    return message


def once(job: Job, step: Step, if_unknown: IfUnknown, *, keyed: bool = True) -> str:
    """The result of *step*: its recorded one, or that of doing it now."""
    return str(
        run_once(
            job.need_store(),
            job.task_id,
            step.name,
            lambda key: run_step(job, step, key=key if keyed else None),
            request=dict(step.arguments),
            # Looking twice does no harm, and nobody has to be asked about it.
            if_unknown=if_unknown if step.effect else "repeat",
            sleep=job.sleep,
        )
    )


def tell_what_is_known(job: Job) -> None:
    """Say how much of the job an earlier run has done."""
    store = job.need_store()
    task = store.get(job.task_id)
    done = [one.name for one in store.steps(job.task_id) if one.status == "done"]
    if task.state == "completed":
        job.on_event("found the task: it is completed")
    elif done:
        job.on_event(f"found the task: {len(done)} steps are done")
