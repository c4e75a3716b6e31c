"""
The doctor's look at PostgreSQL: a row that was committed is read back.

Whatever was there before is there afterwards, and nothing else: a server that ran
keeps running, one that did not is stopped, and a cluster made for this is removed.
"""

from collections.abc import Iterator
from contextlib import contextmanager

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

NAME = "doctor"


def commit_and_read() -> str:
    """
    Which PostgreSQL it is that keeps a committed row.

    Raises:
        AgentStateError: It is not fit; the message says what to do.
    """
    with _as_it_was() as server:
        try:
            version = _version_that_keeps(8, server.database(NAME, fresh=True))
        finally:
            server.drop(NAME)
        kind = "embedded" if server.cluster else server.where
        return f"{version} ({kind}), a committed row was read back"


def _version_that_keeps(number: int, dsn: str) -> str:
    """Commit *number* in one connection, read it in another; the server's version."""
    import psycopg

    with psycopg.connect(dsn) as writer:
        writer.execute("CREATE TABLE seen AS SELECT %s::int AS number", (number,))
    with psycopg.connect(dsn) as reader:
        read = reader.execute("SELECT number FROM seen").fetchall()
        version = divmod(reader.info.server_version, 10_000)
    if read != [(number,)]:
        raise PostgresUnavailable("a committed row is gone: do not trust this server")
    return "PostgreSQL {}.{}".format(*version)


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
