"""Right answers to exercise 10, and what its wrong ones share with them."""

import asyncio
import itertools
import json
from typing import Any

from agentstate_lab.checkpoint import open_calls
from agentstate_lab.errors import (
    AgentStateError,
    Conflict,
    InvalidValue,
    NeedsPerson,
    Permanent,
    StoreError,
)
from agentstate_lab.idempotency import execute_with, resume_task, run_once
from agentstate_lab.lab.agents import (
    Job,
    ask,
    durable_agent,
    run_step,
    tool_says,
    user_says,
)
from agentstate_lab.retry import execute_with_retry
from agentstate_lab.state import StepRecord, Task
from agentstate_lab.stores import record_more
from answers import idempotency_answers

MAX_TURNS = 20

Json = dict[str, Any]


def submitted(job: Job) -> Task:
    """The stored task of the job."""
    task = Task.new(job.scenario.goal, task_id=job.task_id)
    return job.need_store().submit(task).task


def asked(job: Job, messages: list[Json]) -> Json:
    """One question, and the first choice of the reply."""
    reply = job.client.chat.completions.create(
        model=job.model, messages=messages, tools=job.scenario.tools
    )
    if not reply.choices:
        raise ConnectionError("the model sent a reply with no choice")
    said: Json = reply.choices[0].message.model_dump(exclude_none=True)
    return said


def patient(job: Job, messages: list[Json]) -> Json:
    """The same, tried again."""
    return execute_with_retry(lambda: asked(job, messages), 5, sleep=job.sleep)


def kept(job: Job, message: Json) -> Json:
    """The message, stored."""
    record_more(job.need_store(), job.task_id, messages=[message])
    return message


def once(job: Job, call: Json, if_unknown: Any = "resend", *, key: Any = None) -> str:
    """What one call comes to, through `run_once`."""
    step = job.step(call)

    def effect(own: str) -> str:
        used = own if key is None else key(step)
        return execute_with_retry(
            lambda: run_step(job, step, key=used),
            3,
            idempotent=True,
            sleep=job.sleep,
        )

    return str(
        run_once(
            job.need_store(),
            job.task_id,
            step.name,
            effect,
            request=dict(step.arguments),
            if_unknown=if_unknown,
            sleep=job.sleep,
        )
    )


def told(job: Job, call: Json) -> str:
    """The same for a tool message."""
    try:
        return once(job, call)
    except (Conflict, StoreError, NeedsPerson):
        raise
    except Exception as error:  # noqa: BLE001 - an answer
        return f"error: {error}"


def talk(job: Job, goal: str, question: Any = patient, act: Any = told) -> str:
    """The whole conversation, from what is stored of it."""
    messages = [user_says(goal), *job.need_store().messages(job.task_id)]
    while True:
        turns = sum(one["role"] == "assistant" for one in messages)
        if calls := open_calls(messages):
            message = tool_says(calls[0], act(job, calls[0]))
        elif messages[-1]["role"] == "assistant":
            return str(messages[-1]["content"])
        elif turns == MAX_TURNS:
            raise RuntimeError(f"no end after {turns} turns of the model")
        else:
            message = question(job, messages)
        messages.append(kept(job, message))


def resumed(job: Job, work: Any) -> Task:
    """The task, run by `resume_task`."""
    return resume_task(job.need_store(), submitted(job).id, work)


def of_the_course(job: Job) -> Task:
    """The agent of the course."""
    return durable_agent(job)


def replaying(job: Job) -> Task:
    """As the agent of notebook 03: from the top, past all that is recorded."""

    def work(goal: str) -> str:
        messages: list[Json] = [user_says(goal)]
        said = iter(job.need_store().messages(job.task_id))
        for _turn in range(MAX_TURNS):
            message = next(said, None) or kept(job, patiently(job, messages))
            messages.append(message)
            if not message.get("tool_calls"):
                return str(message["content"])
            for call in message["tool_calls"]:
                messages.append(tool_says(call, told(job, call)))
        raise Permanent(f"gave up after {MAX_TURNS} turns")

    try:
        return resumed(job, work)
    except AgentStateError:
        return job.need_store().get(job.task_id)


def patiently(job: Job, messages: list[Json]) -> Json:
    """The question of the course, tried again."""
    return execute_with_retry(lambda: ask(job, messages), sleep=job.sleep)


class ByHand:
    """No help but the store's: its own states, keys, waits and errors."""

    def __call__(self, job: Job) -> Task:
        """Run the job."""
        task = submitted(job)
        if task.state == "completed":
            return task
        if task.state != "running":
            task = job.need_store().save(task.replace(state="running", error=None))
        try:
            changes = {"state": "completed", "result": self.turns(job)}
        except RuntimeError as error:
            changes = {"state": "failed", "error": str(error)}
        task = job.need_store().get(task.id)
        return job.need_store().save(task.replace(**changes))

    def turns(self, job: Job) -> str:
        """Ask and act, as long as something is called for."""
        messages = job.need_store().messages(job.task_id)
        done = {one["tool_call_id"] for one in messages if one["role"] == "tool"}
        for turn in itertools.count():
            said = [one for one in messages if one["role"] == "assistant"]
            if turn == len(said):
                if turn == MAX_TURNS:
                    raise RuntimeError(f"{turn} turns, and no end")
                said.append(self.asked(job, [user_says(job.scenario.goal), *messages]))
                messages.append(kept(job, said[turn]))
            if "tool_calls" not in said[turn]:
                return str(said[turn]["content"])
            for call in said[turn]["tool_calls"]:
                if call["id"] not in done:
                    messages.append(kept(job, self.acted(job, call)))
        raise AssertionError

    def asked(self, job: Job, messages: list[Json]) -> Json:
        """Until it answers, four times at most."""
        for _attempt in range(4):
            try:
                reply = job.client.chat.completions.create(
                    model=job.model, messages=messages, tools=job.scenario.tools
                )
            except Exception as error:
                if getattr(error, "status_code", None) != 429:
                    raise
                job.sleep(float(error.response.headers["retry-after"]))
                continue
            if reply.choices:
                said = reply.choices[0].message.to_dict()
                return {name: value for name, value in said.items() if value}
        raise RuntimeError("four tries, and no answer of the model")

    def acted(self, job: Job, call: Json) -> Json:
        """Under a key that is made of the call: its message is stored."""
        key = json.dumps([job.task_id, call["id"]])
        for _attempt in range(3):
            try:
                said = run_step(job, job.step(call), key=key)
            except InvalidValue:
                said = "error: no such tool, or not with these arguments"
            except AgentStateError as error:
                said = f"error: {error}"
                if error.effect == "unknown":
                    continue
            return tool_says(call, said)
        raise RuntimeError("nobody knows what became of it")


def with_the_exercises(job: Job) -> Task:
    """On the functions of exercises 03 and 04, as a learner wrote them."""

    def act(job: Job, call: Json) -> str:
        try:
            step = job.step(call)
            return own_run_once(
                job.need_store(),
                job.task_id,
                step.name,
                lambda key: own_retry(
                    lambda: run_step(job, step, key=key), 3, sleep=job.sleep
                ),
            )
        except Exception as error:  # noqa: BLE001 - an answer
            return f"error: {type(error).__name__}"

    def question(job: Job, messages: list[Json]) -> Json:
        return own_retry(lambda: asked(job, messages), 4, sleep=job.sleep)

    def work(goal: str) -> str:
        return talk(job, goal, question, act)

    return execute_with(
        idempotency_answers.right, job.need_store(), submitted(job).id, work
    )


def own_run_once(store: Any, task_id: str, step: str, effect: Any) -> Any:
    """Exercise 03, part 2."""
    for one in store.steps(task_id):
        if one.name == step and one.status == "done":
            return one.result
    key = f"{task_id}/{step}"
    record = StepRecord(name=step, key=key, fingerprint="", status="started")
    record_more(store, task_id, steps=[record])
    result = effect(key)
    done = record.model_copy(update={"status": "done", "result": result})
    record_more(store, task_id, steps=[done])
    return result


def own_retry(fn: Any, max_attempts: int, *, sleep: Any) -> Any:
    """Exercise 04."""
    for attempt in range(max_attempts - 1):
        try:
            return fn()
        except Permanent:
            raise
        except Exception:  # noqa: BLE001 - an answer
            sleep(2**attempt)
    return fn()


def asynchronous(job: Job) -> Task:
    """A loop of events inside, and all that it knows read anew in every turn."""
    return asyncio.run(awaited(job))


async def awaited(job: Job) -> Task:
    """Run the job, if it is to be run."""
    store = job.need_store()
    task = submitted(job)
    if task.state == "completed":
        return task
    if task.state != "running":
        store.save(task.replace(state="running", error=None))
    try:
        while (result := await one_turn(job)) is None:
            pass
        changes = {"state": "completed", "result": result}
    except OverflowError as error:
        changes = {"state": "failed", "error": str(error)}
    return store.save(store.get(task.id).replace(**changes))


async def one_turn(job: Job) -> str | None:
    """What the conversation, as it is stored, calls for next."""
    messages = [user_says(job.scenario.goal), *job.need_store().messages(job.task_id)]
    said = [one for one in messages if one["role"] == "assistant"]
    if calls := open_calls(messages):
        await asyncio.gather(*(acted(job, call) for call in calls))
    elif said and "tool_calls" not in said[-1]:
        return str(said[-1]["content"])
    elif len(said) == MAX_TURNS:
        raise OverflowError("more turns than there are")
    else:
        kept(job, await questioned(job, messages))
    return None


async def questioned(job: Job, messages: list[Json]) -> Json:
    """What the model says, some day."""
    for attempt in range(5):
        try:
            return await asyncio.to_thread(asked, job, messages)
        except Exception as error:  # noqa: BLE001 - whatever it was, it may pass
            why = f"{type(error).__name__} of the model, five times"
            job.sleep(2**attempt)
    raise OverflowError(why)


async def acted(job: Job, call: Json) -> None:
    """One call, and its message."""
    for _attempt in range(3):
        try:
            said = await asyncio.to_thread(
                lambda: run_step(
                    job, job.step(call), key=f"{job.task_id}: {call['id']}"
                )
            )
        except AgentStateError as error:
            said = str(error)
            if error.effect == "unknown":
                continue
        break
    kept(job, tool_says(call, said))
