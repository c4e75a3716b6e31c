"""
What a person says to a run: yes, no, or stop.

A run that needs a person does not wait in memory: it stores its question, ends, and
lets go of the task. The answer may come a week later, to another process, after a
restart. So an answer is a fact in the state, recorded once, and the task is pending
again; whoever resumes it reads the answer before the step.

A task that is cancelled starts no effect any more, since each one records its intent
first and a task that has ended takes no record. An effect under way is not stopped.
"""

from .digest import fingerprint
from .errors import ApprovalNeeded, InvalidValue
from .state import AgentState, CloseQuestion, Fact, StatePatch, UpsertFact
from .store import TaskStore, execute_step
from .task import Task, TaskState


def approve(store: TaskStore, task_id: str, step: str, *, by: str = "a person") -> Task:
    """
    Agree that *step* may run. The task can be resumed afterwards.

    Args:
        store: Where the task is.

        task_id: The task.

        step: The step that it asked about.

        by: Who agrees, for the record.

    Raises:
        InvalidValue: The task does not ask about this step.
    """
    return _answer(store, task_id, step, allowed=True, by=by)


def deny(store: TaskStore, task_id: str, step: str, *, by: str = "a person") -> Task:
    """
    Refuse that *step* runs. The model is told so when the task is resumed.

    The arguments are those of `approve`.
    """
    return _answer(store, task_id, step, allowed=False, by=by)


def cancel(store: TaskStore, task_id: str) -> Task:
    """
    End a task before it is done; a task that has ended comes back as it is.

    A process that works on it notices at its next write.
    """

    def cancelled(task: Task) -> Task:
        return task.replace(state=TaskState.CANCELLED, owner=None)

    task = store.get(task_id)
    ended = (TaskState.COMPLETED, TaskState.CANCELLED, TaskState.DEAD)
    return task if task.state in ended else execute_step(store, task_id, cancelled)


def approval_of(state: AgentState, step: str) -> bool | None:
    """What a person has said about *step*: yes, no, or nothing yet."""
    said = state.fact(approval_key(step))
    return bool(said["allowed"]) if isinstance(said, dict) else None


def approval_key(step: str) -> str:
    """The key of the fact that holds the answer."""
    return f"approval:{step}"


def _answer(
    store: TaskStore, task_id: str, step: str, *, allowed: bool, by: str
) -> Task:
    question = ApprovalNeeded.asks.format(step=step)

    def answered(task: Task) -> Task:
        asked = question in task.agent_state.open_questions
        if task.state is not TaskState.WAITING or not asked:
            raise InvalidValue(
                f"step {step!r:.200}", "the task does not ask whether it may run"
            )
        fact = Fact(
            key=approval_key(step), value={"allowed": allowed, "by": by}, source=by
        )
        patch = StatePatch(
            id=f"approval:{fingerprint(step)[:16]}:{task.attempt}",
            base_version=task.version,
            operations=(UpsertFact(fact=fact), CloseQuestion(question=question)),
        )
        return task.apply(patch).replace(state=TaskState.PENDING, error=None)

    return execute_step(store, task_id, answered)
