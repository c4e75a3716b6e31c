"""Wrong answers to exercise 10; each has a name for what its author believed."""

import contextlib
import itertools
import os
import uuid
from typing import Any

from agentstate_lab.checkpoint import open_calls
from agentstate_lab.errors import AgentStateError, NeedsPerson, TaskInProgress
from agentstate_lab.idempotency import execute_task, resume_task
from agentstate_lab.lab.agents import Job, run_step, tool_says, user_says
from agentstate_lab.retry import execute_with_retry
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

MEMORY: list[Json] = []


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


def forgets_the_plan(job: Job) -> Task:
    """Every effect under its key, and the plan in memory."""

    def work(goal: str) -> str:
        messages: list[Json] = [user_says(goal)]
        for _turn in range(MAX_TURNS):
            messages.append(patient(job, messages))
            if not messages[-1].get("tool_calls"):
                return str(messages[-1]["content"])
            for call in messages[-1]["tool_calls"]:
                messages.append(tool_says(call, told(job, call)))
        raise RuntimeError("no end")

    return resumed(job, work)


def makes_random_keys(job: Job) -> Task:
    """A new key for each request."""

    def act(job: Job, call: Json) -> str:
        return once(job, call, key=lambda step: str(uuid.uuid4()))

    return resumed(job, lambda goal: talk(job, goal, act=act))


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


def asks_the_model_once(job: Job) -> Task:
    """Its tools are tried again, and the model is not."""
    return resumed(job, lambda goal: talk(job, goal, asked))


def takes_the_first_choice(job: Job) -> Task:
    """Of none."""

    def first(job: Job, messages: list[Json]) -> Json:
        def attempt() -> Json:
            reply = job.client.chat.completions.create(
                model=job.model, messages=messages, tools=job.scenario.tools
            )
            said: Json = reply.choices[0].message.model_dump(exclude_none=True)
            return said

        return execute_with_retry(attempt, 3, sleep=job.sleep)

    return resumed(job, lambda goal: talk(job, goal, first))


def calls_it_done(job: Job) -> Task:
    """When the turns are used up, too."""

    def work(goal: str) -> str:
        try:
            return talk(job, goal)
        except RuntimeError:
            return "done"

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


def has_one_key(job: Job) -> Task:
    """The job has a name, and so has all that it does."""

    def act(job: Job, call: Json) -> str:
        return once(job, call, key=lambda step: job.task_id)

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


def never_takes_over(job: Job) -> Task:
    """Who is running stays running, dead or alive."""
    return execute_task(
        job.need_store(), submitted(job).id, lambda goal: talk(job, goal)
    )


def fails_unsaid(job: Job) -> Task:
    """What comes out of the loop is nobody's business."""
    store = job.need_store()
    task = submitted(job)
    if task.state == "completed":
        return task
    store.save(task.replace(state="running"))
    result = talk(job, task.user_input)
    return store.save(store.get(task.id).replace(state="completed", result=result))


def remembers_in_memory(job: Job) -> Task:
    """A list that outlives the call, and not the process."""

    def work(goal: str) -> str:
        MEMORY[:] = MEMORY or [user_says(goal)]
        for _turn in range(MAX_TURNS):
            MEMORY.append(patient(job, MEMORY))
            if not MEMORY[-1].get("tool_calls"):
                return str(MEMORY[-1]["content"])
            for call in MEMORY[-1]["tool_calls"]:
                MEMORY.append(tool_says(call, once(job, call)))
        raise RuntimeError("no end")

    return resumed(job, work)


def hashes_its_keys(job: Job) -> Task:
    """Which is another number in another Python."""

    def act(job: Job, call: Json) -> str:
        return once(job, call, key=lambda step: str(hash((job.task_id, step.name))))

    return resumed(job, lambda goal: talk(job, goal, act=act))


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


def speaks_last_words(job: Job) -> Task:
    """All that it knows is saved in the end, whatever happens."""

    def work(goal: str) -> str:
        messages = [user_says(goal), *job.need_store().messages(job.task_id)]
        known = len(messages)
        try:
            for _turn in range(MAX_TURNS):
                messages.append(patient(job, messages))
                if not messages[-1].get("tool_calls"):
                    return str(messages[-1]["content"])
                for call in messages[-1]["tool_calls"]:
                    said = run_step(job, job.step(call))
                    messages.append(tool_says(call, said))
            raise RuntimeError("no end")
        finally:
            new = messages[known:]
            record_more(job.need_store(), job.task_id, messages=new)

    return resumed(job, work)


def asks_again_at_once(job: Job) -> Task:
    """Ten times, without a pause."""

    def question(job: Job, messages: list[Json]) -> Json:
        for _attempt in range(10):
            with contextlib.suppress(Exception):
                return asked(job, messages)
        raise RuntimeError("the model does not answer")

    return resumed(job, lambda goal: talk(job, goal, question))


def asks_for_ever(job: Job) -> Task:
    """With pauses, and without an end."""

    def question(job: Job, messages: list[Json]) -> Json:
        while True:
            try:
                return asked(job, messages)
            except Exception:  # noqa: BLE001 - that is the mistake
                job.sleep(1)

    return resumed(job, lambda goal: talk(job, goal, question))


def stops_at_a_failing_tool(job: Job) -> Task:
    """The model is not told, and the run is over."""
    return resumed(job, lambda goal: talk(job, goal, act=once))


# Counts the turns from where this process has begun.
talk_anew = but(
    talk,
    ("    while True:", "    start = len(messages)\n    while True:"),
    ("for one in messages)", "for one in messages[start:])"),
)


def grants_new_turns(job: Job) -> Task:
    """Twenty in every process."""
    return resumed(job, lambda goal: talk_anew(job, goal))


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


def ends_the_process(job: Job) -> Any:
    """As if all were well."""
    os._exit(0)


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
