"""
The statements that are made on the tables of the two databases.

A task is one row. Its line (`codec`) is the task; the columns beside it repeat what
a statement compares or searches, so that no line has to be read to find it. Steps
and messages have rows of their own, in the order (version of the task, place within
that save): a save adds what is new and rewrites nothing else.

SQLite and PostgreSQL read the same statements, but for a few words (`Dialect`). A
value is never part of a statement: it goes along as a parameter.

How the tables are made is in `migrations`; lists and queues are in `looking`.
"""

import functools
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

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

        find: Where :text stands in a line; 0, if it does not.

        parameter: How a parameter is written.

        settled: A condition that always holds. By asking for it, a statement settles
            for its own commit what the session may have set otherwise.

        place: What stands before the name of each table: in which schema it is, so
            that no name is looked up where a session happens to look.

    >>> SQLITE = Dialect(text="text", now=":now", lock="", skip="")
    >>> SQLITE.say("select line from {place}tasks where lease_expires <= {now}{skip}")
    'select line from tasks where lease_expires <= :now'
    """

    text: str
    now: str
    lock: str
    skip: str
    find: str = "instr(line, :text)"
    parameter: str = r":\1"
    settled: str = "true"
    place: str = ""

    @functools.lru_cache(500)  # noqa: B019 - a dialect is a few words
    def say(self, statement: str) -> str:
        """*statement* in these words."""
        return _PARAMETER.sub(self.parameter, statement.format(**asdict(self)))


ADD_TASK = """
insert into {place}tasks
    (id, agent_id, fingerprint, state, version, attempt, owner, created_at, line)
select :id, :agent_id, :fingerprint, :state, cast(:version as bigint),
    cast(:attempt as bigint), :owner, cast(:created_at as double precision), :line
where {settled}
on conflict (id) do nothing
"""
ADD_STEP = """
insert into {place}steps (task_id, name, version, nth, line)
values (:task_id, :name, :version, :nth, :line)
on conflict (task_id, name) do update set line = excluded.line
"""
ADD_MESSAGE = """
insert into {place}messages (task_id, version, nth, line)
values (:task_id, :version, :nth, :line)
"""

ADD_CHECKPOINT = """
insert into {place}checkpoints (task_id, version, taken_at, line)
values (:task_id, :version, :taken_at, :line)
"""

GET = "select line, token, fingerprint from {place}tasks where id = :id"
THERE = "select 1 from {place}tasks where id = :id"
STEP = "select line from {place}steps where task_id = :id and name = :name"
COUNT_MESSAGES = """
select count(*) from {place}messages where task_id = :id and version > :after
"""
CHECKPOINT = """
select line from {place}checkpoints where task_id = :id and version = :version
"""
NEWEST_CHECKPOINT = """
select line from {place}checkpoints where task_id = :id order by version desc limit 1
"""
# Two rules, each of which is enough; the newest stays whatever they say.
PRUNE = """
delete from {place}checkpoints where {settled} and task_id = :id
    and version < (select max(version) from {place}checkpoints where task_id = :id)
    and (taken_at < cast(:before as double precision) or version not in (
        select version from {place}checkpoints where task_id = :id
        order by version desc limit :keep))
"""


BothWays = tuple[str, str]


def both_ways(statement: str, *order: str) -> BothWays:
    """A statement for a page of what it finds: oldest first, and newest first."""
    page = "limit :limit offset :after"
    back = ", ".join(f"{column} desc" for column in order)
    return (
        f"{statement} order by {', '.join(order)} {page}",
        f"{statement} order by {back} {page}",
    )


STEPS = both_ways("select line from {place}steps where task_id = :id", "version", "nth")
MESSAGES = both_ways(
    "select line from {place}messages where task_id = :id", "version", "nth"
)
CHECKPOINTS = both_ways(
    "select line from {place}checkpoints where task_id = :id", "version"
)
SEARCH = both_ways(
    """
select place, line from (
    select row_number() over (order by version, nth) as place, line
    from {place}messages where task_id = :id) as numbered
where {find} > 0
""",
    "place",
)

TAKE = """
update {place}tasks set state = :state, version = :version, attempt = :attempt,
    owner = :owner, line = :line, token = :token, lease_expires = :expires
where id = :id
"""
EXTEND = "update {place}tasks set lease_expires = :expires where id = :id"

_SAVE = """
update {place}tasks set {state} version = :version, attempt = :attempt, owner = :owner,
    line = :line, {lease}
where {settled} and id = :id and version = :was and fingerprint = :fingerprint
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
    whole = save_statement(state)
    # Most saves are of a task that runs and goes on running.
    stays = state is TaskState.RUNNING
    return (save_statement(state, stays=True), whole) if stays else (whole,)


def save_statement(state: TaskState, *, stays: bool = False) -> str:
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


def save_as(state: TaskState) -> str:
    """
    The compare-and-set of a save as a reader needs it.

    Left out are the schema of the table, and what a database settles for its commit.
    """
    statement = save_statement(state)
    return statement.replace("{place}", "").replace("{settled} and ", "")
