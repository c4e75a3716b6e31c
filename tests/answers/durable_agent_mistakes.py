"""More wrong answers to exercise 10, each tried at the one stage that is about it."""

import contextlib
import itertools
import os
from typing import Any

from agentstate_lab.errors import AgentStateError, TaskInProgress
from agentstate_lab.idempotency import execute_task, resume_task
from agentstate_lab.lab.job import Job, run_step, tool_says, user_says
from agentstate_lab.store import record_more
from agentstate_lab.task import Task
from answers import Wrong
from answers.durable_agent_answers import (
    IN_AN_EFFECT,
    MAX_TURNS,
    TOOL_MESSAGES,
    ByHand,
    Json,
    asked,
    kept,
    once,
    own_run_once,
    patient,
    replaying,
    resumed,
    submitted,
    talk,
)

BUSY = "waits when the model is too busy, and gives up some day"
BEFORE_AN_EFFECT = "survives a kill before an effect"
PLAN = "stores the plan before it acts on it"
THROUGH = "gets through when nothing goes wrong, and returns the stored task"

MEMORY: list[Json] = []


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


def grants_new_turns(job: Job) -> Task:
    """Twenty in every process."""

    def work(goal: str) -> str:
        messages = [user_says(goal), *job.need_store().messages(job.task_id)]
        for _turn in range(MAX_TURNS):
            messages.append(kept(job, patient(job, messages)))
            if not messages[-1].get("tool_calls"):
                return str(messages[-1]["content"])
            for call in messages[-1]["tool_calls"]:
                messages.append(kept(job, tool_says(call, once(job, call))))
        raise RuntimeError(f"no end after {MAX_TURNS} turns")

    return resumed(job, work)


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


MISTAKES = {
    "runs-it-again": Wrong(
        runs_it_again,
        "does not run a completed task again",
        "it asked the model again",
    ),
    "counts-its-keys": Wrong(
        counts_its_keys, BEFORE_AN_EFFECT, "survives 1 of 2: at effect 2, it raised"
    ),
    "never-takes-over": Wrong(
        never_takes_over, BEFORE_AN_EFFECT, "it raised TaskInProgress"
    ),
    "fails-unsaid": Wrong(fails_unsaid, BUSY, "the stored task is running, and it"),
    "remembers-in-memory": Wrong(remembers_in_memory, PLAN, "deploy-database happened"),
    "hashes-its-keys": Wrong(
        hashes_its_keys,
        "goes on in a newly started Python",
        "deploy-api happened twice: it was asked for with 2 keys",
    ),
    "calls-a-beginning-done": Wrong(
        calls_a_beginning_done, BEFORE_AN_EFFECT, "deploy-api never happened"
    ),
    "speaks-last-words": Wrong(speaks_last_words, IN_AN_EFFECT, "happened twice"),
    "asks-again-at-once": Wrong(asks_again_at_once, BUSY, "it asked again after 0.0 s"),
    "asks-for-ever": Wrong(asks_for_ever, BUSY, "60 times in one run"),
    "stops-at-a-failing-tool": Wrong(
        stops_at_a_failing_tool, TOOL_MESSAGES, "it raised EffectRefused: 403"
    ),
    "grants-new-turns": Wrong(
        grants_new_turns,
        "grants no new turns when it is run again",
        "it asked the model 40 times",
    ),
    "acts-again": Wrong(
        replaying,
        "does nothing again that the model has been told about",
        "it asked for it again",
    ),
    "works-beside-another": Wrong(
        ByHand(),
        "leaves a job alone that a live process is at",
        "the second process asked the model as well",
    ),
    "returns-nothing": Wrong(
        returns_nothing, THROUGH, "it returned nothing (None), not the stored task"
    ),
    "stores-nothing": Wrong(
        stores_nothing, THROUGH, "the store has no task with the job's id"
    ),
    "returns-the-first-task": Wrong(
        returns_the_first_task, THROUGH, "not the stored one"
    ),
    "ends-the-process": Wrong(
        ends_the_process, BEFORE_AN_EFFECT, "it ended the whole process"
    ),
    "ends-when-it-is-told": Wrong(
        ends_when_it_is_told, BEFORE_AN_EFFECT, "it called sys.exit(0)"
    ),
    "deploys-for-ever": Wrong(
        deploys_for_ever, THROUGH, "it asked for effects 60 times in one run"
    ),
}
