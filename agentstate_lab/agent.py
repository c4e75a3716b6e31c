"""
The agent: the loop that everybody writes, with what it takes to survive.

Each turn has two halves. One half *decides*: it shows the model a slice of the state
and of the conversation, and stores the answer before anybody acts on it. The other
half *acts and observes*: it runs the tools that were called for, each effect once,
and turns what came of them into a patch of the state. After every half the task, its
messages and its state are on the disk, in one commit. So a run can end at any
instant, and the next one begins with what is stored: to start and to go on are the
same call.

Limits are stored with what was used of them, so a restart grants nothing anew. A
risky step waits for a person, in the store and not in memory. A failure of a tool is
told to the model, a failure of the run is stored as the task's error, and there is
no third way out.

This module repeats nothing by itself (`retry`), decides nothing about unknown
outcomes (`idempotency`), and forgets nothing that matters (`context`).
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

from .agent_run import AgentEvent, AgentRun
from .checkpoint import CheckpointManager, CheckpointStrategy
from .deadline import Deadline
from .errors import InvalidValue
from .own_run import Execute
from .retry import execute_with_retry
from .state import AgentState
from .store import Clock, HistoryStore
from .task import Task
from .tool import Tool

__all__ = ["AgentEvent", "run_agent"]

SYSTEM = "You are a careful operations agent. Use the tools, one step at a time."
MODEL_SECONDS = 60.0
CONTEXT_BYTES = 64_000

Retry = Callable[..., Any]


def run_agent(
    task_id: str,
    user_input: str,
    *,
    store: HistoryStore,
    tools: Sequence[Tool],
    client: Any = None,
    model: str = "",
    agent_state: AgentState | None = None,
    system: str = SYSTEM,
    strategy: CheckpointStrategy | str = CheckpointStrategy.EVERY_STEP,
    execute: Execute | None = None,
    retry: Retry = execute_with_retry,
    max_attempts: int = 4,
    step_seconds: float = MODEL_SECONDS,
    context_bytes: int = CONTEXT_BYTES,
    on_event: Callable[[AgentEvent], object] = lambda event: None,
    sleep: Callable[[float], object] = time.sleep,
    clock: Clock = time.monotonic,
    wall: Clock = time.time,
) -> Task:
    """
    Run the task of this id, or go on with it, until it ends or waits for a person.

    Args:
        task_id: Names the job: the same id after a crash is the same job.

        user_input: What is asked. It belongs to the id.

        store: Where everything is kept.

        tools: What the model may call.

        client: An `openai.OpenAI`, or what answers like one; by default, the model
            that `model.connect` finds.

        model: The model's name, when there is a *client*.

        agent_state: Budget, constraints and what is known at the start; by default,
            the goal alone.

        system: The system prompt.

        strategy: How often a snapshot is taken; see `checkpoint`.

        execute: Runs the task once, called as `execute(store, task_id, work)`; by
            default, `resume_task`.

        retry: Tries a call again, called as `retry(fn, max_attempts, sleep=...)`.

        max_attempts: How often a model call or a tool is tried.

        step_seconds: Seconds that one call of the model or of a tool may take.

        context_bytes: How much the model is shown, at most.

        on_event: Told what happens.

        sleep: Waits so many seconds.

        clock: Seconds that only go up.

        wall: The time of day, in seconds since the epoch.

    Returns:
        The stored task: completed, failed, waiting, cancelled or dead. Its `error`
        says why.

    Raises:
        TaskInProgress: Another process is working on it.
        KeyReused: The id belongs to another input.
        InvalidValue: An argument makes no sense.
    """
    if client is None:
        from .model import connect

        client, model = connect()
    _submit(store, task_id, user_input, agent_state, clock, wall)
    run = AgentRun(
        store=store,
        task_id=task_id,
        tools={tool.name: tool for tool in tools},
        ask=_asker(client, model, system, tools, task_id),
        manager=CheckpointManager(store, strategy=strategy, clock=wall),
        retry=lambda fn: retry(fn, max_attempts, sleep=sleep),
        step_seconds=step_seconds,
        context_bytes=context_bytes,
        on_event=on_event,
        sleep=sleep,
        clocks=(clock, wall),
    )
    return run.to_its_end(execute)


def _submit(
    store: HistoryStore,
    task_id: str,
    user_input: str,
    agent_state: AgentState | None,
    clock: Clock,
    wall: Clock,
) -> None:
    """Store the task if it is new; its time begins when it is asked for."""
    task = Task.new(user_input, task_id=task_id, agent_state=agent_state)
    seconds = task.agent_state.budget.max_wall_time_ms / 1000
    if seconds <= 0:
        raise InvalidValue("budget.max_wall_time_ms", "leaves no time to begin with")
    granted = Deadline.after(seconds, clock=clock, wall=wall).record()
    store.submit(task.replace(deadline=granted))


def _asker(
    client: Any, model: str, system: str, tools: Sequence[Tool], task_id: str
) -> Callable[[list[dict[str, Any]], float], Any]:
    """How the model is asked: the messages, and the seconds it may take."""
    from urllib.parse import quote

    schemas = [tool.schema() for tool in tools]
    more = {"tools": schemas} if schemas else {}

    def ask(messages: list[dict[str, Any]], seconds: float) -> Any:
        return client.chat.completions.create(
            model=model,
            messages=[{"role": "system", "content": system}, *messages],
            timeout=seconds,
            extra_headers={"X-Task-Id": quote(task_id, safe="")},
            **more,
        )

    return ask
