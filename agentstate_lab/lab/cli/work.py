"""
The command `work`: workers that take tasks from a store's queue until told to stop.

    def agent(store, task):
        return run_agent(task.id, task.user_input, store=store, tools=[...])

    agentstate-lab work --agent shop:agent --store sqlite:tasks.db --workers 4

A worker claims a task under a lease, calls the agent with the store as the holder of
the lease sees it, and stores how it ended; that is `idempotency.work_next`. Several
workers are several processes: each can be interrupted, and dies alone.

Told to stop (SIGTERM, Control-C), a worker lets go of its task at once: it is pending
again, and the attempt does not count. What the agent does in threads of its own ends
with the process.

This command starts no worker again that has died. For that there are systemd and its
like; the task of a dead worker is taken by another one in any case.
"""

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from agentstate_lab.errors import (
    AgentStateError,
    InvalidValue,
    LeaseLost,
    StoreError,
)
from agentstate_lab.state import visible

from .agents import AGENT
from .printed import Add

AGENT_HELP = f"your agent, a function of a store and a task, as {AGENT}"
STORE_HELP = "where the tasks are, in SQLite or PostgreSQL: sqlite:PATH, postgresql://…"
WORKERS_HELP = "so many processes (default 1)"
DRAIN_HELP = "stop when nothing is left to do"
LEASE_HELP = "seconds after which the task of a silent worker is taken (default 60)"
MAX_WORKERS = 64
IDLE = 1.0  # seconds between two looks for work
MAX_LINE = 200


def add_to(command: Add) -> None:
    """Tell the parser the command."""
    new = command("work", work, "run workers on the tasks of a store")
    new.add_argument("--agent", required=True, metavar=AGENT, help=AGENT_HELP)
    new.add_argument("--store", required=True, metavar="URL", help=STORE_HELP)
    new.add_argument("--workers", type=int, default=1, metavar="N", help=WORKERS_HELP)
    new.add_argument("--lease", type=float, metavar="S", help=LEASE_HELP)
    new.add_argument("--drain", action="store_true", help=DRAIN_HELP)
    new.add_argument("--parent", type=int, help=argparse.SUPPRESS)


def work(args: argparse.Namespace) -> int:
    """Work until told to stop; 0 when every worker has ended as it should."""
    from agentstate_lab.idempotency import polite
    from agentstate_lab.stores import LEASE, check_seconds, open_store

    from .agents import function_named
    from .places import checked_place

    if not 1 <= args.workers <= MAX_WORKERS:
        raise InvalidValue("--workers", f"must be from 1 to {MAX_WORKERS}")
    agent = function_named(args.agent)
    lease = check_seconds(LEASE if args.lease is None else args.lease)
    with contextlib.closing(open_store(checked_place(args.store))) as store, polite():
        if not hasattr(store, "claim_next"):
            raise InvalidValue("--store", "this kind has no queue: use sqlite:PATH")
        if args.workers > 1:
            return _supervise(args)
        print(f"worker {os.getpid()}: {visible(args.agent)}", flush=True)
        take_tasks(store, agent, lease, drain=args.drain, parent=args.parent)
    return 0


def take_tasks(
    store: Any,
    agent: Callable[[Any, Any], Any],
    lease: float,
    *,
    drain: bool,
    parent: int | None = None,
    sleep: Callable[[float], object] = time.sleep,
) -> None:
    """
    Be one worker: take one task after another, until told to stop.

    What keeps it from working is said once, and not at every look.

    Args:
        store: Where the tasks are.

        agent: Called with the store, as the holder of the lease sees it, and the task.

        lease: Seconds that a lease lasts.

        drain: Whether to stop when nothing is left.

        parent: The process without which there is nobody to work for, if any.

        sleep: Waits so many seconds.
    """
    from agentstate_lab.idempotency import work_next

    def work_for(leased: Any, task: Any) -> Callable[[str], str]:
        return lambda asked: result_of(agent(leased, task))

    said = ""
    while parent is None or os.getppid() == parent:
        try:
            task = work_next(store, work_for, seconds=lease)
        except LeaseLost as lost:
            gone = visible(lost.task_id)
            print(f"{gone}: taken over, and goes on elsewhere", flush=True)
            continue
        except StoreError as error:
            if drain:
                raise
            if error.message != said:
                said = error.message
                print(f"work: {visible(said)}", file=sys.stderr, flush=True)
            task = None
        if task is not None:
            print(_line(task), flush=True)
        elif drain:
            return
        else:
            sleep(IDLE)


def result_of(returned: Any) -> str:
    """
    What an agent's return value says: the result, as a text.

    Raises:
        AgentStateError: It is a task that is not completed.
    """
    from agentstate_lab.agent import told
    from agentstate_lab.state import Task, TaskState

    if not isinstance(returned, Task):
        return told(returned)
    if returned.state is not TaskState.COMPLETED:
        why = f"the agent came back with a task that is {returned.state}"
        raise AgentStateError(
            f"{why}: {returned.error or 'no reason'}", effect="unknown"
        )
    return returned.result or ""


def _line(task: Any) -> str:
    """How a task stands after a worker has had it, in one line."""
    from .told import cut

    asks = " ".join(task.agent_state.open_questions) if task.state == "waiting" else ""
    said = asks or task.result or task.error or ""
    return f"{visible(task.id)}: {task.state}: {cut(said, MAX_LINE)}"


def _supervise(args: argparse.Namespace) -> int:
    """Run the workers as processes of their own, and end them with this one."""
    command = [sys.executable, "-u", "-m", "agentstate_lab", "work"]
    command += ["--agent", args.agent, "--store", args.store]
    command += ["--parent", str(os.getpid())]
    command += ["--lease", str(args.lease)] if args.lease is not None else []
    command += ["--drain"] if args.drain else []
    # In sessions of their own: Control-C is for us, and we tell them.
    started = [
        subprocess.Popen(command, start_new_session=True) for _ in range(args.workers)
    ]
    try:
        statuses = [one.wait() for one in started]
    finally:
        for one in started:
            if one.poll() is None:
                one.send_signal(signal.SIGTERM)
        for one in started:
            one.wait()
    return 1 if any(statuses) else 0
