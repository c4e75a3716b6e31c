"""What a step costs on a database, counted: statements, commits, pages and bytes."""

import os

import psycopg
import pytest
from databases import on_the_wire

from agentstate_lab.checkpoint import CheckpointManager
from agentstate_lab.idempotency import run_once
from agentstate_lab.lab.contracts.store import stored
from agentstate_lab.state import Fact, StatePatch, UpsertFact
from agentstate_lab.stores.sql import PostgresStore, SqliteStore

SAID = 1_024  # bytes in each step
FRAME = 4_096 + 24  # a page of SQLite in its log, with its head
TABLES = "from pg_stat_user_tables"


@pytest.fixture
def path(tmp_path):
    """Where the file is."""
    return tmp_path / "tasks.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, path, clock):
    """An empty store."""
    if request.param == "sqlite":
        made = SqliteStore(path, clock=clock)
    elif os.name == "nt":
        pytest.skip("the library of PostgreSQL traces on Unix alone")
    else:
        made = PostgresStore(request.getfixturevalue("postgres"), clock=clock)
    with made as store:
        yield store


def counted(store, use):
    """How many statements a store sends while *use* runs; a transaction is one."""
    if isinstance(store, PostgresStore):
        return on_the_wire(store, use).count("Sync")
    return heard(store, use)


def heard(store, use):
    """On SQLite: looks, and transactions, in which nothing is looked at."""
    statements = []
    with store.database.using() as connection:
        connection.set_trace_callback(statements.append)
    use()
    with store.database.using() as connection:
        connection.set_trace_callback(None)
    verbs = [statement.split()[0].lower() for statement in statements]
    return verbs.count("select") + verbs.count("begin")


def taken(store, task, first, count):
    """A run that goes on: *count* steps of 1 KB, with a snapshot in each."""
    manager = CheckpointManager(store)
    for n in range(first, first + count):
        newest = UpsertFact(fact=Fact(key="last", value=n))
        patch = StatePatch(
            id=f"host-{n}", base_version=task.version, operations=(newest,)
        )
        said = {"role": "user", "content": f"host {n}: ".ljust(SAID, ".")}
        task = manager.save(task.apply(patch), "step", messages=[said])
    return task


def test_a_run_once_is_two_writes_and_four_reads(store):
    """The intent and the result; and one who asks again costs two reads."""
    task = stored(store, "k", "running")

    def once():
        run_once(store, task.id, "deploy-api", lambda key: "done")

    assert counted(store, once) == 6
    assert counted(store, once) == 2


def test_a_resume_reads_as_often_after_many_steps_as_after_few(store):
    """What it reads grows with the run, and how often it asks does not."""
    task = stored(store, "k", "running")

    def resume():
        CheckpointManager(store).resume(task.id)

    task = taken(store, task, 0, 5)
    few = counted(store, resume)
    taken(store, task, 5, 60)
    many = counted(store, resume)

    assert few == many == 3


def test_a_late_step_writes_as_many_pages_as_an_early_one(path):
    """The log of SQLite holds each page that a commit has changed."""
    with SqliteStore(path) as store:
        log = path.with_name(f"{path.name}-wal")

        def pages(first):
            nonlocal task
            store.database.read("pragma wal_checkpoint(truncate)")
            task = taken(store, task, first, 10)
            return log.stat().st_size // FRAME

        task = taken(store, stored(store, "k", "running"), 0, 50)
        early = pages(50)
        task = taken(store, task, 60, 340)
        late = pages(400)

    assert late <= 1.25 * early <= 100


def test_a_kilobyte_that_was_said_takes_two_at_most(store, path):
    """With its snapshot, its indexes, and all that is kept of the task."""
    task = taken(store, stored(store, "k", "running"), 0, 1)
    before = size(store, path)

    taken(store, task, 1, 200)

    assert size(store, path) - before <= 2 * 200 * SAID


def size(store, path):
    """The bytes of the tables; those of PostgreSQL are packed first."""
    if isinstance(store, SqliteStore):
        ((pages,),) = store.database.read("pragma page_count")
        ((each,),) = store.database.read("pragma page_size")
        return pages * each
    with store.database.using() as connection:
        place = connection.info.dsn, connection.info.password
    with psycopg.connect(place[0], password=place[1], autocommit=True) as own:
        # A worker of the server that looks at these tables now and then would keep
        # rows in them that the packing is to remove.
        found = own.execute(f"select relid::regclass::text {TABLES}").fetchall()
        for (table,) in found:
            own.execute(f"alter table {table} set (autovacuum_enabled = off)")
        own.execute("vacuum full")
        [(total,)] = own.execute(f"select sum(pg_total_relation_size(relid)) {TABLES}")
    return int(total)
