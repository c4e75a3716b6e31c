"""
What every adapter needs and no framework should have to decide.

The tools of the job as plain functions, a place for the framework's own records, and
clients that go to the same model as everybody's. An adapter is what is left: how
this framework builds an agent, and how it goes on after a death.
"""

import asyncio
import functools
import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agentstate_lab.lab.agents import Job, run_step, tool_says
from agentstate_lab.lab.home import home
from agentstate_lab.lab.world import task_header
from agentstate_lab.state import Message, key_for

LOOKS = "check_status"  # the one tool that changes nothing, so nobody is asked


def act(job: Job, tool: str, arguments: Any, keyed: bool) -> str:
    """
    Do what one tool call asks for.

    Args:
        job: The work.

        tool: The tool's name.

        arguments: As the model sent them.

        keyed: Whether to send the repair along: a key made of task and step. It is
            the same in every attempt, whoever makes it.
    """
    step = job.scenario.step_for(tool, arguments)
    key = key_for(job.task_id, step.name) if keyed else None
    return run_step(job, step, key=key)


def results(job: Job, message: Message, keyed: bool) -> list[Message]:
    """Do all that a message of the model calls for; the messages that answer it."""
    return [
        tool_says(
            call,
            act(job, call["function"]["name"], call["function"]["arguments"], keyed),
        )
        for call in message["tool_calls"]
    ]


def functions(job: Job, keyed: bool) -> list[Callable[..., str]]:
    """The tools of the job, for a framework that makes schemas from functions."""

    def check_status(service: str) -> str:
        """Show how a service is."""
        return act(job, "check_status", {"service": service}, keyed)

    def clean_logs(path: str) -> str:
        """Delete old logs."""
        return act(job, "clean_logs", {"path": path}, keyed)

    def open_ticket(title: str) -> str:
        """Open a ticket."""
        return act(job, "open_ticket", {"title": title}, keyed)

    def send_mail(subject: str) -> str:
        """Send a mail to all customers."""
        return act(job, "send_mail", {"subject": subject}, keyed)

    def deploy(service: str) -> str:
        """Deploy the new release of a service."""
        return act(job, "deploy", {"service": service}, keyed)

    return [check_status, open_ticket, send_mail, deploy, clean_logs]


def threaded(function: Callable[..., str]) -> Callable[..., Any]:
    """*function* for an event loop, which must not be held up."""

    @functools.wraps(function)
    async def called(*args: Any, **kwargs: Any) -> str:
        return await asyncio.to_thread(function, *args, **kwargs)

    return called


def place(job: Job | str, ending: str = "db") -> Path:
    """
    Where the framework keeps the records of this task.

    Every task has a place of its own, so that one death tells nothing of another.

    Args:
        job: The work, or the id of its task.

        ending: For a second file, or a folder.
    """
    folder = home() / "frameworks"
    folder.mkdir(mode=0o700, exist_ok=True)
    task_id = job if isinstance(job, str) else job.task_id
    name = hashlib.sha256(task_id.encode()).hexdigest()[:24]
    return folder / f"{name}.{ending}"


def put(file: Path, data: bytes) -> None:
    """Put *data* into *file* in one piece, for a framework that has no store."""
    temporary = file.with_suffix(".new")
    temporary.write_bytes(data)
    temporary.replace(file)


def forget_places() -> None:
    """Remove the records of all frameworks."""
    shutil.rmtree(home() / "frameworks", ignore_errors=True)


def async_client(job: Job) -> Any:
    """The job's client for an event loop: one attempt, the same address and task."""
    from openai import AsyncOpenAI

    return AsyncOpenAI(
        api_key=job.client.api_key,
        base_url=str(job.client.base_url),
        max_retries=0,
        timeout=job.client.timeout,
        default_headers=task_header(job.task_id),
    )
