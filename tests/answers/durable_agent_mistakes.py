"""Wrong answers to exercise 10; each has a name for what its author believed."""

import contextlib
import itertools
import uuid
from typing import Any

from agentstate_lab.checkpoint import open_calls
from agentstate_lab.errors import AgentStateError, NeedsPerson, TaskInProgress
from agentstate_lab.idempotency import execute_task, resume_task
from agentstate_lab.lab.agents import Job, run_step, tool_says, user_says
from agentstate_lab.state import Task
from agentstate_lab.stores import record_more
from answers import but
from answers.durable_agent_styles import (
    MAX_TURNS,
    Json,
    asked,
    kept,
    once,
    own_run_once,
    patient,
    resumed,
    submitted,
    talk,
    told,
)


def fragile(job: Job) -> Task:
    """As it is given."""
    store = job.need_store()
    task = store.save(submitted(job).replace(state="running"))
    messages: list[Json] = [user_says(job.scenario.goal)]
    for _turn in range(MAX_TURNS):
        reply = job.client.chat.completions.create(
            model=job.model, messages=messages, tools=job.scenario.tools
        )
        messages.append(reply.choices[0].message.model_dump(exclude_none=True))
        if not messages[-1].get("tool_calls"):
            break
        for call in messages[-1]["tool_calls"]:
            result = stubborn(job, call)
            if result is not None:
                messages.append(tool_says(call, result))
    answer = messages[-1].get("content")
    return store.save(task.replace(state="completed", result=answer))


def stubborn(job: Job, call: Json) -> str | None:
    """Three times, whatever happens, and without a key."""
    for attempt in (1, 2, 3):
        try:
            return run_step(job, job.step(call))
        except Exception as error:  # noqa: BLE001 - an answer
            job.on_event(str(error))
            job.sleep(2**attempt)
    return None


def talking(question: Any = patient, act: Any = told, talk: Any = talk) -> Any:
    """An agent of the usual parts, of which one is another."""
    return lambda job: resumed(job, lambda goal: talk(job, goal, question, act))


def keyed(key: Any) -> Any:
    """An agent that acts under another key."""

    def act(job: Job, call: Json) -> str:
        return once(job, call, key=lambda step: key(job, step))

    return talking(act=act)


makes_random_keys = keyed(lambda job, step: str(uuid.uuid4()))
has_one_key = keyed(lambda job, step: job.task_id)
# Which is another number in another Python.
hashes_its_keys = keyed(lambda job, step: str(hash((job.task_id, step.name))))

# Every effect under its key, and the plan in memory.
forgets_the_plan = talking(
    talk=but(
        talk,
        (", *job.need_store().messages(job.task_id)", ""),
        ("kept(job, message)", "message"),
    )
)
# Its tools are tried again, and the model is not.
asks_the_model_once = talking(asked)
takes_the_first_choice = talking(
    but(patient, asked=but(asked, ("not reply.choices", "False")))
)
calls_it_done = talking(
    talk=but(
        talk,
        (
            'raise RuntimeError(f"no end after {turns} turns of the model")',
            "return '-'",
        ),
    )
)
# The model is not told, and the run is over.
stops_at_a_failing_tool = talking(act=once)
# Counts the turns from where this process has begun.
grants_new_turns = talking(
    talk=but(
        talk,
        ("    while True:", "    start = len(messages)\n    while True:"),
        ("for one in messages)", "for one in messages[start:])"),
    )
)


def asks_a_person(job: Job) -> Task:
    """As if the receiver honoured no key."""

    def act(job: Job, call: Json) -> str:
        return once(job, call, "wait")

    try:
        return resumed(job, lambda goal: talk(job, goal, act=act))
    except NeedsPerson:
        return job.need_store().get(job.task_id)


def leaves_calls_open(job: Job) -> Task:
    """What fails is left out, and with it the tool message."""

    def work(goal: str) -> str:
        stored = job.need_store().messages(job.task_id)
        messages: list[Json] = [user_says(goal), *stored]
        for _turn in range(MAX_TURNS):
            for call in open_calls(messages):
                said = told(job, call)
                if not said.startswith("error"):
                    messages.append(kept(job, tool_says(call, said)))
            if messages[-1]["role"] == "assistant" and "content" in messages[-1]:
                return str(messages[-1]["content"])
            messages.append(kept(job, patient(job, messages)))
        raise RuntimeError("no end")

    return resumed(job, work)


def runs_it_again(job: Job) -> Task:
    """Completed or not; the effects keep their keys."""
    store = job.need_store()
    task = submitted(job)
    if task.state == "completed":
        patient(job, [user_says(job.scenario.goal)])
        return task
    return resume_task(store, task.id, lambda goal: talk(job, goal))


def counts_its_keys(job: Job) -> Task:
    """One, two, three, and after a restart one."""
    numbers = itertools.count(1)

    def act(job: Job, call: Json) -> str:
        return once(job, call, key=lambda step: f"{job.task_id}/{next(numbers)}")

    return resumed(job, lambda goal: talk(job, goal, act=act))


def stores_the_plan_late(job: Job) -> Task:
    """With the results, when there are some: one write for all."""

    def work(goal: str) -> str:
        messages = [user_says(goal), *job.need_store().messages(job.task_id)]
        for _turn in range(MAX_TURNS):
            new = [patient(job, messages)]
            new += [tool_says(call, told(job, call)) for call in calls_in(new[0])]
            record_more(job.need_store(), job.task_id, messages=new)
            messages += new
            if len(new) == 1:
                return str(new[0]["content"])
        raise RuntimeError("no end")

    return resumed(job, work)


def calls_in(message: Json) -> list[Json]:
    """What a message calls for."""
    calls: list[Json] = message.get("tool_calls", [])
    return calls


def gives_no_reason(job: Job) -> Task:
    """It has failed, and that is all there is to say."""
    store = job.need_store()
    task = submitted(job)
    if task.state == "completed":
        return task
    store.save(task.replace(state="running"))
    try:
        changes = {"state": "completed", "result": talk(job, task.user_input)}
    except RuntimeError:
        changes = {"state": "failed"}
    return store.save(store.get(task.id).replace(**changes))


# What comes out of the loop is nobody's business.
fails_unsaid = but(gives_no_reason, ("except RuntimeError", "except ()"))


def never_takes_over(job: Job) -> Task:
    """Who is running stays running, dead or alive."""
    return execute_task(
        job.need_store(), submitted(job).id, lambda goal: talk(job, goal)
    )


def calls_a_beginning_done(job: Job) -> Task:
    """What was begun will have happened."""

    def act(job: Job, call: Json) -> str:
        step = job.step(call)
        if job.need_store().step(job.task_id, step.name) is not None:
            return "done"
        return str(
            own_run_once(
                job.need_store(),
                job.task_id,
                step.name,
                lambda key: run_step(job, step, key=key),
            )
        )

    return resumed(job, lambda goal: talk(job, goal, act=act))


@talking
def asks_again_at_once(job: Job, messages: list[Json]) -> Json:
    """Ten times, without a pause."""
    for _attempt in range(10):
        with contextlib.suppress(Exception):
            return asked(job, messages)
    raise RuntimeError("the model does not answer")


@talking
def asks_for_ever(job: Job, messages: list[Json]) -> Json:
    """With pauses, and without an end."""
    while True:
        try:
            return asked(job, messages)
        except Exception:  # noqa: BLE001 - that is the mistake
            job.sleep(1)


def returns_nothing(job: Job) -> None:
    """All is done, and nobody is told."""
    resumed(job, lambda goal: talk(job, goal))


def stores_nothing(job: Job) -> str:
    """A loop, and no store."""
    messages: list[Json] = [user_says(job.scenario.goal)]
    while True:
        messages.append(asked(job, messages))
        if not messages[-1].get("tool_calls"):
            return str(messages[-1]["content"])
        for call in messages[-1]["tool_calls"]:
            messages.append(tool_says(call, once_without_a_store(job, call)))


def once_without_a_store(job: Job, call: Json) -> str:
    """Under a key, at least."""
    return run_step(job, job.step(call), key=str(call["id"]))


def returns_the_first_task(job: Job) -> Task:
    """As it was when it was submitted."""
    first = submitted(job)
    resume_task(job.need_store(), first.id, lambda goal: talk(job, goal))
    return first


def ends_when_it_is_told(job: Job) -> Any:
    """Leaves the program when somebody else is at the task."""
    try:
        return never_takes_over(job)
    except TaskInProgress:
        raise SystemExit(0) from None


def deploys_for_ever(job: Job) -> Any:
    """Until it is told that it has worked, which it never believes."""
    resumed(job, lambda goal: str(patient(job, [user_says(goal)])))
    step = job.scenario.steps[-1]
    while True:
        with contextlib.suppress(AgentStateError):
            run_step(job, step, key="again")
