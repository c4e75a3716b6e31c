"""
OpenAI Agents SDK, with a person who must agree to each effect before it runs.

Follows https://openai.github.io/openai-agents-python/human_in_the_loop/: tools need
approval, and the state of an interrupted run is stored while one waits for it.
"""

import asyncio
from typing import Any

import agents
from agents import Agent, OpenAIChatCompletionsModel, Runner, RunState, function_tool

from agentstate_lab.lab.agents import Job

from ..kit import LOOKS, async_client, functions, place, put, threaded

agents.set_tracing_disabled(True)


def run(job: Job, *, keyed: bool) -> str:
    """Begin; the person says yes to whatever is asked."""
    return asyncio.run(_run(job, keyed))


def fork(job: Job, source: str, *, keyed: bool) -> str:
    """Go on from the state that was stored behind the first yes."""
    return asyncio.run(_fork(job, source, keyed))


async def _run(job: Job, keyed: bool) -> str:
    agent = _agent(job, keyed)
    result = await Runner.run(agent, job.scenario.goal, max_turns=40)
    while result.interruptions:
        state = result.to_state()
        for asked in result.interruptions:
            state.approve(asked)
        if not place(job, "json").exists():
            put(place(job, "json"), state.to_string().encode())
        result = await Runner.run(agent, state, max_turns=40)
    return str(result.final_output)


async def _fork(job: Job, source: str, keyed: bool) -> str:
    agent = _agent(job, keyed)
    state = await RunState.from_string(agent, place(source, "json").read_text("utf-8"))
    return str((await Runner.run(agent, state, max_turns=40)).final_output)


def _agent(job: Job, keyed: bool) -> Any:
    tools: Any = [
        function_tool(threaded(one), needs_approval=one.__name__ != LOOKS)
        for one in functions(job, keyed)
    ]
    model = OpenAIChatCompletionsModel(job.model, async_client(job))
    return Agent(name="deployer", model=model, tools=tools)
