"""The agent of the course, on any of its stores."""

from collections.abc import Sequence

from agentstate_lab.checkpoint import CheckpointManager
from agentstate_lab.lab.agents import Job, durable_agent
from agentstate_lab.state import Message, Task


def run(job: Job, *, keyed: bool) -> Task:
    """Begin, or go on; without keys, an outcome that nobody knows is a person's."""
    effects = {str(step.effect) for step in job.scenario.effects}
    return durable_agent(job, keyless=set() if keyed else effects)


def fork(job: Job, source: str, after: int, *, keyed: bool) -> Task:
    """A new task from the checkpoint at which so many tools had answered."""
    store = job.need_store()
    manager = CheckpointManager(store)
    then = next(
        one
        for one in store.checkpoints(source)
        if _answers(store.messages(source)[: one.messages]) == after
    )
    manager.fork(source, then.version, new_id=job.task_id)
    return run(job, keyed=keyed)


def _answers(messages: Sequence[Message]) -> int:
    return sum(message.get("role") == "tool" for message in messages)
