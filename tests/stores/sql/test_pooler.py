"""PostgreSQL through a pooler in transaction mode: right, and nobody is disturbed."""

import threading

import psycopg
import pytest
from databases import execute
from pooler import needs_pooler, pooled
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from agentstate_lab.errors import StoreUnavailable
from agentstate_lab.idempotency import run_once, work_next
from agentstate_lab.lab.clock import FakeClock
from agentstate_lab.lab.contracts.history import saved_with_checkpoints
from agentstate_lab.lab.contracts.leases import claim
from agentstate_lab.lab.contracts.steps import begun
from agentstate_lab.lab.contracts.store import stored
from agentstate_lab.state import Task
from agentstate_lab.stores import execute_step, open_store
from agentstate_lab.stores.sql import PostgresStore

pytestmark = needs_pooler

NOTE = [{"role": "user", "content": "hello"}]
SETTINGS = (
    "synchronous_commit",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
    "search_path",
    "default_transaction_isolation",
    "client_min_messages",
)


@pytest.fixture
def pooler(postgres):
    """The address of an empty database through a pooler."""
    with pooled(postgres) as through:
        yield through


def in_threads(number, act):
    """Run *act* in so many threads at once; what they raised."""
    raised = []
    together = threading.Barrier(number)

    def run(n):
        try:
            together.wait()
            act(n)
        except Exception as error:  # noqa: BLE001 - the test looks at them
            raised.append(error)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def test_a_store_for_each_of_six_threads_loses_nothing(pooler, postgres):
    """Twelve stores share two sessions of the server, and each finds what it stored."""

    def work(n):
        with open_store(pooler) as store, open_store(pooler) as beside:
            for k in range(20):
                task = stored(store, f"{n}-{k}", "running")
                store.save(task, steps=[begun("a")], messages=NOTE * 30)
                assert beside.get(task.id).version == 3
                assert beside.messages(task.id) == NOTE * 30

    raised = in_threads(6, work)

    assert raised == []
    with PostgresStore(postgres) as direct:
        assert len(direct.list_by_state("running", limit=200)) == 120


def test_two_schemas_through_one_pooler_never_mix(pooler):
    """What one store says it made is in its own tables, and the other has its own."""
    schemas = ["one", "two"] * 3

    def work(n):
        with PostgresStore(pooler, schema=schemas[n]) as store:
            for k in range(20):
                key = f"{n}-{k}"
                made = store.submit(Task.new(schemas[n], key=key))
                assert made.created
                assert store.get(made.task.id).user_input == schemas[n]

    raised = in_threads(6, work)

    assert raised == []
    for schema in ("one", "two"):
        with PostgresStore(pooler, schema=schema) as store:
            found = store.list_by_state("pending", limit=200)
            assert [task.user_input for task in found] == [schema] * 60


def test_a_queue_through_a_pooler_gives_each_task_out_once(pooler):
    """The claims are transactions of several statements; heartbeats come between."""
    runs = []

    def work_for(leased, task):
        return lambda asked: run_once(
            leased, task.id, "deploy-api", lambda key: runs.append(task.id) or "done"
        )

    with open_store(pooler) as store:
        for n in range(40):
            stored(store, f"k-{n}")

    def work(n):
        with open_store(pooler) as store:
            while work_next(store, work_for):
                pass

    raised = in_threads(6, work)

    assert raised == []
    assert (len(runs), len(set(runs))) == (40, 40)


def use_all(store):
    """Everything that writes: a submit, saves, claims, checkpoints that are dropped."""
    task = saved_with_checkpoints(store, FakeClock(), 3)
    store.prune(task.id, keep=1, before=None)
    stored(store, "next")
    mine = claim(store)
    store.heartbeat(mine)
    store.release(mine)


def test_no_setting_of_ours_is_left_in_a_session_of_others(pooler):
    """Whoever gets the session next has what the server gives, and not our limits."""
    ask = "select " + ", ".join(f"current_setting('{name}')" for name in SETTINGS)
    with psycopg.connect(pooler, autocommit=True) as other:
        before = other.execute(ask).fetchone()

        with open_store(pooler) as store:
            use_all(store)

        assert other.execute(ask).fetchone() == before
        prepared = other.execute("select * from pg_prepared_statements").fetchall()
        assert prepared == []


WITNESS = """
create table public.seen (what text, setting text);
create function public.look() returns trigger language plpgsql as $$ begin
    insert into public.seen values (tg_table_name || ' ' || tg_op, concat(
        current_setting('synchronous_commit'), ' ', current_setting('lock_timeout')));
    return null;
end $$;
create constraint trigger look after insert or update on agentstate.tasks
    deferrable initially deferred for each row execute function public.look();
create constraint trigger look after delete on agentstate.checkpoints
    deferrable initially deferred for each row execute function public.look();
"""


def test_every_commit_asks_for_the_disk_where_the_server_would_not(pooler, postgres):
    """The witness looks at the moment of the commit, in the session that commits."""
    name = conninfo_to_dict(postgres)["dbname"]
    execute(
        postgres,
        f"alter database {name} set synchronous_commit = off",
        f"alter database {name} set default_transaction_isolation = serializable",
    )
    with PostgresStore(pooler, busy_timeout=7) as store:
        execute(postgres, WITNESS)
        use_all(store)

    seen = execute(postgres, "select distinct what, setting from public.seen")

    assert sorted(seen) == [
        ("checkpoints DELETE", "on 7s"),
        ("tasks INSERT", "on 7s"),
        ("tasks UPDATE", "on 7s"),
    ]


def test_a_lost_race_is_a_conflict_also_where_sessions_are_serializable(
    pooler, postgres
):
    """A stricter session answers a race with an error; we ask again as we mean it."""
    name = conninfo_to_dict(postgres)["dbname"]
    isolation = f"alter database {name} set default_transaction_isolation ="
    execute(postgres, f"{isolation} 'repeatable read'")
    with open_store(pooler) as store:
        task = stored(store, "k", "running")

    def count(n):
        with open_store(pooler) as store:
            for _ in range(10):
                execute_step(store, task.id, counted)

    assert in_threads(6, count) == []
    with open_store(pooler) as store:
        assert store.get(task.id).attempt == 60


def counted(task):
    """One more attempt."""
    return task.replace(attempt=task.attempt + 1)


def test_an_address_with_options_is_refused_by_name(pooler):
    """A pooler takes no settings for a session; which it was must be said."""
    with pytest.raises(StoreUnavailable, match="takes no options from an address"):
        PostgresStore(make_conninfo(pooler, options="-c search_path=public"))
