"""
agentstate_lab: state management for long-lived agents, small enough to read.

Each room holds one idea and is the subject of one notebook. The names below are
the ones that most programs need; everything else comes in by the door of its room.

Nothing heavy is loaded here: a name is imported when it is first used.
"""

from typing import TYPE_CHECKING

from .door import later

if TYPE_CHECKING:
    from agentstate_lab.agent import (
        IdempotencyKey,
        SecondsLeft,
        Tool,
        approve,
        run_agent,
        tool,
    )
    from agentstate_lab.checkpoint import CheckpointManager
    from agentstate_lab.context import filter_relevant_state
    from agentstate_lab.idempotency import (
        execute_task,
        recover,
        resume_task,
        run_once,
        work_next,
        work_on,
    )
    from agentstate_lab.retry import execute_with_retry
    from agentstate_lab.state import (
        AgentState,
        StatePatch,
        Task,
        TaskState,
        task_id_for,
    )
    from agentstate_lab.stores import (
        HistoryStore,
        JsonFileStore,
        LeaseStore,
        MemoryStore,
        TaskStore,
        execute_step,
        open_store,
    )
    from agentstate_lab.stores.sql import PostgresStore, SqliteStore

    from .deadline import Deadline

__all__ = [
    "AgentState",
    "CheckpointManager",
    "Deadline",
    "HistoryStore",
    "IdempotencyKey",
    "JsonFileStore",
    "LeaseStore",
    "MemoryStore",
    "PostgresStore",
    "SecondsLeft",
    "SqliteStore",
    "StatePatch",
    "Task",
    "TaskState",
    "TaskStore",
    "Tool",
    "approve",
    "execute_step",
    "execute_task",
    "execute_with_retry",
    "filter_relevant_state",
    "open_store",
    "recover",
    "resume_task",
    "run_agent",
    "run_once",
    "task_id_for",
    "tool",
    "work_next",
    "work_on",
]

__version__ = "0.1.0"

_HOMES = {
    "AgentState": "state",
    "CheckpointManager": "checkpoint",
    "Deadline": "deadline",
    "HistoryStore": "stores",
    "IdempotencyKey": "agent",
    "JsonFileStore": "stores",
    "LeaseStore": "stores",
    "MemoryStore": "stores",
    "PostgresStore": "stores.sql",
    "SecondsLeft": "agent",
    "SqliteStore": "stores.sql",
    "StatePatch": "state",
    "Task": "state",
    "TaskState": "state",
    "TaskStore": "stores",
    "Tool": "agent",
    "approve": "agent",
    "execute_step": "stores",
    "execute_task": "idempotency",
    "execute_with_retry": "retry",
    "filter_relevant_state": "context",
    "open_store": "stores",
    "recover": "idempotency",
    "resume_task": "idempotency",
    "run_agent": "agent",
    "run_once": "idempotency",
    "task_id_for": "state",
    "tool": "agent",
    "work_next": "idempotency",
    "work_on": "idempotency",
}


__getattr__ = later(__name__, _HOMES)


def __dir__() -> list[str]:
    """The public names, whether loaded or not."""
    return sorted(__all__)
