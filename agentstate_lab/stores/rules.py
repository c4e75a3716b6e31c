"""
The rules of a store, as plain functions over what is stored.

Every store decides alike because every store asks here: whether a task may be
submitted, whether a save may take the place of what is there. A function gets the
stored task and the new one, and returns what to keep or raises; it reads no file, no
clock and no database.

What a store adds is that nobody comes between the reading and the writing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeVar

from agentstate_lab.errors import InvalidValue, KeyReused, TaskNotFound, VersionConflict
from agentstate_lab.retry import check_count
from agentstate_lab.state import Checkpoint, Task, TaskState, check_transition

from .owner import this_process

Item = TypeVar("Item")

MOST: Final = 2**31 - 1  # of anything that one read can ask for


@dataclass(frozen=True, slots=True)
class Page:
    """
    A part of a list: whoever reads ten thousand messages at once, reads too many.

    Attributes:
        after: How many to pass over.

        limit: How many to return at most.

        newest_first: Whether to begin at the end, and go backwards.

    Raises:
        InvalidValue: Such a page cannot be meant; nothing was read.

    >>> Page(after=1, limit=2, newest_first=True).of(["a", "b", "c", "d"])
    ['c', 'b']
    """

    after: int = 0
    limit: int = MOST
    newest_first: bool = False

    def __post_init__(self) -> None:
        for name, least in (("after", 0), ("limit", 1)):
            check_count(f"page.{name}", getattr(self, name), MOST, least=least)

    def of(self, items: Sequence[Item]) -> list[Item]:
        """This part of *items*, which are in their order."""
        ordered = items[::-1] if self.newest_first else items
        return list(ordered[self.after : self.after + self.limit])


ALL: Final = Page()


class Submission(NamedTuple):
    """
    What `submit` returns: the stored task, and whether this call made it.

    Attributes:
        task: The task as it is stored now.

        created: False when the key was known, and nothing was changed.
    """

    task: Task
    created: bool


def accept_submission(stored: Task | None, task: Task, now: float) -> Submission:
    """
    Decide what a submit does, given what is stored under that id.

    Raises:
        KeyReused: Another input is stored under the id.
        InvalidValue: The task is not new.
    """
    if task.version != 0 or task.state is not TaskState.PENDING:
        raise InvalidValue(
            f"task {task.id!r}",
            f"is {task.state} at version {task.version}; only a new, pending task"
            " can be submitted, an existing one is saved",
        )
    if stored is not None:
        if stored.fingerprint != task.fingerprint:
            raise KeyReused(task.id)
        return Submission(stored, created=False)
    return Submission(next_version(task, created_at=now, now=now), created=True)


def accept_save(stored: Task | None, task: Task, now: float) -> Task:
    """
    Decide whether *task* may take the place of *stored*, and return what to keep.

    Raises:
        TaskNotFound, VersionConflict, KeyReused, IllegalTransition: See
            `TaskStore.save`. Nothing is written then.
    """
    if stored is None:
        raise TaskNotFound(task.id)
    if stored.version != task.version:
        raise VersionConflict(task.id, expected=task.version, found=stored.version)
    if stored.fingerprint != task.fingerprint:
        raise KeyReused(task.id)
    check_transition(stored.state, task.state, task.id)
    return next_version(task, created_at=stored.created_at, now=now)


def next_version(task: Task, *, created_at: float, now: float) -> Task:
    """
    What is kept of an accepted *task*: one version on, with its times.

    Every stored task is made here, so what holds for all of them is seen to here: who
    is running has an owner, and nobody else has. Whoever ends, cancels or puts back a
    running task need not think of it. Whoever saves one as running and names no owner
    is the owner: so when that process is gone, the task can be found and taken over.
    """
    fixed: dict[str, Any] = {
        "created_at": created_at,
        "updated_at": now,
        "version": task.version + 1,
    }
    if task.state is not TaskState.RUNNING:
        fixed["owner"] = None
    elif task.owner is None:
        fixed["owner"] = this_process()
    return task.model_copy(update=fixed)


def accept_checkpoint(checkpoint: Checkpoint | None, kept: Task) -> None:
    """
    Refuse a checkpoint that is not of the very moment that is saved.

    Raises:
        InvalidValue: It names another task, or another version.
    """
    if checkpoint is None:
        return
    named, wanted = (checkpoint.task_id, checkpoint.version), (kept.id, kept.version)
    if named != wanted:
        raise InvalidValue(
            "checkpoint", f"is of {named}, and what is saved is {wanted}"
        )
