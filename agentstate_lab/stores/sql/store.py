"""
What the two databases share: tasks, steps and messages in tables.

A save is one compare-and-set. Everything it depends on (the version, the state, the
token of a lease) stands in the condition of the statement that writes, so that
nobody can come between the comparing and the writing. When the statement changes no
row, the stored task is read and `rules` says why; nothing was written then.

No transaction and no lock is held while a model or an effect is waited for: a store
holds them for the length of a save, and calls nobody meanwhile.

The statements are in `sql_tables`, the connection is in `database`, and leases,
which need a little more, are in `sql_leases`.
"""

import functools
import json
import time
from collections.abc import Iterable, Sequence
from typing import Any, Self, TypeVar

from agentstate_lab.errors import InvalidValue, LeaseLost, StoreTorn, TaskNotFound
from agentstate_lab.state import (
    Checkpoint,
    Message,
    Placed,
    Record,
    StepRecord,
    StoredMessage,
    Task,
    TaskState,
    record_from_json,
    record_to_json,
    task_from_json,
    task_to_json,
)

from ..lease import Claim
from ..line_memo import Known, LineMemo
from ..listing import Place, TaskPage, Unreadable, Wanted, first_tasks
from ..rules import (
    ALL,
    MOST,
    Page,
    Submission,
    accept_checkpoint,
    accept_save,
    accept_submission,
    next_version,
)
from ..store import Clock
from . import looking
from . import tables as sql
from .database import Database, Moment, Values

RecordT = TypeVar("RecordT", bound=Record)


class SqlStore:
    """
    A `HistoryStore` on a database.

    Args:
        database: Where the tables are.

        clock: Where the times of writes come from, in seconds since the epoch.

        shared_clock: Whether leases are measured with the database's own clock, and
            not with *clock*.
    """

    def __init__(
        self,
        database: Database,
        *,
        clock: Clock = time.time,
        shared_clock: bool = False,
    ) -> None:
        self.database = database
        self._clock = clock
        self._shared_clock = shared_clock
        self._memo = LineMemo()
        self._unreadable = Unreadable()
        database.open()

    def submit(self, task: Task) -> Submission:
        """Store a new task, or return the stored one; see `TaskStore.submit`."""
        done = accept_submission(None, task, self._clock())
        if self.database.write(sql.ADD_TASK, **columns(done.task)):
            return done
        return accept_submission(self.get(task.id), task, self._clock())

    def get(self, task_id: str, *, claim: Claim | None = None) -> Task:
        """The stored task; see `LeaseStore.get`."""
        found = self.database.read(sql.GET, id=self._known(task_id))
        if not found:
            raise TaskNotFound(task_id)
        line, token, fingerprint = found[0]
        if claim is not None and token != claim.token:
            raise LeaseLost(task_id)
        task = self._task(task_id, line)
        self._memo.keep(task, line, fingerprint)
        return task

    def save(
        self,
        task: Task,
        *,
        steps: Sequence[StepRecord] = (),
        messages: Sequence[Message] = (),
        checkpoint: Checkpoint | None = None,
        claim: Claim | None = None,
    ) -> Task:
        """Store a changed task and what belongs to it; see `LeaseStore.save`."""
        now = self._clock()
        kept = next_version(task, created_at=task.created_at, now=now)
        # With another owner, it is more than the version that is new.
        known = self._memo.known(task, kept) if kept.owner == task.owner else None
        # Twice, since a time of creation that the writer made up is put right.
        for _ in range(2):
            accept_checkpoint(checkpoint, kept)
            row = columns(kept, known)
            moment = self._moment(kept, row, steps, messages, checkpoint, claim)
            if self.database.commit(moment):
                self._remember(kept, row, known)
                return kept
            known = None
            kept = accept_save(self.get(task.id, claim=claim), task, now)
        raise StoreTorn(self._row(task.id), "its columns and its line disagree")

    def steps(self, task_id: str, page: Page = ALL) -> list[StepRecord]:
        """The steps of a task; see `StepStore.steps`."""
        lines = self._page(sql.STEPS, task_id, page)
        return [self._record(StepRecord, task_id, line) for line in lines]

    def step(self, task_id: str, name: str) -> StepRecord | None:
        """One step of a task; see `StepStore.step`."""
        if not storable(name):
            self._check_there(task_id)
            return None
        lines = self._lines(sql.STEP, task_id, name=name)
        return self._record(StepRecord, task_id, lines[0]) if lines else None

    def messages(self, task_id: str, page: Page = ALL) -> list[Message]:
        """What was said; see `StepStore.messages`."""
        lines = self._page(sql.MESSAGES, task_id, page)
        return [self._record(StoredMessage, task_id, line).message for line in lines]

    def search(self, task_id: str, text: str, page: Page = ALL) -> list[Placed]:
        """The messages that hold *text*; see `HistoryStore.search`."""
        self._check_there(task_id)
        if not storable(text):
            return []
        rows = self.database.read(
            sql.SEARCH[page.newest_first],
            id=task_id,
            text=text,
            after=page.after,
            limit=page.limit,
        )
        return [
            (int(place), self._record(StoredMessage, task_id, line).message)
            for place, line in rows
        ]

    def message_count(self, task_id: str, *, since: Checkpoint | None = None) -> int:
        """How many messages there are; see `HistoryStore.message_count`."""
        self._check_there(task_id)
        before, version = (since.messages, since.version) if since else (0, 0)
        [(more,)] = self.database.read(sql.COUNT_MESSAGES, id=task_id, after=version)
        return before + int(more)

    def checkpoint(self, task_id: str, version: int | None = None) -> Checkpoint | None:
        """One checkpoint; see `HistoryStore.checkpoint`."""
        if version is None:
            lines = self._lines(sql.NEWEST_CHECKPOINT, task_id)
        else:
            lines = self._lines(sql.CHECKPOINT, task_id, version=version)
        return self._record(Checkpoint, task_id, lines[0]) if lines else None

    def checkpoints(self, task_id: str, page: Page = ALL) -> list[Checkpoint]:
        """The checkpoints, oldest first; see `HistoryStore.checkpoints`."""
        lines = self._page(sql.CHECKPOINTS, task_id, page)
        return [self._record(Checkpoint, task_id, line) for line in lines]

    def prune(self, task_id: str, *, keep: int | None, before: float | None) -> int:
        """Drop checkpoints by two rules; see `HistoryStore.prune`."""
        self._check_there(task_id)
        return self.database.write(
            sql.PRUNE, id=task_id, keep=MOST if keep is None else keep, before=before
        )

    def list_by_state(self, state: TaskState | str, *, limit: int = 100) -> list[Task]:
        """The tasks in *state*, oldest first; see `TaskStore.list_by_state`."""
        return first_tasks(self, state, limit)

    def list_tasks(
        self,
        *,
        states: Iterable[TaskState | str] | None = None,
        agents: Iterable[str] | None = None,
        machine: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> TaskPage:
        """One page of tasks; see `StepStore.list_tasks`."""
        wanted = Wanted.of(states, agents, machine, after, limit)
        rows = self._listed(wanted)
        more = len(rows) > wanted.limit
        rows = rows[: wanted.limit]
        lines = [(task_id, line) for _, task_id, line in rows]
        tasks = list(self._unreadable.read(lines, self._task))
        if wanted.agents is not None:  # an old row need not say whose it is
            tasks = [task for task in tasks if task.agent_id in wanted.agents]
        return TaskPage(tasks, Place(*rows[-1][:2]).cursor if more else None)

    def close(self) -> None:
        """Let go of the connection. Closing twice does no harm."""
        self.database.close()

    def __enter__(self) -> Self:
        """Use the store in a `with` block."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close the store at the end of the block."""
        self.close()

    def _listed(self, wanted: Wanted) -> list[tuple[float, str, str]]:
        """The rows of a page, and one more if there is one: place and line."""
        if not wanted.states:
            return []
        values: Values = {"limit": min(wanted.limit, MOST - 1) + 1}
        if wanted.after is not None:
            values.update(value=wanted.after.created_at, last=wanted.after.id)
        if wanted.machine is not None:
            start = _owner_on(wanted.machine)
            values.update(owner=start, length=len(start))
        say = functools.partial(
            looking.list_of,
            wanted.states,
            machine=wanted.machine is not None,
            behind=wanted.after is not None,
        )
        if wanted.agents is None:
            return self.database.read(say(whose="any"), **values)
        rows = self.database.read(say(whose="unknown"), **values)
        for agent in filter(storable, wanted.agents):
            rows += self.database.read(say(whose="one"), agent=agent, **values)
        return sorted(rows)[: values["limit"]]

    def _lease_time(self) -> float | None:
        """The time that leases are measured with; None is the database's own."""
        return None if self._shared_clock else self._clock()

    def _moment(
        self,
        task: Task,
        row: Values,
        steps: Sequence[StepRecord],
        messages: Sequence[Message],
        checkpoint: Checkpoint | None,
        claim: Claim | None,
    ) -> Moment:
        """Everything of one save, as it is to be written."""
        if claim is not None and claim.task.id != task.id:
            raise InvalidValue("claim", f"is on another task than {task.id!r}")
        values = {
            **row,
            "was": task.version - 1,
            "token": claim and claim.token,
            "seconds": claim and claim.seconds,
            "now": self._lease_time(),
        }
        by_name = {one.name: one for one in steps}
        lines = [
            {"name": name, "line": record_to_json(one, f"step {name!r}")}
            for name, one in by_name.items()
        ]
        said = [{"line": _message_line(message)} for message in messages]
        return Moment(
            ways=sql.ways_to_save(task.state),
            values=values,
            steps=_placed(task, lines),
            messages=_placed(task, said),
            checkpoints=[_taken(checkpoint)] if checkpoint else [],
        )

    def _remember(self, task: Task, row: Values, known: Known | None) -> None:
        """What was saved may be saved again, and is not worked out anew then."""
        if known is None:
            self._memo.keep(task, row["line"], row["fingerprint"])
        else:
            self._memo.keep_known(task, known)

    def _lines(self, statement: str, task_id: str, **values: Any) -> list[str]:
        """The lines that belong to a task, which must be there."""
        rows = self.database.read(statement, id=self._known(task_id), **values)
        if not rows:
            self._check_there(task_id)
        return [line for (line,) in rows]

    def _page(self, both: sql.BothWays, task_id: str, page: Page) -> list[str]:
        """The lines of one page, from the end that it begins at."""
        statement = both[page.newest_first]
        return self._lines(statement, task_id, after=page.after, limit=page.limit)

    def _check_there(self, task_id: str) -> None:
        """Raise when no task has this id; the task itself is not read."""
        if not self.database.read(sql.THERE, id=self._known(task_id)):
            raise TaskNotFound(task_id)

    def _known(self, task_id: str) -> str:
        if not storable(task_id):
            raise TaskNotFound(task_id)
        return task_id

    def _task(self, task_id: str, line: str) -> Task:
        return task_from_json(line, where=self._row(task_id))

    def _record(self, kind: type[RecordT], task_id: str, line: str) -> RecordT:
        return record_from_json(kind, line, where=self._row(task_id))

    def _row(self, task_id: str) -> str:
        """Where a line stands, for an error."""
        return f"{self.database.where}, task {task_id!r}"


def storable(text: str) -> bool:
    r"""
    Whether both databases can be asked for *text*.

    >>> storable("friday"), storable("a\0b"), storable(7)
    (True, False, False)
    """
    if not isinstance(text, str) or "\0" in text:
        return False
    return text.isascii() or not any("\ud800" <= sign <= "\udfff" for sign in text)


def columns(task: Task, known: Known | None = None) -> Values:
    """The row of a task, but for its lease."""
    return {
        "id": task.id,
        "agent_id": task.agent_id,
        "fingerprint": known.fingerprint if known else task.fingerprint,
        "state": str(task.state),
        "version": task.version,
        "attempt": task.attempt,
        "owner": task.owner and task.owner.model_dump_json(),
        "created_at": task.created_at,
        "line": known.line(task) if known else task_to_json(task),
    }


def _owner_on(machine: str) -> str:
    """How the column of an owner on this machine begins."""
    name = json.dumps(f"{machine} ", ensure_ascii=False)
    return '{"boot_id":' + name[:-1]


def _taken(checkpoint: Checkpoint) -> Values:
    """The row of a checkpoint."""
    return {
        "task_id": checkpoint.task_id,
        "version": checkpoint.version,
        "taken_at": checkpoint.taken_at,
        "line": record_to_json(checkpoint, "checkpoint"),
    }


def _placed(task: Task, rows: list[Values]) -> list[Values]:
    """The rows of one save, in their order behind those of earlier saves."""
    place = {"task_id": task.id, "version": task.version}
    return [{**place, "nth": nth, **row} for nth, row in enumerate(rows)]


def _message_line(message: Message) -> str:
    """A message as its row keeps it; what JSON would change is refused there."""
    return record_to_json(StoredMessage.model_construct(message=message), "message")
