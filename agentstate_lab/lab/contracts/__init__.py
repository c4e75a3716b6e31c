"""
The promises of a store, as tests that any store can be run against.

Inherit a class here, say how your store is made (`make_store`), and let pytest find
it. The classes come in the groups of the protocols; those called durable are for
stores that outlive their process.
"""

from agentstate_lab.extras import need

need("test", "pytest")

from .history import DurableHistoryContract, HistoryStoreContract
from .leases import DurableLeaseContract, LeaseStoreContract
from .lists import TaskListContract
from .steps import DurableStepContract, StepStoreContract
from .store import DurableContract, StoreMaker, TaskStoreContract

__all__ = [
    "DurableContract",
    "DurableHistoryContract",
    "DurableLeaseContract",
    "DurableStepContract",
    "HistoryStoreContract",
    "LeaseStoreContract",
    "StepStoreContract",
    "StoreMaker",
    "TaskListContract",
    "TaskStoreContract",
]
