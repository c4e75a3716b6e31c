"""
OpenAI Agents SDK: a session keeps the items of the conversation.

Follows https://openai.github.io/openai-agents-python/sessions/, with `SQLiteSession`
in a file. A run that died is begun again on its session, without new input.
"""

import asyncio
from typing import Any

from agents import (
    Agent,
    OpenAIChatCompletionsModel,
    Runner,
    SQLiteSession,
    function_tool,
    set_tracing_disabled,
)

from agentstate_lab.lab.agents import Job

from ..kit import async_client, functions, place, threaded

set_tracing_disabled(True)


def run(job: Job, *, keyed: bool) -> str:
    """Run on the goal, or on what the session has."""
    return asyncio.run(_run(job, keyed))


async def _run(job: Job, keyed: bool) -> str:
    agent = Agent(
        name="deployer",
        model=OpenAIChatCompletionsModel(job.model, async_client(job)),
        tools=[function_tool(threaded(one)) for one in functions(job, keyed)],
    )
    session = SQLiteSession(job.task_id, place(job))
    begin: Any = [] if await session.get_items() else job.scenario.goal
    result = await Runner.run(agent, begin, session=session, max_turns=40)
    return str(result.final_output)
