"""
The agent of notebook 09: what it knows is on a server of states, and it asks there.

It is the loop of `saving_agent`, with another memory. It reads the task over MCP,
does what the model calls for, each step under its key, and writes down what it has
learned over MCP, too. So any agent that was granted it can look over its shoulder,
or go on in its place, with another server on the same store.

A task is submitted by whoever owns the store: over MCP, a task can be read and
changed, and not made.
"""

import itertools
import os
import sys
from contextlib import closing
from typing import Any

from agentstate_lab.errors import VersionConflict
from agentstate_lab.mcp_state import (
    Grant,
    StateClient,
    StateServer,
    StdioServerParameters,
    ids_of,
    read_shared_state,
    state_uri,
    write_shared_state,
)
from agentstate_lab.state import Operation, StatePatch, Task, key_for
from agentstate_lab.stores import open_store

from .job import Job, ask, find_task, run_step, tool_says, user_says
from .notes import done_fact, render_note

ROUNDS = 10  # conflicts in a row, before it gives up


def sharing_agent(job: Job) -> str:
    """
    Submit the task, and work on it over MCP, with a server in this process.
    """
    task = find_task(job)
    server = StateServer(job.need_store(), Grant(agent_id=task.agent_id))
    with StateClient(server) as client:
        return shared_work(job, client, state_uri(task.agent_id, task.id))


def shared_work(job: Job, client: StateClient, uri: str) -> str:
    """
    Do what is left of a task that is known over MCP alone.
    """
    seen = client.read(uri)
    if seen.state == "completed":
        return str(seen.result)
    messages = [user_says(render_note(seen.agent_state, "step:"))]
    while True:
        message = ask(job, messages)
        messages.append(message)
        if not message.get("tool_calls"):
            result = str(message["content"])
            add(client, uri, "completed", state="completed", result=result)
            return result
        for call in message["tool_calls"]:
            step = job.step(call)
            key = key_for(job.task_id, step.name)
            result = run_step(job, step, key=key)
            add(client, uri, f"done:{step.name}", done_fact(step, result, "step:"))
            messages.append(tool_says(call, result))


def add(
    client: StateClient, uri: str, patch_id: str, *operations: Operation, **more: Any
) -> None:
    """
    Change a state that others change too.

    Args:
        client: The connection.

        uri: The address of the task.

        patch_id: Names the change: the same for a repeat.

        operations: What to change; they fit whatever is known there.

        more: For `write_shared_state`, for example the state that the task takes.

    Raises:
        VersionConflict: Others were quicker, ten times in a row.
    """
    ids = ids_of(uri)
    for left in reversed(range(ROUNDS)):
        seen = read_shared_state(client, *ids)
        patch = StatePatch(
            id=patch_id, base_version=seen.version, operations=operations
        )
        try:
            write_shared_state(client, *ids, patch, **more)
        except VersionConflict:
            if not left:
                raise
        else:
            return


def new_task(store_url: str, agent_id: str, name: str) -> str:
    """
    Submit a task that is not there yet, and return its address.

    The first one has the plain *name* as its id, the next ones get a number, so that
    a cell can be run again and wipes nothing.
    """
    with closing(open_store(store_url)) as store:
        for number in itertools.count(1):
            task_id = name if number == 1 else f"{name}-{number}"
            task = Task.new("Release 4.2", task_id=task_id, agent_id=agent_id)
            if store.submit(task).created:
                return state_uri(agent_id, task_id)
    raise AssertionError("numbers do not end")


def stdio_server(store_url: str, agent_id: str, *more: str) -> StdioServerParameters:
    """
    The command that starts a server for one agent, for a client to start it.

    Args:
        store_url: The store whose tasks are served.

        agent_id: The agent for whom it acts.

        more: More for the command line, for example "--writes", "planner".
    """
    asked = ["--store", store_url, "--agent", agent_id, *more]
    return StdioServerParameters(
        command=sys.executable,
        args=["-m", "agentstate_lab", "mcp", *asked],
        env=dict(os.environ),
    )
