"""
The tasks of several machines, from outside: no code of an agent is needed here.

Whoever hands in a task, looks how it stands, or hands over what a dead worker had,
talks to the database of DBOS and to nobody else. The workers are `scale_out`.

What is stored is JSON, here and there. The default is a pickle, and reading one runs
whatever code its writer chose; a row that says that it is one is not read.

What this cannot do: notice that a worker is dead. `AgentQueue.hand_over` takes the
caller's word for it.

Source: the DBOS documentation, "Workflow recovery" and "DBOS Client".
"""

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn, Self

from dbos import DBOS, DBOSClient, DBOSPortableJSONSerializer, EnqueueOptions
from dbos import WorkflowSerializationFormat as Format
from dbos import _serialization as their_values
from dbos import error as their_errors
from sqlalchemy.exc import SQLAlchemyError

from .errors import (
    InvalidValue,
    KeyReused,
    StoreTorn,
    StoreUnavailable,
    TaskNotFound,
)
from .task import TaskState

APP: Final = "agentstate"
QUEUE: Final = "agents"
WORKFLOW: Final = "agent"
MAX_NAME: Final = 255
# What comes out when the database cannot be used.
USELESS: Final = (their_errors.DBOSException, SQLAlchemyError, OSError)

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
        except USELESS as error:
            raise unreachable(error) from None

    def submit(self, task_id: str, user_input: str) -> Standing:
        """
        Put a task into the queue, unless it is known: an id is handed in once.

        Raises:
            KeyReused: The id belongs to another input.
            StoreTorn: What is stored under the id cannot be read.
        """
        asked: EnqueueOptions = {
            "queue_name": QUEUE,
            "workflow_name": WORKFLOW,
            "workflow_id": checked("task_id", task_id),
            "serialization_type": Format.PORTABLE,
        }
        if not isinstance(user_input, str) or not _encodable(user_input):
            raise InvalidValue("user_input", f"must be text, not {user_input!r:.80}")
        with _in_our_words():
            self._client.enqueue(asked, task_id, user_input)
        (found,) = self._find(workflow_ids=[task_id])
        # DBOS compares no arguments: it would answer with the other one's result.
        if _inputs(found) != (task_id, user_input):
            raise KeyReused(task_id)
        return _standing(found)

    def look(self, task_id: str) -> Standing:
        """
        How a task stands.

        Raises:
            TaskNotFound: Nobody has handed it in.
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
        that it is in happens twice, and what it does after that is not recorded.
        """
        left = self.held_by(worker)
        with _in_our_words():
            for task_id in left:
                self._client.resume_workflow(task_id, queue_name=QUEUE)
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
        with _in_our_words():
            return list(self._client.list_workflows(**wanted))


def _standing(found: Any) -> Standing:
    """A row of theirs in our words."""
    return Standing(
        task_id=found.workflow_id,
        state=STATES[found.status],
        worker=found.executor_id,
        version=found.app_version,
        runs=found.recovery_attempts or 0,
        result=found.output,
        error=None if found.error is None else str(found.error),
    )


def _inputs(found: Any) -> tuple[str, ...]:
    """What a task was handed in with; a row that is no JSON comes as it is."""
    if not isinstance(found.input, dict):
        raise StoreTorn(
            "the queue",
            f"task {found.workflow_id!r} cannot be read: it is no JSON. It was not"
            " touched",
        )
    return tuple(found.input["args"])


@contextlib.contextmanager
def _in_our_words() -> Iterator[None]:
    """Errors of the library and of the driver come out as ours."""
    try:
        yield
    except USELESS as error:
        raise unreachable(error) from None


def database_url(url: str) -> str:
    """
    The address as DBOS writes it. A file is made, for its owner alone.

    Raises:
        InvalidValue: It names no database. It is not shown: there may be a password.
    """
    scheme, _, place = url.partition(":") if isinstance(url, str) else ("", "", "")
    if scheme == "postgresql" and place.startswith("//"):
        return url
    if scheme != "sqlite" or not place or "\0" in place:
        raise InvalidValue("url", "write sqlite:PATH or postgresql://…")
    path = Path(place).absolute()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except OSError as error:
        raise unreachable(error) from None
    return f"sqlite:///{path}"


def checked(what: str, name: str) -> str:
    """
    A name that can stand in the database.

    Raises:
        InvalidValue: It cannot.
    """
    fits = isinstance(name, str) and 0 < len(name) <= MAX_NAME and "\0" not in name
    if not fits or not _encodable(name):
        raise InvalidValue(what, f"must have 1 to {MAX_NAME} signs, not {name!r:.80}")
    return name


def _encodable(text: str) -> bool:
    """Whether it holds no half of a surrogate pair, which no database keeps."""
    return not any("\ud800" <= sign <= "\udfff" for sign in text)


def unreachable(error: Exception) -> StoreUnavailable:
    """What to say of *error*, without its words: there may be a password in them."""
    kind = type(error).__name__
    return StoreUnavailable("the queue", f"its database cannot be used ({kind})")


def unpickle_nothing() -> None:
    """Refuse rows that say of themselves that they are pickles."""

    def refuse(text: str) -> NoReturn:
        raise TypeError("this is a pickle, and nothing is unpickled here")

    # The library has no switch for that, and a row chooses how it is read.
    their_values.DBOSDefaultSerializer.deserialize = refuse  # type: ignore
