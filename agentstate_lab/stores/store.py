"""
A store keeps tasks where a dead process cannot take them along.

`TaskStore` is the whole contract: put a task in, read it, change it, find the
ones in a given state. A write is compare-and-set: it names the version it was
based on, and is refused when somebody else wrote in between. Without that, the
last writer wins, and a late worker can undo a completed task.

`StepStore` adds what resuming needs: the records of steps and the messages, stored
in the same commit as the task, so that no crash can come between them.

What may be submitted and saved is decided in `rules`, the same for every store. No
store runs effects, and none of them can make an effect outside undone.
"""

import contextlib
import importlib
import os
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, Protocol

from agentstate_lab.errors import InvalidValue, VersionConflict
from agentstate_lab.state import (
    Checkpoint,
    Message,
    Placed,
    StepRecord,
    Task,
    TaskState,
)

from .listing import Lists
from .rules import ALL, Page, Submission

Clock = Callable[[], float]

# Far more than any real contention needs; a step that loses this often is stuck.
MAX_STEP_TRIES = 1_000


class TaskStore(Protocol):
    """
    What every store can do. Taught in notebook 02.

    A store that passes `lab.contracts.TaskStoreContract` keeps these promises.
    """

    def submit(self, task: Task) -> Submission:
        """
        Store a new task, or return the one that has its id already.

        Raises:
            KeyReused: The id is known with another input.
            InvalidValue: The task is not new, or cannot be stored.
        """
        ...

    def get(self, task_id: str) -> Task:
        """
        The stored task.

        Raises:
            TaskNotFound: No task has this id.
        """
        ...

    def save(self, task: Task) -> Task:
        """
        Store a changed task if nobody else wrote since it was read.

        Returns:
            The task as stored: one version on, with the time of the write.

        Raises:
            VersionConflict: Somebody else wrote; nothing was changed.
            IllegalTransition: The stored task may not take this state.
            TaskNotFound: It was never submitted.
        """
        ...

    def list_by_state(self, state: TaskState | str, *, limit: int = 100) -> list[Task]:
        """
        The oldest tasks in *state*, at most *limit*, in the order of their age.

        What cannot be read is passed over, as by `StepStore.list_tasks`.
        """
        ...

    def close(self) -> None:
        """Let go of files and connections. Closing twice does no harm."""
        ...


class StepStore(TaskStore, Lists, Protocol):
    """
    A store that also keeps steps and messages. Taught in notebook 03.

    A store that passes `lab.contracts.StepStoreContract` keeps these promises.
    """

    def save(
        self,
        task: Task,
        *,
        steps: Sequence[StepRecord] = (),
        messages: Sequence[Message] = (),
        checkpoint: Checkpoint | None = None,
    ) -> Task:
        """
        Store a changed task and everything of the same moment in one commit.

        Who is running has an owner, and nobody else has: a task that is saved as
        running without one is owned by this process.

        Args:
            task: As for `TaskStore.save`; a refused task keeps all of it out.

            steps: Records to add; one of the same name is replaced.

            messages: What was said, to add at the end.

            checkpoint: What the agent knows, to go back to (notebook 07).
        """
        ...

    def steps(self, task_id: str, page: Page = ALL) -> list[StepRecord]:
        """
        The steps of a task, in the order in which they were begun.

        Args:
            task_id: The task.

            page: Which of them; by default, all.

        Raises:
            TaskNotFound: No task has this id.
        """
        ...

    def step(self, task_id: str, name: str) -> StepRecord | None:
        """
        One step of a task, or None when it was never begun.

        Raises:
            TaskNotFound: No task has this id.
        """
        ...

    def messages(self, task_id: str, page: Page = ALL) -> list[Message]:
        """
        What was said, in its order.

        Args:
            task_id: The task.

            page: Which of the messages; by default, all.

        Raises:
            TaskNotFound: No task has this id.
        """
        ...


class HistoryStore(StepStore, Protocol):
    """
    A store whose past can be read and thinned out. Taught in notebook 07.

    A store that passes `lab.contracts.HistoryStoreContract` keeps these
    promises. Each call raises `TaskNotFound` for an id that nobody has submitted.
    """

    def search(self, task_id: str, text: str, page: Page = ALL) -> list[Placed]:
        """
        The messages that hold *text*, each with its place, from 1.

        Args:
            task_id: The task.

            text: A part of the message as JSON without spaces: `"name":"deploy"`. What
                somebody said stands there in the form of `text_in_line`.

            page: Which of those that hold it.
        """
        ...

    def message_count(self, task_id: str, *, since: Checkpoint | None = None) -> int:
        """
        How many messages there are, without reading them.

        Args:
            task_id: The task.

            since: A checkpoint of it to count on from: the number is the same, and a
                database need not count what was said before.
        """
        ...

    def checkpoint(self, task_id: str, version: int | None = None) -> Checkpoint | None:
        """The checkpoint of this version of the task; by default, the newest."""
        ...

    def checkpoints(self, task_id: str, page: Page = ALL) -> list[Checkpoint]:
        """The checkpoints that are kept, oldest first: all, or those of *page*."""
        ...

    def prune(self, task_id: str, *, keep: int | None, before: float | None) -> int:
        """
        Drop checkpoints that are not among the newest *keep*, or are from *before*.

        Each rule is enough; None leaves one out. The newest checkpoint stays.

        Returns:
            How many were dropped.
        """
        ...


def execute_step(store: TaskStore, task_id: str, fn: Callable[[Task], Task]) -> Task:
    """
    Read a task, let *fn* say what it becomes, and save that; again if others won.

    No lock is held while *fn* runs, so it may take its time, and saving inside it
    cannot wait for itself. The price: when somebody else wrote in between, *fn*
    runs again on what they wrote. It must therefore be pure: effects do not
    belong in it.

    Args:
        store: Where the task is.

        task_id: Which task.

        fn: From the stored task to the changed one.

    Raises:
        TaskNotFound: No task has this id.
        VersionConflict: The step lost to others a thousand times in a row.
    """
    return until_saved(lambda: store.save(fn(store.get(task_id))))


def record_more(
    store: StepStore,
    task_id: str,
    *,
    steps: Sequence[StepRecord] = (),
    messages: Sequence[Message] = (),
) -> Task:
    """
    Add *steps* and *messages* to a task, whatever else was written to it.

    Args:
        store: Where the task is.

        task_id: The task.

        steps: Records to add; one of the same name is replaced.

        messages: What was said, to add at the end.

    Raises:
        TaskNotFound: No task has this id.
        IllegalTransition: The task has ended, and nothing is added to it any more.
    """
    return until_saved(
        lambda: store.save(store.get(task_id), steps=steps, messages=messages)
    )


def until_saved(save: Callable[[], Task]) -> Task:
    """
    Call *save*, which reads, decides and saves, again while others come in between.

    Raises:
        VersionConflict: It lost to others a thousand times in a row.
    """
    for _ in range(MAX_STEP_TRIES - 1):
        with contextlib.suppress(VersionConflict):
            return save()
    return save()


class Kind(NamedTuple):
    """
    A kind of store.

    Attributes:
        module: Where its class is, in this room.

        name: The class.

        place: What follows the scheme in a URL.
    """

    module: str
    name: str
    place: Literal["nothing", "path", "address"] = "path"


# The kind behind each scheme; a store joins with one line.
SCHEMES = {
    "memory": Kind("memory", "MemoryStore", "nothing"),
    "json": Kind("json_file", "JsonFileStore"),
    "sqlite": Kind("sql", "SqliteStore"),
    "postgresql": Kind("sql", "PostgresStore", "address"),
}
FILES = tuple(scheme for scheme, kind in SCHEMES.items() if kind.place == "path")


def store_class(scheme: str) -> Any:
    """The class of the stores whose URLs begin with *scheme*, loaded when asked for."""
    kind = SCHEMES[scheme]
    return getattr(importlib.import_module(f".{kind.module}", __package__), kind.name)


def open_store(url: str, *, clock: Clock | None = None) -> HistoryStore:
    """
    Open the store that *url* names.

    Args:
        url: `memory:`, `json:PATH`, `sqlite:PATH`, or the address of a database,
            `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`. A path may begin with `~`.

        clock: Where times come from, in seconds since the epoch; by default, what
            the kind of store takes by itself.

    Raises:
        InvalidValue: No such kind, or the place is missing or not wanted.
        ExtraMissing: The kind stands on a package that is not installed.
        StoreError: What is there cannot be used.
    """
    scheme, colon, place = url.partition(":") if isinstance(url, str) else ("", "", "")
    if not colon or scheme not in SCHEMES:
        known = ", ".join(f"{name}:" for name in SCHEMES)
        # Not the url itself: there may be a password in it.
        raise InvalidValue("store url", f"it starts with none of {known}")
    wanted = SCHEMES[scheme].place
    if wanted == "nothing" and place:
        raise InvalidValue("store url", f"{scheme}: takes no path")
    if wanted != "nothing" and not place.strip():
        raise InvalidValue("store url", f"{scheme}: needs a path after the colon")
    where = [] if wanted == "nothing" else [url]
    if wanted == "path":
        where = [_path(scheme, place)]
    more = {} if clock is None else {"clock": clock}
    opened: HistoryStore = store_class(scheme)(*where, **more)
    return opened


def _path(scheme: str, place: str) -> str:
    """
    The path in a URL, with `~` for the home of the user, as a shell would have it.

    Raises:
        InvalidValue: It is another program's way to write a place. Taken as a path, it
            would make a file that nobody looks for.
    """
    for sign, meant in _NOT_PATHS.items():
        if place.startswith(sign):
            raise InvalidValue(
                "store url", f"{scheme}:{sign}… is no path; {meant.format(scheme)}"
            )
    path = os.path.expanduser(place)  # noqa: PTH111 - a Path would eat a "//"
    if path.startswith("~"):
        raise InvalidValue("store url", f"no user is known as {path.split('/')[0]!r}")
    return path


# What other libraries write, and what it means here.
_NOT_PATHS = {
    ":memory:": "for a store in memory write memory:",
    "file:": "write {}:PATH",
    "//": "write {}:PATH, with one / before an absolute path",
}
