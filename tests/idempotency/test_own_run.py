"""A task run by a function that knows less than ours, as in exercise 03."""

import functools

import pytest
from answers import idempotency_answers as answers
from answers import retry_answers

from agentstate_lab.errors import (
    ApprovalNeeded,
    Conflict,
    IllegalTransition,
    InvalidValue,
    StoreError,
    TaskInProgress,
    VersionConflict,
)
from agentstate_lab.idempotency import execute_task, execute_with, resume_task
from agentstate_lab.idempotency.own_run import SignedStore, release_orphan
from agentstate_lab.lab.agents import durable_agent
from agentstate_lab.lab.crash import crash_matrix
from agentstate_lab.lab.processes import in_new_process
from agentstate_lab.state import AppendFacts, Fact, StatePatch, Task
from agentstate_lab.stores import (
    MemoryStore,
    execute_step,
    is_gone,
    open_store,
    record_more,
    working,
)

RIGHT = {**answers.RIGHT, "resume": resume_task}


def wrong(name):
    """A wrong answer, by its name."""
    return answers.WRONG[name].answer


executes = pytest.mark.parametrize("execute", RIGHT.values(), ids=list(RIGHT))


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    """One of the answers makes a lock file where it stands."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def store():
    """A store with one task."""
    opened = MemoryStore()
    opened.submit(Task.new("deploy", task_id="t"))
    return opened


def note(store, key="note"):
    """What somebody else writes to the task."""

    def noted(task):
        learned = AppendFacts(facts=(Fact(key=key, value="seen"),))
        patch = StatePatch(id=key, base_version=task.version, operations=(learned,))
        return task.apply(patch)

    return execute_step(store, "t", noted)


@executes
def test_the_work_may_save_its_steps_in_between(store, execute):
    """The end is saved on top of them, whatever version the function still has."""

    def work(user_input):
        seen.append(store.get("t"))
        for key in ("one", "two"):
            note(store, key)
        record_more(store, "t", messages=[{"role": "assistant", "content": "hm"}])
        return f"{user_input}: done"

    seen = []

    task = execute_with(execute, store, "t", work)

    assert (task.state, task.result, task.error) == ("completed", "deploy: done", None)
    assert task.owner is None
    assert [fact.key for fact in task.agent_state.known_facts] == ["one", "two"]
    assert (len(seen), seen[0].state) == (1, "running")
    assert is_gone(seen[0].owner)  # by now


@executes
def test_a_failure_is_stored_and_raised_and_the_next_call_goes_on(store, execute):
    """As the exercise asks, although the work has written meanwhile."""

    def broken(user_input):
        note(store)
        raise LookupError("no such service")

    with pytest.raises(LookupError):
        execute_with(execute, store, "t", broken)
    failed = store.get("t")
    task = execute_with(execute, store, "t", str.upper)

    assert failed.state == "failed"
    assert "no such service" in failed.error
    assert (task.state, task.result, task.error) == ("completed", "DEPLOY", None)


@executes
def test_a_question_makes_the_task_wait(store, execute):
    """Also when the function has stored it as a failure; nobody owns the task then."""

    def asking(user_input):
        note(store)
        raise ApprovalNeeded("t", "deploy-api", "it is risky")

    with pytest.raises(ApprovalNeeded):
        execute_with(execute, store, "t", asking)

    task = store.get("t")
    assert (task.state, task.owner) == ("waiting", None)
    assert task.agent_state.open_questions == ("May deploy-api run?",)
    assert "it is risky" in task.error


@executes
def test_a_task_that_somebody_cancels_stays_cancelled(store, execute):
    """The function's last save is refused, and so is the record of a question."""

    def work(user_input):
        execute_step(store, "t", lambda t: t.replace(state="cancelled", owner=None))
        raise ApprovalNeeded("t", "deploy-api", "it is risky")

    with pytest.raises((ApprovalNeeded, Conflict, IllegalTransition)):
        execute_with(execute, store, "t", work)

    assert store.get("t").state == "cancelled"
    assert store.get("t").agent_state.open_questions == ()


@executes
@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_a_polite_death_lets_go_of_the_task(store, execute, stop):
    """Whoever comes next need not wait, nor prove anything."""

    def stopped(user_input):
        note(store)
        raise stop

    with pytest.raises(stop):
        execute_with(execute, store, "t", stopped)
    left = store.get("t")
    task = execute_with(execute, store, "t", str.upper)

    assert left.state in ("pending", "failed")
    assert left.owner is None
    assert task.state == "completed"


def test_a_store_that_fails_at_the_end_stops_nobody_from_dying(store, monkeypatch):
    """The interrupt comes out; the claim of a dead process does no harm."""
    save = store.save

    def failing(task, **more):
        if task.state == "pending":
            raise StoreError("memory", "the disk is gone")
        return save(task, **more)

    def stopped(user_input):
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "save", failing)
    with pytest.raises(KeyboardInterrupt):
        execute_with(answers.RIGHT["plain"], store, "t", stopped)
    monkeypatch.undo()

    assert store.get("t").state == "running"
    assert execute_with(resume_task, store, "t", str.upper).state == "completed"


@executes
def test_a_task_that_somebody_is_working_on_is_left_alone(store, execute, monkeypatch):
    """Whether the function raises, returns or gives up waiting."""
    monkeypatch.setattr(answers.time, "sleep", lambda seconds: None)
    ran = []

    def work(user_input):
        with pytest.raises(TaskInProgress):
            execute_with(execute, store, "t", ran.append)
        return "done"

    task = execute_with(execute, store, "t", work)

    assert (task.result, ran) == ("done", [])


@pytest.mark.parametrize(
    "execute",
    [wrong("runs-what-is-running"), wrong("returns-nothing")],
    ids=["runs-what-is-running", "returns-nothing"],
)
def test_a_live_worker_s_task_cannot_be_saved_by_another(store, execute):
    """A function that does not ask is stopped by the store that it is given."""
    with working() as somebody:
        execute_step(store, "t", lambda t: t.replace(state="running", owner=somebody))

        with pytest.raises(TaskInProgress):
            execute_with(execute, store, "t", str.upper)

    assert store.get("t").owner == somebody


@pytest.mark.parametrize(
    ("execute", "result"),
    [
        pytest.param(wrong("returns-nothing"), "DEPLOY", id="nothing"),
        pytest.param(wrong("returns-the-result"), "DEPLOY", id="the-result"),
        pytest.param(wrong("returns-what-it-saved"), "DEPLOY", id="an-old-copy"),
        pytest.param(wrong("runs-what-is-running"), "DEPLOY", id="never-in-progress"),
        pytest.param(wrong("loses-the-result"), None, id="without-a-result"),
    ],
)
def test_what_the_function_returns_is_not_asked(store, execute, result):
    """The store knows how the task ended."""
    task = execute_with(execute, store, "t", str.upper)

    assert (task.state, task.result) == ("completed", result)


@pytest.mark.parametrize(
    ("execute", "said"),
    [
        pytest.param(wrong("nothing"), "the task is pending", id="does-nothing"),
        pytest.param(
            lambda store, task_id, work: store.save(
                store.get(task_id).replace(state="running")
            ),
            "the task is running",
            id="leaves-it-running",
        ),
    ],
)
def test_a_function_that_does_not_end_the_task_is_told_so(store, execute, said):
    """Nobody is made to believe that something has run; the next call may run it."""
    with pytest.raises(InvalidValue, match=said):
        execute_with(execute, store, "t", str.upper)

    assert execute_with(execute_task, store, "t", str.upper).state == "completed"


def test_what_a_function_swallows_is_not_lost(store):
    """It stores the failure and tells nobody: the store is asked."""

    def broken(user_input):
        raise ValueError("no such service")

    task = execute_with(wrong("swallows"), store, "t", broken)

    assert (task.state, task.error) == ("failed", "no such service")


def test_the_errors_of_the_function_itself_come_out(store):
    """A stub, for example."""

    def stub(store, task_id, work):
        raise NotImplementedError("exercise 03")

    with pytest.raises(NotImplementedError, match="exercise 03"):
        execute_with(stub, store, "t", str.upper)

    assert store.get("t").version == 1


@pytest.mark.usefixtures("process")
def test_a_task_whose_worker_was_killed_is_released_first(tmp_path):
    """The plain function cannot tell; the signature in its save can."""
    url = f"json:{tmp_path / 'tasks.json'}"
    open_store(url).submit(Task.new("deploy", task_id="t"))

    def killed():
        from agentstate_lab.lab.crash import die

        execute_with(answers.right, open_store(url), "t", lambda user_input: die())

    ended = in_new_process(killed)
    left = open_store(url).get("t")
    task = execute_with(answers.right, open_store(url), "t", str.upper)

    assert "killed" in ended.how
    assert (left.state, is_gone(left.owner)) == ("running", True)
    assert task.state == "completed"


def test_nothing_is_released_that_is_not_proved_to_be_an_orphan(store):
    """Neither a live worker's task, nor one that nobody signed; no version is used."""
    before = [store.get("t")]
    release_orphan(store, "t")
    with working() as somebody:
        for owner in (somebody, None):
            saved = store.get("t").replace(state="running", owner=owner)
            before.append(store.save(saved))
            release_orphan(store, "t")

            assert store.get("t") == before[-1]

    assert store.get("t").version == 3


@pytest.fixture
def signed(store):
    """The store as a function sees it that has just claimed the task."""
    with working() as me:
        view = SignedStore(store, me)
        claimed = view.save(view.get("t").replace(state="running"))
        yield view, claimed


def test_a_task_in_hand_keeps_its_version(store, signed):
    """What was written meanwhile is shown, as if it had been there from the start."""
    view, claimed = signed
    note(store)

    shown = view.get("t")

    assert shown.version == claimed.version < store.get("t").version
    assert shown.agent_state.fact("note") == "seen"


def test_an_older_copy_of_a_task_in_hand_is_refused(store, signed):
    """Compare-and-set holds for the function's own saves."""
    view, claimed = signed
    view.save(claimed.replace(attempt=1))

    with pytest.raises(VersionConflict):
        view.save(claimed.replace(state="completed"))

    assert store.get("t").state == "running"


def test_only_what_the_function_decides_about_is_laid_over(store, signed):
    """Its copy of the state is old, and must not undo what was learned."""
    view, claimed = signed
    note(store)

    view.save(claimed.replace(state="completed", result="done", attempt=4))

    task = store.get("t")
    assert (task.state, task.result, task.attempt) == ("completed", "done", 4)
    assert task.agent_state.fact("note") == "seen"
    assert task.owner is None


def test_a_write_that_comes_between_is_laid_under_and_not_lost(store, signed):
    """Also one that comes between the last look and the save."""
    view, claimed = signed
    save, left = store.save, ["late"]

    def interrupted(task, **more):
        while left:
            note(store, left.pop())
        return save(task, **more)

    store.save = interrupted
    view.save(claimed.replace(state="completed", result="done"))

    assert store.get("t").result == "done"
    assert store.get("t").agent_state.fact("late") == "seen"


def test_a_task_in_hand_that_was_ended_by_others_cannot_be_saved(store, signed):
    """Cancelled is cancelled."""
    view, claimed = signed
    execute_step(store, "t", lambda t: t.replace(state="cancelled", owner=None))

    with pytest.raises(VersionConflict):
        view.save(claimed.replace(state="completed"))


def plain_agent(job):
    """The agent on functions as they are written in exercises 03 and 04."""
    execute, retry = answers.right, retry_answers.RIGHT["plain"]
    return durable_agent(job, execute=execute, retry=retry)


@pytest.mark.usefixtures("world", "quick")
def test_an_agent_on_such_a_function_survives_its_deaths():
    """Killed in the claim, around an effect and its records, and in the last save."""
    points = ["write.inside:2", "effect.inside:1", "write.after:6", "write.inside:12"]

    matrix = crash_matrix(plain_agent, scenario="disk", points=points)

    assert matrix.survived == len(points), str(matrix)


def test_a_bound_function_is_as_good_as_a_plain_one(store):
    """Whatever can be called with a store, an id and the work."""
    bound = functools.partial(execute_task, max_attempts=2)

    assert execute_with(bound, store, "t", str.upper).state == "completed"
