"""
The two databases, as one store with two connections.

`store`, `tables` and `leases` are what SQLite and PostgreSQL share; `sqlite` and
`postgres` are what sets them apart.
"""

from typing import TYPE_CHECKING

from agentstate_lab.door import later

from .database import Answer, Database
from .leases import SqlLeaseStore
from .sqlite import APPLICATION_ID, SqliteDatabase, SqliteStore
from .store import SqlStore
from .tables import Run, save_as

if TYPE_CHECKING:
    from .postgres import PostgresDatabase, PostgresStore
    from .postgres_address import reason

__all__ = [
    "APPLICATION_ID",
    "Answer",
    "Database",
    "PostgresDatabase",
    "PostgresStore",
    "Run",
    "SqlLeaseStore",
    "SqlStore",
    "SqliteDatabase",
    "SqliteStore",
    "reason",
    "save_as",
]

__getattr__ = later(
    __name__,
    {
        "PostgresDatabase": "postgres",
        "PostgresStore": "postgres",
        "reason": "postgres_address",
    },
    needs=("postgres", "psycopg"),
)
