"""
How the tables of the two databases are made, and change while data stays.

They are made by numbered migrations, which are only ever added to, each in one
transaction that also records its number. A database that has more of them than this
course knows is refused.

A migration is mostly statements. Where old rows must be read to fill a new column, it
is a function too, and it leaves alone what it cannot read.
"""

import json
from collections.abc import Callable
from typing import Final

from agentstate_lab.errors import StoreTooNew

from .tables import Run

Migration = tuple[str | Callable[[Run], None], ...]

FILLED_AT_ONCE = 500  # rows, with two parameters each


def fill_agents(run: Run) -> None:
    """Write down whose each task is, in rows from before there was a column for it."""
    last = ""
    while rows := run(_WITHOUT_AGENT, last=last, limit=FILLED_AT_ONCE):
        last = rows[-1][0]
        agents = [(task_id, _agent_in(line)) for task_id, line in rows]
        named = [(task_id, agent) for task_id, agent in agents if agent is not None]
        if named:
            ids = {f"id_{n}": task_id for n, (task_id, _) in enumerate(named)}
            values = {f"agent_{n}": agent for n, (_, agent) in enumerate(named)}
            run(_fill(len(named)), **ids, **values)


_WITHOUT_AGENT = """
select id, line from {place}tasks where agent_id is null and id > :last
order by id limit :limit
"""


def _fill(rows: int) -> str:
    """The statement that fills so many rows."""
    cells = ", ".join(
        f"(cast(:id_{n} as text), cast(:agent_{n} as text))" for n in range(rows)
    )
    return f"""
        update {{place}}tasks set agent_id = new.column2
        from (values {cells}) as new where tasks.id = new.column1
    """


def _agent_in(line: str) -> str | None:
    """Whose task a line of any version is; None when that cannot be read."""
    try:
        agent = json.loads(line).get("agent_id", "agent")
    except (ValueError, AttributeError, RecursionError):
        return None
    fit = isinstance(agent, str) and "\0" not in agent
    return agent if fit else None


MIGRATIONS: Final[tuple[Migration, ...]] = (
    (
        """
        create table {place}tasks (
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
        "create index tasks_by_state on {place}tasks (state, created_at, id)",
        # In files from before the first release it is "without rowid", which is slower
        # and changes nothing else.
        """
        create table {place}steps (
            task_id {text} not null,
            name {text} not null,
            version bigint not null,
            nth bigint not null,
            line text not null,
            primary key (task_id, name)
        )
        """,
        """
        create table {place}messages (
            task_id {text} not null,
            version bigint not null,
            nth bigint not null,
            line text not null,
            primary key (task_id, version, nth)
        )
        """,
    ),
    (
        "alter table {place}tasks add column token text",
        "alter table {place}tasks add column lease_expires double precision",
        """
        create index tasks_by_lease on {place}tasks (lease_expires, id)
        where lease_expires is not null
        """,
    ),
    (
        """
        create table {place}checkpoints (
            task_id {text} not null,
            version bigint not null,
            taken_at double precision not null,
            line text not null,
            primary key (task_id, version)
        )
        """,
    ),
    (
        "alter table {place}tasks add column agent_id text",
        fill_agents,
        "create index tasks_by_agent on {place}tasks (agent_id, created_at, id)",
    ),
    # So that a page of the steps, also the newest, is read without the others.
    ("create index steps_in_order on {place}steps (task_id, version, nth)",),
)

# Its name is the mark by which a database is known as ours.
MIGRATIONS_TABLE: Final = "agentstate_migrations"
CREATE_RECORD = f"""
create table if not exists {{place}}{MIGRATIONS_TABLE} (
    number bigint not null primary key,
    applied_at timestamp not null default current_timestamp
)
"""
LAST_MIGRATION = f"select coalesce(max(number), 0) from {{place}}{MIGRATIONS_TABLE}"
RECORD_MIGRATION = f"insert into {{place}}{MIGRATIONS_TABLE} (number) values (:number)"


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
    for part in MIGRATIONS[number]:
        run(part) if isinstance(part, str) else part(run)
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
