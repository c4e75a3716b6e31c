"""The SQLite file: whose it is, what a commit costs, disks that are full."""

import os
import shutil
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing

import pytest

from agentstate_lab.errors import (
    InvalidValue,
    StoreBusy,
    StoreForeign,
    StoreTorn,
    StoreWriteFailed,
    TaskNotFound,
)
from agentstate_lab.lab.contracts.steps import begun
from agentstate_lab.lab.contracts.store import stored
from agentstate_lab.lab.crash import die
from agentstate_lab.lab.processes import in_new_process
from agentstate_lab.state import Task
from agentstate_lab.stores import JsonFileStore
from agentstate_lab.stores.sql import APPLICATION_ID, SqliteStore

POSIX = pytest.mark.skipif(os.name == "nt", reason="needs POSIX files and signals")
NOTE = [{"role": "user", "content": "x" * 1_000}]


@pytest.fixture
def path(tmp_path):
    """Where the file is."""
    return tmp_path / "tasks.db"


@pytest.fixture
def store(path, clock):
    """An empty store."""
    with SqliteStore(path, clock=clock) as store:
        yield store


def said(store, statement):
    """The one value that a statement finds."""
    ((value,),) = store.database.read(statement)
    return value


def sql_of(path, script):
    """Run *script* on a database of our own making."""
    connection = sqlite3.connect(path)
    try:
        connection.executescript(script)
    finally:
        connection.close()


def test_a_commit_is_forced_to_the_disk_before_it_is_reported(store, path):
    """WAL and FULL are what you get; the quicker way has to be typed out."""
    assert said(store, "pragma journal_mode") == "wal"
    assert said(store, "pragma synchronous") == 2
    with SqliteStore(path, synchronous="NORMAL") as quick:
        assert said(quick, "pragma synchronous") == 1
    with pytest.raises(InvalidValue, match="not FULL or NORMAL"):
        SqliteStore(path, synchronous="OFF")


def test_a_save_is_one_commit_with_all_that_belongs_to_it(store):
    """Task, steps and messages: one transaction, and none that was left open."""
    task, heard = stored(store, "k", "running"), []
    with store.database.using() as connection:
        connection.set_trace_callback(heard.append)

    store.save(task, steps=[begun("a"), begun("b")], messages=NOTE * 2)

    verbs = [statement.split()[0].lower() for statement in heard]
    assert verbs == ["begin", "update", *["insert"] * 4, "commit"]


def test_a_save_without_its_own_lines_writes_no_others(store):
    """What was recorded is not written again: cost does not grow with the past."""
    task = stored(store, "k", "running")
    for n in range(50):
        task = store.save(task, steps=[begun(f"s-{n}")], messages=NOTE)
    changes = said(store, "select total_changes()")

    store.save(task, steps=[begun("one-more")], messages=NOTE)

    assert said(store, "select total_changes()") - changes == 3


FOREIGN = {
    "text": lambda path: path.write_text("dear diary"),
    "one-byte": lambda path: path.write_bytes(b"S"),
    "our-json-file": lambda path: JsonFileStore(path).submit(Task.new("x", key="k")),
    "a-database": lambda path: sql_of(path, "create table tasks (id text)"),
    "an-empty-database": lambda path: sql_of(path, "create table a (b); drop table a"),
    "a-database-in-wal": lambda path: sql_of(
        path, "pragma journal_mode = wal; create table tasks (id text)"
    ),
    "another-application": lambda path: sql_of(
        path, "pragma application_id = 7; create table tasks (id text)"
    ),
    "half-a-head": lambda path: path.write_bytes(b"SQLite format 3\0" + b"\1" * 40),
}


@pytest.mark.parametrize("make", FOREIGN.values(), ids=FOREIGN)
def test_a_file_that_is_not_ours_is_refused_and_not_touched(path, make):
    """It is looked at before SQLite opens it, so not even a file beside it is made."""
    make(path)
    before = {p.name: p.read_bytes() for p in path.parent.iterdir()}

    with pytest.raises(StoreForeign, match=r"tasks\.db: was not made by this store"):
        SqliteStore(path)

    assert {p.name: p.read_bytes() for p in path.parent.iterdir()} == before


def test_a_database_that_became_foreign_meanwhile_is_refused(path, monkeypatch):
    """Another program made its tables between our look and our opening."""
    monkeypatch.setattr(
        "agentstate_lab.stores.sql.sqlite._make_private",
        lambda path: sql_of(path, "create table theirs (id text)"),
    )

    with pytest.raises(StoreForeign):
        SqliteStore(path)

    with sqlite3.connect(path) as connection:
        names = connection.execute("select name from sqlite_master").fetchall()
    connection.close()
    assert names == [("theirs",)]


@pytest.mark.usefixtures("process")
@pytest.mark.skipif(os.name == "nt", reason="needs fork and SIGKILL")
def test_a_process_that_died_while_it_made_the_file_is_cleaned_up_after(path):
    """A half-made file with its journal is no damage: SQLite takes it back."""

    def die_at_the_commit():
        with sqlite3.connect(path, isolation_level=None) as connection:
            connection.execute("pragma cache_size = 1")  # so that pages get written
            connection.execute("begin immediate")
            connection.execute(f"pragma application_id = {APPLICATION_ID}")
            for n in range(50):
                connection.execute(f"create table t{n} (x text)")
            die()

    ended = in_new_process(die_at_the_commit)

    assert "SIGKILL" in ended.how
    assert path.with_name(f"{path.name}-journal").exists()
    with SqliteStore(path) as store:
        assert store.submit(Task.new("x", key="k")).created


@pytest.mark.usefixtures("process")
@pytest.mark.skipif(os.name == "nt", reason="needs fork and SIGKILL")
def test_a_process_that_died_while_it_emptied_the_log_is_no_damage(path):
    """
    Pages go from the log to the file one by one, the first of them with the new size;
    whatever was reached, the log has them all.
    """

    def save_and_die():
        store = SqliteStore(path)
        for n in range(30):
            store.submit(Task.new("x" * 1_000, key=f"key {n}"))
        die()

    with SqliteStore(path) as store:
        stored(store)
    before = path.read_bytes()
    in_new_process(save_and_die)
    log = path.with_name(f"{path.name}-wal")
    pages = log.read_bytes()
    assert path.read_bytes() == before
    with SqliteStore(path) as store:
        found = store.list_by_state("pending")
    after = path.read_bytes()

    for copied in range(0, len(after) + 1, 4_096):
        path.write_bytes(after[:copied] + before[copied:])
        log.write_bytes(pages)
        with SqliteStore(path) as store:
            assert store.list_by_state("pending") == found

    assert (len(found), len(after) > len(before)) == (31, True)


@pytest.mark.usefixtures("process")
def test_a_second_store_takes_no_locks_from_the_first(path, store):
    """
    Opening a file once more and closing it lost the log of whoever had it open: the
    next process that closed the file removed it, and what was confirmed was gone.
    """

    def look():
        with SqliteStore(path) as mine:
            return [task.id for task in mine.list_by_state("pending")]

    first = stored(store, "first")
    SqliteStore(path).close()
    in_new_process(look)

    second = stored(store, "second")

    assert sorted(in_new_process(look).value) == sorted([first.id, second.id])


def test_a_file_without_content_becomes_a_store(path):
    """`touch` makes no database; there is nothing in it that could be lost."""
    path.touch()

    with SqliteStore(path) as store:
        assert stored(store).version == 1
        assert said(store, "pragma application_id") == APPLICATION_ID


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda raw: raw[: len(raw) // 2], id="cut-off"),
        pytest.param(lambda raw: raw[:100] + b"\xff" * (len(raw) - 100), id="over"),
        pytest.param(lambda raw: raw[:72], id="only-the-head"),
    ],
)
def test_a_damaged_file_is_named_as_one_and_not_touched(path, damage):
    """It may be the only copy of something."""
    with SqliteStore(path) as store:
        stored(store)
    raw = damage(path.read_bytes())
    path.write_bytes(raw)

    with pytest.raises(StoreTorn, match=r"tasks\.db: is damaged"):
        SqliteStore(path).list_by_state("pending")

    assert path.read_bytes() == raw


@pytest.mark.parametrize("wait", [-1, float("nan"), float("inf"), "1", None])
def test_a_wait_that_makes_no_sense_is_refused(path, wait):
    """Nobody waits for ever by mistake."""
    with pytest.raises(InvalidValue, match="busy_timeout"):
        SqliteStore(path, busy_timeout=wait)

    assert not path.exists()


def test_a_writer_that_never_ends_makes_the_others_busy(path, store):
    """Waiting has an end; readers do not wait at all."""
    task = stored(store)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("begin immediate")
    try:
        with SqliteStore(path, busy_timeout=0) as late:
            with pytest.raises(StoreBusy, match="others were writing"):
                late.save(task.replace(state="running"))
            assert late.get(task.id) == task
    finally:
        other.close()

    assert store.save(task.replace(state="running")).version == 2


def fill(store, task):
    """Save until the store refuses; the last task that it confirmed, and the error."""
    try:
        for _ in range(10_000):
            task = store.save(task, messages=NOTE)
    except StoreWriteFailed as error:
        return task, error
    return pytest.fail("it was never full")


def assert_whole(store, task):
    """What was confirmed is there, and nothing of what was refused."""
    assert store.get(task.id) == task
    assert len(store.messages(task.id)) == task.version - 2
    assert said(store, "pragma integrity_check") == "ok"


def test_a_database_that_may_not_grow_keeps_what_it_has(store):
    """The limit is SQLite's own; the error says that the disk is full."""
    task = stored(store, "k", "running")
    pages = said(store, "pragma page_count")
    said(store, f"pragma max_page_count = {pages + 20}")

    task, error = fill(store, task)

    assert "the disk is full; what was stored is whole" in str(error)
    assert error.effect == "not started"
    assert_whole(store, task)
    said(store, f"pragma max_page_count = {pages + 2_000}")
    assert store.save(task, messages=NOTE).version == task.version + 1


@pytest.fixture
def small_disk(mount, tmp_path):
    """A disk of one megabyte."""
    return mount(tmp_path / "disk", "size=1m")


def test_a_full_disk_is_named_as_one_and_the_old_content_is_whole(small_disk):
    """And once there is room again, the same store goes on."""
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"\0" * 300_000)
    with SqliteStore(small_disk / "tasks.db") as store:
        task = stored(store, "k", "running")

        task, error = fill(store, task)

        assert "full" in str(error)
        assert_whole(store, task)
        ballast.unlink()
        assert store.save(task, messages=NOTE).version == task.version + 1


@pytest.mark.usefixtures("process")
@POSIX
def test_a_disk_that_refuses_in_the_middle_leaves_the_outcome_open(path):
    """A file may not grow: the system's error comes out as the store's own."""
    with SqliteStore(path) as store:
        task = stored(store, "k", "running")

    def save_beyond_the_limit(path, task_id):
        import resource
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, 65_536))
        with SqliteStore(path) as store:
            task = store.get(task_id)
            try:
                while True:
                    task = store.save(task, messages=NOTE)
            except StoreWriteFailed as error:
                return [task.version, error.effect, error.why]

    version, effect, why = in_new_process(
        save_beyond_the_limit, str(path), task.id
    ).value

    assert effect in ("unknown", "not started")
    assert "disk" in why
    with SqliteStore(path) as store:
        assert_whole(store, store.get(task.id))
        assert store.get(task.id).version - version in (0, 1)


@pytest.mark.usefixtures("process")
@POSIX
def test_kills_at_any_moment_lose_nothing_that_was_confirmed(path):
    """Writers die by SIGKILL in the middle of saving."""
    with SqliteStore(path) as store:
        task = stored(store, "k", "running")
    code = """
        import sys
        from agentstate_lab.stores.sql import SqliteStore

        store = SqliteStore(sys.argv[1])
        task = store.get(sys.argv[2])
        while True:
            task = store.save(task, messages=[{"role": "user", "content": "x"}])
            print(task.version, flush=True)
    """
    argv = [sys.executable, "-c", textwrap.dedent(code), str(path), task.id]
    for number in range(4):
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        confirmed = [int(process.stdout.readline()) for _ in range(1 + 2 * number)]
        process.kill()
        confirmed += [int(line) for line in process.stdout.read().splitlines()]
        process.communicate()

        with SqliteStore(path) as store:
            assert_whole(store, store.get(task.id))
            # The last save may be done and not yet printed.
            assert store.get(task.id).version - confirmed[-1] in (0, 1)


def test_a_file_whose_steps_are_kept_by_their_key_is_read_and_written(path, clock):
    """As files from before the first release are: the statements are the same."""
    SqliteStore(path, clock=clock).close()
    sql_of(
        path,
        """
        drop table steps;
        create table steps (
            task_id text not null, name text not null, version bigint not null,
            nth bigint not null, line text not null, primary key (task_id, name)
        ) without rowid
        """,
    )
    with SqliteStore(path, clock=clock) as store:
        task = store.submit(Task.new("Clean the logs", key="old")).task
        task = store.save(task.replace(state="running"), steps=[begun("one")])
        store.save(task, steps=[begun("two"), begun("one")])

        assert [step.name for step in store.steps(task.id)] == ["one", "two"]


# The file is moved, replaced, put back.


def moved_away(path):
    """The file and what lies beside it are gone, as after `rm -rf`."""
    for one in list(path.parent.iterdir()):
        one.unlink()


def replaced(path):
    """Another whole file is in its place."""
    moved_away(path)
    with SqliteStore(path.with_name("new.db")) as new:
        stored(new, "another")
    path.with_name("new.db").rename(path)


@POSIX
@pytest.mark.parametrize("change", [moved_away, replaced])
def test_a_file_that_goes_in_the_middle_of_a_save_is_not_reported_as_saved(
    path, store, monkeypatch, change
):
    """The commit went to a file that nobody can open any more."""
    task = stored(store)
    monkeypatch.setattr(store.database, "about_to_commit", lambda: change(path))

    with pytest.raises(StoreWriteFailed, match="removed or replaced") as caught:
        store.save(task.replace(state="running"))

    assert caught.value.effect == "unknown"
    with SqliteStore(path) as other, pytest.raises(TaskNotFound):
        other.get(task.id)


def killed_after(path, keys):
    """A process stores these tasks and is killed: its log stays."""

    def work(keys):
        store = SqliteStore(path)
        for key in keys:
            stored(store, key)
        die()

    in_new_process(work, keys)


def copy_of(path):
    """A copy as the documentation has it made: whole, without a log."""
    with closing(sqlite3.connect(path)) as connection:
        copy = path.with_name("copy.db")
        connection.execute("vacuum into ?", (str(copy),))
    return copy


@pytest.fixture
def killed(process, path):
    """A file with a copy of an earlier moment, and the log of a killed process."""
    with SqliteStore(path) as store:
        stored(store, "early")
        copy = copy_of(path)
    killed_after(path, ["late", "later"])
    return copy


def kept(path):
    """How many tasks the file holds."""
    with SqliteStore(path) as store:
        return len(store.list_by_state("pending"))


LINUX_ONLY = pytest.mark.skipif(sys.platform != "linux", reason="asked on Linux only")
PUT_BACK = [
    pytest.param(lambda copy, path: shutil.copyfile(copy, path), id="copied-over"),
    pytest.param(lambda copy, path: shutil.copy2(copy, path), id="with-its-times"),
    pytest.param(lambda copy, path: copy.rename(path), id="moved-over"),
]


@LINUX_ONLY
@pytest.mark.parametrize("put_back", PUT_BACK)
def test_a_copy_put_back_beside_an_old_log_is_refused_and_not_touched(
    path, killed, put_back
):
    """The log would undo the copy. The advice is tried: with the log away, it works."""
    log = path.with_name("tasks.db-wal")
    put_back(killed, path)
    before = path.read_bytes(), log.read_bytes()

    with pytest.raises(StoreTorn, match=r"move tasks\.db-wal and tasks\.db-shm away"):
        SqliteStore(path)

    assert (path.read_bytes(), log.read_bytes()) == before
    log.unlink()
    path.with_name("tasks.db-shm").unlink(missing_ok=True)
    assert kept(path) == 1


@LINUX_ONLY
def test_a_file_and_its_log_that_came_together_are_read_when_somebody_says_so(
    path, killed, tmp_path
):
    """The other half of the advice: the log was copied before the file."""
    there = tmp_path / "there"
    there.mkdir()
    for name in ("tasks.db-wal", "tasks.db"):
        shutil.copyfile(path.with_name(name), there / name)

    with pytest.raises(StoreTorn, match=r"touch tasks\.db-wal"):
        SqliteStore(there / "tasks.db")

    (there / "tasks.db-wal").touch()
    assert kept(there / "tasks.db") == 3


@pytest.mark.usefixtures("process")
@POSIX
def test_the_log_of_a_killed_process_is_read(path, killed):
    """Also when a checkpoint was the last thing that it did."""
    assert kept(path) == 3
    killed_after(path, ["more"])

    def work(path):
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("pragma wal_checkpoint(passive)")
            die()

    in_new_process(work, path)
    assert path.with_name("tasks.db-wal").stat().st_size
    assert kept(path) == 4


@pytest.mark.usefixtures("process")
@LINUX_ONLY
def test_a_log_in_use_belongs_to_its_file(path, killed):
    """Whoever has it open has read both; the times of the file say nothing then."""
    with SqliteStore(path) as store:
        stored(store, "now")
        path.chmod(0o600)  # changes the time of the file, and nothing else

        assert in_new_process(kept, path).value == 4
        assert kept(path) == 4
