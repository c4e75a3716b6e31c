"""
DBOS: each `@DBOS.step` is recorded when it has ended.

Follows https://docs.dbos.dev/python/tutorials/step-tutorial, on SQLite. At its launch
DBOS goes on with what was interrupted; the same id started again attaches to that.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dbos import DBOS, SetWorkflowID

from agentstate_lab.lab.agents import Job, ask, user_says
from agentstate_lab.state import Message

from ..kit import place, results

os.environ.setdefault("DBOS__CONSOLE_LOG_LEVEL", "ERROR")


def run(job: Job, *, keyed: bool) -> str:
    """Start the workflow under the id of the task, or wait for it."""
    with launched(job, keyed, job.task_id) as agent:
        return str(DBOS.start_workflow(agent, job.scenario.goal).get_result())


def fork(job: Job, source: str, after: int, *, keyed: bool) -> str:
    """Fork behind the step of the last tool: every turn has two steps."""
    with launched(job, keyed, source):
        return str(DBOS.fork_workflow(source, 2 * after + 1).get_result())


@contextmanager
def launched(job: Job, keyed: bool, source: str) -> Iterator[Callable[[str], str]]:
    """The workflow of this job, while DBOS runs."""

    @DBOS.step()
    def model(messages: list[Message]) -> Message:
        return ask(job, messages)

    @DBOS.step()
    def tools(message: Message) -> list[Message]:
        return results(job, message, keyed)

    @DBOS.workflow()
    def agent(goal: str) -> str:
        messages = [user_says(goal)]
        while (message := model(messages)).get("tool_calls"):
            messages += [message, *tools(message)]
        return str(message["content"])

    database = f"sqlite:///{place(source)}"
    DBOS(config={"name": "deployer", "system_database_url": database})
    try:
        DBOS.launch()
        with SetWorkflowID(job.task_id):
            yield agent
    finally:
        DBOS.destroy()
