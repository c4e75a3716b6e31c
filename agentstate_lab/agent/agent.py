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

This module repeats nothing by itself (`attempts`, `retry`), decides nothing about
unknown outcomes (`idempotency`), and forgets nothing that matters (`context`).
"""

import time
from collections.abc import Callable, Collection, Sequence
from typing import Any

from agentstate_lab.checkpoint import CheckpointManager, CheckpointStrategy
from agentstate_lab.deadline import MAX_SECONDS
from agentstate_lab.errors import InvalidValue
from agentstate_lab.idempotency import Execute
from agentstate_lab.retry import (
    MAX_ATTEMPTS,
    check_count,
    check_number,
    execute_with_retry,
)
from agentstate_lab.state import AgentState, Fact, Message, Task
from agentstate_lab.stores import ArtifactStore, Clock, HistoryStore

from .allowance import granted
from .attempts import Attempts, Retry
from .event import AgentEvent
from .held import Held
from .journal import Journal, Snapshots
from .model import connect
from .recall import NAME as RECALL
from .recall import recall_of
from .run import AgentRun, Ask
from .tools import Tool
from .view import CONTEXT_BYTES

SYSTEM = "You are a careful operations agent. Use the tools, one step at a time."
STEP_SECONDS = 60.0
KEEP_CHECKPOINTS = 25


def run_agent(
    task_id: str,
    user_input: str,
    *,
    store: HistoryStore,
    tools: Sequence[Tool],
    client: Any = None,
    model: str = "",
    agent_id: str = "agent",
    agent_state: AgentState | None = None,
    system: str = SYSTEM,
    strategy: CheckpointStrategy | str = CheckpointStrategy.EVERY_STEP,
    execute: Execute | None = None,
    retry: Retry = execute_with_retry,
    max_attempts: int = 4,
    step_seconds: float = STEP_SECONDS,
    context_bytes: int = CONTEXT_BYTES,
    keep_checkpoints: int | None = KEEP_CHECKPOINTS,
    artifacts: ArtifactStore | None = None,
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

        client: An `openai.OpenAI`, or what answers like one; by default, what
            `connect` makes of the environment. Its own retries are switched off.

        model: The model's name, when there is a *client*.

        agent_id: Whose job it is. It belongs to the id, too.

        agent_state: Budget, constraints and what is known at the start; by default,
            the goal alone. A task that is stored already has its own.

        system: The system prompt.

        strategy: How often a snapshot is taken; see `checkpoint`.

        execute: Runs the task once, called as `execute(store, task_id, work)`; by
            default, `resume_task`.

        retry: Tries a call again, called as `retry(fn, max_attempts, sleep=...)`.

        max_attempts: How often a model call or a tool is tried.

        step_seconds: Seconds that one attempt of the model or of a tool may take.

        context_bytes: How much of its state and conversation the model is shown, at
            most. The system prompt and the tools come on top.

        keep_checkpoints: How many of the newest checkpoints rotation leaves, about;
            None for all.

        artifacts: Where large results go; the state lists the newest. Without it, they
            stay in the stored conversation, and the model sees how they begin and end.

        on_event: Told what happens, after it was stored.

        sleep: Waits so many seconds.

        clock: Seconds that only go up.

        wall: The time of day, in seconds since the epoch.

    Returns:
        The stored task: completed, failed, waiting, cancelled or dead. Its `error`
        says why.

    Raises:
        TaskInProgress: Another process is working on it.
        KeyReused: The id belongs to another input.
        InvalidValue: An argument makes no sense, or there is no client and the
            environment names no model; nothing was started.
        StoreError: The store failed. What it holds is as it was.
    """
    by_name = _checked(tools, max_attempts, step_seconds, context_bytes)
    if by_name:  # what falls out of its request, the model can look up
        by_name.setdefault(RECALL, recall_of(store, task_id))
    held = Held(store)
    manager = CheckpointManager(
        held, strategy=strategy, keep=keep_checkpoints, clock=wall
    )
    if client is None:
        client, model = connect()
    ask = asker(client, model, system, by_name.values(), task_id)
    submitted = Task.new(
        user_input, task_id=task_id, agent_id=agent_id, agent_state=agent_state
    )
    store.submit(_granted(submitted, clock, wall))
    journal = Journal(
        held, task_id, manager, room=context_bytes, clock=clock, wall=wall
    )
    run = AgentRun(
        journal=journal,
        tools=by_name,
        ask=ask,
        attempts=Attempts(retry, max_attempts, step_seconds, sleep, journal.task),
        context_bytes=context_bytes,
        artifacts=artifacts,
        on_event=on_event,
    )
    return run.to_its_end(execute, Snapshots(held, manager))


def _granted(task: Task, clock: Clock, wall: Clock) -> Task:
    """The task as it is submitted; its time begins when it is asked for."""
    state, user_input = task.agent_state, task.user_input
    facts = state.known_facts
    if user_input != state.goal:  # else the model would never hear of it
        facts = (*facts, Fact(key="asked", value=user_input, source="user"))
    # What was patched elsewhere says nothing about this task.
    new = {"known_facts": facts, "applied_patches": ()}
    record = granted(state.budget, clock=clock, wall=wall)
    return task.replace(agent_state=state.model_copy(update=new), deadline=record)


def _checked(
    tools: Sequence[Tool], max_attempts: int, step_seconds: float, context_bytes: int
) -> dict[str, Tool]:
    """The tools by name, when all arguments make sense."""
    for tool in tools:
        if not isinstance(tool, Tool):
            raise InvalidValue(
                "tools",
                f"{tool!r:.100} is no agentstate_lab.agent.Tool; make one with `tool`",
            )
    by_name = {tool.name: tool for tool in tools}
    if len(by_name) < len(tools):
        raise InvalidValue("tools", "two have one name: the model could not tell them")
    check_count("max_attempts", max_attempts, MAX_ATTEMPTS)
    check_number("step_seconds", step_seconds, 0.001, MAX_SECONDS)
    check_count("context_bytes", context_bytes, 2**53)
    return by_name


def asker(
    client: Any, model: str, system: str, tools: Collection[Tool], task_id: str
) -> Ask:
    """How the model is asked: the messages, and the seconds it may take."""
    from urllib.parse import quote

    if not isinstance(model, str) or not model:
        raise InvalidValue("model", "must be named when there is a client")
    if getattr(client, "max_retries", 0):  # ours is the only layer that tries again
        client = client.with_options(max_retries=0)
    schemas = [tool.schema() for tool in tools]
    more = {"tools": schemas} if schemas else {}
    secret = getattr(client, "api_key", None)

    def ask(messages: Sequence[Message], seconds: float) -> Any:
        try:
            return client.chat.completions.create(
                model=model,
                messages=[{"role": "system", "content": system}, *messages],
                timeout=seconds,
                extra_headers={"X-Task-Id": quote(task_id, safe="")},
                **more,
            )
        except Exception as error:
            _hide(secret, error)
            raise

    return ask


def _hide(secret: object, error: Exception) -> None:
    """Some servers repeat the key in their refusal, and errors are stored."""
    if isinstance(secret, str) and secret and secret in str(error):
        error.args = (str(error).replace(secret, "***"),)
