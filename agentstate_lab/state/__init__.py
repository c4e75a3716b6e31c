"""
What an agent must know to go on, and what the world keeps of its job.

`agent_state` holds the knowledge and its patches, `task` the life of one job,
`step` the record of one step, `snapshot` a moment that one can go back to. All of
them are values: nothing here reads a clock, a file or a network.
"""

from .agent_state import (
    AddArtifacts,
    AddQuestions,
    AgentState,
    AppendFacts,
    Artifact,
    Budget,
    CloseQuestion,
    Constraints,
    Count,
    Fact,
    Forget,
    Id,
    Operation,
    Record,
    RiskLevel,
    StatePatch,
    UpsertFact,
    UseBudget,
)
from .codec import clean, record_from_json, record_to_json, task_from_json, task_to_json
from .digest import canonical, fingerprint
from .snapshot import Checkpoint, Trigger, prunable
from .step import History, Message, StepRecord, StepStatus, StoredMessage, key_for
from .task import (
    SCHEMA_VERSION,
    TRANSITIONS,
    DeadlineRecord,
    Owner,
    Task,
    TaskState,
    check_transition,
    reason,
    task_id_for,
)

__all__ = [
    "SCHEMA_VERSION",
    "TRANSITIONS",
    "AddArtifacts",
    "AddQuestions",
    "AgentState",
    "AppendFacts",
    "Artifact",
    "Budget",
    "Checkpoint",
    "CloseQuestion",
    "Constraints",
    "Count",
    "DeadlineRecord",
    "Fact",
    "Forget",
    "History",
    "Id",
    "Message",
    "Operation",
    "Owner",
    "Record",
    "RiskLevel",
    "StatePatch",
    "StepRecord",
    "StepStatus",
    "StoredMessage",
    "Task",
    "TaskState",
    "Trigger",
    "UpsertFact",
    "UseBudget",
    "canonical",
    "check_transition",
    "clean",
    "fingerprint",
    "key_for",
    "prunable",
    "reason",
    "record_from_json",
    "record_to_json",
    "task_from_json",
    "task_id_for",
    "task_to_json",
]
