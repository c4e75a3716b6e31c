"""One row that cannot be read stops nobody: lists, queues, recovery."""

import dataclasses

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentstate_lab.errors import StoreTooNew, StoreTorn
from agentstate_lab.idempotency import recover, work_next
from agentstate_lab.lab.clock import FakeClock
from agentstate_lab.lab.contracts.lists import put
from agentstate_lab.state import Owner, task_to_json
from agentstate_lab.stores import each_task, open_store
from agentstate_lab.stores.memory import ContentStore
from agentstate_lab.stores.owner import boot_id
from agentstate_lab.stores.sql import SqliteStore

NEWER = ('"schema_version":1', '"schema_version":9')
TORN = ('"user_input":', '"user_in')
# A process of this machine before it was started anew: it is proved gone.
GONE = Owner(
    boot_id=" ".join([boot_id().split(" ")[0], "before", "pid"]),
    pid=1,
    started_at=0.0,
    run_id="run-1",
)
ALIVE = GONE.model_copy(update={"boot_id": "elsewhere 1 pid"})


def spoil(store, task_id, change):
    """Leave what no reader here understands in the place of a task's line."""
    line = task_to_json(store.get(task_id)).replace(*change, 1)
    if isinstance(store, ContentStore):
        content = store._read()
        tasks = {**content.tasks, task_id: f'"{task_id}":{line}'}
        store._write(dataclasses.replace(content, tasks=tasks))
    else:
        with store.database.transaction() as run:
            run("update {place}tasks set line = :l where id = :id", l=line, id=task_id)


def done(store, task):
    """Work that returns."""
    return lambda asked: "done"


@pytest.mark.parametrize(
    ("change", "error"),
    [(NEWER, StoreTooNew), (TORN, StoreTorn)],
    ids=["newer", "torn"],
)
def test_lists_go_past_what_they_cannot_read_and_name_it_once(
    any_store, change, error, caplog
):
    """A rolling update makes such rows; whoever asks for one by its id is told why."""
    names = [put(any_store, name).id for name in ("a", "b", "c")]
    spoil(any_store, names[0], change)

    for _ in range(2):
        assert [one.id for one in any_store.list_by_state("pending")] == names[1:]
        assert [one.id for one in each_task(any_store)] == names[1:]
        assert [one.id for one in any_store.list_tasks(limit=2).tasks][-1] in "bc"

    assert caplog.text.count("task 'a' is passed over") == 1
    with pytest.raises(error, match="a"):
        any_store.get("a")


def test_recover_goes_past_what_it_cannot_read(any_store):
    """And past a hundred tasks of workers elsewhere, of whom nothing can be proved."""
    for n in range(101):
        task = put(any_store, f"a-{n}")
        any_store.save(task.replace(state="running", owner=ALIVE))
    for name in ("bad", "good"):
        any_store.save(put(any_store, name).replace(state="running", owner=GONE))
    spoil(any_store, "bad", TORN)

    taken = recover(any_store, lambda task: lambda asked: "done")

    assert [(one.id, one.state) for one in taken] == [("good", "completed")]


def test_a_limit_of_recover_counts_what_was_taken_over(any_store):
    """The rest is for the next call."""
    for n in range(5):
        any_store.save(put(any_store, f"a-{n}").replace(state="running", owner=GONE))

    taken = [recover(any_store, lambda task: str, limit=2) for _ in range(4)]

    assert [len(some) for some in taken] == [2, 2, 1, 0]


@pytest.fixture(params=["sqlite", "postgresql"])
def queue(request, tmp_path, clock):
    """An empty store of each kind that gives out tasks."""
    url = f"sqlite:{tmp_path / 'tasks.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres")
    with open_store(url, clock=clock) as store:
        yield store


@pytest.mark.parametrize("change", [NEWER, TORN], ids=["newer", "torn"])
def test_a_worker_goes_past_what_it_cannot_read(queue, clock, change, caplog):
    """Pending, with a lease that has ended, or orphaned: the others are done."""
    for name in ("a", "b", "c", "d"):
        put(queue, name)
        clock.advance(1)
    for _ in range(2):  # "a" and "b" run, and their leases end
        assert queue.claim_next(ALIVE, seconds=1) is not None
        clock.advance(0.1)
    put(queue, "orphan")
    for name in ("e", "f"):
        queue.save(put(queue, name).replace(state="running", owner=GONE))
    for name in ("a", "c", "e"):
        spoil(queue, name, change)
    clock.advance(5)

    ended = [work_next(queue, done) for _ in range(5)]

    assert [one and one.id for one in ended] == ["b", "d", "orphan", "f", None]
    assert caplog.text.count("is passed over") == 3


def test_a_worker_finds_the_orphan_behind_a_hundred_live_tasks(queue):
    """What is looked for is in the question, and not in a filter over an answer."""
    for n in range(101):
        queue.save(put(queue, f"a-{n}").replace(state="running", owner=ALIVE))
    queue.save(put(queue, "orphan").replace(state="running", owner=GONE))

    assert work_next(queue, done).id == "orphan"
    assert work_next(queue, done) is None


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ages=st.lists(st.integers(0, 3), min_size=1, max_size=6),
    bad=st.sets(st.integers(0, 5)),
    change=st.sampled_from([NEWER, TORN]),
)
def test_no_order_of_rows_with_some_unreadable_keeps_a_worker_from_the_others(
    tmp_path_factory, ages, bad, change
):
    """Whatever is unreadable, however old it is: the others are done, in order."""
    clock = FakeClock()
    path = tmp_path_factory.mktemp("queue") / "tasks.db"
    with SqliteStore(path, clock=clock, synchronous="NORMAL") as store:
        for n, age in enumerate(ages):
            clock.now = float(age)
            put(store, f"t-{n}")
        for n in bad & set(range(len(ages))):
            spoil(store, f"t-{n}", change)
        good = sorted((age, f"t-{n}") for n, age in enumerate(ages) if n not in bad)

        ended = [work_next(store, done) for _ in range(len(good) + 1)]

        assert [one and one.id for one in ended] == [*(name for _, name in good), None]
