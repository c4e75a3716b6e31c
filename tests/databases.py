"""What tests that speak to a database share."""

import tempfile
from collections.abc import Callable

import psycopg

from agentstate_lab.stores.sql import PostgresStore

SECRET = "s3cret"


def execute(dsn: str, *statements: str) -> list[tuple]:
    """Commit *statements* in one transaction, and return the rows of the last."""
    with psycopg.connect(dsn) as connection:
        for statement in statements:
            cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def on_the_wire(store: PostgresStore, use: Callable[[], object]) -> list[str]:
    """What the store sends while *use* runs: kinds of message, as its library notes."""
    with tempfile.TemporaryFile() as file:
        with store.database.using() as connection:
            connection.pgconn.trace(file.fileno())
        use()
        with store.database.using() as connection:
            connection.pgconn.untrace()
        file.seek(0)
        rows = [line.split("\t") for line in file.read().decode().splitlines()]
    return [row[3] for row in rows if row[1:2] == ["F"]]
