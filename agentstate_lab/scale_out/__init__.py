"""
The same agent on several machines: its tasks as workflows of DBOS.

The package `dbos` is imported here and nowhere else.
"""

from agentstate_lab.extras import need

need("scale-out", "dbos", "sqlalchemy")

from .place import database_url
from .queue import AgentQueue
from .workflow import AgentWorker, Means, act

__all__ = [
    "AgentQueue",
    "AgentWorker",
    "Means",
    "act",
    "database_url",
]
