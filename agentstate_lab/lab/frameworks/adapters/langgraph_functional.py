"""
LangGraph, functional API: each `@task` is recorded when it has ended.

Follows https://docs.langchain.com/oss/python/langgraph/functional-api, "Resuming after
an error": invoke the entrypoint with None and the same thread.
"""

from typing import Any

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.func import entrypoint, task

from agentstate_lab.lab.agents import Job, ask, tool_says, user_says

from ..kit import act, place


def run(job: Job, *, keyed: bool, durability: str = "sync") -> str:
    """Invoke with the goal, or with None to go on after the last recorded task."""
    with SqliteSaver.from_conn_string(str(place(job))) as saver:
        agent = _agent(job, keyed, saver)
        config: Any = {"configurable": {"thread_id": job.task_id}}
        known = saver.get_tuple(config)
        begin = None if known else job.scenario.goal
        return str(agent.invoke(begin, config, durability=durability))


def _agent(job: Job, keyed: bool, saver: SqliteSaver) -> Any:
    """The loop as an entrypoint, the model and the tools as its tasks."""

    @task
    def model(messages: list[dict[str, Any]]) -> dict[str, Any]:
        return ask(job, messages)

    @task
    def tool(call: dict[str, Any]) -> str:
        return act(job, call["function"]["name"], call["function"]["arguments"], keyed)

    @entrypoint(checkpointer=saver)
    def agent(goal: str) -> str:
        messages = [user_says(goal)]
        while (message := model(messages).result()).get("tool_calls"):
            messages = [*messages, message]
            calls = message["tool_calls"]
            messages += [tool_says(call, tool(call).result()) for call in calls]
        return str(message["content"])

    return agent
