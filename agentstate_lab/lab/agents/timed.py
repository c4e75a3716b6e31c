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
from collections.abc import Collection
from dataclasses import dataclass, replace
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
    ask = job.client.chat.completions.create

    def create(**request: Any) -> Any:
        own = deadline.narrow(MODEL_SECONDS)
        return own.call(lambda left: ask(**request, timeout=left), "ask the model")

    return replace(
        job.through(create),
        world=TimedWorld(job.world, deadline),
        store=cast(HistoryStore, TimedStore(job.need_store(), deadline)),
    )


@dataclass(frozen=True, slots=True)
class TimedWorld:
    """A world whose effects are not started late, and given up in time."""

    world: EffectWorld
    deadline: Deadline

    def effect(
        self, effect: str, *, step: str, timeout: float = STEP_SECONDS, **request: Any
    ) -> dict[str, Any]:
        """Request the effect, for *timeout* seconds or what is left."""
        own = self.deadline.narrow(timeout)
        return own.call(
            lambda left: self.world.effect(effect, step=step, timeout=left, **request),
            step,
        )


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
