"""A lease told in seconds, played on both databases, and the board of tasks."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentstate_lab.errors import InvalidValue, LeaseLost, TaskNotFound
from agentstate_lab.lab.scenes.sql_store import board as boards
from agentstate_lab.lab.scenes.sql_store import task_board
from agentstate_lab.lab.scenes.sql_store.board import LOOKS, Board
from agentstate_lab.lab.scenes.sql_store.lease_story import (
    STOPPED,
    TRIES_EVERY,
    WOKE,
    overslept,
    play_lease,
    who_held_the_task,
)
from agentstate_lab.state import Task
from agentstate_lab.stores import MemoryStore, open_store, working

WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def sqlite_url(tmp_path):
    """A SQLite store."""
    return f"sqlite:{tmp_path / 'tasks.sqlite'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, sqlite_url):
    """Each database in turn."""
    if request.param == "sqlite":
        return sqlite_url
    return request.getfixturevalue("postgres")


def test_who_has_the_task_depends_on_the_length_of_the_lease(sqlite_url):
    """The price of a long lease is paid where a worker is dead."""
    stories = [play_lease(sqlite_url, s, wakes=False) for s in (15, 60, 120)]
    outlasts = play_lease(sqlite_url, 120)

    assert [story.still for story in stories] == [10, 55, 115]
    assert (outlasts.taken, outlasts.refused) == (None, False)
    assert outlasts.verdict.endswith("worker a goes on, and its save is accepted")


@settings(deadline=None, max_examples=20)
@given(seconds=st.integers(3, 600), wakes=st.booleans())
def test_nobody_gets_a_task_before_its_lease_ends(tmp_path_factory, seconds, wakes):
    """It is taken at the first question after the end, and only a waker is refused."""
    folder = tmp_path_factory.mktemp("law")

    story = play_lease(f"sqlite:{folder / 'tasks.sqlite'}", seconds, wakes=wakes)

    assert len(story.beats) < 3 * STOPPED / seconds
    assert story.refused == (wakes and story.taken is not None)
    if story.taken is not None:
        assert story.ends <= story.taken < max(story.ends, STOPPED) + 2 * TRIES_EVERY
        assert all(tried < story.ends for tried in story.tried)
    else:
        assert wakes
        assert story.ends > WOKE - 2 * TRIES_EVERY


@pytest.mark.parametrize("seconds", [0, -1, 2.9, 601, 1e9, float("inf"), "60", None])
def test_a_lease_that_cannot_be_told_is_refused(sqlite_url, seconds):
    """Too short would beat for ever, too long would never end."""
    with pytest.raises(InvalidValue, match="lease"):
        play_lease(sqlite_url, seconds)


@pytest.mark.parametrize(
    ("seconds", "wakes"), [(3, True), (120, True), (600, True), (60, False)]
)
def test_every_story_can_be_drawn(sqlite_url, shown, seconds, wakes):
    """Also one without a heartbeat, without a take-over, without an awakening."""
    who_held_the_task(play_lease(sqlite_url, seconds, wakes=wakes))

    assert shown[0]["image/png"]


def test_the_claim_of_a_worker_that_overslept_is_lost_at_any_version(url):
    """Reading again repairs a version, and not a claim."""
    store, mine, theirs = overslept(url, "friday")

    with pytest.raises(LeaseLost):
        store.save(store.get("friday"), claim=mine)
    saved = store.save(store.get("friday"), claim=theirs)

    assert saved.version == theirs.task.version + 1
    store.close()


def claimed(store, owner, name):
    """A task in the hands of *owner*."""
    task = store.submit(Task.new("Look.", task_id=f"06/{name}")).task
    return store.save(task.replace(state="running", attempt=1, owner=owner))


def test_a_board_tells_the_gone_from_those_at_work():
    """A row that says "running" does not."""
    store = MemoryStore()
    with working() as dead:
        claimed(store, dead, "one")
    with working() as alive:
        claimed(store, alive, "two")
        store.submit(Task.new("Look.", task_id="06/three"))
        board = Board(store, ["06/one", "06/two", "06/three"])

        table = board.table()

    assert table.caption == "3 tasks: 1 pending, 2 running"
    assert table.rows == (
        ("one", "1", "worker 1, gone", "running"),
        ("two", "1", "worker 1", "running"),
        ("three", "0", "nobody", "pending"),
    )
    assert [row[-1].tone for row in table.rows] == ["harm", "", ""]


def test_a_board_follows_its_tasks_until_they_have_ended():
    """It shows what has changed, and does not look at the store for ever."""
    store, said, waits = MemoryStore(), [], []
    task = store.submit(Task.new("Look.", task_id="06/one")).task
    board = Board(store, [task.id])
    course = iter(["running", None, "completed"])

    def wait(seconds):
        waits.append(seconds)
        if state := next(course):
            store.save(store.get(task.id).replace(state=state))

    board.follow(lambda table: said.append(table.rows[0][-1]), wait)

    assert said == ["pending", "running", "completed"]
    assert waits == [boards.EVERY] * 3


def test_a_board_that_nobody_watches_any_more_ends():
    """A task may stay pending for ever."""
    store, waits = MemoryStore(), []
    task = store.submit(Task.new("Look.", task_id="06/one")).task

    Board(store, [task.id]).follow(lambda table: None, waits.append)

    assert len(waits) == LOOKS


@pytest.mark.parametrize(
    ("ids", "error"), [([], InvalidValue), (["06/none"], TaskNotFound)]
)
def test_a_board_without_its_tasks_is_refused(sqlite_url, ids, error):
    """Before anything is shown."""
    with pytest.raises(error):
        task_board(sqlite_url, ids)


def test_a_store_that_goes_away_ends_the_board_in_words(sqlite_url):
    """The thread that looks has nobody to raise to."""

    class Shown:
        value = "a table"

    store = open_store(sqlite_url)
    board = Board(store, [store.submit(Task.new("Look.", task_id="06/one")).task.id])
    store.close()

    boards._follow(board, Shown)

    assert Shown.value.endswith("The board has ended: StoreUnavailable.</p>")
