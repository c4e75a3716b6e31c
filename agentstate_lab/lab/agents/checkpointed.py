"""
The agent of notebook 07: it can be gone back to, step by step.

It is the agent of notebook 03, and it stores more. The result that the model is told
goes into the store with the fact that the step is done, and with a snapshot when the
strategy says so. A later run reads the conversation instead of walking the path
again, and goes on behind its last word.

A call without a result is no guess here. Whoever has no keys must tell the model
that the outcome is unknown; this agent has them, so it asks once more and tells the
model what came of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agentstate_lab.checkpoint import CheckpointManager, Resumed
from agentstate_lab.idempotency import resume_task
from agentstate_lab.lab.world import Message
from agentstate_lab.state import Task
from agentstate_lab.stores import HistoryStore

from .idempotent import decide, once, tell_what_is_known
from .job import Job, tool_says, user_says
from .notes import done_patch


def checkpointed_agent(job: Job, *, strategy: str = "every_step") -> Task:
    """
    Run the job, or go on with it, and take snapshots on the way.

    Args:
        job: The work, with a store that keeps a history.

        strategy: How often a snapshot is taken.

    Raises:
        CheckpointRefused: What is stored cannot be gone on from.
    """
    store = job.need_store()
    manager = CheckpointManager(store, strategy=strategy)
    task = store.submit(Task.new(job.scenario.goal, task_id=job.task_id)).task
    manager.resume(task.id)  # raises if too old; a claim makes it young
    tell_what_is_known(job)

    def work(goal: str) -> str:
        messages = [user_says(goal), *certain(manager.resume(task.id))]
        while True:
            calls = unanswered(messages)
            for call in calls:
                step = job.step(call)
                result = once(job, step, "resend")
                messages.append(tool_says(call, result))
                now = store.get(task.id)
                manager.save(
                    now.apply(done_patch(now, step, result)),
                    "iteration" if call is calls[-1] else "step",
                    messages=messages[-1:],
                )
            if is_answer(messages[-1]):
                return str(messages[-1]["content"])
            messages.append(decide(job, messages))

    return resume_task(SnapshotStore(store, manager), task.id, work)


def certain(resumed: Resumed) -> list[Message]:
    """What was said, without the results that nobody knows."""
    return [
        message
        for message in resumed.messages
        if message.get("tool_call_id") not in resumed.unknown
    ]


def unanswered(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """The tool calls that have no result."""
    answered = {message.get("tool_call_id") for message in messages}
    calls = [call for message in messages for call in message.get("tool_calls") or []]
    return [call for call in calls if call["id"] not in answered]


def is_answer(message: Message) -> bool:
    """Whether the model has said its last word."""
    return message["role"] == "assistant" and not message.get("tool_calls")


@dataclass(frozen=True, slots=True)
class SnapshotStore:
    """A store in which a claim and an end, which save a task alone, are snapshots."""

    store: HistoryStore
    manager: CheckpointManager

    def save(self, task: Task, **more: Any) -> Task:
        """Save *task*; alone, through the manager."""
        if more:
            return self.store.save(task, **more)
        return self.manager.save(task, "state_change")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)
