"""
LlamaIndex Workflows: the context, saved by hand after each event.

Follows https://developers.llamaindex.ai/python/llamaagents/workflows/durable_workflows/:
`ctx.to_dict()` while the events stream, `Context.from_dict` on the next start.
"""

import asyncio
import json

from workflows import Context, Workflow, step
from workflows.events import Event, StartEvent, StopEvent

from agentstate_lab.lab.agents import Job, ask, user_says
from agentstate_lab.state import Message

from ..kit import place, put, results


class Said(Event):
    """The conversation so far, for the model."""

    messages: list[Message]


class Called(Event):
    """The same for the tools."""

    messages: list[Message]


def run(job: Job, *, keyed: bool) -> str:
    """Run on the goal, or from the last context."""
    return asyncio.run(_run(_workflow(job, keyed), job))


async def _run(workflow: Workflow, job: Job) -> str:
    file = place(job, "json")
    kept = json.loads(file.read_bytes()) if file.is_file() else None
    going = workflow.run(ctx=kept and Context.from_dict(workflow, kept))
    async for _ in going.stream_events(expose_internal=True):
        put(file, json.dumps(going.ctx.to_dict()).encode())
    return str((await going)["content"])


def _workflow(job: Job, keyed: bool) -> Workflow:
    class Deployer(Workflow):
        @step
        async def model(self, ev: StartEvent | Said) -> Called | StopEvent:
            said = getattr(ev, "messages", [user_says(job.scenario.goal)])
            message = await asyncio.to_thread(ask, job, said)
            more, over = Called(messages=[*said, message]), StopEvent(result=message)
            return more if message.get("tool_calls") else over

        @step
        async def tools(self, ev: Called) -> Said:
            said = await asyncio.to_thread(results, job, ev.messages[-1], keyed)
            return Said(messages=ev.messages + said)

    return Deployer(timeout=None)
