"""
Lists of tasks: what is looked for, in pages, past what cannot be read.

Three things go wrong with a list that grows. *A limit before a filter*: whoever
takes the first hundred and then throws out what it did not want finds nothing, though
there is some. So what is looked for (`Wanted`) goes to the store, and the limit comes
last. *A number as the next page*: "the rows from 101 on" are others once a task has
come or gone. So a page ends with a *cursor*, the place of its last task in an order
that never changes: when the task was made, then its id. A task that is there all the
time, and fits all the time, is on one page and no other. *One row that stops all*: a
newer version has written it, or it is torn. It is passed over, named once, and left
where it is (`Unreadable`).

A list is not a moment: it shows each page as it was when it was read.

Source: the cursor pagination of the Model Context Protocol; Winand, "We need tool
support for keyset pagination".
"""

import heapq
import json
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol, Self

from agentstate_lab.errors import InvalidValue, StoreTooNew, StoreTorn
from agentstate_lab.state import Task, TaskState

MAX_CURSOR = 4_000  # characters; an id has at most 200

_log = logging.getLogger("agentstate_lab.stores")


class Place(NamedTuple):
    """
    Where a task stands in the one order of all lists. It never moves.

    Attributes:
        created_at: When it was made, in seconds since the epoch.

        id: Its id.
    """

    created_at: float
    id: str

    @classmethod
    def of(cls, task: Task) -> Self:
        """The place of *task*."""
        return cls(task.created_at, task.id)

    @classmethod
    def at(cls, cursor: str) -> Self:
        """
        The place that a *cursor* names.

        Raises:
            InvalidValue: It did not come with a page.
        """
        try:
            if len(cursor) > MAX_CURSOR:
                raise ValueError
            created_at, task_id = json.loads(cursor)
            number = type(created_at) in (int, float) and abs(created_at) <= 2**53
            if number and "\0" not in task_id:
                task_id.encode()
                return cls(float(created_at), task_id)
        except (ValueError, TypeError, AttributeError, RecursionError, OverflowError):
            pass
        raise InvalidValue("cursor", "is none that came with a page; begin anew")

    @property
    def cursor(self) -> str:
        """This place as text, to be handed back as it is."""
        return json.dumps(self)


class TaskPage(NamedTuple):
    """
    Some of the tasks that were asked for.

    Attributes:
        tasks: Oldest first. There may be fewer than the limit, and even none, on a
            page that is not the last.

        next: The cursor of the next page; None after the last one.
    """

    tasks: list[Task]
    next: str | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """
    Which tasks a list is of; see `HistoryStore.list_tasks`.

    Attributes:
        states: One of these.

        agents: Of one of these agents; None for all.

        machine: Its owner works, or worked, on this machine; None for all.

        after: Behind this place.

        limit: At most so many.
    """

    states: tuple[TaskState, ...]
    agents: tuple[str, ...] | None
    machine: str | None
    after: Place | None
    limit: int

    @classmethod
    def of(
        cls,
        states: Iterable[TaskState | str] | None,
        agents: Iterable[str] | None,
        machine: str | None,
        after: str | None,
        limit: int,
    ) -> Self:
        """
        What is wanted, checked.

        Raises:
            InvalidValue: There is no such state, the limit is not a count, or the
                cursor is none.
        """
        known = tuple(TaskState) if states is None else _states(states)
        return cls(
            states=known,
            agents=None if agents is None else tuple(sorted(set(agents))),
            machine=machine,
            after=None if after is None else Place.at(after),
            limit=_count(limit),
        )

    def fits(self, task: Task) -> bool:
        """Whether *task* is one of those."""
        return (
            task.state in self.states
            and (self.agents is None or task.agent_id in self.agents)
            and (self.machine is None or _machine_of(task) == self.machine)
            and (self.after is None or Place.of(task) > self.after)
        )

    def page(self, tasks: Iterable[Task]) -> TaskPage:
        """The page of a store that has to look through all its *tasks*."""
        fitting = filter(self.fits, tasks)
        found = heapq.nsmallest(self.limit + 1, fitting, key=Place.of)
        more = len(found) > self.limit
        found = found[: self.limit]
        return TaskPage(found, Place.of(found[-1]).cursor if more else None)


class Lists(Protocol):
    """A store that lists its tasks in pages."""

    def list_tasks(
        self,
        *,
        states: Iterable[TaskState | str] | None = None,
        agents: Iterable[str] | None = None,
        machine: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> TaskPage:
        """
        One page of the tasks that are asked for, oldest first.

        A task that is there all the time, and fits all the time, is on one page and
        on no other, whatever others write meanwhile. What cannot be read is passed
        over, named once in the log, and left as it is.

        Args:
            states: In one of these states; by default, in any.

            agents: Of one of these agents; by default, of any.

            machine: With an owner on this machine (the first word of its boot id);
                by default, with any owner and with none.

            after: The cursor that came with the page before.

            limit: At most so many.

        Raises:
            InvalidValue: There is no such state or cursor, or the limit is no count.
        """
        ...


def each_task(
    store: Lists,
    *,
    states: Iterable[TaskState | str] | None = None,
    agents: Iterable[str] | None = None,
    machine: str | None = None,
) -> Iterator[Task]:
    """
    All the tasks that are asked for, page after page, oldest first.

    What is done with one may change the others: each page is read when it is needed.
    The arguments are those of `StepStore.list_tasks`.
    """
    cursor = None
    states = None if states is None else _states(states)
    while True:
        page = store.list_tasks(
            states=states, agents=agents, machine=machine, after=cursor
        )
        yield from page.tasks
        cursor = page.next
        if cursor is None:
            return


def first_tasks(store: Lists, state: TaskState | str, limit: int) -> list[Task]:
    """
    The oldest tasks in *state*, at most *limit*; see `TaskStore.list_by_state`.

    Raises:
        InvalidValue: There is no such state, or the limit is not a count.
    """
    found: list[Task] = []
    cursor = None
    _count(limit)
    while len(found) < limit:
        left = limit - len(found)
        page = store.list_tasks(states=[state], after=cursor, limit=left)
        found += page.tasks
        cursor = page.next
        if cursor is None:
            break
    return found


class Unreadable:
    """
    Passes over what cannot be read, and names each such row once.

    It is named in the log of `agentstate_lab.stores`, as a warning: nothing has
    failed that was asked for, and somebody should know. Whoever asks for the row by
    its id gets the error itself.
    """

    def __init__(self) -> None:
        self._named: set[str] = set()

    def read(
        self, lines: Iterable[tuple[str, str]], read: Callable[[str, str], Task]
    ) -> Iterator[Task]:
        """
        The tasks in *lines* that can be read.

        Args:
            lines: The id and the line of each.

            read: From the two to the task.
        """
        for task_id, line in lines:
            try:
                yield read(task_id, line)
            except (StoreTooNew, StoreTorn) as error:
                self.name(task_id, error)

    def name(self, task_id: str, error: Exception) -> None:
        """Say once that the row of this task is passed over, and why."""
        if task_id not in self._named:
            self._named.add(task_id)
            _log.warning("task %r is passed over and left as it is: %s", task_id, error)


def _machine_of(task: Task) -> str | None:
    """The machine on which the owner of *task* works, or worked."""
    return None if task.owner is None else task.owner.boot_id.partition(" ")[0]


def _states(states: Iterable[TaskState | str]) -> tuple[TaskState, ...]:
    """The states by these names, each once."""
    found = []
    for state in [states] if isinstance(states, str) else states:
        if state not in list(TaskState):
            raise InvalidValue("state", f"{state!r} is none of {', '.join(TaskState)}")
        found.append(TaskState(state))
    return tuple(dict.fromkeys(found))


def _count(limit: int) -> int:
    """*limit*, when it counts something."""
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise InvalidValue("limit", f"must be a whole number from 1 on, not {limit!r}")
    return limit
