"""
What a person says to a run: yes, no, or stop.

A run that needs a person does not wait in memory: it stores its question, ends, and
lets go of the task. The answer may come a week later, to another process, after a
restart. So an answer is a fact in the state, recorded once, and the task is pending
again; whoever resumes it reads the answer before the step.

An answer belongs to a step, by its name. It holds for as long as the task lives, also
when the step fails and is tried again; another step is another question. Given again,
it is the same answer, for whoever clicks twice.

A task that is cancelled starts no effect any more: a run looks at the task before
each. An effect under way is not stopped, and what became of it is in the steps.
"""

import json

from pydantic import JsonValue

from agentstate_lab.errors import ApprovalNeeded, InvalidValue
from agentstate_lab.state import (
    AgentState,
    CloseQuestion,
    Fact,
    StatePatch,
    Task,
    TaskState,
    UpsertFact,
    fingerprint,
)
from agentstate_lab.stores import TaskStore, execute_step

from .call import Call

MAX_SHOWN = 300

PERSON = "a person"


def approve(store: TaskStore, task_id: str, step: str, *, by: str = PERSON) -> Task:
    """
    Agree that *step* may run. The task can be resumed afterwards.

    Agreeing again changes nothing: the first answer stands, with who gave it.

    Args:
        store: Where the task is.

        task_id: The task.

        step: The step that it asked about.

        by: Who agrees, for the record.

    Raises:
        InvalidValue: The task does not ask about this step, or the answer was no.
    """
    return _answer(store, task_id, step, allowed=True, by=by)


def deny(store: TaskStore, task_id: str, step: str, *, by: str = PERSON) -> Task:
    """
    Refuse that *step* runs. The model is told so when the task is resumed.

    The arguments are those of `approve`.
    """
    return _answer(store, task_id, step, allowed=False, by=by)


def cancel(store: TaskStore, task_id: str, *, by: str = PERSON) -> Task:
    """
    End a task before it is done; a task that has ended comes back as it is.

    A process that works on it notices before its next effect or write.

    Args:
        store: Where the task is.

        task_id: The task.

        by: Who ends it, for the record.
    """
    ended = (TaskState.COMPLETED, TaskState.CANCELLED, TaskState.DEAD)

    def cancelled(task: Task) -> Task:
        if task.state in ended:
            raise _Over
        changes = {"state": TaskState.CANCELLED, "error": f"cancelled by {by}"}
        return task.replace(**changes, owner=None)

    try:
        return execute_step(store, task_id, cancelled)
    except _Over:
        return store.get(task_id)


def may_run(task: Task, call: Call) -> bool:
    """
    Whether *call* may run: a person has agreed, or need not be asked.

    Args:
        task: As it is stored.

        call: The tool call that is about to be run.

    Raises:
        ApprovalNeeded: Nobody has answered yet.
    """
    level = call.tool.risk_level
    if not task.agent_state.needs_approval(level):
        return True
    allowed = approval_of(task.agent_state, call.step)
    if allowed is None:
        asked = json.dumps(call.arguments, ensure_ascii=False)[:MAX_SHOWN]
        why = f"it calls {call.tool.name} with {asked}, which is of the level {level}"
        raise ApprovalNeeded(task.id, call.step, f"{why}, and nobody has agreed")
    return allowed


def approval_of(state: AgentState, step: str) -> bool | None:
    """What a person has said about *step*: yes, no, or nothing yet."""
    said = state.fact(approval_key(step))
    return said["allowed"] is True if isinstance(said, dict) else None


def approval_key(step: str) -> str:
    """The key of the fact that holds the answer."""
    return f"approval:{step}"


class _Over(Exception):
    """What is asked for has happened: the task has ended, or it has this answer."""


def _answer(
    store: TaskStore, task_id: str, step: str, *, allowed: bool, by: str
) -> Task:
    question = ApprovalNeeded.asks.format(step=step)

    def answered(task: Task) -> Task:
        if approval_of(task.agent_state, step) is allowed:
            raise _Over
        asked = question in task.agent_state.open_questions
        if task.state is not TaskState.WAITING or not asked:
            raise InvalidValue(
                f"step {step!r:.200}", "the task does not ask whether it may run"
            )
        said: JsonValue = {"allowed": allowed, "by": by}
        fact = Fact(key=approval_key(step), value=said, source=by)
        patch = StatePatch(
            id=f"approval:{fingerprint(step)[:16]}:{task.version}",
            base_version=task.version,
            operations=(UpsertFact(fact=fact), CloseQuestion(question=question)),
        )
        return task.apply(patch).replace(state=TaskState.PENDING, error=None)

    try:
        return execute_step(store, task_id, answered)
    except _Over:
        return store.get(task_id)
