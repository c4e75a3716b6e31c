"""
Pydantic AI: the message history, saved by hand after each node of the run.

Follows https://ai.pydantic.dev/message-history/ (`all_messages_json`, and
`message_history` on the next run) and the page on iterating over a run. The framework
has no store of its own; the file is replaced in one piece.
"""

import asyncio

from openai import AsyncOpenAI
from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessagesTypeAdapter, ModelRequest
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from agentstate_lab.lab.agents import Job

from ..kit import async_client, functions, place, put, threaded


def run(job: Job, *, keyed: bool) -> str:
    """Run on the goal, or go on with the history."""
    return asyncio.run(_run(job, keyed, async_client(job)))


async def _run(job: Job, keyed: bool, client: AsyncOpenAI) -> str:
    model = OpenAIChatModel(job.model, provider=OpenAIProvider(openai_client=client))
    agent = Agent(model, tools=[threaded(one) for one in functions(job, keyed)])
    file = place(job, "json")
    history = None
    if file.is_file():
        history = ModelMessagesTypeAdapter.validate_json(file.read_bytes())
    goal = None if history else job.scenario.goal
    async with agent.iter(goal, message_history=history) as going:
        async for node in going:
            said = going.all_messages()
            if Agent.is_call_tools_node(node):
                said = [*said, node.model_response]
            elif Agent.is_model_request_node(node):
                said = [*said, node.request]
            if said and said != history and isinstance(said[0], ModelRequest):
                put(file, ModelMessagesTypeAdapter.dump_json(said))
    return str(going.result.output if going.result else "")
