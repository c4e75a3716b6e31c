"""
The agent of notebook 05: that of notebook 03, under a deadline.

An agent touches the outside in three places, and a deadline means something else in
each. A model call may take what is left, up to a limit of its own. So may an effect,
which is not started late, and whose outcome is unknown when it is given up. A save
gets no limit at all: it takes the record along, so that what was used is stored with
whatever was worth storing.

The time is granted with the submission. It begins when the job is asked for, and the
same job asked for again finds it running.

Nothing here decides what becomes of a task that ran out of time: it is failed, and
to give it more is for a person.
"""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, cast

from agentstate_lab.deadline import Clock, Deadline
from agentstate_lab.errors import DeadlineExceeded
from agentstate_lab.lab.world import EffectWorld
from agentstate_lab.state import Task
from agentstate_lab.stores import HistoryStore

from .idempotent import idempotent_agent
from .job import Job

RUN_SECONDS = 300.0
MODEL_SECONDS = 30.0
STEP_SECONDS = 60.0


def timed_agent(
    job: Job,
    *,
    seconds: float = RUN_SECONDS,
    keyless: Collection[str] = (),
    clock: Clock = time.monotonic,
    wall: Clock = time.time,
) -> Task:
    """
    Run the job, or go on with it, for as long as its deadline allows.

    Args:
        job: The work, with a store.

        seconds: What a new task is granted.

        keyless: The services that honour no idempotency key.

        clock: What time is measured with in this process.

        wall: Seconds since the epoch, for the record.

    Returns:
        The task: completed, failed when its time was used up, or waiting.
    """
    store = job.need_store()
    granted = Deadline.after(seconds, clock=clock, wall=wall).record()
    new = Task.new(job.scenario.goal, task_id=job.task_id)
    task = store.submit(new.replace(deadline=granted)).task
    if task.deadline is None:  # submitted by somebody who wanted none
        return idempotent_agent(job, keyless=keyless)
    deadline = Deadline.restore(task.deadline, clock=clock, wall=wall)
    try:
        return idempotent_agent(under(job, deadline), keyless=keyless)
    except DeadlineExceeded:
        return store.get(task.id)


def under(job: Job, deadline: Deadline) -> Job:
    """The same job, whose model, world and store know the *deadline*."""
    completions = SimpleNamespace(create=_Model(job.client, deadline))
    return replace(
        job,
        client=SimpleNamespace(chat=SimpleNamespace(completions=completions)),
        world=TimedWorld(job.world, deadline),
        store=cast(HistoryStore, TimedStore(job.need_store(), deadline)),
    )


@dataclass(frozen=True, slots=True)
class _Model:
    """A model call that is given up in time."""

    client: Any
    deadline: Deadline

    def __call__(self, **request: Any) -> Any:
        create = self.client.chat.completions.create
        own = self.deadline.narrow(MODEL_SECONDS)
        return own.call(lambda left: create(**request, timeout=left), "ask the model")


@dataclass(frozen=True, slots=True)
class TimedWorld:
    """A world whose effects are not started late, and given up in time."""

    world: EffectWorld
    deadline: Deadline

    def effect(
        self,
        effect: str,
        *,
        task_id: str,
        step: str,
        arguments: Mapping[str, Any],
        key: str | None = None,
        timeout: float = STEP_SECONDS,
    ) -> dict[str, Any]:
        """Ask for the effect, for *timeout* seconds or what is left."""

        def ask(left: float) -> dict[str, Any]:
            return self.world.effect(
                effect,
                task_id=task_id,
                step=step,
                arguments=arguments,
                key=key,
                timeout=left,
            )

        return self.deadline.narrow(timeout).call(ask, step)


@dataclass(frozen=True, slots=True)
class TimedStore:
    """A store that records the time with every save, and never runs out of it."""

    store: HistoryStore
    deadline: Deadline

    def save(self, task: Task, **more: Any) -> Task:
        """Save *task* with what was used of its time."""
        timed = task.replace(deadline=self.deadline.record())
        return self.store.save(timed, **more)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)
