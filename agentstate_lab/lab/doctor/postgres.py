"""
The doctor's look at PostgreSQL: a row that was committed is read back.

Whatever was there before is there afterwards, and nothing else: a server that ran
keeps running, one that did not is stopped, and a cluster made for this is removed.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from agentstate_lab.errors import PostgresUnavailable
from agentstate_lab.lab.databases import (
    Cluster,
    Postgres,
    find_postgres,
    forget_postgres,
    start_postgres,
    stop_postgres,
)
from agentstate_lab.lab.home import home
from agentstate_lab.state import Task
from agentstate_lab.stores import open_store

NAME = "doctor"


def commit_and_read() -> str:
    """
    Which PostgreSQL it is that keeps a committed row.

    Raises:
        AgentStateError: It is not fit; the message says what to do.
    """
    with _as_it_was() as server:
        try:
            _keeps_a_row(server.database(NAME, fresh=True))
        finally:
            server.drop(NAME)
        kind = "embedded" if server.is_embedded else server.where
        return f"{server.version()} ({kind}), a committed row was read back"


def _keeps_a_row(dsn: str) -> None:
    """Commit a task over one connection, and read it over another."""
    asked = Task.new("Is what was committed still there?", task_id=NAME)
    with closing(open_store(dsn)) as writer:
        stored = writer.submit(asked).task
    with closing(open_store(dsn)) as reader:
        if reader.list_by_state(stored.state) != [stored]:
            raise PostgresUnavailable(
                "a committed row is gone: do not trust this server"
            )


@contextmanager
def _as_it_was() -> Iterator[Postgres]:
    """A server, which is stopped and removed unless it was there before."""
    ran = find_postgres() is not None
    had_data = Cluster(home()).place.is_known()
    try:
        yield start_postgres()
    finally:
        if not had_data:
            forget_postgres()
        elif not ran:
            stop_postgres()
