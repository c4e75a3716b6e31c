"""
A patch that arrives twice changes the task once, and the second gets the answer.

A request can arrive twice because its reply was lost, and whoever sent it cannot
tell. So the patch id is an idempotency key, looked up before anything else:

    not known                      check the version, apply, keep the answer
    known, with the same body      the answer of the first time; nothing changes
    known, with another body       refused: one key names one request

Only then the version is checked. The other way round, a writer whose reply was
lost would be told "conflict" by its own success.

The answer is kept as a step of the task, in the same commit as the change, so no
crash can come between the two. (The ids in `AgentState.applied_patches` say that a
patch was applied, not what it said, and only the newest are kept.)

What it costs: one small record for each patch, for as long as the task is kept.

Source: the IETF draft "The Idempotency-Key HTTP Header Field".
"""

from typing import Final

from agentstate_lab.errors import InvalidValue, KeyReused, VersionConflict
from agentstate_lab.state import (
    Count,
    Record,
    StatePatch,
    StepRecord,
    StepStatus,
    Task,
    TaskState,
    fingerprint,
    key_for,
    refuse_control,
)

from .store import StepStore

STEP_PREFIX: Final = "patch:"

MAX_PATCH_ID = 190  # with the prefix, it must still be the name of a step


class Applied(Record):
    """
    What became of a patch.

    Attributes:
        version: The version of the task that the patch made.

        replayed: True when it had been applied before, and nothing was changed.
    """

    version: Count
    replayed: bool


def apply_once(
    store: StepStore,
    task_id: str,
    patch: StatePatch,
    *,
    state: TaskState | None = None,
    result: str | None = None,
) -> Applied:
    """
    Apply *patch* and the new *state* to a task, unless that was done before.

    Args:
        store: Where the task is.

        task_id: The task.

        patch: What to change. Its id is the idempotency key.

        state: The state that the task takes with it, if it changes.

        result: What came out, when the task is completed with it.

    Raises:
        VersionConflict: The patch is new and was made for another version.
        KeyReused: The id is known with another body.
        IllegalTransition: The task may not take this state, or has ended.
        InvalidValue: The id is too long, the result cannot be stored, the patch would
            write control data (`state.control`), or the state is not for a patch to
            set: a claim makes a task running, and a person's answer ends its waiting.
        TaskNotFound: No task has this id.
    """
    if len(patch.id) > MAX_PATCH_ID:
        raise InvalidValue("patch id", f"must have at most {MAX_PATCH_ID} characters")
    refuse_control(patch.operations)
    body = patch.model_dump(mode="json", include={"operations"})
    asked = fingerprint([body, state, result])
    # The task first: a record that comes after it has raised the version, and the
    # save below is refused.
    task = store.get(task_id)
    if answer := _known(store, task, patch.id, asked):
        return answer
    if task.version != patch.base_version:
        raise VersionConflict(task_id, expected=patch.base_version, found=task.version)
    record = StepRecord(
        name=STEP_PREFIX + patch.id,
        status=StepStatus.DONE,
        key=key_for(task_id, STEP_PREFIX + patch.id),
        fingerprint=asked,
        result={"version": task.version + 1},
    )
    changed = _changed(task, patch, state, result)
    try:
        saved = store.save(changed, steps=[record])
        return Applied(version=saved.version, replayed=False)
    except VersionConflict:
        # Perhaps it was this very patch, sent twice at once.
        if answer := _known(store, store.get(task_id), patch.id, asked):
            return answer
        raise


def _known(store: StepStore, task: Task, patch_id: str, asked: str) -> Applied | None:
    """The answer that a patch got before, or None when it is new."""
    record = store.step(task.id, STEP_PREFIX + patch_id)
    if record is None:
        if patch_id in task.agent_state.applied_patches:
            # Applied by somebody who kept no record: perhaps with another body.
            raise KeyReused(task.id, patch_id)
        return None
    if record.fingerprint != asked:
        raise KeyReused(task.id, patch_id)
    answer = record.result if isinstance(record.result, dict) else {}
    return Applied.model_validate({**answer, "replayed": True})


def _changed(
    task: Task, patch: StatePatch, state: TaskState | None, result: str | None
) -> Task:
    """The task as it is to be saved."""
    changes = {"state": state, "result": result}
    wanted = {name: value for name, value in changes.items() if value is not None}
    changed = task.apply(patch).replace(**wanted)
    if state is TaskState.RUNNING and task.state is not TaskState.RUNNING:
        raise InvalidValue(
            "state",
            "running is not written by hand: nobody would be at work. A worker claims"
            " the task, and its claim says so",
        )
    if task.state is TaskState.WAITING and state not in (None, TaskState.CANCELLED):
        raise InvalidValue(
            "state", "the task waits for a person, whose answer lets it go on"
        )
    return changed
