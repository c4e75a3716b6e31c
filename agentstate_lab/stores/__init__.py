"""
Where tasks outlive the process that works on them.

`store` holds the contracts, `memory` and `json_file` a store each, `lease` what many
workers need, and the room `sql` the two databases. `open_store` takes a URL and brings
only what that store needs.
"""

from .artifacts import ArtifactStore
from .atomic_file import atomic_write, real_path, write_bytes
from .claim import (
    MAX_ATTEMPTS,
    TakeOver,
    claim,
    end,
    nobody,
    surely_not_started,
    text_of,
)
from .json_file import JsonFileStore
from .json_format import Content, task_line
from .lease import LEASE, Claim, LeaseStore, check_seconds
from .listing import Lists, TaskPage, each_task
from .memory import MemoryStore
from .owner import is_gone, machine, whereabouts, working
from .patching import STEP_PREFIX, Applied, apply_once
from .rules import ALL, MOST, Page, Submission
from .store import (
    FILES,
    MAX_STEP_TRIES,
    SCHEMES,
    Clock,
    HistoryStore,
    StepStore,
    TaskStore,
    execute_step,
    open_store,
    record_more,
    store_class,
    until_saved,
)

__all__ = [
    "ALL",
    "FILES",
    "LEASE",
    "MAX_ATTEMPTS",
    "MAX_STEP_TRIES",
    "MOST",
    "SCHEMES",
    "STEP_PREFIX",
    "Applied",
    "ArtifactStore",
    "Claim",
    "Clock",
    "Content",
    "HistoryStore",
    "JsonFileStore",
    "LeaseStore",
    "Lists",
    "MemoryStore",
    "Page",
    "StepStore",
    "Submission",
    "TakeOver",
    "TaskPage",
    "TaskStore",
    "apply_once",
    "atomic_write",
    "check_seconds",
    "claim",
    "each_task",
    "end",
    "execute_step",
    "is_gone",
    "machine",
    "nobody",
    "open_store",
    "real_path",
    "record_more",
    "store_class",
    "surely_not_started",
    "task_line",
    "text_of",
    "until_saved",
    "whereabouts",
    "working",
    "write_bytes",
]
