"""A right answer to exercise 10 that names `openai`, and keeps no messages at all."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai

from agentstate_lab.errors import EffectRefused, InvalidValue
from agentstate_lab.idempotency import run_once
from agentstate_lab.lab.agents import Job, run_step, tool_says, user_says
from agentstate_lab.state import Task
from answers.durable_agent_styles import MAX_TURNS, Json, asked, resumed


def turns_are_steps(job: Job) -> Task:
    """No messages: what the model says is a step as well, and tools run in threads."""

    def question(messages: list[Json]) -> Json:
        for wait in (1, 2, 4, 8):
            try:
                return asked(job, messages)
            except openai.RateLimitError as busy:
                job.sleep(max(wait, float(busy.response.headers["retry-after"])))
            except ConnectionError:
                job.sleep(wait)
        raise RuntimeError("the model does not answer")

    def once_only(step: str, effect: Any) -> Any:
        return run_once(
            job.need_store(),
            job.task_id,
            step,
            effect,
            if_unknown="resend",
            sleep=job.sleep,
        )

    def act(call: Json) -> Json:
        try:
            step = job.step(call)
            result = once_only(
                f"call {call['id']}", lambda key: run_step(job, step, key=key)
            )
        except (InvalidValue, EffectRefused) as error:
            result = f"not done: {error}"
        return tool_says(call, result)

    def work(goal: str) -> str:
        messages: list[Json] = [user_says(goal)]

        def turn(key: str) -> Json:
            return question(messages)

        for number in range(MAX_TURNS):
            said = once_only(f"turn {number}", turn)
            messages.append(said)
            if "tool_calls" not in said:
                return str(said["content"])
            with ThreadPoolExecutor() as pool:
                messages += pool.map(act, said["tool_calls"])
        raise RuntimeError("the turns are used up")

    return resumed(job, work)
