"""One switch, two databases: the same cells do the same on both."""

import re
import uuid

import pytest

from agentstate_lab.errors import InvalidValue, StoreError
from agentstate_lab.lab.course.course import Lab
from agentstate_lab.lab.databases import database_of, forget_databases, start_postgres
from agentstate_lab.lab.databases.databases import KINDS
from agentstate_lab.lab.processes import in_new_process
from agentstate_lab.lab.scenes.sql_store import explain
from agentstate_lab.state import Task
from agentstate_lab.stores import MemoryStore, open_store

INSERT = "insert into jobs (id, state) values (:id, 'pending')"
STATE = "select state, attempt from jobs where id = :id"
PENDING = """select id, line from tasks where state = 'pending'
order by created_at, id limit 10"""


@pytest.fixture
def lesson(tmp_path, postgres_server, monkeypatch):
    """A lesson's name, whose databases are dropped afterwards."""
    monkeypatch.setenv("AGENTSTATE_PG_DSN", postgres_server.address)
    name = f"t{uuid.uuid4().hex[:12]}"
    yield name
    forget_databases(name, tmp_path)


@pytest.fixture(params=KINDS)
def db(request, lesson, tmp_path):
    """Each database in turn."""
    return database_of(request.param, lesson, tmp_path)


def names_of(lesson):
    """The databases that a lesson has in the server."""
    with start_postgres()._connected() as connection:
        rows = connection.execute("select datname from pg_database").fetchall()
    return sorted(name for (name,) in rows if lesson in name)


def test_what_was_written_is_found_again_and_elsewhere(db, tmp_path):
    """
    A write says how many rows it has changed: a notebook believes that number.

    A restarted notebook runs the same cell. A database holds no connection, so a
    worker in another process gets it as it is.
    """
    claim = "update jobs set state = 'running' where id = :id and state = 'pending'"
    changed = [db.write(INSERT, id="a"), *(db.write(claim, id="a") for _ in range(2))]

    again = database_of(db.kind, db.lesson, tmp_path)
    ended = in_new_process(lambda: db.write(INSERT, id="b"))

    assert (changed, ended.value) == ([1, 1, 0], 1)
    assert again.read(STATE, id="a") == [("running", 0)]
    assert again.read(STATE, id="b") == [("pending", 0)]
    assert db.read(STATE, id="nobody") == []


def test_a_block_is_there_as_a_whole_or_not_at_all(db):
    """The block's own error comes out, not one of the database."""
    with db.transaction() as run:
        run(INSERT, id="a")
        run(INSERT, id="b")

    def fail():
        with db.transaction() as run:
            run(INSERT, id="c")
            assert run(STATE, id="c") == [("pending", 0)]
            raise TimeoutError("the model does not answer")

    with pytest.raises(TimeoutError, match="the model"):
        fail()

    assert db.read("select id from jobs order by id") == [("a",), ("b",)]


def test_each_store_has_a_place_of_its_own(db):
    """Sections of a notebook do not meet each other's tasks."""
    with open_store(db.store_url()) as store, open_store(db.store_url("b")) as other:
        store.submit(Task.new("Look.", key="k"))

        assert len(store.list_by_state("pending")) == 1
        assert other.list_by_state("pending") == []
        assert open_store(db.store_url("jobs")).list_by_state("pending") == []


def test_a_cell_shows_no_address_and_a_wrong_word_is_told(db, tmp_path):
    """No path, no port, no password; a name becomes one of a file and a database."""
    shown = f"{db!r} {db.store_url()!r}" if db.kind == "postgresql" else repr(db)

    assert not re.search(rf"127\.0|localhost|:\d+|{re.escape(str(tmp_path))}", shown)
    for name in ("", "..", "a/b", "A", "x" * 25, "a;drop", 7, None, "tasks.json"):
        with pytest.raises(InvalidValue, match="name"):
            db.store_url(name)
    # A learner writes statements, too; the table is not to blame.
    with pytest.raises(StoreError, match=r"cannot be run \(.*selec") as told:
        db.read("selec 1")
    assert type(told.value) is StoreError


@pytest.mark.parametrize("kind", ["", "mysql", "SQLite", None, 7, ["sqlite"]])
def test_there_are_two_kinds(tmp_path, kind):
    """The message names them."""
    with pytest.raises(InvalidValue, match="sqlite, postgresql"):
        database_of(kind, "06_sql_store", tmp_path)


def test_a_fresh_start_drops_what_the_lesson_made_and_no_more(
    lesson, tmp_path, world, monkeypatch
):
    """The server is shared with other lessons."""
    other = tmp_path / "other"
    other.mkdir()
    kept = database_of("postgresql", f"{lesson}x", other)
    folder = tmp_path / lesson
    folder.mkdir()
    lab = Lab(lesson, world, folder)
    lab.database("postgresql").store_url("one")
    assert len(names_of(f"{lesson}_")) == 2

    lab.fresh_start()

    assert names_of(f"{lesson}_") == []
    assert names_of(lesson) == [f"agentstate_{lesson}x_jobs"]
    assert list(folder.iterdir()) == []
    assert kept.read(STATE, id="a") == []
    forget_databases(f"{lesson}x", other)


@pytest.mark.parametrize("kind", KINDS)
def test_a_forgotten_table_says_how_to_get_it_back(lesson, tmp_path, world, kind):
    """After a fresh start the notebook still holds its `db`."""
    lab = Lab(lesson, world, tmp_path / lesson)
    lab.folder.mkdir()
    db = lab.database(kind)
    lab.fresh_start()

    with pytest.raises(StoreError, match=r"run the cell with `lab\.database") as told:
        db.read(STATE, id="a")

    assert "was not made" not in str(told.value)
    assert lab.database(kind).read(STATE, id="a") == []


def test_waiting_goes_at_the_learners_pace(tmp_path, world, monkeypatch):
    """Stored outputs are made at pace 0, where nobody waits."""
    lab, slept = Lab("06_sql_store", world, tmp_path), []

    for pace in ("0", "1", "0.5"):
        monkeypatch.setenv("AGENTSTATE_PACE", pace)
        lab.wait(2, sleep=slept.append)

    assert slept == [2, 1]


def test_a_plan_says_whether_the_index_is_used_and_changes_nothing(db):
    """
    The words that notebook 06 has the learner look for, without an estimate.

    The rows and the missing index are rolled back, also where no plan can be made.
    """
    with open_store(db.store_url()) as store:
        mine = store.submit(Task.new("Look.", key="k")).task

        without = explain(store, PENDING, without="tasks_by_state")
        for statement, index in (
            ("select nonsense", ""),
            ("drop table tasks; select 1", ""),
            (PENDING, "no_such_index"),
        ):
            with pytest.raises(StoreError):
                explain(store, statement, without=index)
        plan = explain(store, PENDING)

        assert store.list_by_state("pending") == [mine]
        assert store.list_by_state("completed") == []
    assert re.search(r"(USING INDEX|Index Scan using) tasks_by_state", plan)
    assert not re.search(r"\b(SCAN|Seq Scan|SORT|Sort|B-TREE)\b", plan)
    assert re.search(r"\b(SCAN tasks|Seq Scan on tasks)", without)
    assert re.search(r"TEMP B-TREE FOR ORDER BY|Sort Key: created_at", without)
    assert "cost=" not in without
    assert not re.search(r"\d{2}", without)


def test_a_store_without_a_database_has_no_plan():
    """The message says what is needed."""
    with pytest.raises(InvalidValue, match="in a database"):
        explain(MemoryStore(), PENDING)
