"""
PostgreSQL for the course, with nothing to install; and the databases of lesson 06.

`postgres` starts, finds and stops it; `cluster` is one server with its files,
`handle` the addresses of its databases.
"""

from .cluster import Cluster
from .databases import LabDatabase, database_of, forget_databases
from .handle import Postgres
from .postgres import find_postgres, forget_postgres, start_postgres, stop_postgres

__all__ = [
    "Cluster",
    "LabDatabase",
    "Postgres",
    "database_of",
    "find_postgres",
    "forget_databases",
    "forget_postgres",
    "start_postgres",
    "stop_postgres",
]
