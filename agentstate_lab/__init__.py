"""
agentstate_lab: state management for long-lived agents, small enough to read.

Each module holds one idea and is the subject of one notebook. The names below are
the ones that most programs need; everything else is imported from its module.

Nothing heavy is loaded here: a name is imported when it is first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .json_store import JsonFileStore
    from .state import AgentState, StatePatch
    from .store import MemoryStore, TaskStore, execute_step, open_store
    from .task import Task, TaskState, task_id_for

__all__ = [
    "AgentState",
    "JsonFileStore",
    "MemoryStore",
    "StatePatch",
    "Task",
    "TaskState",
    "TaskStore",
    "execute_step",
    "open_store",
    "task_id_for",
]

__version__ = "0.1.0"

_HOMES = {
    "AgentState": "state",
    "JsonFileStore": "json_store",
    "MemoryStore": "store",
    "StatePatch": "state",
    "Task": "task",
    "TaskState": "task",
    "TaskStore": "store",
    "execute_step": "store",
    "open_store": "store",
    "task_id_for": "task",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    """The public names, whether loaded or not."""
    return sorted(__all__)
