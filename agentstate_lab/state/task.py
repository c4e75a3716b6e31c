"""
A task: one job of an agent, from the request to its result.

The task is what the outside asks about ("is it done? what came out?") and what
workers hand to each other. It has one life, drawn as a table of transitions: a
state that has no row back cannot be left, so "completed" stays completed
whatever a late worker believes.

The id comes from the caller's key, by a digest. The same request after a restart
therefore finds its task. An id from a clock or a random number makes a new task
of every repeat, and the old one is never found again.

This module stores nothing: `codec` says what a task looks like in a store, and
`store` keeps it and decides who may write.
"""

import hashlib
import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from agentstate_lab.errors import IllegalTransition, InvalidValue

from .agent_state import (
    SCHEMA_VERSION,
    AgentState,
    Count,
    Id,
    Operation,
    Record,
    StatePatch,
)
from .control import without_answers

TaskT = TypeVar("TaskT", bound="Task")
Seconds = Annotated[float, Field(ge=0, le=2**53, allow_inf_nan=False)]
# An instant may be before 1970: a clock may be wrong, and a record must be readable.
Instant = Annotated[float, Field(ge=-(2**53), le=2**53, allow_inf_nan=False)]


class TaskState(StrEnum):
    """Where a task is in its life."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    WAITING = "waiting"  # for a person
    CANCELLED = "cancelled"
    DEAD = "dead"  # attempts used up


_P, _R, _W = TaskState.PENDING, TaskState.RUNNING, TaskState.WAITING
_C, _F = TaskState.COMPLETED, TaskState.FAILED
_X, _D = TaskState.CANCELLED, TaskState.DEAD

TRANSITIONS: Mapping[TaskState, frozenset[TaskState]] = {
    _P: frozenset({_P, _R, _X, _D}),
    _R: frozenset({_R, _P, _C, _F, _W, _X, _D}),
    _W: frozenset({_W, _P, _R, _F, _X}),
    _F: frozenset({_P, _R, _X, _D}),
    _C: frozenset(),
    _X: frozenset(),
    _D: frozenset(),
}


def check_transition(old: TaskState, new: TaskState, task_id: str = "") -> None:
    """
    Refuse a step that the transition table does not have.

    Raises:
        IllegalTransition: With both states by name.
    """
    if new not in TRANSITIONS[old]:
        raise IllegalTransition(old, new, task_id)


class Owner(Record):
    """
    Who is working on a task: this run of this process on this boot.

    A process id alone says little: after a reboot, another program has it.

    Attributes:
        boot_id: Names the boot of the machine.

        pid: The process id.

        started_at: When that process started, in seconds since the epoch.

        run_id: Names one run inside the process.
    """

    boot_id: str
    pid: Count
    started_at: Seconds
    run_id: str


class DeadlineRecord(Record):
    """
    What a store keeps of a deadline, so that a restart does not grant it again.

    No field alone is enough. An instant moves when somebody sets the clock back; a
    sum of time used does not count while the process is down. `deadline` makes this
    record and reads it.

    Attributes:
        at: The instant after which no step may start, in seconds since the epoch.

        limit: The seconds that were granted.

        used: The seconds that all processes together have worked so far.

        seen: The instant of this record. No later one is before it.

        suspended: The task waits for a person, and its time stands still.
    """

    model_config = ConfigDict(strict=True)

    at: Seconds
    limit: Seconds
    used: Seconds = 0.0
    seen: Seconds = 0.0
    suspended: bool = False


class Task(Record):
    """
    One job: what was asked, where it stands, and what came out.

    Attributes:
        id: From the caller's key, see `task_id_for`.

        agent_id: Whose job it is.

        user_input: What was asked. It never changes.

        state: Where the task is in its life.

        result: What came out, once completed.

        error: Why it failed, while failed.

        created_at, updated_at: Seconds since the epoch, set by the store.

        version: Counts the writes; 0 was never stored. The store raises it.

        attempt: How often a worker has claimed the task.

        owner: Who is working on it.

        deadline: How long it may work, and what is used of that, or None.

        agent_state: What the agent knows.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    id: Id
    agent_id: Id = "agent"
    user_input: str
    state: TaskState = TaskState.PENDING
    result: str | None = None
    error: str | None = None
    created_at: Instant = 0.0
    updated_at: Instant = 0.0
    version: Count = 0
    attempt: Count = 0
    owner: Owner | None = None
    deadline: DeadlineRecord | None = None
    agent_state: AgentState

    @field_validator("deadline", mode="before")
    @classmethod
    def _instant_alone(cls, value: Any) -> Any:
        """An older line holds an instant alone: as if granted at second 0."""
        if isinstance(value, int | float) and not isinstance(value, bool):
            return {"at": value, "limit": value}
        return value

    @model_validator(mode="before")
    @classmethod
    def _goal_from_input(cls, data: Any) -> Any:
        """A task that carries no state yet starts with its input as the goal."""
        if isinstance(data, dict) and data.get("agent_state") is None:
            goal = data.get("user_input")
            return {**data, "agent_state": {"goal": goal if goal is not None else ""}}
        return data

    @classmethod
    def new(
        cls,
        user_input: str,
        *,
        key: str | None = None,
        task_id: str | None = None,
        agent_id: str = "agent",
        agent_state: AgentState | None = None,
    ) -> Self:
        """
        A task that is not stored yet.

        Args:
            user_input: What is asked.

            key: The caller's name for this request; the id follows from it.

            task_id: The id itself, instead of a key.

            agent_id: Whose job it is.

            agent_state: What the agent knows at the start; by default, its goal.
                What a person has said to another task is not part of it.

        Raises:
            InvalidValue: Neither or both of *key* and *task_id*, or a value that
                cannot be stored.

        >>> Task.new("Clean the logs", key="ops/42").id == task_id_for("ops/42")
        True
        """
        if (key is None) == (task_id is None):
            raise InvalidValue("task", "needs a key or a task_id, and only one of them")
        return _valid(
            cls,
            {
                "id": task_id if key is None else task_id_for(key),
                "agent_id": agent_id,
                "user_input": user_input,
                "agent_state": agent_state and without_answers(agent_state),
            },
        )

    @property
    def fingerprint(self) -> str:
        """A digest of what was asked, to tell a repeat from a reused key."""
        asked = json.dumps([self.agent_id, self.user_input])
        return hashlib.sha256(asked.encode("utf-8", "surrogatepass")).hexdigest()

    def replace(self, **changes: Any) -> Self:
        """
        A validated copy with *changes*. What was asked cannot be changed.

        Raises:
            IllegalTransition: The new state cannot follow this one.

            InvalidValue: A field is unknown, fixed, or has a wrong value.

        >>> task = Task.new("Clean the logs", key="ops/42")
        >>> str(task.replace(state="running").state)
        'running'
        """
        for name in ("id", "agent_id", "user_input", "schema_version"):
            if name in changes and changes[name] != getattr(self, name):
                raise InvalidValue(f"task.{name}", "is fixed once the task exists")
        changed = _valid(type(self), {**dict(self), **changes})
        if changed.state is not self.state:
            check_transition(self.state, changed.state, self.id)
        return changed

    def apply(self, patch: StatePatch) -> Self:
        """
        The task with *patch* applied to its state; see `AgentState.apply`.

        Raises:
            VersionConflict: The patch is new and was made for another version.
        """
        state = self.agent_state.apply(patch, version=self.version)
        return self.model_copy(update={"agent_state": state})

    def learned(self, *operations: Operation) -> Self:
        """The task with *operations* on its state; see `AgentState.learned`."""
        state = self.agent_state.learned(*operations)
        return self.model_copy(update={"agent_state": state})


def task_id_for(key: str) -> str:
    """
    The id of the task that *key* names: the same today and after a restart.

    Args:
        key: The caller's name for the request, for example "ops/ticket-42".

    Raises:
        InvalidValue: The key is empty or not text.
    """
    if not isinstance(key, str) or not key:
        raise InvalidValue("key", f"must be text that names the request, not {key!r}")
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
    return f"task-{digest[:24]}"


def _valid(cls: type[TaskT], fields: dict[str, Any]) -> TaskT:
    """Build a task, with our own error when a field is wrong."""
    try:
        return cls.model_validate(fields)
    except ValidationError as error:
        raise InvalidValue("task", reason(error)) from error


def reason(error: Exception) -> str:
    """The first complaint in one line, without the value: that may be huge."""
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        return f"{place or 'the value'}: {first['msg']}"
    return str(error)[:200]
