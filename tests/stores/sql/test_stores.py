"""The two databases alike: contract, processes, migrations, odd rows, indexes."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import textwrap

import pytest

from agentstate_lab.errors import (
    StoreError,
    StoreTooNew,
    StoreTorn,
    StoreUnavailable,
    TaskInProgress,
    TaskNotFound,
)
from agentstate_lab.idempotency import execute_task, run_once, work_next, work_on
from agentstate_lab.lab.contracts.history import (
    DurableHistoryContract,
    HistoryStoreContract,
)
from agentstate_lab.lab.contracts.leases import (
    ANN,
    DurableLeaseContract,
    LeaseStoreContract,
    claim,
)
from agentstate_lab.lab.contracts.lists import TaskListContract
from agentstate_lab.lab.contracts.steps import (
    DurableStepContract,
    StepStoreContract,
    begun,
)
from agentstate_lab.lab.contracts.store import (
    DurableContract,
    TaskStoreContract,
    stored,
)
from agentstate_lab.lab.crash import crash_matrix
from agentstate_lab.lab.processes import all_at_once, in_new_process
from agentstate_lab.state import Task, TaskState
from agentstate_lab.stores import is_gone, open_store, working
from agentstate_lab.stores.sql import PostgresStore, SqliteStore, looking, migrations
from agentstate_lab.stores.sql import tables as sql_tables
from agentstate_lab.stores.sql.store import columns

POSIX = pytest.mark.skipif(os.name == "nt", reason="needs fork and SIGSTOP")
DATABASES = ["sqlite", "postgresql"]


class EveryContract(
    TaskStoreContract,
    TaskListContract,
    StepStoreContract,
    HistoryStoreContract,
    LeaseStoreContract,
    DurableContract,
    DurableStepContract,
    DurableLeaseContract,
    DurableHistoryContract,
):
    """All that a database promises."""


class TestSqliteStore(EveryContract):
    """Keeps every contract in one file."""

    def make_store(self, folder, clock):
        """The store in that file."""
        return SqliteStore(folder / "tasks.db", clock=clock)


class TestPostgresStore(EveryContract):
    """Keeps every contract in a schema of its own."""

    @pytest.fixture(autouse=True)
    def _database(self, shared_database):
        """One database for all of them."""
        self.dsn = shared_database

    def make_store(self, folder, clock):
        """The store in the schema of that folder."""
        schema = f"s_{hashlib.sha256(str(folder).encode()).hexdigest()[:16]}"
        return PostgresStore(self.dsn, clock=clock, schema=schema)


@pytest.fixture(params=DATABASES)
def url(request, tmp_path):
    """The url of an empty store of each kind."""
    if request.param == "sqlite":
        return f"sqlite:{tmp_path / 'tasks.db'}"
    return request.getfixturevalue("postgres")


@pytest.fixture
def store(url, clock):
    """An empty store of each kind."""
    with open_store(url, clock=clock) as store:
        yield store


def add(store, tasks):
    """Put tasks into the tables, all in one commit."""
    rows = [columns(task.model_copy(update={"version": 1})) for task in tasks]
    database = store.database
    statement = database.dialect.say(sql_tables.ADD_TASK)
    with database.using() as connection, database._begun(connection):
        connection.cursor().executemany(statement, rows)


def worker(url_and_witness):
    """A worker process: every run of a task is one line in a file."""
    url, witness = url_and_witness
    file = os.open(witness, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    scheme, _, path = url.partition(":")
    # Not the speed of the disk is tested, where each commit waits for it alone.
    sqlite = scheme == "sqlite"
    with (
        SqliteStore(path, synchronous="NORMAL") if sqlite else open_store(url) as store
    ):

        def work_for(leased, task):
            return lambda asked: str(os.write(file, f"{task.id}\n".encode()))

        while work_next(store, work_for):
            pass


@pytest.mark.usefixtures("process")
@pytest.mark.parametrize(
    ("workers", "count"),
    [(4, 200), pytest.param(8, 2_000, marks=pytest.mark.soak, id="soak-8-2000")],
)
def test_processes_run_each_task_once(store, url, tmp_path, workers, count):
    """No leader and no list of workers: a claim keeps them apart."""
    witness = tmp_path / "witness"
    tasks = [Task.new("Clean the logs", key=f"k-{n}") for n in range(count)]
    add(store, tasks)

    ends = all_at_once(worker, [(url, str(witness))] * workers, limit=100)

    assert [end.how for end in ends] == ["returned"] * workers
    runs = witness.read_text().split()
    assert len(runs) == count
    assert set(runs) == {task.id for task in tasks}
    assert len(store.list_by_state("completed", limit=count + 1)) == count


STOPPED = """
    import os, signal, sys
    from pathlib import Path
    from agentstate_lab.errors import LeaseLost
    from agentstate_lab.stores import open_store, record_more
    from agentstate_lab.idempotency import work_on

    url, clock, task_id = sys.argv[1:]

    def work_for(leased, task):
        def work(asked):
            os.kill(os.getpid(), signal.SIGSTOP)  # and wakes up when all is over
            record_more(leased, task.id, messages=[{"role": "user"}])
        return work

    with open_store(url, clock=lambda: float(Path(clock).read_text())) as store:
        try:
            work_on(store, task_id, work_for, seconds=60)
        except LeaseLost as lost:
            print(lost.effect)
"""


@pytest.mark.usefixtures("process")
@POSIX
def test_a_stopped_workers_late_write_is_refused(store, url, clock, tmp_path):
    """It lives, so nobody may take its task before the lease ends; then it is late."""
    task = stored(store)
    shown = tmp_path / "clock"
    shown.write_text(str(clock()))
    argv = [sys.executable, "-c", textwrap.dedent(STOPPED), url, str(shown), task.id]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    try:
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        with working() as me, pytest.raises(TaskInProgress):
            store.claim_task(task.id, me, take_over=is_gone)

        clock.advance(60)
        finished = work_on(store, task.id, lambda leased, task: lambda asked: "done")

        os.kill(process.pid, signal.SIGCONT)
        printed, _ = process.communicate(timeout=60)
        assert (printed, process.returncode) == ("not started\n", 0)
        assert store.get(task.id) == finished
        assert store.messages(task.id) == []
    finally:
        process.kill()
        process.communicate()


@pytest.mark.usefixtures("process")
@POSIX
def test_a_stopped_worker_that_is_then_killed_loses_its_task_at_once(
    store, url, clock, tmp_path
):
    """Its death can be proved here, so the lease need not end."""
    task = stored(store)
    shown = tmp_path / "clock"
    shown.write_text(str(clock()))
    argv = [sys.executable, "-c", textwrap.dedent(STOPPED), url, str(shown), task.id]
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
    try:
        os.waitpid(process.pid, os.WUNTRACED)
    finally:
        process.kill()
        process.wait(60)

    finished = work_next(store, lambda leased, task: lambda asked: "done")

    assert (finished.id, finished.state, finished.attempt) == (task.id, "completed", 2)


@pytest.mark.usefixtures("process")
@POSIX
def test_a_fork_leaves_the_connection_to_its_parent(url):
    """Parent and child both go on, each with a connection of its own."""

    def forking(url):
        with open_store(url) as store:
            task = store.submit(Task.new("x", key="k")).task
            child = os.fork()
            if child == 0:
                store.submit(Task.new("x", key="child"))
                store.close()
                os._exit(0)
            _, status = os.waitpid(child, 0)
            store.save(task.replace(state="running"))
            states = [t.state for s in TaskState for t in store.list_by_state(s)]
            return [status, *states]

    ended = in_new_process(forking, url)

    assert ended.value == [0, "pending", "running"]


def test_no_transaction_and_no_lock_is_held_while_an_effect_runs(store, url, clock):
    """From inside the effect another store writes, and would not wait one moment."""
    task, other = stored(store, "k"), stored(store, "other")
    writes = []

    def effect(key):
        impatient = type(store)
        place = url.partition(":")[2] if impatient is SqliteStore else url
        with impatient(place, clock=clock, busy_timeout=0) as beside:
            beside.save(beside.get(task.id))  # the very same task
            writes.append(beside.save(beside.get(other.id)).version)
        return "done"

    finished = execute_task(
        store, task.id, lambda asked: run_once(store, task.id, "deploy-api", effect)
    )

    assert (finished.state, writes) == ("completed", [2])


def test_a_closed_store_says_that_it_is_closed(store):
    """And opens no connection that nobody would close."""
    store.close()

    with pytest.raises(StoreUnavailable, match="closed; open it again"):
        store.list_by_state("pending")


# Every store: what is odd to a database must not look different from a file.


@pytest.mark.parametrize(
    "task_id",
    [
        pytest.param("a\0b", id="nul"),
        pytest.param("\ud800", id="lone-surrogate"),
        pytest.param("", id="empty"),
        pytest.param("x" * 1_000_000, id="a-megabyte"),
        pytest.param(7, id="number"),
        pytest.param(None, id="nothing"),
        pytest.param(b"7", id="bytes"),
    ],
)
def test_an_id_that_no_task_can_have_is_not_found(any_store, task_id):
    """The same error from every store, and no other task is taken for it."""
    any_store.submit(Task.new("x", task_id="7"))

    for read in (any_store.get, any_store.steps, any_store.messages):
        with pytest.raises(TaskNotFound):
            read(task_id)
    with pytest.raises(TaskNotFound):
        any_store.step(task_id, "deploy-api")


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "", "nobody's", 7, None])
def test_a_step_that_nobody_began_is_none(any_store, name):
    """Whatever it is called; an unknown task is still an error."""
    task = stored(any_store, "k", "running")
    any_store.save(task, steps=[begun()])

    assert any_store.step(task.id, name) is None
    assert any_store.step(task.id, "deploy-api") == begun()


def test_one_save_may_name_a_step_twice(any_store):
    """The last record counts, in the place of the first."""
    task = stored(any_store, "k", "running")
    steps = [begun("a"), begun("b"), begun("a", attempt=2)]

    any_store.save(task, steps=steps)

    assert any_store.steps(task.id) == [steps[2], steps[1]]


@pytest.mark.parametrize("count", [0, 1, 20, 21, 40_000])
def test_one_save_may_bring_any_number_of_messages(any_store, count):
    """In their order, and with steps beside them."""
    task = stored(any_store, "k", "running")
    messages = [{"role": "user", "content": f'"{n}\\'} for n in range(count)]
    steps = [begun(f"s-{n}") for n in range(min(count, 50))]

    any_store.save(task, messages=messages, steps=steps)

    assert any_store.messages(task.id) == messages
    assert any_store.steps(task.id) == steps


@pytest.mark.parametrize("limit", [2**31, 2**63, 10**30])
def test_a_limit_beyond_all_numbers_of_a_database_is_no_limit(any_store, limit):
    """Whoever asks for everything gets it."""
    task = stored(any_store)

    assert any_store.list_by_state("pending", limit=limit) == [task]


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param({"content": {1, 2}}, id="a-set"),
        pytest.param({"content": ("a", "b")}, id="a-tuple"),
        pytest.param({"content": float("nan")}, id="nan"),
        pytest.param({"content": "\ud800"}, id="lone-surrogate"),
    ],
)
@pytest.mark.filterwarnings("ignore:Pydantic serializer")
def test_a_message_that_would_come_back_changed_is_refused(any_store, odd):
    """Neither it nor anything else of that save is stored."""
    task = stored(any_store, "k", "running")

    with pytest.raises(ValueError, match="cannot"):
        any_store.save(task, messages=[{"role": "user"}, odd], steps=[begun()])

    assert any_store.get(task.id) == task
    assert any_store.messages(task.id) == any_store.steps(task.id) == []


# Rows that another hand, or another version, has written.


def write(store, task_id, **values):
    """Put *values* into the row of a task."""
    columns = ", ".join(f"{name} = :{name}" for name in values)
    with store.database.transaction() as run:
        statement = f"update {{place}}tasks set {columns} where id = :id"
        run(statement, id=task_id, **values)


def test_a_line_of_an_older_version_is_upgraded_when_it_is_read(store):
    """And is a line of today once it is saved."""
    task = stored(store)
    old = {"id": task.id, "user_input": task.user_input}
    line = json.dumps({**old, "created_at": "2024-05-01T12:00Z"})
    write(store, task.id, line=line, created_at=1_714_564_800.0)

    found = store.get(task.id)

    assert (found.schema_version, found.agent_state.goal) == (1, "Clean the logs")
    assert store.list_by_state("pending") == [found]
    saved = store.save(found.replace(state="running"))
    assert (saved.version, saved.created_at) == (2, 1_714_564_800)
    assert store.get(task.id) == saved


@pytest.mark.parametrize(
    ("change", "error"),
    [
        pytest.param(
            lambda line: line.replace('"schema_version":1', '"schema_version":9', 1),
            StoreTooNew,
            id="newer",
        ),
        pytest.param(lambda line: line[:-10], StoreTorn, id="cut-off"),
        pytest.param(lambda line: "[]", StoreTorn, id="no-task"),
        pytest.param(lambda line: "", StoreTorn, id="empty"),
    ],
)
def test_a_line_that_cannot_be_read_is_refused_by_the_name_of_its_task(
    store, change, error
):
    """Whoever asks for it; lists and queues pass it over. The row stays as it is."""
    task = stored(store)
    line = change(task.model_dump_json())
    write(store, task.id, line=line)

    for use in (
        lambda: store.get(task.id),
        lambda: store.submit(Task.new("Clean the logs", key="k")),
        lambda: store.claim_task(task.id, ANN),
    ):
        with pytest.raises(error, match=task.id):
            use()

    assert store.claim_next(ANN) is None
    assert store.database.read("select line, version from {place}tasks") == [(line, 1)]


def test_a_row_that_says_otherwise_than_its_line_is_refused(store):
    """Somebody changed a column by hand; nobody goes round and round because of it."""
    task = stored(store, "k", "running")
    write(store, task.id, created_at=5.0)

    with pytest.raises(StoreTorn, match=f"{task.id}.*disagree"):
        store.save(task.replace(attempt=1))

    assert store.get(task.id) == task


def test_a_row_that_is_in_a_queue_by_mistake_is_passed_over(store, caplog):
    """Its column says pending and its line says waiting: the next one is claimed."""
    odd, good = stored(store, "k", "running", "waiting"), stored(store, "other")
    write(store, odd.id, state="pending", created_at=5.0)

    claims = [store.claim_next(ANN) for _ in range(2)]

    assert [c and c.task.id for c in claims] == [good.id, None]
    assert store.get(odd.id) == odd
    assert caplog.text.count(odd.id) == caplog.text.count("disagree") * 2 == 2


# Tables and their migrations.

KNOWN = list(range(1, len(migrations.MIGRATIONS) + 1))


def stored_long_ago(store):
    """A task in tables of the first version, as they were written then."""
    task = Task.new("x", key="k", agent_id="ann").model_copy(update={"version": 1})
    row = {n: v for n, v in columns(task).items() if n != "agent_id"}
    store.database.write(
        f"insert into {{place}}tasks ({', '.join(row)}) values (:{', :'.join(row)})",
        **row,
    )
    return task


def numbers(store):
    """The migrations that the database has seen."""
    query = f"select number from {{place}}{migrations.MIGRATIONS_TABLE} order by number"
    return [number for (number,) in store.database.read(query)]


def test_tables_of_the_first_version_are_migrated(url, clock, monkeypatch):
    """What they hold stays, and can be claimed with a lease afterwards."""
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", migrations.MIGRATIONS[:1])
        with open_store(url, clock=clock) as old:
            task = stored_long_ago(old)
            assert numbers(old) == [1]

    with open_store(url, clock=clock) as store:
        assert numbers(store) == KNOWN
        assert store.get(task.id) == task
        assert claim(store).task.id == task.id


def test_tables_of_a_newer_version_are_refused_and_not_touched(url, store):
    """Their next version may mean something else by the same column."""
    task = stored(store)
    with store.database.transaction() as run:
        run(migrations.RECORD_MIGRATION, number=99)

    with pytest.raises(StoreTooNew, match=f"99, this course reads up to {len(KNOWN)}"):
        open_store(url)

    assert store.get(task.id) == task
    assert numbers(store) == [*KNOWN, 99]


def test_a_migration_that_fails_leaves_nothing_behind(url, store, monkeypatch):
    """Half of one would be a version that nobody knows."""
    bad = ("create table extra (id text)", "create nonsense")
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, bad))
        with pytest.raises(StoreError):
            open_store(url)
    good = ("create table extra (id text)",)
    monkeypatch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, good))

    with open_store(url) as after:
        assert numbers(after) == [*KNOWN, len(KNOWN) + 1]
        assert after.database.read("select * from extra") == []


@pytest.mark.usefixtures("process")
def test_processes_make_the_same_tables_at_once(url):
    """One makes them, the others wait and find them."""

    def first_use(number):
        with open_store(url) as store:
            return store.submit(Task.new("x", key=f"k-{number}")).created

    ends = all_at_once(first_use, range(4))

    assert [end.value for end in ends] == [True] * 4
    with open_store(url) as store:
        assert numbers(store) == KNOWN
        assert len(store.list_by_state("pending")) == 4


# Indexes.


@pytest.fixture
def filled(store):
    """A store with 5,000 tasks, of which 100 run and have leases."""
    tasks = []
    for n in range(5_000):
        state = TaskState.COMPLETED if n % 3 else TaskState.PENDING
        changes = {"created_at": float(n), "state": state}
        tasks.append(Task.new("x", key=f"k-{n}").model_copy(update=changes))
    add(store, tasks)
    with store.database.transaction() as run:
        run(
            "update {place}tasks set state = 'running', lease_expires = created_at"
            " where created_at < 100"
        )
    with store.database.using() as connection:
        connection.execute("analyze")
    return store


PLACE = {"value": 3.0, "last": "x", "limit": 10, "agent": "agent"}
PENDING = (TaskState.PENDING,)


def plan(store, statement):
    """The plan of a statement, in the database's own words."""
    how = "query plan " if isinstance(store, SqliteStore) else ""
    rows = store.database.read(f"explain {how}{statement}", now=9.0, **PLACE)
    return "\n".join(str(row[-1]) for row in rows)


def page(whose, states=PENDING, *, behind=True):
    """The statement of one page."""
    return looking.list_of(states, whose, machine=False, behind=behind)


BY_INDEX = (
    (page("any", behind=False), "tasks_by_state"),
    (page("any"), "tasks_by_state"),
    (page("one"), "tasks_by_agent"),
    (looking.next_of("pending"), "tasks_by_state"),
    (looking.next_of("expired"), "tasks_by_lease"),
)


def test_claims_and_lists_go_by_an_index_and_sort_nothing(url, filled):
    """So the first row is found without looking at the others; without it, by all."""
    for statement, index in BY_INDEX:
        shown = plan(filled, statement)

        assert index in shown
        for slow in ("Seq Scan", "SCAN", "Sort", "TEMP B-TREE"):
            assert slow not in shown

    with filled.database.transaction() as run:
        run("drop index {place}tasks_by_state")

    with open_store(url) as another:  # a connection keeps the plans that it knows
        shown = plan(another, looking.next_of("pending"))
    assert "Sort" in shown or "TEMP B-TREE" in shown


# The crash lab.


def test_an_agent_survives_its_deaths_on_postgresql(own_postgres):
    """Before, inside and after a commit; notebook 06 shows it on SQLite."""
    points = ["write.before:3", "write.inside:4", "write.after:4"]

    matrix = crash_matrix(
        "idempotent", scenario="disk", store="postgresql", points=points
    )

    assert [row.outcome for row in matrix.rows] == ["once"] * 3
    assert str(matrix).startswith(
        "idempotent agent, disk, postgresql store: survives 3"
    )
