"""
The tasks of several machines, from outside: no code of an agent is needed here.

Whoever hands in a task, looks how it stands, or hands over what a dead worker had,
talks to the database of DBOS and to nobody else. The workers are `scale_out`.

What this cannot do: notice that a worker is dead (`AgentQueue.hand_over` takes the
caller's word for it), or run again what has failed: to DBOS that is over, and a new
try needs a new id.

Source: the DBOS documentation, "Workflow recovery" and "DBOS Client".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from dbos import DBOS, DBOSClient, DBOSPortableJSONSerializer, EnqueueOptions
from dbos import WorkflowSerializationFormat as Format

from agentstate_lab.errors import TaskNotFound
from agentstate_lab.state import TaskState

from .place import (
    APP,
    NO_ADDRESS,
    QUEUE,
    WORKFLOW,
    checked,
    checked_input,
    database_url,
    in_our_words,
    inputs_of,
    same_input,
    unpickle_nothing,
    unreachable,
)

STATES: Mapping[str, TaskState] = {
    "ENQUEUED": TaskState.PENDING,
    "DELAYED": TaskState.PENDING,
    "PENDING": TaskState.RUNNING,
    "SUCCESS": TaskState.COMPLETED,
    "ERROR": TaskState.FAILED,
    "CANCELLED": TaskState.CANCELLED,
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": TaskState.DEAD,
}


@dataclass(frozen=True, slots=True)
class Standing:
    """
    How a task stands, as the database knows it.

    Attributes:
        task_id: Its id.

        state: In the words of the course.

        worker: Who has it, or had it last; None, as long as nobody has.

        version: The version that it belongs to, once it was begun.

        runs: How often it was begun since it was handed in or over.

        result: The model's last words, when it is completed.

        error: Why it failed.
    """

    task_id: str
    state: TaskState
    worker: str | None
    version: str | None
    runs: int
    result: str | None
    error: str | None


class AgentQueue:
    """
    The tasks that workers take, for whoever hands them in and looks after them.

    Args:
        url: Where the tasks are: `sqlite:PATH` or `postgresql://…`. What is missing
            there is made.

    Raises:
        InvalidValue: It names no database.
        StoreUnavailable: Nobody answers there.
    """

    def __init__(self, url: str) -> None:
        place = database_url(url)
        unpickle_nothing()
        try:
            DBOS.migrate(place)
            self._client = DBOSClient(
                system_database_url=place,
                serializer=DBOSPortableJSONSerializer(),
                application_name=APP,
                retry_connection_errors=False,
            )
        except NO_ADDRESS as error:
            raise unreachable(error) from None

    def submit(self, task_id: str, user_input: str) -> Standing:
        """
        Put a task into the queue, unless it is known: an id is handed in once.

        It goes to the newest version. That is the one which DBOS has seen first most
        recently, not the one that was started last: after a rollback no worker takes
        it, until `set_latest_application_version` of DBOS names the older one.

        Raises:
            InvalidValue: The id or the input cannot be stored.
            KeyReused: The id belongs to another input.
            StoreTorn: What is stored under the id cannot be read.
        """
        asked: EnqueueOptions = {
            "queue_name": QUEUE,
            "workflow_name": WORKFLOW,
            "workflow_id": checked("task_id", task_id),
            "serialization_type": Format.PORTABLE,
        }
        with in_our_words():
            self._client.enqueue(asked, task_id, checked_input(user_input))
        (found,) = self._find(workflow_ids=[task_id])
        same_input(found, task_id, user_input)
        return _standing(found)

    def look(self, task_id: str) -> Standing:
        """
        How a task stands.

        Raises:
            TaskNotFound: Nobody has handed it in.
            StoreTorn: What is stored under the id cannot be read.
        """
        found = self._find(workflow_ids=[checked("task_id", task_id)])
        if not found:
            raise TaskNotFound(task_id)
        return _standing(found[0])

    def held_by(self, worker: str) -> list[str]:
        """The tasks that *worker* has begun and not ended, be it alive or dead."""
        held = self._find(status="PENDING", executor_id=checked("worker", worker))
        return sorted(one.workflow_id for one in held)

    def hand_over(self, worker: str) -> list[str]:
        """
        Put back into the queue what a worker had who is gone, and return the ids.

        That it is gone is your word: nothing here can tell. If it is alive, the step
        that it is in may happen twice, what it reports is not recorded, and it does no
        more of the task.

        Only one may do this at a time: between the list and the write nobody compares
        who has the tasks. And the runs are counted anew, so a task that kills its
        workers is tried as often as you hand it over.
        """
        left = self.held_by(worker)
        with in_our_words():
            self._client.resume_workflows(left, queue_name=QUEUE)
        return left

    def close(self) -> None:
        """Let go of the database."""
        self._client.destroy()

    def __enter__(self) -> Self:
        """Use the queue in a `with` block."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close it at the end of the block."""
        self.close()

    def _find(self, **wanted: Any) -> list[Any]:
        """Rows of theirs, as they are."""
        with in_our_words():
            return list(self._client.list_workflows(**wanted))


def _standing(found: Any) -> Standing:
    """A row of theirs in our words."""
    inputs_of(found)  # a row that cannot be read has no result either
    return Standing(
        task_id=found.workflow_id,
        state=STATES[found.status],
        worker=found.executor_id,
        version=found.app_version,
        runs=found.recovery_attempts or 0,
        result=found.output,
        error=None if found.error is None else str(found.error),
    )
