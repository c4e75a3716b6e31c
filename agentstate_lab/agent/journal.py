"""
The journal of a run: what was said and learned, stored before the next thing begins.

What the run knows is what is stored: the task with its state, the messages, and how
much time was used. `write` adds to all of them in one commit, so no crash can come
between an answer and the count of what it cost. Somebody else may write to the task
as well (a note, a cancellation): then the save is refused, and `write` looks whether
the task is still this run's.

It keeps no plan of how to go on. Whoever opens the journal sees where it ends.
"""

import contextlib
from collections.abc import Sequence
from typing import Any

from agentstate_lab.checkpoint import CheckpointManager, whole_turns
from agentstate_lab.context import MOST, Conversation, shortened
from agentstate_lab.deadline import Deadline
from agentstate_lab.errors import (
    AgentStateError,
    Cancelled,
    InvalidValue,
    TaskInProgress,
)
from agentstate_lab.state import (
    DeadlineRecord,
    Message,
    Operation,
    Owner,
    Task,
    TaskState,
    Trigger,
)
from agentstate_lab.stores import Clock, Page, until_saved

from .allowance import accounted, granted
from .finished import bounded, is_old
from .held import Held
from .recall import WHERE

PAGE = 50  # messages that are read at a time
ROTATES = 10  # writes between two looks for checkpoints that rotation drops


class Journal:
    """
    The stored side of one run.

    Args:
        store: Where the task is, as this run has it in hand.

        task_id: The task.

        manager: Takes the checkpoints.

        room: How many bytes of the conversation are kept at hand.

        clock: Seconds that only go up.

        wall: The time of day, in seconds since the epoch.

    Attributes:
        talk: The end of what was said so far. Empty before `open`.

        deadline: How long the run may go on. There is none before `open`.
    """

    deadline: Deadline

    def __init__(
        self,
        store: Held,
        task_id: str,
        manager: CheckpointManager,
        *,
        room: int,
        clock: Clock,
        wall: Clock,
    ) -> None:
        self.store = store
        self.task_id = task_id
        self.talk = Conversation(room)
        self._room = room
        self._manager = manager
        self._clock, self._wall = clock, wall
        self._owner: Owner | None = None
        self._writes = 0

    def open(self) -> None:
        """
        Read what is there, and let the time go on.

        Raises:
            InvalidValue: Nobody has claimed the task, or its budget has no time.
        """
        task = self.store.look(self.task_id)
        if task.state is not TaskState.RUNNING:
            raise InvalidValue(
                "execute",
                f"called the work of a task that is {task.state}: save it as running"
                " first",
            )
        self._owner = task.owner
        budget = task.agent_state.budget  # for a task that was submitted without
        record = task.deadline or granted(budget, clock=self._clock, wall=self._wall)
        self.deadline = Deadline.restore(record, clock=self._clock, wall=self._wall)
        self._read_end()
        if record.suspended or task.deadline is None or is_old(task.agent_state):
            # Else a kill before the next save would make waiting of this work.
            self._keep(self.deadline.record())

    def task(self) -> Task:
        """
        The task as it is stored now, as long as it is this run's.

        Raises:
            Cancelled: Somebody has ended it.
            TaskInProgress: Somebody else has it.
        """
        return self._mine(self.store.look(self.task_id))

    def in_hand(self) -> Task:
        """The task as this run knows it; a save tells if somebody knows better."""
        return self._mine(self.store.get(self.task_id))

    def write(
        self,
        operations: Sequence[Operation],
        trigger: Trigger = "step",
        messages: Sequence[Message] = (),
    ) -> None:
        """
        Store what was learned and said, and the time that was used, at once.

        Args:
            operations: What was learned.

            trigger: What has happened, for the checkpoints.

            messages: What was said.

        Raises:
            Cancelled, TaskInProgress: As `task`. Nothing was stored.
        """
        record = self.deadline.record()

        def saved() -> Task:
            changed = accounted(self.in_hand(), record, operations)
            return self._manager.save(changed, trigger, messages=messages)

        until_saved(saved)
        for message in messages:
            self.talk.add(message)
        self._writes += 1
        if self._writes % ROTATES == 0:
            self._manager.prune(self.task_id)

    def stop(self, *, waits: bool) -> None:
        """
        Store how much time was used; it stands still while the task *waits*.

        A task that is not this run's any more is left alone, and a store that fails
        here has nothing to add to the reason for which the run ends.
        """
        record = self.deadline.suspend() if waits else self.deadline.record()
        with contextlib.suppress(AgentStateError):
            self._keep(record)

    def _read_end(self) -> None:
        """Read the end of what was said, page by page, and no more than is shown."""
        read: list[Message] = []  # the newest first
        size, more = 0, True
        while more:
            page = Page(after=len(read), limit=PAGE, newest_first=True)
            part = self.store.messages(self.task_id, page)
            read += part
            size += sum(len(repr(shortened(one, MOST, ""))) for one in part)
            begun = any(one.get("role") != "tool" for one in read)
            more = len(part) == PAGE and (size <= self._room or not begun)
        kept = whole_turns(read[::-1])
        said = self.store.message_count(self.task_id)
        self.talk = Conversation(self._room, max(0, said - len(kept)), WHERE)
        for message in kept:
            self.talk.add(message)

    def _keep(self, record: DeadlineRecord) -> None:
        until_saved(lambda: self.store.save(accounted(bounded(self.in_hand()), record)))

    def _mine(self, task: Task) -> Task:
        if task.state is TaskState.CANCELLED:
            raise Cancelled(f"task {self.task_id!r} was cancelled")
        if task.state is not TaskState.RUNNING or task.owner != self._owner:
            raise TaskInProgress(self.task_id)
        return task


class Snapshots:
    """
    A store that takes a checkpoint with each change of a task's state.

    The claim and the end of a run are saved by code that knows no checkpoints.

    Args:
        store: The store behind it.

        manager: Takes the checkpoints.
    """

    def __init__(self, store: Held, manager: CheckpointManager) -> None:
        self._store = store
        self._manager = manager

    def save(self, task: Task, **more: Any) -> Task:
        """Save; with a snapshot, if the state has changed or the strategy says so."""
        return self._manager.save(task, **more)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)
