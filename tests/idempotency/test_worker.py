"""A worker under leases: what it claims, how it ends, how it says that it lives."""

import threading

import pytest

from agentstate_lab.errors import (
    AttemptsUsedUp,
    InvalidValue,
    LeaseLost,
    OutcomeUnknown,
    StoreBusy,
    TaskInProgress,
)
from agentstate_lab.idempotency import recover, run_once, work_next, work_on
from agentstate_lab.idempotency.worker import beating
from agentstate_lab.lab.contracts.leases import ANN, BOB, claim
from agentstate_lab.lab.contracts.store import stored
from agentstate_lab.lab.crash import die
from agentstate_lab.lab.processes import in_new_process
from agentstate_lab.stores import is_gone, open_store, record_more, working
from agentstate_lab.stores.sql import SqliteStore


@pytest.fixture
def store(tmp_path, clock):
    """An empty store."""
    with SqliteStore(tmp_path / "tasks.db", clock=clock) as store:
        yield store


def done(leased, task):
    """Work that is done at once."""
    return lambda asked: f"done: {asked}"


def never(leased, task):
    """Work that must not be looked for."""
    pytest.fail("the work was begun")


def raising(error):
    """Work that ends with *error*."""

    def work_for(leased, task):
        def work(asked):
            raise error

        return work

    return work_for


def at_once(over, seconds):
    """Waits between heartbeats: not at all, and there are none."""
    return True


def test_a_worker_does_one_task_and_says_how_it_ended(store):
    """The task runs under the worker's own name, and is let go of afterwards."""
    first, seen = stored(store, "first"), []

    def work_for(leased, task):
        seen.append((task, leased.get(task.id), is_gone(task.owner)))
        return lambda asked: "done"

    finished = work_next(store, work_for)

    ((given, running, worker_gone),) = seen
    assert given == running
    assert (running.id, running.state, worker_gone) == (first.id, "running", False)
    assert (finished.state, finished.result, finished.owner) == (
        "completed",
        "done",
        None,
    )
    assert store.get(first.id) == finished


def test_a_worker_loop_ends_when_there_is_nothing_to_do(store):
    """A task that fails is stored as failed, and does not stop the others."""
    tasks = [stored(store, key) for key in "abc"]

    def work_for(leased, task):
        return (lambda asked: 1 / 0) if task.id == tasks[1].id else (lambda asked: "ok")

    ended = []
    while task := work_next(store, work_for):
        ended.append(task)

    assert sorted(task.state for task in ended) == ["completed", "completed", "failed"]
    (failed,) = store.list_by_state("failed")
    assert failed.error == "division by zero"
    assert work_next(store, never) is None


def test_work_that_cannot_even_be_found_fails_its_task(store):
    """An error in `work_for` is the task's, not the worker's end."""
    stored(store)

    task = work_next(store, lambda leased, task: {}[task.user_input])

    assert (task.state, task.error) == ("failed", "'Clean the logs'")


def test_an_unknown_outcome_waits_for_a_person(store):
    """The lease ends with the run; nobody takes the task over while it waits."""
    stored(store)

    def work_for(leased, task):
        def lost(key):
            raise ConnectionError("no reply")

        return lambda asked: run_once(leased, task.id, "deploy-api", lost)

    task = work_next(store, work_for)

    assert task.state == "waiting"
    assert task.agent_state.open_questions == ("Did deploy-api happen?",)
    assert work_next(store, never) is None


@pytest.mark.parametrize("death", [KeyboardInterrupt, SystemExit])
def test_a_polite_death_releases_the_task(store, death):
    """The next worker need not wait for the lease, and the attempt does not count."""
    task = stored(store)

    with pytest.raises(death):
        work_next(store, raising(death()))

    left = store.get(task.id)
    assert (left.state, left.owner, left.attempt) == ("pending", None, 0)
    assert work_next(store, done).state == "completed"


def test_a_worker_that_is_proved_gone_loses_its_task_at_once(store):
    """Nobody waits for the lease of a process that is known to be dead."""
    task = stored(store)
    with working() as dead:
        store.claim_task(task.id, dead, seconds=1e9)

    finished = work_next(store, done)

    assert (finished.id, finished.state, finished.attempt) == (task.id, "completed", 2)


def test_a_worker_elsewhere_loses_its_task_when_the_lease_ends(store, clock):
    """From here it cannot be proved gone, so time has to decide."""
    task = stored(store)
    store.claim_task(task.id, ANN, seconds=60)
    assert work_next(store, never) is None
    clock.advance(60)

    finished = work_next(store, done)

    assert (finished.id, finished.state, finished.attempt) == (task.id, "completed", 2)


def test_orphans_that_cannot_be_claimed_are_passed_over(store):
    """One whose attempts are used up is dead now; the next one is worked on."""
    with working() as dead:
        for key in "ab":
            store.claim_task(stored(store, key).id, dead, seconds=1e9)
    first, second = store.list_by_state("running")
    store.save(first.replace(attempt=5))

    finished = work_next(store, done)

    assert (finished.id, finished.state) == (second.id, "completed")
    assert store.get(first.id).state == "dead"


@pytest.mark.parametrize(
    "end", [lambda: "late", lambda: 1 / 0], ids=["result", "error"]
)
def test_a_task_that_is_taken_over_in_the_middle_ends_as_a_lost_lease(
    store, clock, end
):
    """Nothing of the late worker is stored; the task is the other's."""
    task = stored(store)

    def work_for(leased, mine):
        def slow(asked):
            clock.advance(60)
            claim(store, BOB)
            return end()

        return slow

    with pytest.raises(LeaseLost):
        work_next(store, work_for, seconds=60, pause=at_once)

    left = store.get(task.id)
    assert (left.state, left.owner) == ("running", BOB)
    assert (left.result, left.error) == (None, None)


def test_one_task_is_worked_on_by_its_id(store):
    """And found completed by the second call."""
    task = stored(store)

    first = work_on(store, task.id, done)
    again = work_on(store, task.id, never)

    assert first == again
    assert (first.state, first.result) == ("completed", "done: Clean the logs")


def test_the_error_of_one_task_goes_on_to_its_caller(store):
    """After it was stored, as with `resume_task`."""
    task = stored(store)

    with pytest.raises(RuntimeError, match="no space"):
        work_on(store, task.id, raising(RuntimeError("no space left")))

    assert store.get(task.id).error == "no space left"


@pytest.mark.parametrize("owner", [ANN, None], ids=["elsewhere", "nobody"])
def test_a_task_in_progress_is_not_worked_on(store, owner):
    """Neither one that has a lease, nor one that runs without."""
    task = stored(store)
    if owner:
        store.claim_task(task.id, owner)
    else:
        store.save(task.replace(state="running"))

    with pytest.raises(TaskInProgress):
        work_on(store, task.id, never)


def test_attempts_that_are_used_up_are_an_error_for_whoever_named_the_task(store):
    """A worker loop passes over it; a caller who named it is told."""
    task = store.save(stored(store).replace(attempt=5))

    with pytest.raises(AttemptsUsedUp):
        work_on(store, task.id, never)


def test_a_resumed_task_replays_its_steps_and_goes_on(store, clock):
    """`run_once` needs to know nothing about leases."""
    task, did, began = stored(store), [], []

    def work_for(leased, task):
        began.append(task.attempt)

        def work(asked):
            for step in ("deploy-api", "deploy-web"):
                run_once(leased, task.id, step, lambda key: did.append(key))
                if began == [1]:
                    clock.advance(60)  # and another worker comes
                    assert work_next(store, work_for).state == "completed"
            return "done"

        return work

    with pytest.raises(LeaseLost):
        work_next(store, work_for, seconds=60, pause=at_once)

    assert did == [f"{task.id}/deploy-api", f"{task.id}/deploy-web"]
    assert began == [1, 2]


def beats(times):
    """A pause that lets *times* heartbeats through, and notes how long it was."""
    waits, through = [], threading.Event()

    def pause(over, seconds):
        waits.append(seconds)
        if len(waits) <= times:
            return False
        through.set()
        return over.wait(60)

    return pause, waits, through


def test_a_heartbeat_comes_three_times_to_a_lease(store, clock):
    """Work that saves nothing for long keeps its task all the same."""
    stored(store)
    mine = claim(store, seconds=60)
    clock.advance(59)
    pause, waits, through = beats(1)

    with beating(store, mine, pause=pause):
        assert through.wait(60)
        clock.advance(59)
        assert store.claim_next(BOB) is None

    assert waits == [20, 20]
    clock.advance(1)
    assert claim(store, BOB).task.id == mine.task.id


def test_heartbeats_end_with_the_lease(store, clock):
    """There is nothing left to keep alive; the next save says so."""
    stored(store)
    mine = claim(store, seconds=60)
    clock.advance(60)
    claim(store, BOB)
    pause, waits, _ = beats(10)

    with beating(store, mine, pause=pause):
        for thread in threading.enumerate():  # it may have ended already
            if thread.name == "heartbeat":
                thread.join(60)

    assert waits == [20]


def test_a_heartbeat_that_does_not_get_through_is_not_the_last(store, clock):
    """A store that is busy for a moment costs a beat, and not the task."""
    stored(store)
    mine = claim(store, seconds=60)
    tried = []

    class Busy:
        def heartbeat(self, claim):
            tried.append(claim)
            raise StoreBusy("tasks.db", "others were writing all the time")

    pause, _, through = beats(2)

    with beating(Busy(), mine, pause=pause):
        assert through.wait(60)

    assert tried == [mine, mine]


def test_no_heartbeat_is_left_behind(store):
    """Whatever ends the work ends its heartbeat."""
    stored(store)

    with pytest.raises(KeyboardInterrupt):
        work_next(store, raising(KeyboardInterrupt()))

    assert "heartbeat" not in [thread.name for thread in threading.enumerate()]


def test_a_lease_that_makes_no_sense_begins_nothing(store):
    """The task stays pending."""
    task = stored(store)

    with pytest.raises(InvalidValue, match="a lease lasts"):
        work_next(store, never, seconds=0)

    assert store.get(task.id) == task


def test_recover_steals_no_live_work(store):
    """Six running tasks, two who recover: the naive way runs twelve, this none."""
    tasks = [stored(store, f"k-{n}") for n in range(6)]
    with working() as alive:
        for task in tasks[:3]:
            store.claim_task(task.id, ANN)
        for task in tasks[3:]:
            store.claim_task(task.id, alive)

        for _ in range(2):
            assert recover(store, lambda task: pytest.fail("stolen")) == []
            assert work_next(store, never) is None

    assert len(store.list_by_state("running")) == 6


@pytest.mark.usefixtures("process")
def test_a_killed_worker_is_replaced_long_before_its_lease_ends(tmp_path):
    """The next process proves that the worker is dead, and need not wait."""
    url = f"sqlite:{tmp_path / 'tasks.db'}"
    with open_store(url) as store:
        task = stored(store)

        def be_killed(url):
            with open_store(url) as store:

                def work_for(leased, task):
                    record_more(leased, task.id, messages=[{"role": "user"}])
                    die()

                work_next(store, work_for, seconds=1e6)

        ended = in_new_process(be_killed, url)
        assert ended.how.startswith("killed")
        assert store.get(task.id).state == "running"

        finished = work_next(store, done)

    assert (finished.state, finished.attempt) == ("completed", 2)


def test_outcome_unknown_goes_on_to_whoever_named_the_task(store):
    """The question is stored, and the caller is told."""
    task = stored(store)
    unknown = OutcomeUnknown(task.id, "deploy-api", "no reply")

    with pytest.raises(OutcomeUnknown):
        work_on(store, task.id, raising(unknown))

    assert store.get(task.id).state == "waiting"
