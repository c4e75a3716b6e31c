"""The two databases: contract, processes, leases, migrations, full disks."""

from agentstate_lab.lab.contract import DurableContract, TaskStoreContract
from agentstate_lab.lab.contract_leases import DurableLeaseContract, LeaseStoreContract
from agentstate_lab.lab.contract_steps import DurableStepContract, StepStoreContract
from agentstate_lab.sqlite_store import SqliteStore


class TestSqliteStore(
    TaskStoreContract,
    StepStoreContract,
    LeaseStoreContract,
    DurableContract,
    DurableStepContract,
    DurableLeaseContract,
):
    """Keeps every contract in one file."""

    def make_store(self, folder, clock):
        """The store in that file."""
        return SqliteStore(folder / "tasks.db", clock=clock)
