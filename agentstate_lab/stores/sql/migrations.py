"""
How the tables of the two databases are made, and change while data stays.

They are made by numbered migrations, which are only ever added to, each in one
transaction that also records its number. A database that has more of them than this
course knows is refused.
"""

from typing import Final

from agentstate_lab.errors import StoreTooNew

from .tables import Run

# The columns that are compared come before the line, which may be long.
MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (
    (
        """
        create table {place}tasks (
            id {text} not null primary key,
            agent_id text not null,
            fingerprint text not null,
            state text not null,
            version bigint not null,
            attempt bigint not null,
            owner text,
            token text,
            lease_expires double precision,
            created_at double precision not null,
            line text not null
        )
        """,
        "create index tasks_by_state on {place}tasks (state, created_at, id)",
        "create index tasks_by_agent on {place}tasks (agent_id, created_at, id)",
        """
        create index tasks_by_lease on {place}tasks (lease_expires, id)
        where lease_expires is not null
        """,
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
        # So that a page of the steps, also the newest, is read without the others.
        "create index steps_in_order on {place}steps (task_id, version, nth)",
        """
        create table {place}messages (
            task_id {text} not null,
            version bigint not null,
            nth bigint not null,
            line text not null,
            primary key (task_id, version, nth)
        )
        """,
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
