"""
Microsoft Agent Framework: a workflow with a checkpoint after each superstep.

Follows https://learn.microsoft.com/agent-framework/workflows/checkpoints, with
`FileCheckpointStorage`. A second start runs from the latest checkpoint.
"""

import asyncio
from typing import Any

from agent_framework import (
    FileCheckpointStorage,
    FunctionExecutor,
    Workflow,
    WorkflowBuilder,
    WorkflowContext,
)

from agentstate_lab.lab.agents import Job, ask, user_says

from ..kit import place, results

Said = list[dict[str, Any]]


def run(job: Job, *, keyed: bool) -> str:
    """Run on the goal, or from the latest checkpoint."""
    return asyncio.run(_run(job, keyed))


async def _run(job: Job, keyed: bool) -> str:
    storage = FileCheckpointStorage(place(job, "checkpoints"))
    workflow = _workflow(job, keyed, storage)
    latest = await storage.get_latest(workflow_name="deployer")
    if latest:
        result = await workflow.run(checkpoint_id=latest.checkpoint_id)
    else:
        result = await workflow.run([user_says(job.scenario.goal)])
    return str(result.get_outputs()[-1])


def _workflow(job: Job, keyed: bool, storage: FileCheckpointStorage) -> Workflow:
    """An executor that asks the model, an executor that calls its tools."""

    async def model(said: Said, ctx: WorkflowContext[Said, str]) -> None:
        message = await asyncio.to_thread(ask, job, said)
        if message.get("tool_calls"):
            await ctx.send_message([*said, message])
        else:
            await ctx.yield_output(str(message["content"]))

    async def tools(said: Said, ctx: WorkflowContext[Said]) -> None:
        answers = await asyncio.to_thread(results, job, said[-1], keyed)
        await ctx.send_message([*said, *answers])

    ends = FunctionExecutor(model, id="model"), FunctionExecutor(tools, id="tools")
    builder = WorkflowBuilder(
        start_executor=ends[0], checkpoint_storage=storage, name="deployer"
    )
    return builder.add_edge(*ends).add_edge(*reversed(ends)).build()
