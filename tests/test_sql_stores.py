"""The two databases: contract, processes, leases, migrations, full disks."""

import hashlib
import uuid

import pytest

from agentstate_lab.lab.contract import DurableContract, TaskStoreContract
from agentstate_lab.lab.contract_history import (
    DurableHistoryContract,
    HistoryStoreContract,
)
from agentstate_lab.lab.contract_leases import DurableLeaseContract, LeaseStoreContract
from agentstate_lab.lab.contract_steps import DurableStepContract, StepStoreContract
from agentstate_lab.postgres_store import PostgresStore
from agentstate_lab.sqlite_store import SqliteStore


class TestSqliteStore(
    TaskStoreContract,
    StepStoreContract,
    HistoryStoreContract,
    LeaseStoreContract,
    DurableContract,
    DurableStepContract,
    DurableLeaseContract,
    DurableHistoryContract,
):
    """Keeps every contract in one file."""

    def make_store(self, folder, clock):
        """The store in that file."""
        return SqliteStore(folder / "tasks.db", clock=clock)


class TestPostgresStore(
    TaskStoreContract,
    StepStoreContract,
    HistoryStoreContract,
    LeaseStoreContract,
    DurableContract,
    DurableStepContract,
    DurableLeaseContract,
    DurableHistoryContract,
):
    """Keeps every contract in a schema of its own."""

    @pytest.fixture(autouse=True)
    def _database(self, shared_database):
        """One database for all of them."""
        self.dsn = shared_database

    def make_store(self, folder, clock):
        """The store in the schema of that folder."""
        schema = f"s_{hashlib.sha256(str(folder).encode()).hexdigest()[:16]}"
        return PostgresStore(self.dsn, clock=clock, schema=schema)


@pytest.fixture(scope="module")
def shared_database(postgres_server):
    """A database for tests that keep apart by schema."""
    name = f"test_{uuid.uuid4().hex}"
    yield postgres_server.database(name)
    postgres_server.drop(name)
