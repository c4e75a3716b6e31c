"""
DBOS: each `@DBOS.step` is recorded when it has ended.

Follows https://docs.dbos.dev/python/tutorials/step-tutorial, on SQLite. At its
launch DBOS itself goes on with what was interrupted; the same workflow id started
again attaches to that.
"""

import os

from dbos import DBOS, SetWorkflowID

from agentstate_lab.lab.agents import Job, ask, tool_says, user_says
from agentstate_lab.state import Message

from ..kit import act, place


def run(job: Job, *, keyed: bool) -> str:
    """Start the workflow under the id of the task, or wait for it."""

    @DBOS.step()
    def model(messages: list[Message]) -> Message:
        return ask(job, messages)

    @DBOS.step()
    def tool(name: str, arguments: str) -> str:
        return act(job, name, arguments, keyed)

    @DBOS.workflow()
    def agent(goal: str) -> str:
        messages = [user_says(goal)]
        while (message := model(messages)).get("tool_calls"):
            messages.append(message)
            for call in message["tool_calls"]:
                function = call["function"]
                said = tool(function["name"], function["arguments"])
                messages.append(tool_says(call, said))
        return str(message["content"])

    database = f"sqlite:///{place(job)}"
    os.environ.setdefault("DBOS__CONSOLE_LOG_LEVEL", "ERROR")
    DBOS(config={"name": "deployer", "system_database_url": database})
    try:
        DBOS.launch()
        with SetWorkflowID(job.task_id):
            return str(DBOS.start_workflow(agent, job.scenario.goal).get_result())
    finally:
        DBOS.destroy()
