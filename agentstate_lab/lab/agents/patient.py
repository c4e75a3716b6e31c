"""
The agent of notebook 04: the one of notebook 03, and whatever it sends is sent again.

`patient` changes no line of an agent. It hands on the same job with a model and a
world that try again: the model in any case, since asking twice changes nothing but
the bill; a service only under a key, or when it said that nothing happened.

`bad_weather` orders one failure of each kind for a job, so that a run without
retries does not get through, and one with them has something to do.
"""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from agentstate_lab.retry import RetryPolicy, execute_with_retry

from .job import Job

# The faults of a run pass at once, and a matrix is more than a hundred runs.
QUICK = RetryPolicy(wait_initial=0.001)


def patient(job: Job) -> Job:
    """*job* with a model and a world that try again."""
    ask, act = job.client.chat.completions.create, job.world.effect

    def again(call: Callable[[], Any], *, idempotent: bool) -> Any:
        return execute_with_retry(
            call, policy=QUICK, idempotent=idempotent, sleep=job.sleep
        )

    def create(**request: Any) -> Any:
        return again(lambda: ask(**request), idempotent=True)

    def effect(service: str, *, key: str | None = None, **request: Any) -> Any:
        safe = key is not None
        return again(lambda: act(service, key=key, **request), idempotent=safe)

    world: Any = SimpleNamespace(effect=effect)
    return replace(job.through(create), world=world)


def bad_weather(job: Job) -> None:
    """Let the next call of each kind that *job* makes go wrong, in its own way."""
    world: Any = job.world
    for place, fault in (
        ("model", "throttle"),
        ("open_ticket", "reply_lost"),
        ("send_mail", "drop"),
        ("deploy", "error"),
        ("clean_logs", "throttle"),
    ):
        world.fault(job.task_id, fault, at=place, seconds=0.0)
