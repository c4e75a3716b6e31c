"""What tests that speak to a database share."""

import psycopg

SECRET = "s3cret"


def execute(dsn: str, *statements: str) -> list[tuple]:
    """Commit *statements* in one transaction, and return the rows of the last."""
    with psycopg.connect(dsn) as connection:
        for statement in statements:
            cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []
