"""
PostgreSQL for the course: nothing to install, started on demand, found again.

    postgres = start_postgres()
    dsn = postgres.database("06_sql_store")

Each `AGENTSTATE_HOME` has one server with its databases, which outlives kernels
and terminals, until `stop_postgres()`. A server of your own takes its place when
`AGENTSTATE_PG_DSN` holds its address; it is used, and never started or stopped.

This module decides which server is meant. The rest is elsewhere: the handle in
`handle`, the server in `cluster`, its programs in `programs`.
"""

import os
import re

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.home import home

from .cluster import Cluster
from .handle import Dsn, Postgres

OUTSIDE = "AGENTSTATE_PG_DSN"


def start_postgres() -> Postgres:
    """
    The server of this home, started when it does not run, or the outside one.

    Raises:
        InvalidValue: A setting cannot be used; it is named, and no secret shown.
        PostgresUnavailable: It could not be started or reached.
    """
    return _outside() or Cluster(home()).start()


def find_postgres() -> Postgres | None:
    """
    The running server, or None. Nothing is started.

    Raises:
        InvalidValue: `AGENTSTATE_PG_DSN` is malformed.
        PostgresUnavailable: The server that it names does not answer.
    """
    return _outside() or Cluster(home()).find()


def stop_postgres() -> bool:
    """
    End the server of this home; False when there is none.

    An outside server is never stopped.

    Raises:
        PostgresUnavailable: It did not end.
    """
    return Cluster(home()).stop()


def forget_postgres() -> bool:
    """
    End the server of this home and remove all its databases; False without any.

    Raises:
        PostgresUnavailable: It did not end, or the files cannot be removed.
    """
    return Cluster(home()).forget()


def _outside() -> Postgres | None:
    """The server that `AGENTSTATE_PG_DSN` names, if it is set; it must answer."""
    said = os.environ.get(OUTSIDE, "").strip()
    if not said:
        return None
    handle = Postgres(OUTSIDE, Dsn(said))
    if not re.fullmatch(r"postgresql://\S+", said) or not _can_be_changed(handle):
        raise InvalidValue(
            OUTSIDE,
            "must look like postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with"
            " characters such as @ and / in the password written as %40 and %2F",
        )
    handle.version()
    return handle


def _can_be_changed(handle: Postgres) -> bool:
    """Whether the address of another database can be made from this one."""
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    try:
        meant = conninfo_to_dict(handle.dsn("x"))
        return str(meant["dbname"]).endswith("_x")
    except (psycopg.Error, ValueError, KeyError):
        return False
