"""
Pydantic AI on DBOS: `DBOSAgent` makes the run a workflow and each model call a step.

Follows https://ai.pydantic.dev/durable_execution/dbos/, on SQLite; as the page says, a
tool with an effect is made a step by `@DBOS.step` of one's own.
"""

import asyncio
import os

from dbos import DBOS, SetWorkflowID
from openai import AsyncOpenAI
from pydantic_ai import Agent
from pydantic_ai.durable_exec.dbos import DBOSAgent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from agentstate_lab.lab.agents import Job

from ..kit import async_client, functions, place, threaded


def run(job: Job, *, keyed: bool) -> str:
    """Run under the id of the task, or wait for what DBOS has taken up again."""
    os.environ.setdefault("DBOS__CONSOLE_LOG_LEVEL", "ERROR")
    return asyncio.run(_run(job, keyed, async_client(job)))


async def _run(job: Job, keyed: bool, client: AsyncOpenAI) -> str:
    database = f"sqlite:///{place(job)}"
    DBOS(config={"name": "deployer", "system_database_url": database})
    model = OpenAIChatModel(job.model, provider=OpenAIProvider(openai_client=client))
    steps = [DBOS.step()(threaded(one)) for one in functions(job, keyed)]
    agent = DBOSAgent(Agent(model, name="deployer", tools=steps))
    try:
        DBOS.launch()
        with SetWorkflowID(job.task_id):
            return str((await agent.run(job.scenario.goal)).output)
    finally:
        DBOS.destroy()
