"""
The tables of the two databases, and every statement that is made on them.

A task is one row. Its line (`codec`) is the task; the columns beside it repeat what
a statement compares or searches, so that no line has to be read to find it. Steps
and messages have rows of their own, in the order (version of the task, place within
that save): a save adds what is new and rewrites nothing else.

Tables change while data stays. So they are made by numbered migrations, which are
only ever added to, each in one transaction that also records its number. A database
that has more of them than this course knows is refused.

SQLite and PostgreSQL read the same statements, but for a few words (`Dialect`). A
value is never part of a statement: it goes along as a parameter.
"""

import functools
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final

from agentstate_lab.errors import StoreTooNew
from agentstate_lab.state import TRANSITIONS, TaskState

Run = Callable[..., list[tuple[Any, ...]]]

_PARAMETER = re.compile(r":([a-z_0-9]+)")


@dataclass(frozen=True, slots=True, eq=False)
class Dialect:
    """
    The words in which the two databases differ.

    Attributes:
        text: The type of text that is ordered by its code points.

        now: The time that leases are measured with, in seconds since the epoch.

        lock: Keeps a row that was read until the transaction ends.

        skip: The same, passing over rows that others keep.

        parameter: How a parameter is written.

    >>> SQLITE = Dialect(text="text", now=":now", lock="", skip="")
    >>> SQLITE.say("select line from tasks where lease_expires <= {now}{skip}")
    'select line from tasks where lease_expires <= :now'
    """

    text: str
    now: str
    lock: str
    skip: str
    parameter: str = r":\1"

    @functools.lru_cache(500)  # noqa: B019 - there are two dialects, and they stay
    def say(self, statement: str) -> str:
        """*statement* in these words."""
        return _PARAMETER.sub(self.parameter, statement.format(**asdict(self)))


MIGRATIONS: Final = (
    (
        """
        create table tasks (
            id {text} not null primary key,
            fingerprint text not null,
            state text not null,
            version bigint not null,
            attempt bigint not null,
            owner text,
            created_at double precision not null,
            line text not null
        )
        """,
        "create index tasks_by_state on tasks (state, created_at, id)",
        # In files from before the first release it is "without rowid", which is slower
        # and changes nothing else.
        """
        create table steps (
            task_id {text} not null,
            name {text} not null,
            version bigint not null,
            nth bigint not null,
            line text not null,
            primary key (task_id, name)
        )
        """,
        """
        create table messages (
            task_id {text} not null,
            version bigint not null,
            nth bigint not null,
            line text not null,
            primary key (task_id, version, nth)
        )
        """,
    ),
    (
        "alter table tasks add column token text",
        "alter table tasks add column lease_expires double precision",
        """
        create index tasks_by_lease on tasks (lease_expires, id)
        where lease_expires is not null
        """,
    ),
    (
        """
        create table checkpoints (
            task_id {text} not null,
            version bigint not null,
            taken_at double precision not null,
            line text not null,
            primary key (task_id, version)
        )
        """,
    ),
)

# Its name is the mark by which a database is known as ours.
MIGRATIONS_TABLE: Final = "agentstate_migrations"
CREATE_RECORD = f"""
create table if not exists {MIGRATIONS_TABLE} (
    number bigint not null primary key,
    applied_at timestamp not null default current_timestamp
)
"""
LAST_MIGRATION = f"select coalesce(max(number), 0) from {MIGRATIONS_TABLE}"
RECORD_MIGRATION = f"insert into {MIGRATIONS_TABLE} (number) values (:number)"

ADD_TASK = """
insert into tasks
    (id, fingerprint, state, version, attempt, owner, created_at, line)
values
    (:id, :fingerprint, :state, :version, :attempt, :owner, :created_at, :line)
on conflict (id) do nothing
"""
ADD_STEP = """
insert into steps (task_id, name, version, nth, line)
values (:task_id, :name, :version, :nth, :line)
on conflict (task_id, name) do update set line = excluded.line
"""
ADD_MESSAGE = """
insert into messages (task_id, version, nth, line)
values (:task_id, :version, :nth, :line)
"""

ADD_CHECKPOINT = """
insert into checkpoints (task_id, version, taken_at, line)
values (:task_id, :version, :taken_at, :line)
"""

GET = "select line, token, fingerprint from tasks where id = :id"
LIST = """
select id, line from tasks where state = :state
order by created_at, id limit :limit
"""
STEPS = "select line from steps where task_id = :id order by version, nth"
STEP = "select line from steps where task_id = :id and name = :name"
MESSAGES = "select line from messages where task_id = :id order by version, nth"

COUNT_MESSAGES = """
select count(*) from messages where task_id = :id and version > :after
"""
CHECKPOINTS = "select line from checkpoints where task_id = :id order by version"
CHECKPOINT = "select line from checkpoints where task_id = :id and version = :version"
NEWEST_CHECKPOINT = """
select line from checkpoints where task_id = :id order by version desc limit 1
"""
# Two rules, each of which is enough; the newest stays whatever they say.
PRUNE = """
delete from checkpoints where task_id = :id
    and version < (select max(version) from checkpoints where task_id = :id)
    and (taken_at < cast(:before as double precision) or version not in (
        select version from checkpoints where task_id = :id
        order by version desc limit :keep))
"""

_HELD = "select id, line, token, lease_expires, {now} from tasks"
HOLD = _HELD + " where id = :id{lock}"
NEXT_EXPIRED = (
    _HELD
    + """
where lease_expires <= {now}
order by lease_expires, id limit 1{skip}
"""
)
NEXT_PENDING = (
    _HELD
    + """
where state = 'pending'
order by created_at, id limit 1{skip}
"""
)
TAKE = """
update tasks set state = :state, version = :version, attempt = :attempt,
    owner = :owner, line = :line, token = :token, lease_expires = :expires
where id = :id
"""
EXTEND = "update tasks set lease_expires = :expires where id = :id"

_SAVE = """
update tasks set {state} version = :version, attempt = :attempt, owner = :owner,
    line = :line, {lease}
where id = :id and version = :was and fingerprint = :fingerprint
    and created_at = :created_at and state in ({before})
    and (cast(:token as text) is null or token = :token)
"""
# A lease goes with its run: it ends with the run, and when another owner is named.
_KEPT = """token = case when owner = :owner then token end,
    lease_expires = case when owner = :owner
        then coalesce({now} + :seconds, lease_expires) end"""
_ENDED = "token = null, lease_expires = null"


@functools.cache
def ways_to_save(state: TaskState) -> tuple[str, ...]:
    """The compare-and-set of a save; before it the one that most saves can do with."""
    whole = save_as(state)
    # Most saves are of a task that runs and goes on running.
    stays = state is TaskState.RUNNING
    return (save_as(state, stays=True), whole) if stays else (whole,)


def save_as(state: TaskState, *, stays: bool = False) -> str:
    """
    The compare-and-set of a save: all its conditions are in the statement.

    It changes one row, or none when the stored task is not the one that the writer
    read; `rules` says why.

    Args:
        state: The state that the task is saved in.

        stays: Only for a task that is in that state already. SQLite then leaves the
            index of the states alone, which it would write again for nothing.
    """
    old = [state] if stays else [o for o in TaskState if state in TRANSITIONS[o]]
    words = {
        "{state}": "" if stays else "state = :state,",
        "{before}": ", ".join(f"'{one}'" for one in old),
        "{lease}": _KEPT if state == TaskState.RUNNING else _ENDED,
    }
    statement = _SAVE
    for word, meaning in words.items():
        statement = statement.replace(word, meaning)
    return statement


def migrate(run: Run, where: str) -> bool:
    """
    Apply the next migration, inside the caller's transaction.

    Args:
        run: Runs a statement.

        where: The place, for an error.

    Returns:
        Whether there was one.

    Raises:
        StoreTooNew: The database has more migrations than are known here.
    """
    run(CREATE_RECORD)
    number = applied(run, where)
    if number == len(MIGRATIONS):
        return False
    for statement in MIGRATIONS[number]:
        run(statement)
    run(RECORD_MIGRATION, number=number + 1)
    return True


def applied(run: Run, where: str) -> int:
    """
    How many migrations the database has seen.

    Raises:
        StoreTooNew: More than are known here.
    """
    number = int(run(LAST_MIGRATION)[0][0])
    if number > len(MIGRATIONS):
        raise StoreTooNew(
            where,
            f"has tables of version {number}, this course reads up to"
            f" {len(MIGRATIONS)}; update agentstate-lab. Nothing was touched",
        )
    return number
