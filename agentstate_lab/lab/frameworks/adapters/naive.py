"""The version everyone writes first, for comparison: what it knows dies with it."""

from typing import Any

from agentstate_lab.lab.agents import Job, ask, user_says

from ..kit import results


def run(job: Job, *, keyed: bool) -> str:
    """Begin; there is nothing to go on with."""
    messages: list[dict[str, Any]] = [user_says(job.scenario.goal)]
    while True:
        message = ask(job, messages)
        messages.append(message)
        if not message.get("tool_calls"):
            return str(message["content"])
        messages += results(job, message, keyed)
