"""
What an agent is given, and the two things that every agent does with it.

A `Job` holds the work and everything that the work needs: a model, a world, a
store, a way to wait, a way to say what happened. Tests, notebooks, the command line
and the crash lab run the same agents; they differ only in what they put in here.

Every agent asks the model (`ask`) and does what it calls for (`run_step`). What it
remembers of that is the agent's own business, in `agents`.
"""

import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.world import (
    EffectWorld,
    Message,
    Scenario,
    Step,
    connect_model,
    perform,
    scenario_named,
    start_world,
    task_header,
)
from agentstate_lab.state import Task, TaskState
from agentstate_lab.stores import HistoryStore, open_store

from .notes import steps_done

Sleep = Callable[[float], None]
Say = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Job:
    """
    What an agent is given: the work, and everything it works with.

    Attributes:
        scenario: The goal, the tools and the steps.

        task_id: Names the job, in the store and in the ledger.

        client: An `openai.OpenAI`, or what answers like one.

        model: The model's name.

        world: Where effects happen.

        store: Where tasks are kept, or None for an agent that keeps nothing.

        step_seconds: How long a step takes. The environment variable
            `AGENTSTATE_PACE` multiplies it.

        sleep: Waits; `time.sleep`, or what stands in for it.

        on_event: Gets a short line after each step.
    """

    scenario: Scenario
    task_id: str
    client: Any
    model: str
    world: EffectWorld
    store: HistoryStore | None = None
    step_seconds: float = 0.0
    sleep: Sleep = time.sleep
    on_event: Say = print

    def step(self, call: Mapping[str, Any]) -> Step:
        """The step that a tool call of the model stands for."""
        function = call["function"]
        return self.scenario.step_for(function["name"], function["arguments"])

    def through(self, create: Callable[..., Any]) -> "Job":
        """The same job, whose model is asked by calling *create*."""
        chat = SimpleNamespace(completions=SimpleNamespace(create=create))
        client = SimpleNamespace(chat=chat, close=self.client.close)
        return replace(self, client=client)

    def need_store(self) -> HistoryStore:
        """The store, for an agent that cannot do without one."""
        if self.store is None:
            raise InvalidValue(
                "store", 'this agent needs one: "json:PATH", for example'
            )
        return self.store


def open_job(
    scenario: str,
    task_id: str,
    *,
    store_url: str | None = None,
    step_seconds: float = 0.0,
    sleep: Sleep = time.sleep,
    on_event: Say = print,
) -> Job:
    """
    A job in the real world: the configured model, the running world, a store.

    Raises:
        InvalidValue: An argument makes no sense. Nothing was started.
    """
    chosen = scenario_named(scenario)
    if not isinstance(task_id, str) or not task_id:
        raise InvalidValue("task_id", f"must name the job, not {task_id!r}")
    if not 0 <= step_seconds < math.inf:
        raise InvalidValue(
            "step_seconds", f"must be seconds from 0, not {step_seconds}"
        )
    store = None if store_url is None else open_store(store_url)
    pace()
    world = start_world()
    client, model = connect_model()
    return Job(
        scenario=chosen,
        task_id=task_id,
        client=client,
        model=model,
        world=world,
        store=store,
        step_seconds=step_seconds,
        sleep=sleep,
        on_event=on_event,
    )


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


def ask(job: Job, messages: list[Message]) -> Message:
    """One model call: the whole conversation goes in, one message comes out."""
    reply = job.client.chat.completions.create(
        model=job.model,
        messages=messages,
        tools=job.scenario.tools,
        extra_headers=task_header(job.task_id),
    )
    if not reply.choices:
        raise InvalidValue("reply", "the model sent no choice; ask it again")
    message: Message = reply.choices[0].message.model_dump(exclude_none=True)
    return {"content": None, **message}


def run_step(job: Job, step: Step, *, key: str | None = None) -> str:
    """
    Take the time that *step* takes, do it, say so, and return its result.

    An effect is requested under the idempotency *key*, if there is one.
    """
    seconds = job.step_seconds * pace()
    if seconds > 0:
        job.sleep(seconds)
    result = perform(step, world=job.world, task_id=job.task_id, key=key)
    job.on_event(f"minute {step.minute}: {step.name} done")
    return result


def user_says(text: str) -> Message:
    """A user message."""
    return {"role": "user", "content": text}


def tool_says(call: Mapping[str, Any], result: str) -> Message:
    """The tool message that answers *call*."""
    return {"role": "tool", "tool_call_id": call["id"], "content": result}


def pace() -> float:
    """
    By what to multiply each step's time: `AGENTSTATE_PACE`, or 1.

    Raises:
        InvalidValue: It is set, and not to a number from 0 to 1000.
    """
    said = os.environ.get("AGENTSTATE_PACE", "").strip() or "1"
    try:
        factor = float(said)
    except ValueError:
        factor = math.nan
    if not 0 <= factor <= 1000:
        raise InvalidValue(
            "AGENTSTATE_PACE",
            f"must be a number from 0 (no waiting) to 1000, not {said!r:.100}",
        )
    return factor
