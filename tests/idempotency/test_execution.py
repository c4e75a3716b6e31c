"""A whole task: claimed before it runs, resumed when its worker is gone."""

import pytest

from agentstate_lab.errors import (
    AttemptsUsedUp,
    IllegalTransition,
    InvalidValue,
    OutcomeUnknown,
    StoreError,
    TaskInProgress,
    TaskNotFound,
    VersionConflict,
)
from agentstate_lab.idempotency import (
    execute_task,
    recover,
    resolve,
    resume_task,
    run_once,
)
from agentstate_lab.lab.contracts.store import PATHS, stored
from agentstate_lab.lab.crash import die
from agentstate_lab.lab.processes import in_new_process
from agentstate_lab.state import Owner, Task, TaskState
from agentstate_lab.stores import (
    MAX_ATTEMPTS,
    MemoryStore,
    claim,
    end,
    is_gone,
    open_store,
    text_of,
    working,
)
from agentstate_lab.stores.claim import MAX_ERROR


@pytest.fixture
def store(clock):
    """An empty store."""
    return MemoryStore(clock=clock)


def gone():
    """An owner whose run has ended."""
    with working() as owner:
        pass
    return owner


def left_by(store, owner, key="k"):
    """A running task in the hands of *owner*."""
    task = stored(store, key)
    return store.save(task.replace(state="running", owner=owner, attempt=1))


def never(asked):
    """Work that must not be called."""
    pytest.fail("the work ran")


def failing(asked):
    """Work that fails."""
    raise RuntimeError("no space left")


def test_the_task_is_claimed_before_its_work_runs(store):
    """While the work runs, the store says running, by whom, and which attempt."""
    task, seen = stored(store), []

    def work(asked):
        running = store.get(task.id)
        seen.append((asked, running, is_gone(running.owner)))
        return "done"

    finished = execute_task(store, task.id, work)

    ((asked, running, worker_gone),) = seen
    assert asked == "Clean the logs"
    assert (running.state, running.attempt) == ("running", 1)
    assert not worker_gone
    assert (finished.state, finished.result, finished.owner) == (
        "completed",
        "done",
        None,
    )
    assert store.get(task.id) == finished


def test_a_completed_task_is_returned_with_its_result(store):
    """A repeat gets what the first call got, and nothing runs."""
    task = stored(store)
    first = execute_task(store, task.id, lambda asked: "done")

    assert execute_task(store, task.id, never) == first
    assert resume_task(store, task.id, never) == first


def test_a_failure_is_stored_and_goes_on_to_the_caller(store):
    """The reason is in the task, and nothing is in progress any more."""
    task = stored(store)

    with pytest.raises(RuntimeError, match="no space left"):
        execute_task(store, task.id, failing)

    failed = store.get(task.id)
    assert (failed.state, failed.error, failed.owner) == (
        "failed",
        "no space left",
        None,
    )


def test_a_task_that_failed_can_be_run_again_and_forgets_the_error(store):
    """Completed with an old error text would say two things at once."""
    task = stored(store)
    with pytest.raises(RuntimeError):
        execute_task(store, task.id, failing)

    finished = execute_task(store, task.id, lambda asked: "done")

    assert (finished.state, finished.error, finished.attempt) == ("completed", None, 2)


def test_a_running_task_is_not_executed_whoever_owns_it(store):
    """`execute_task` takes nothing over; that is for `resume_task`."""
    task = left_by(store, gone())

    with pytest.raises(TaskInProgress):
        execute_task(store, task.id, never)


def test_a_task_of_a_worker_that_is_gone_is_resumed_at_once(store):
    """No lease has to expire: the worker is proved to be gone."""
    task = left_by(store, gone())

    finished = resume_task(store, task.id, lambda asked: "done")

    assert (finished.state, finished.attempt) == ("completed", 2)


@pytest.mark.parametrize(
    "owner",
    [
        pytest.param("alive", id="alive"),
        pytest.param(None, id="nobody-named"),
        pytest.param(
            Owner(boot_id="elsewhere 1 pid", pid=1, started_at=1, run_id="r"),
            id="on-another-machine",
        ),
    ],
)
def test_a_task_is_not_taken_from_a_worker_that_may_be_alive(store, owner):
    """What cannot be proved counts as alive, or live work would be done twice."""
    with working() as somebody:
        task = left_by(store, somebody if owner == "alive" else owner)

        with pytest.raises(TaskInProgress):
            resume_task(store, task.id, never)

        assert store.get(task.id) == task


def test_attempts_are_counted_at_the_claim_and_then_used_up(store):
    """A task that kills its worker never gets as far as failing; it still ends."""
    task = left_by(store, gone())
    task = store.save(task.replace(attempt=MAX_ATTEMPTS))

    with pytest.raises(AttemptsUsedUp, match="5 times") as caught:
        resume_task(store, task.id, never)

    assert caught.value.attempts == MAX_ATTEMPTS
    assert store.get(task.id).state == "dead"
    with pytest.raises(IllegalTransition, match="from dead to running"):
        resume_task(store, task.id, never)


@pytest.mark.parametrize("state", [TaskState.PENDING, TaskState.FAILED])
def test_a_task_with_no_attempt_left_dies_whatever_its_state(store, state):
    """Also when it is released or has failed as often."""
    task = stored(store, "k", *PATHS[state])

    with pytest.raises(AttemptsUsedUp):
        execute_task(store, task.id, never, max_attempts=0)

    assert store.get(task.id).state == "dead"


@pytest.mark.parametrize("death", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_a_polite_death_releases_the_task(store, death):
    """The next worker need not wait, and the attempt is given back."""
    task = stored(store)

    def work(asked):
        raise death

    with pytest.raises(death):
        execute_task(store, task.id, work)

    released = store.get(task.id)
    assert (released.state, released.owner, released.attempt) == ("pending", None, 0)


class Interrupting(MemoryStore):
    """A store whose process is told to stop when a task is stored as completed."""

    def save(self, task, **more):
        """Save, and be interrupted before the caller hears of it."""
        saved = super().save(task, **more)
        if saved.state == "completed":
            raise KeyboardInterrupt
        return saved


class Failing(MemoryStore):
    """A store that takes no release."""

    def save(self, task, **more):
        """Save anything but that."""
        if task.state == "pending":
            raise StoreError("memory", "the disk is gone")
        return super().save(task, **more)


@pytest.mark.parametrize(
    ("store", "state"),
    [
        pytest.param(Interrupting(), "completed", id="it-has-ended-already"),
        pytest.param(Failing(), "running", id="the-store-fails"),
    ],
)
def test_what_cannot_be_released_stops_nobody_from_dying(store, state):
    """The interrupt comes out, and no error of the store in its place."""
    task = stored(store)

    def work(asked):
        if state == "running":
            raise KeyboardInterrupt
        return "done"

    with pytest.raises(KeyboardInterrupt):
        execute_task(store, task.id, work)

    assert store.get(task.id).state == state


def test_an_unknown_outcome_makes_the_task_wait_for_a_person(store):
    """The question is in the task, and nothing runs until it is answered."""
    task, asked_for = stored(store), []

    def work(asked):
        def effect(key):
            asked_for.append(key)
            if len(asked_for) == 1:
                raise ConnectionResetError
            return "late receipt"

        return str(run_once(store, task.id, "announce", effect))

    with pytest.raises(OutcomeUnknown):
        execute_task(store, task.id, work)
    waiting = store.get(task.id)
    same = resume_task(store, task.id, never)
    resolve(store, task.id, "announce", happened=True, result="receipt 7")
    answered = store.get(task.id)
    finished = resume_task(store, task.id, work)

    assert waiting.state == "waiting"
    assert waiting.agent_state.open_questions == ("Did announce happen?",)
    assert same == waiting
    assert (answered.state, answered.agent_state.open_questions) == ("pending", ())
    assert (finished.state, finished.result) == ("completed", "receipt 7")
    assert len(asked_for) == 1


def test_a_result_that_is_no_text_fails_the_task(store):
    """The work ran; its mistake is stored and told."""
    task = stored(store)

    with pytest.raises(InvalidValue, match="result"):
        execute_task(store, task.id, lambda asked: 7)

    assert store.get(task.id).state == "failed"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        pytest.param("", "RuntimeError", id="no-text"),
        pytest.param("\ud800", "?", id="lone-surrogate"),
        pytest.param("x" * 10_000_000, "x" * MAX_ERROR, id="ten-megabytes"),
    ],
)
def test_any_error_text_can_be_stored(store, text, kept):
    """A strange or endless text must not keep the failure from being stored."""
    task = stored(store)

    def work(asked):
        raise RuntimeError(text)

    with pytest.raises(RuntimeError):
        execute_task(store, task.id, work)

    assert store.get(task.id).error == kept == text_of(RuntimeError(text))


def test_an_unknown_task_is_named(store):
    """Nothing is submitted behind anybody's back."""
    for run in (execute_task, resume_task):
        with pytest.raises(TaskNotFound, match="'nobody'"):
            run(store, "nobody", never)


def test_recover_takes_over_what_is_orphaned_and_nothing_else(store):
    """Dead workers' tasks are run, live ones' are not, and each is claimed."""
    orphans = [left_by(store, gone(), f"orphan-{n}") for n in range(3)]
    stored(store, "pending")
    with working() as somebody:
        live = left_by(store, somebody, "live")

        taken = recover(store, lambda task: lambda asked: f"{task.id} done")

    assert [task.id for task in taken] == sorted(task.id for task in orphans)
    assert {task.state for task in taken} == {TaskState.COMPLETED}
    assert store.get(live.id) == live
    assert len(store.list_by_state("pending")) == 1


def test_recover_goes_on_when_one_task_fails_again(store):
    """One poisoned task must not keep the others from being found."""
    ids = sorted(left_by(store, gone(), f"orphan-{n}").id for n in range(3))

    def work_for(task):
        return failing if task.id == ids[0] else lambda asked: "done"

    taken = recover(store, work_for)

    assert [(task.id, task.state) for task in taken] == [
        (ids[0], "failed"),
        (ids[1], "completed"),
        (ids[2], "completed"),
    ]


def test_recover_leaves_what_another_was_quicker_to_take(store):
    """Between the list and the claim, somebody else may come."""
    task = left_by(store, gone())
    with working() as quicker:

        def work_for(found):
            claim(store, found.id, quicker, take_over=is_gone)
            return never

        taken = recover(store, work_for)

    assert taken == []
    assert store.get(task.id).owner == quicker


def test_a_run_that_was_taken_over_ends_nothing(store):
    """A late worker cannot complete what is no longer its own."""
    task = stored(store)
    with working() as late, working() as new:
        claim(store, task.id, late)
        claim(store, task.id, new, take_over=lambda owner: True)

        with pytest.raises(TaskInProgress):
            end(store, task.id, late, state="completed", result="late")

    assert store.get(task.id).owner == new


def test_a_claim_that_loses_a_race_reads_again(store, monkeypatch):
    """A conflict is no answer yet: the other may have failed already."""
    task, saved = stored(store), []
    save = store.save

    def contended(changed, **more):
        if not saved:
            saved.append(changed)
            raise VersionConflict(task.id, expected=1, found=2)
        return save(changed, **more)

    monkeypatch.setattr(store, "save", contended)
    with working() as me:
        claimed = claim(store, task.id, me)

    assert claimed.owner == me


def by_hand(store, task_id, work):
    """Run a task as exercise 03 does it, which names no owner."""
    task = store.get(task_id)
    store.save(task.replace(state="running"))
    work(task.user_input)


@pytest.mark.usefixtures("process")
@pytest.mark.parametrize(
    ("run", "attempts"), [(execute_task, 2), (by_hand, 1)], ids=["claim", "save"]
)
def test_a_killed_worker_is_known_to_be_gone_by_the_next_process(
    tmp_path, run, attempts
):
    """A real SIGKILL: the task says running, and its owner is proved to be dead."""
    url = f"json:{tmp_path / 'tasks.json'}"
    task = open_store(url).submit(Task.new("Deploy the shop.", key="shop")).task

    killed = in_new_process(lambda: run(open_store(url), task.id, lambda asked: die()))
    left = open_store(url).get(task.id)
    [finished] = recover(open_store(url), lambda task: lambda asked: "done")

    assert "SIGKILL" in killed.how
    assert (left.state, is_gone(left.owner)) == ("running", True)
    assert (finished.state, finished.attempt) == ("completed", attempts)
