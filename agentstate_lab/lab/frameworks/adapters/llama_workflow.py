"""
LlamaIndex Workflows: the context, saved by hand after each step.

Follows https://developers.llamaindex.ai/python/llamaagents/workflows/durable_workflows/:
`ctx.to_dict()` while the events stream, `Context.from_dict` on the next start.
"""

import asyncio
import json
from pathlib import Path

from workflows import Context, Workflow, step
from workflows.events import Event, StartEvent, StopEvent

from agentstate_lab.lab.agents import Job, ask, user_says
from agentstate_lab.state import Message

from ..kit import place, put, results


class Said(Event):
    """The conversation so far, for the model or for the tools."""

    messages: list[Message]


class Called(Said):
    """It ends in calls of tools."""


def run(job: Job, *, keyed: bool) -> str:
    """Run on the goal, or from the last context."""
    return asyncio.run(_run(_workflow(job, keyed), place(job, "json")))


async def _run(workflow: Workflow, file: Path) -> str:
    kept = json.loads(file.read_bytes()) if file.is_file() else None
    handler = workflow.run(ctx=Context.from_dict(workflow, kept) if kept else None)
    async for _event in handler.stream_events(expose_internal=True):
        put(file, json.dumps(handler.ctx.to_dict()).encode())
    return str(await handler)


def _workflow(job: Job, keyed: bool) -> Workflow:
    class Deployer(Workflow):
        @step
        async def model(self, ev: StartEvent | Said) -> Called | StopEvent:
            said = ev.get("messages") or [user_says(job.scenario.goal)]
            message = await asyncio.to_thread(ask, job, said)
            if message.get("tool_calls"):
                return Called(messages=[*said, message])
            return StopEvent(result=message["content"])

        @step
        async def tools(self, ev: Called) -> Said:
            said = await asyncio.to_thread(results, job, ev.messages[-1], keyed)
            return Said(messages=ev.messages + said)

    return Deployer(timeout=None)
