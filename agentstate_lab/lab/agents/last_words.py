"""
An agent that saves on its way out: in `finally`, where everybody looks first.

It loses nothing when it is stopped politely, by an exception, by Ctrl-C, by
JupyterLab's Restart. A process that is killed runs no `finally`, and then this agent
knows as little as the one that never saves.
"""

from dataclasses import replace

from agentstate_lab.lab.world import Message, Step

from .agents import find_task
from .job import Job, ask, run_step, tool_says, user_says
from .notes import done_patch, render_note


def finally_agent(job: Job) -> str:
    """Keep what is done in a list, and save the list at the end, whatever ends it."""
    store = job.need_store()
    task = find_task(job)
    done: list[tuple[Step, str]] = []
    quiet = replace(job, on_event=lambda line: None)
    messages: list[Message] = [user_says(render_note(task.agent_state))]
    try:
        while True:
            message = ask(job, messages)
            messages.append(message)
            if not message.get("tool_calls"):
                return str(message["content"])
            for call in message["tool_calls"]:
                step = job.step(call)
                result = run_step(quiet, step)
                done.append((step, result))
                job.on_event(f"minute {step.minute}: {step.name} done")
                messages.append(tool_says(call, result))
    finally:
        for step, result in done:
            task = store.save(task.apply(done_patch(task, step, result)))
