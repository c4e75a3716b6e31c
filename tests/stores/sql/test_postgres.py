"""The PostgreSQL store: one statement, lost connections, crashes, secrets."""

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import traceback
from pathlib import Path

import psycopg
import pytest
from databases import on_the_wire
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from agentstate_lab.errors import (
    AgentStateError,
    InvalidValue,
    StoreBusy,
    StoreForeign,
    StoreReadOnly,
    StoreUnavailable,
    StoreWriteFailed,
)
from agentstate_lab.idempotency import execute_task, run_once
from agentstate_lab.lab.contracts.leases import ANN, BOB, claim
from agentstate_lab.lab.contracts.steps import begun
from agentstate_lab.lab.contracts.store import stored
from agentstate_lab.lab.databases import Cluster, start_postgres
from agentstate_lab.lab.home import home
from agentstate_lab.state import Task
from agentstate_lab.stores import open_store
from agentstate_lab.stores.sql import PostgresStore

POSIX = pytest.mark.skipif(os.name == "nt", reason="needs POSIX processes")
NOTE = [{"role": "user", "content": "hello"}]


@pytest.fixture
def store(postgres, clock):
    """An empty store."""
    with PostgresStore(postgres, clock=clock) as store:
        yield store


@pytest.fixture(scope="module")
def own_home(process, tmp_path_factory):
    """The home of the server that tests of this file stop and crash."""
    folder = tmp_path_factory.mktemp("home")
    yield folder
    Cluster(folder).forget()


@pytest.fixture
def own_postgres(own_home, monkeypatch):
    """That server; it is started again where the last test has crashed it."""
    monkeypatch.setenv("AGENTSTATE_HOME", str(own_home))
    return start_postgres()


@pytest.fixture
def other(postgres):
    """A connection beside the store's."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        yield connection


def said(store, statement):
    """The one value that a statement finds."""
    ((value,),) = store.database.read(statement)
    return value


def process_of(store):
    """The process of the server that serves this store."""
    return said(store, "select pg_backend_pid()")


def kill_the_connection(other, process):
    """End a connection from the server's side, and wait until it has."""
    other.execute("select pg_terminate_backend(%s, 10000)", (process,))


@pytest.mark.skipif(os.name == "nt", reason="the library traces on Unix alone")
@pytest.mark.parametrize("leased", [False, True], ids=["plain", "leased"])
def test_a_save_is_one_statement(store, leased):
    """Task, steps and messages in one round trip; the trace is the library's own."""
    stored(store)
    task = claim(store).task if leased else store.get(stored(store).id)

    def save():
        store.save(task, steps=[begun("a"), begun("b")], messages=NOTE * 3)

    sent = on_the_wire(store, save)

    assert [kind for kind in sent if kind in ("Execute", "Query")] == ["Execute"]
    assert sent.count("Sync") == 1
    assert [step.name for step in store.steps(task.id)] == ["a", "b"]


def test_no_transaction_is_open_while_an_agent_works(store, other):
    """From inside the work and from inside an effect, the server is asked."""
    task, seen = stored(store), []
    process = process_of(store)

    def look(where):
        row = other.execute(
            "select state, xact_start from pg_stat_activity where pid = %s",
            (process,),
        ).fetchone()
        locks = other.execute(
            "select count(*) from pg_locks where pid = %s", (process,)
        ).fetchone()
        seen.append((where, *row, *locks))

    def effect(key):
        look("effect")
        return "done"

    def work(asked):
        look("work")
        run_once(store, task.id, "deploy-api", effect)
        look("after")
        return "done"

    execute_task(store, task.id, work)

    assert seen == [(w, "idle", None, 0) for w in ("work", "effect", "after")]


def test_a_connection_that_was_cut_while_idle_is_made_anew(store, other):
    """Nothing was under way, so the caller need not even know."""
    task = stored(store)

    kill_the_connection(other, process_of(store))
    saved = store.save(task.replace(state="running"), messages=NOTE)
    kill_the_connection(other, process_of(store))

    assert store.get(task.id) == saved
    assert store.messages(task.id) == NOTE


def in_thread(call):
    """Run *call* in a thread; its error or value, once it was joined."""
    ended = []

    def run():
        try:
            ended.append(call())
        except AgentStateError as error:
            ended.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, ended


def wait_for_lock(other, process):
    """Wait until the server says that *process* waits for a lock."""
    query = "select wait_event_type from pg_stat_activity where pid = %s"
    for _ in range(10_000):
        if other.execute(query, (process,)).fetchone() == ("Lock",):
            return
        other.execute("select pg_sleep(0.001)")
    pytest.fail("it never waited")


def test_a_connection_that_is_cut_in_a_write_leaves_the_outcome_unknown(
    store, other, postgres
):
    """The error says so, and the next call has a connection again."""
    task = stored(store)
    process = process_of(store)
    with psycopg.connect(postgres) as locking:
        locking.execute("select 1 from agentstate.tasks for update")
        thread, ended = in_thread(lambda: store.save(task.replace(state="running")))
        wait_for_lock(other, process)
        kill_the_connection(other, process)
        thread.join(60)

    (error,) = ended
    assert isinstance(error, StoreUnavailable)
    assert (error.effect, "the next call makes a new one" in error.why) == (
        "unknown",
        True,
    )
    assert store.get(task.id) == task
    assert store.save(task.replace(state="running")).version == 2


def test_a_row_that_stays_locked_makes_the_writer_busy(store, postgres):
    """Waiting has an end; readers do not wait, and claims pass over it."""
    task = stored(store)
    with psycopg.connect(postgres) as locking:
        locking.execute("select 1 from agentstate.tasks for update")
        with PostgresStore(postgres, busy_timeout=0) as late:
            with pytest.raises(StoreBusy, match="55P03"):
                late.save(task.replace(state="running"))
            assert late.get(task.id) == task
            assert late.claim_next(ANN) is None

    assert store.save(task.replace(state="running")).version == 2


@POSIX
def test_an_interrupt_in_a_write_leaves_a_store_that_goes_on(store, postgres):
    """JupyterLab's stop button falls into whatever is under way."""

    def interrupt(number, frame):
        raise KeyboardInterrupt

    task = stored(store)
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with psycopg.connect(postgres) as locking:
            locking.execute("select 1 from agentstate.tasks for update")
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            with pytest.raises(KeyboardInterrupt):
                store.save(task.replace(state="running"))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    assert store.get(task.id) == task
    assert store.save(task.replace(state="running")).version == 2


def test_a_worker_that_is_stopped_inside_a_claim_keeps_its_row_for_seconds_only(
    store, other
):
    """The server ends its transaction: nobody can hold a row by being asleep."""
    task, process = stored(store), process_of(store)
    alive = "select 1 from pg_stat_activity where pid = %s"
    limits = []

    def fall_asleep():
        with store.database.transaction() as run:
            limits.extend(run("show idle_in_transaction_session_timeout"))
            run("select set_config('idle_in_transaction_session_timeout', '1', true)")
            run("select 1 from {place}tasks for update")
            while other.execute(alive, (process,)).fetchone():
                other.execute("select pg_sleep(0.001)")
            run("select 1")

    with pytest.raises(StoreUnavailable) as caught:
        fall_asleep()

    assert (limits, caught.value.effect) == ([("10s",)], "unknown")
    assert store.save(task.replace(state="running")).version == 2


SAVING = """
    import sys
    from agentstate_lab.errors import StoreUnavailable, VersionConflict
    from agentstate_lab.stores.sql import PostgresStore

    store = PostgresStore(sys.argv[1])
    while True:
        try:
            task = store.get(sys.argv[2])
            saved = store.save(task, messages=[{"role": "user", "content": "x"}])
            print(saved.version, flush=True)
        except StoreUnavailable as error:
            print(error.effect, flush=True)
            sys.stdin.readline()  # until the server is back
"""


@POSIX
def test_a_crash_of_the_server_loses_nothing_that_was_confirmed(own_postgres):
    """It dies at once in the middle of a run; the worker goes on when it is back."""
    dsn = own_postgres.database("crash")
    with PostgresStore(dsn) as store:
        task = stored(store, "k", "running")
    argv = [sys.executable, "-c", textwrap.dedent(SAVING), dsn, task.id]
    process = subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        confirmed = [int(process.stdout.readline()) for _ in range(20)]
        own_postgres.crash()
        while (line := process.stdout.readline().strip()).isdigit():
            confirmed.append(int(line))
        assert line in ("unknown", "not started")
        start_postgres()

        with PostgresStore(dsn) as store:
            stored_version = store.get(task.id).version
            assert stored_version - confirmed[-1] in (0, 1)
            assert len(store.messages(task.id)) == stored_version - 2
        process.stdin.write("\n")
        process.stdin.flush()
        assert int(process.stdout.readline()) == stored_version + 1
    finally:
        process.kill()
        process.communicate()


def test_a_server_that_is_away_is_named_and_comes_back(own_postgres):
    """The same store goes on once the server runs again."""
    dsn = own_postgres.database("away")
    with PostgresStore(dsn) as store:
        task = stored(store)
        own_postgres.crash()

        for use in (
            lambda: store.get(task.id),
            lambda: store.save(task.replace(state="running")),
            lambda: PostgresStore(dsn),
        ):
            with pytest.raises(StoreUnavailable) as caught:
                use()
            assert caught.value.effect == "not started"

        start_postgres()
        assert store.get(task.id) == task


@pytest.fixture
def small_disk(own_postgres, mount):
    """A disk of 32 megabytes that the server may use, and its size does not change."""
    folder = mount(Path(tempfile.mkdtemp(prefix="agentstate-disk-")), "size=32m")
    folder.chmod(0o711)
    owner = Cluster(home()).files.data.stat()
    inside = folder / "tables"
    inside.mkdir()
    os.chown(inside, owner.st_uid, owner.st_gid)
    yield inside
    own_postgres.crash()


def test_a_full_disk_is_named_as_one_and_the_old_content_is_whole(
    own_postgres, small_disk
):
    """The tables lie on a small disk; when there is room again, the store goes on."""
    dsn = own_postgres.database("full")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"create tablespace small location '{small_disk}'")
        connection.execute(
            "alter database agentstate_full set default_tablespace = small"
        )
    ballast = small_disk.parent / "ballast"
    ballast.write_bytes(b"\0" * 20_000_000)
    with PostgresStore(dsn) as store:
        task = stored(store, "k", "running")
        error = None
        while error is None:
            # What can be compressed would take up no room.
            note = {"role": "user", "content": os.urandom(250_000).hex()}
            try:
                task = store.save(task, messages=[note])
            except StoreWriteFailed as failed:
                error = failed

        assert "the disk is full; what was stored is whole" in error.why
        assert error.effect == "not started"
        assert store.get(task.id) == task
        assert len(store.messages(task.id)) == task.version - 2
        ballast.unlink()
        assert store.save(task, messages=NOTE).version == task.version + 1


# Whose database it is.


def test_the_tables_disturb_nothing_and_nothing_disturbs_them(store, other):
    """They lie in a schema of their own; a table of that name elsewhere is not used."""
    other.execute("create table public.tasks (id text)")
    other.execute("create table public.messages (id text)")

    task = store.save(stored(store).replace(state="running"), messages=NOTE)

    assert store.messages(task.id) == NOTE
    assert other.execute("select count(*) from public.tasks").fetchone() == (0,)


def test_a_schema_that_is_not_ours_is_refused_and_not_touched(postgres, other):
    """Somebody else had the same idea for a name."""
    other.execute("create schema agentstate")
    other.execute("create table agentstate.tasks (id text)")

    with pytest.raises(StoreForeign, match="was not made by this store"):
        PostgresStore(postgres)

    tables = other.execute(
        "select table_name from information_schema.tables"
        " where table_schema = 'agentstate'"
    ).fetchall()
    assert tables == [("tasks",)]


def test_an_empty_schema_that_an_administrator_made_is_used(postgres, other):
    """Not everybody may make schemas in a database."""
    other.execute("create schema agentstate")

    with PostgresStore(postgres) as store:
        assert stored(store).version == 1


@pytest.mark.parametrize("schema", ["", "a b", "A", 'x"; drop table tasks', "x" * 64])
def test_a_schema_is_a_plain_name(postgres, schema):
    """It is the one thing that becomes part of a statement."""
    with pytest.raises(InvalidValue, match="schema"):
        PostgresStore(postgres, schema=schema)


def test_a_database_without_unicode_is_refused(postgres, other):
    """It could not keep every task, and that must be known before the first one."""
    name = f"{conninfo_to_dict(postgres)['dbname']}_latin"
    other.execute(
        f"create database {name} encoding 'LATIN1' locale 'C' template template0"
    )
    try:
        with pytest.raises(StoreForeign, match="not UTF8"):
            PostgresStore(make_conninfo(postgres, dbname=name))
    finally:
        other.execute(f"drop database {name}")


def test_a_database_that_may_only_be_read_is_named_as_one(store, postgres):
    """As a standby server is: reading works, writing says why not."""
    task = stored(store)
    address = make_conninfo(postgres, options="-c default_transaction_read_only=on")

    with PostgresStore(address) as reader:
        assert reader.get(task.id) == task
        with pytest.raises(StoreReadOnly, match="it may only be read"):
            reader.save(task.replace(state="running"))


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda store: stored(store, "new"), id="submit"),
        pytest.param(lambda store: store.save(store.get("k")), id="save"),
        pytest.param(claim, id="claim"),
    ],
)
def test_a_session_that_turned_read_only_is_left_for_one_that_writes(
    store, postgres, other, write
):
    """After a failover the old server only reads; the address leads to the new one."""
    store.submit(Task.new("x", task_id="k"))
    name = conninfo_to_dict(postgres)["dbname"]
    other.execute(f"alter database {name} set default_transaction_read_only = on")
    kill_the_connection(other, process_of(store))
    assert said(store, "show transaction_read_only") == "on"
    other.execute(f"alter database {name} reset default_transaction_read_only")

    write(store)

    assert said(store, "show transaction_read_only") == "off"


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        pytest.param("drop table agentstate.messages", StoreForeign, id="no-table"),
        pytest.param(
            "alter table agentstate.tasks drop column line", StoreForeign, id="column"
        ),
        pytest.param(
            "alter table agentstate.tasks add check (version < 2)",
            StoreWriteFailed,
            id="a-rule-of-others",
        ),
    ],
)
def test_a_server_that_refuses_is_quoted_without_any_value(
    store, other, statement, error
):
    """Its own words and code are shown; the row that it would show is not."""
    task = stored(store)
    other.execute(statement)

    with pytest.raises(error) as caught:
        store.save(task.replace(state="running", error="s3cret"), messages=NOTE)

    shown = "".join(traceback.format_exception(caught.value, limit=0))
    assert "Clean the logs" not in shown
    assert "s3cret" not in shown
    assert caught.value.effect == "not started"


def test_a_transaction_settles_what_the_session_may_have_set_otherwise(postgres):
    """And the session keeps what it had: it may be a stranger's in a moment."""
    odd = (
        "-c synchronous_commit=off -c default_transaction_isolation=serializable"
        " -c search_path=public"
    )

    with PostgresStore(make_conninfo(postgres, options=odd)) as store:
        task = store.save(stored(store), messages=NOTE)
        with store.database.transaction() as run:
            assert run("show synchronous_commit") == [("on",)]
            assert run("show transaction_isolation") == [("read committed",)]
        assert said(store, "show synchronous_commit") == "off"
        assert store.messages(task.id) == NOTE


# Clocks.


def test_leases_are_measured_with_the_servers_clock(postgres, other):
    """A worker whose own clock is years behind is not taken for dead while it works."""
    now = "select extract(epoch from clock_timestamp())::float8"
    with PostgresStore(postgres) as store:
        stored(store)
        (before,) = other.execute(now).fetchone()
        mine = claim(store, ANN, seconds=60)
        (after,) = other.execute(now).fetchone()

        later = store.heartbeat(mine)
        saved = store.save(mine.task, claim=mine)

        assert before + 60 <= mine.expires <= after + 60
        assert later.expires >= mine.expires
        expires = said(store, "select lease_expires from {place}tasks")
        assert expires >= later.expires
        assert store.claim_next(BOB) is None
        other.execute("update agentstate.tasks set lease_expires = 1")
        assert claim(store, BOB).task.version == saved.version + 1


# Addresses.


@pytest.mark.parametrize(
    "dsn",
    [
        pytest.param("postgresql://ann:s3cret@ss@127.0.0.1/db", id="at-in-password"),
        pytest.param("postgresql://ann:s3/cret@127.0.0.1/db", id="slash-in-password"),
        pytest.param("postgresql://ann:s3cret", id="no-host"),
        pytest.param("postgresql://ann:s3cret@127.0.0.1/db?x=1", id="unknown-setting"),
        pytest.param("postgresql://ann:s3cret%zz@127.0.0.1/db", id="bad-percent"),
        pytest.param("postgresql://ann:s3cret@[127.0.0.1/db", id="bad-bracket"),
        pytest.param("postgresql://ann:s3\0cret@127.0.0.1/db", id="nul"),
        pytest.param("postgresql://ann:s3\ud800cret@127.0.0.1/db", id="surrogate"),
        pytest.param("password=s3cret host", id="words"),
        pytest.param(7, id="number"),
        pytest.param(None, id="nothing"),
    ],
)
def test_an_address_that_cannot_be_read_is_not_shown(dsn):
    """Any part of it may be the password."""
    with pytest.raises(InvalidValue, match="cannot be read") as caught:
        PostgresStore(dsn)

    shown = "".join(traceback.format_exception(caught.value, limit=0))
    assert "s3" not in shown
    assert "cret" not in shown


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        pytest.param({"password": "s3cret"}, "it refuses the password", id="word"),
        pytest.param({"dbname": "nowhere"}, "no such user or database", id="database"),
        pytest.param({"port": "1"}, "nobody listens there", id="port"),
        pytest.param({"sslmode": "s3cret"}, "the address", id="ssl"),
        pytest.param({"host": "no.such.invalid"}, "side effect", id="host"),
    ],
)
def test_a_server_that_cannot_be_reached_is_named_without_a_secret(
    postgres, changes, why
):
    """Which server, and why; nothing was started."""
    parts = {**conninfo_to_dict(postgres), **changes}
    address = make_conninfo(**parts)

    with pytest.raises(StoreUnavailable, match=why) as caught:
        PostgresStore(address)

    shown = "".join(traceback.format_exception(caught.value, limit=0))
    assert f"postgresql://{parts['host']}:{parts['port']}/{parts['dbname']}" in shown
    assert caught.value.effect == "not started"
    for secret in ("s3cret", conninfo_to_dict(postgres)["password"]):
        assert secret not in shown


def test_a_store_shows_no_secret(store, postgres):
    """Neither its address nor the token of a claim."""
    stored(store)
    mine = claim(store)
    password = conninfo_to_dict(postgres)["password"]

    shown = f"{store!r} {store.database!r} {store.database.where} {mine}"

    assert password not in shown
    assert mine.token not in shown


def test_a_url_opens_the_store(postgres):
    """And leases are then measured with the server's clock."""
    with open_store(postgres) as store:
        assert isinstance(store, PostgresStore)
        assert store._lease_time() is None
