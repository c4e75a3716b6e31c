"""
agentstate_lab: state management for long-lived agents, small enough to read.

Each module holds one idea and is the subject of one notebook. The names below are
the ones that most programs need; everything else is imported from its module.

Nothing heavy is loaded here: a name is imported when it is first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .agent import run_agent
    from .approval import approve
    from .checkpoint import CheckpointManager
    from .context import filter_relevant_state
    from .deadline import Deadline
    from .execution import execute_task, recover, resume_task
    from .idempotency import run_once
    from .json_store import JsonFileStore
    from .lease import LeaseStore
    from .postgres_store import PostgresStore
    from .retry import execute_with_retry
    from .sqlite_store import SqliteStore
    from .state import AgentState, StatePatch
    from .store import HistoryStore, MemoryStore, TaskStore, execute_step, open_store
    from .task import Task, TaskState, task_id_for
    from .tool import Tool
    from .worker import work_next

__all__ = [
    "AgentState",
    "CheckpointManager",
    "Deadline",
    "HistoryStore",
    "JsonFileStore",
    "LeaseStore",
    "MemoryStore",
    "PostgresStore",
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
    "work_next",
]

__version__ = "0.1.0"

_HOMES = {
    "AgentState": "state",
    "CheckpointManager": "checkpoint",
    "Deadline": "deadline",
    "HistoryStore": "store",
    "JsonFileStore": "json_store",
    "LeaseStore": "lease",
    "MemoryStore": "store",
    "PostgresStore": "postgres_store",
    "SqliteStore": "sqlite_store",
    "StatePatch": "state",
    "Task": "task",
    "TaskState": "task",
    "TaskStore": "store",
    "Tool": "tool",
    "approve": "approval",
    "execute_step": "store",
    "execute_task": "execution",
    "execute_with_retry": "retry",
    "filter_relevant_state": "context",
    "open_store": "store",
    "recover": "execution",
    "resume_task": "execution",
    "run_agent": "agent",
    "run_once": "idempotency",
    "task_id_for": "task",
    "work_next": "worker",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    """The public names, whether loaded or not."""
    return sorted(__all__)
