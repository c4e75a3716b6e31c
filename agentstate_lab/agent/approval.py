"""
What a person says to a run: yes, no, or stop.

A run that needs a person does not wait in memory: it stores its question, ends, and
lets go of the task. The answer may come a week later, to another process, after a
restart. So an answer is a fact in the state, recorded once, and the task is pending
again; whoever resumes it reads the answer before the step.

An answer belongs to one call of one task: to its step, and to the tool and the
arguments that were shown. It holds for as long as the task lives, also when the step
fails and is tried again. Other arguments under the same name are another question, and
so is the same call in a fork or in a task that was given the state of this one: a copy
asks again. Given again, it is the same answer, for whoever clicks twice.

What a person is shown is whole, or says that it was cut and where all of it is. Signs
that cannot be seen are written out, since a text that hides its end gets a yes for
what nobody read.

A task that is cancelled starts no effect any more: a run looks at the task before
each. An effect under way is not stopped, and what became of it is in the steps.
"""

import json

from pydantic import JsonValue

from agentstate_lab.errors import ApprovalNeeded, InvalidValue
from agentstate_lab.state import (
    APPROVAL,
    QUESTION,
    CloseQuestion,
    Fact,
    Forget,
    StatePatch,
    Task,
    TaskState,
    UpsertFact,
    fingerprint,
    visible,
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
    allowed = answer_to(task, call)
    if allowed is None:
        raise ApprovalNeeded(
            task.id,
            call.step,
            f"it calls {call.tool.name} with {_shown(task, call)}, which is of the"
            f" level {level}, and nobody has agreed",
            question=question_about(task, call),
        )
    return allowed


def answer_to(task: Task, call: Call) -> bool | None:
    """
    What a person has said about this *call* of this *task*: yes, no, or nothing yet.

    An answer from before 0.1.0 names neither; it holds for the step that it is about,
    in the task that it was given to.
    """
    said = task.agent_state.fact(approval_key(call.step))
    if not isinstance(said, dict):
        return None
    given = said.get("task", task.id), said.get("call", digest_of(call))
    same = given == (task.id, digest_of(call))
    return said.get("allowed") is True if same else None


def question_about(task: Task, call: Call) -> str:
    """
    The question, in words: the tool, its arguments, its risk, and the step's name.

    Arguments of more than `MAX_SHOWN` signs are cut, and the question says so.
    """
    what, risk = _shown(task, call), call.tool.risk_level
    return f"May {call.tool.name} run with {what}? Risk: {risk}. Step: {call.step}"


def asked_about(task: Task, call: Call) -> UpsertFact:
    """The fact that says which call a question is about, for whoever answers it."""
    about: JsonValue = {"question": question_about(task, call), "call": digest_of(call)}
    return UpsertFact(fact=Fact(key=QUESTION + call.step, value=about))


def digest_of(call: Call) -> str:
    """A digest of what a person agrees to: the tool and its arguments."""
    return fingerprint([call.tool.name, call.arguments])


def approval_key(step: str) -> str:
    """The key of the fact that holds the answer."""
    return APPROVAL + step


def _shown(task: Task, call: Call) -> str:
    """The arguments, whole or with a mark where they are cut."""
    whole = visible(json.dumps(call.arguments, ensure_ascii=False))
    if (cut := len(whole) - MAX_SHOWN) <= 0:
        return whole
    command = f"agentstate-lab task {visible(task.id)}"
    return f"{whole[:MAX_SHOWN]} [... {cut} signs more: {command}]"


class _Over(Exception):
    """What is asked for has happened: the task has ended, or it has this answer."""


def _answer(
    store: TaskStore, task_id: str, step: str, *, allowed: bool, by: str
) -> Task:
    if not isinstance(step, str):
        raise InvalidValue(f"step {step!r:.200}", "the task does not ask about that")

    def answered(task: Task) -> Task:
        about = task.agent_state.fact(QUESTION + step)
        about = about if isinstance(about, dict) else {}
        question = str(about.get("question", ApprovalNeeded.asks.format(step=step)))
        asked = question in task.agent_state.open_questions
        before = task.agent_state.fact(approval_key(step))
        if not asked and isinstance(before, dict) and before["allowed"] is allowed:
            raise _Over
        if task.state is not TaskState.WAITING or not asked:
            raise InvalidValue(
                f"step {step!r:.200}", "the task does not ask whether it may run"
            )
        said: dict[str, JsonValue] = {"allowed": allowed, "by": by}
        if "call" in about:  # a question from before 0.1.0 does not say which call
            said |= {"task": task.id, "call": about["call"]}
        patch = StatePatch(
            id=f"approval:{fingerprint(step)[:16]}:{task.version}",
            base_version=task.version,
            operations=(
                UpsertFact(fact=Fact(key=approval_key(step), value=said, source=by)),
                CloseQuestion(question=question),
                Forget(facts=(QUESTION + step,)),
            ),
        )
        return task.apply(patch).replace(state=TaskState.PENDING, error=None)

    try:
        return execute_step(store, task_id, answered)
    except _Over:
        return store.get(task_id)
