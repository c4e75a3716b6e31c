"""
Strands Agents: a session manager stores each message as it is said.

Follows https://strandsagents.com/docs/user-guide/concepts/agents/session-management/,
with `FileSessionManager`. After a death the agent is called with no new prompt: the
session has the conversation.
"""

from strands import Agent, tool
from strands.models.openai import OpenAIModel
from strands.session.file_session_manager import FileSessionManager

from agentstate_lab.lab.agents import Job
from agentstate_lab.lab.world import task_header

from ..kit import functions, place


def run(job: Job, *, keyed: bool) -> str:
    """Call the agent with the goal, or with nothing new."""
    folder = place(job, "sessions")
    begun = folder.is_dir()
    client = {
        "api_key": job.client.api_key,
        "base_url": str(job.client.base_url),
        "max_retries": 0,
        "default_headers": task_header(job.task_id),
    }
    agent = Agent(
        model=OpenAIModel(client_args=client, model_id=job.model),
        tools=[tool(one) for one in functions(job, keyed)],
        session_manager=FileSessionManager(session_id="task", storage_dir=str(folder)),
        callback_handler=None,
    )
    return str(agent(None if begun and agent.messages else job.scenario.goal))
