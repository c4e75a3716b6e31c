"""Answers to exercise 10: right ones, and those that fail by name in a whole check."""

import itertools
import json
import uuid
from typing import Any

from agentstate_lab.errors import (
    AgentStateError,
    Conflict,
    InvalidValue,
    NeedsPerson,
    Permanent,
    StoreError,
    TaskInProgress,
)
from agentstate_lab.idempotency import resume_task, run_once
from agentstate_lab.lab.durable import durable_agent
from agentstate_lab.lab.job import Job, ask, run_step, tool_says, user_says
from agentstate_lab.own_run import execute_with
from agentstate_lab.pairing import open_calls
from agentstate_lab.retry import execute_with_retry
from agentstate_lab.step import StepRecord
from agentstate_lab.store import record_more
from agentstate_lab.task import Task
from answers import Wrong

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


def once(job: Job, call: Json, if_unknown: Any = "ask", *, key: Any = None) -> str:
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

    return execute_with(own_execute, job.need_store(), submitted(job).id, work)


def own_execute(store: Any, task_id: str, work: Any) -> Task:
    """Exercise 03, part 1."""
    task = store.get(task_id)
    if task.state == "completed":
        return task
    if task.state == "running":
        raise TaskInProgress(task_id)
    task = store.save(task.replace(state="running"))
    try:
        result = work(task.user_input)
    except Exception as error:
        store.save(task.replace(state="failed", error=str(error)))
        raise
    return store.save(task.replace(state="completed", result=result, error=None))


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


RIGHT = {
    "of-the-course": of_the_course,
    "replaying": replaying,
    "by-hand": ByHand(),
    "with-the-exercises": with_the_exercises,
}


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


IN_AN_EFFECT = "survives a kill when an effect has happened and the reply is on its way"
TOOL_MESSAGES = "answers each tool call with one tool message, also when a tool fails"

WRONG = {
    "fragile": Wrong(
        fragile,
        IN_AN_EFFECT,
        "survives 0 of 2: at effect 1, deploy-api happened twice: it was asked for"
        " without a key",
    ),
    "forgets-the-plan": Wrong(
        forgets_the_plan,
        "stores the plan before it acts on it",
        "deploy-database happened, and was not to be done",
    ),
    "makes-random-keys": Wrong(
        makes_random_keys, IN_AN_EFFECT, "it was asked for with 2 keys"
    ),
    "asks-a-person": Wrong(
        asks_a_person,
        IN_AN_EFFECT,
        "it asks a person, although the receiver honours the key",
    ),
    "leaves-calls-open": Wrong(
        leaves_calls_open, TOOL_MESSAGES, "did not have response messages: call_failing"
    ),
    "asks-the-model-once": Wrong(
        asks_the_model_once,
        "waits when the model is too busy, and gives up some day",
        "it raised RateLimitError: Error code: 429",
    ),
    "takes-the-first-choice": Wrong(
        takes_the_first_choice,
        "survives a reply that holds no choice",
        "the stored reason is 'list index out of range'",
    ),
    "calls-it-done": Wrong(
        calls_it_done,
        "ends as failed, with a reason, when the turns are used up",
        "the stored task is completed",
    ),
}
