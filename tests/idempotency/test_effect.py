"""One step: three outcomes, three ways to resolve the unknown, and the key."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import values

from agentstate_lab.errors import (
    EffectRefused,
    IllegalTransition,
    InvalidValue,
    KeyReused,
    OutcomeUnknown,
    ReplyLost,
    TaskInProgress,
    TaskNotFound,
)
from agentstate_lab.idempotency import resolve, run_once
from agentstate_lab.idempotency.effect import BUSY_REQUESTS, BUSY_WAIT
from agentstate_lab.lab.crash import die
from agentstate_lab.lab.processes import all_at_once, in_new_process
from agentstate_lab.lab.world import is_key
from agentstate_lab.state import StepRecord, StepStatus, Task, key_for
from agentstate_lab.state.step import MAX_KEY
from agentstate_lab.stores import MemoryStore, open_store, working


@pytest.fixture
def store(clock):
    """A store with one running task, `friday`."""
    store = MemoryStore(clock=clock)
    task = store.submit(Task.new("Deploy the shop.", task_id="friday")).task
    store.save(task.replace(state="running"))
    return store


class Receiver:
    """
    A service that notes each request, and fails as it is told.

    Attributes:
        keys: The key of each request.
    """

    def __init__(self, *failures):
        self.keys = []
        self.failures = list(failures)

    def __call__(self, key):
        """Note the request; fail, or answer with its number."""
        self.keys.append(key)
        if self.failures and (failure := self.failures.pop(0)):
            raise failure
        return {"receipt": len(self.keys)}


class StatusError(Exception):
    """What a client raises that knows nothing of this course."""

    def __init__(self, status_code):
        super().__init__(f"status {status_code}")
        self.status_code = status_code


def status(store, step="deploy-api"):
    """The status of the step's record."""
    (found,) = (one for one in store.steps("friday") if one.name == step)
    return found.status


def test_a_step_runs_and_its_result_is_recorded(store):
    """The intent is there before the effect, the result after it."""
    seen = []

    def effect(key):
        seen.append((key, status(store)))
        return {"receipt": 1}

    result = run_once(store, "friday", "deploy-api", effect)

    (record,) = store.steps("friday")
    assert seen == [("friday/deploy-api", "started")]
    assert (record.status, record.result, record.attempt) == ("done", result, 1)


def test_a_refusal_lets_the_next_call_try_again(store):
    """Who says that nothing happened is believed; the error goes on to the caller."""
    receiver = Receiver(EffectRefused(429, "rate_limit_exceeded", "slow down"))

    with pytest.raises(EffectRefused):
        run_once(store, "friday", "deploy-api", receiver)
    (refused,) = store.steps("friday")
    result = run_once(store, "friday", "deploy-api", receiver)

    assert refused.status == "not_started"
    assert "slow down" in refused.error
    assert result == {"receipt": 2}
    assert store.steps("friday")[0].attempt == 2


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(ReplyLost("no reply"), id="reply-lost"),
        pytest.param(ConnectionResetError("reset"), id="connection-reset"),
        pytest.param(TimeoutError("too slow"), id="timeout"),
        pytest.param(StatusError(500), id="500"),
        pytest.param(StatusError(408), id="408"),
        pytest.param(RuntimeError(), id="no-text"),
    ],
)
def test_an_error_that_proves_nothing_leaves_the_outcome_unknown(store, error):
    """The third outcome: it is neither recorded as done nor taken for not started."""
    receiver = Receiver(error)

    with pytest.raises(OutcomeUnknown, match="unknown") as caught:
        run_once(store, "friday", "deploy-api", receiver)
    with pytest.raises(OutcomeUnknown, match="never reported"):
        run_once(store, "friday", "deploy-api", receiver)

    assert caught.value.__cause__ is error
    assert (caught.value.task_id, caught.value.step) == ("friday", "deploy-api")
    assert status(store) == "started"
    assert len(receiver.keys) == 1


@pytest.mark.parametrize("code", [400, 401, 403, 404, 422, 429])
def test_a_refusal_of_a_stranger_is_known_by_its_status(store, code):
    """Whatever class the client has: a status from 400 to 499 is an answer."""
    with pytest.raises(StatusError):
        run_once(store, "friday", "deploy-api", Receiver(StatusError(code)))

    assert status(store) == "not_started"


def test_an_unknown_outcome_is_resolved_by_asking_with_the_same_key(store):
    """The receiver knows the key, so asking again does not do it again."""
    receiver = Receiver(ReplyLost("no reply"))
    with pytest.raises(ReplyLost):
        run_once(store, "friday", "deploy-api", receiver, if_unknown="resend")
    between = status(store)

    run_once(store, "friday", "deploy-api", receiver, if_unknown="resend")

    assert between == "started"
    assert receiver.keys == ["friday/deploy-api"] * 2
    assert status(store) == "done"


def test_what_is_safe_to_repeat_needs_no_intent(store):
    """Nobody will ask whether it was begun: one write less."""
    before = store.get("friday").version

    run_once(store, "friday", "look", Receiver(), if_unknown="repeat")

    assert store.get("friday").version == before + 1


@pytest.mark.parametrize("happened", [True, False])
def test_a_person_resolves_it(store, happened):
    """It happened: the answer is replayed. It did not: the next run may do it."""
    receiver = Receiver(ReplyLost("no reply"))
    with pytest.raises(OutcomeUnknown):
        run_once(store, "friday", "deploy-api", receiver)

    resolve(store, "friday", "deploy-api", happened=happened, result="seen by ann")
    result = run_once(store, "friday", "deploy-api", receiver)

    assert result == ("seen by ann" if happened else {"receipt": 2})


@pytest.mark.parametrize("happened", [True, False])
def test_the_same_answer_once_more_changes_nothing(store, happened):
    """Two people look, or one clicks twice; the other answer is refused."""
    with pytest.raises(OutcomeUnknown):
        run_once(store, "friday", "deploy-api", Receiver(ReplyLost("no reply")))

    answers = [
        resolve(store, "friday", "deploy-api", happened=happened, result="seen")
        for _ in range(2)
    ]

    assert answers[0] == answers[1] == store.get("friday")
    for other in ({"happened": not happened}, {"result": "not seen"}):
        with pytest.raises(InvalidValue, match="not unknown"):
            resolve(
                store,
                "friday",
                "deploy-api",
                **{"happened": happened, "result": "seen", **other},
            )


def test_only_an_unknown_outcome_can_be_resolved(store):
    """What is known needs no word of a person, and what runs gets none."""
    with pytest.raises(InvalidValue, match="never begun"):
        resolve(store, "friday", "deploy-api", happened=True)
    run_once(store, "friday", "deploy-api", Receiver())
    with pytest.raises(InvalidValue, match="it is done"):
        resolve(store, "friday", "deploy-api", happened=False)
    with working() as somebody:
        task = store.get("friday")
        live = StepRecord(
            name="s", status="started", key="k", fingerprint="f", owner=somebody
        )
        store.save(task, steps=[live])
        with pytest.raises(TaskInProgress):
            resolve(store, "friday", "s", happened=True)


def test_the_same_step_with_another_request_is_refused(store):
    """A step names one intent; another request under its name is a mistake."""
    run_once(store, "friday", "deploy", lambda key: 1, request={"service": "api"})

    with pytest.raises(KeyReused, match="friday/deploy"):
        run_once(store, "friday", "deploy", lambda key: 2, request={"service": "web"})

    assert (
        run_once(store, "friday", "deploy", lambda key: 3, request={"service": "api"})
        == 1
    )


def test_a_receiver_that_is_still_at_it_is_waited_for(store, clock):
    """409 is no failure: ask again, with the same key, after a moment."""
    busy = StatusError(409)
    receiver = Receiver(busy, busy)

    run_once(store, "friday", "deploy-api", receiver, sleep=clock.sleep)

    assert clock.slept == [BUSY_WAIT, BUSY_WAIT]
    assert set(receiver.keys) == {"friday/deploy-api"}


def test_a_receiver_that_is_busy_for_ever_leaves_the_outcome_unknown(store, clock):
    """It may be doing the work of a request of ours that died."""
    receiver = Receiver(*[StatusError(409)] * 99)

    with pytest.raises(OutcomeUnknown):
        run_once(store, "friday", "deploy-api", receiver, sleep=clock.sleep)

    assert len(receiver.keys) == BUSY_REQUESTS
    assert len(clock.slept) == BUSY_REQUESTS - 1


def test_a_reused_key_at_the_receiver_is_permanent(store, clock):
    """422 is not asked again: the key belongs to another request."""
    receiver = Receiver(EffectRefused(422, "key_reused", "used for another request"))

    with pytest.raises(EffectRefused, match="another request"):
        run_once(store, "friday", "deploy-api", receiver, sleep=clock.sleep)

    assert (len(receiver.keys), clock.slept) == (1, [])


def test_an_interrupt_leaves_the_outcome_unknown(store):
    """Ctrl-C in the middle of an effect says nothing about the effect."""

    def effect(key):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_once(store, "friday", "deploy-api", effect)

    assert status(store) == "started"
    with pytest.raises(OutcomeUnknown):
        run_once(store, "friday", "deploy-api", Receiver())


def test_a_step_that_another_worker_is_at_is_left_alone(store):
    """The second caller is told so while the first is still inside."""
    inside, let_go, ends = threading.Event(), threading.Event(), []

    def slow(key):
        inside.set()
        let_go.wait(30)
        return 1

    first = threading.Thread(
        target=lambda: ends.append(run_once(store, "friday", "deploy-api", slow))
    )
    first.start()
    assert inside.wait(30)
    with pytest.raises(TaskInProgress):
        run_once(store, "friday", "deploy-api", Receiver(), if_unknown="resend")
    let_go.set()
    first.join()

    assert ends == [1]


class ReportsBetween(MemoryStore):
    """A store whose first look at a step is the last moment of who is at it."""

    last = None  # what happens right after that look

    def step(self, task_id, name):
        """The record as it was before the other one reported."""
        found = super().step(task_id, name)
        last, self.last = self.last, None
        if last is not None:
            last()
        return found


@pytest.mark.parametrize("if_unknown", ["wait", "resend", "repeat"])
def test_whoever_reports_between_two_looks_is_not_called_unknown(clock, if_unknown):
    """The record was read when it was begun; once its owner is gone, it is done."""
    store = ReportsBetween(clock=clock)
    task = store.submit(Task.new("Deploy the shop.", task_id="friday")).task
    store.save(task.replace(state="running"))
    inside, let_go = threading.Event(), threading.Event()

    def slow(key):
        inside.set()
        let_go.wait(30)
        return 1

    other = threading.Thread(
        target=lambda: run_once(store, "friday", "deploy-api", slow)
    )
    other.start()
    assert inside.wait(30)
    store.last = lambda: (let_go.set(), other.join())
    receiver = Receiver()

    result = run_once(store, "friday", "deploy-api", receiver, if_unknown=if_unknown)

    assert (result, receiver.keys) == (1, [])


def test_a_result_that_no_store_can_keep_says_that_it_happened(store):
    """The error must not claim that nothing was started."""
    with pytest.raises(InvalidValue, match=r"side effect: done") as caught:
        run_once(store, "friday", "deploy-api", lambda key: float("nan"))

    assert caught.value.effect == "done"
    assert status(store) == "started"


@pytest.mark.parametrize(
    ("step", "request_", "why"),
    [
        pytest.param("", None, "step", id="empty-name"),
        pytest.param("a\nb", None, "step", id="line-break"),
        pytest.param("x" * 201, None, "step", id="too-long"),
        pytest.param(None, None, "step", id="no-name"),
        pytest.param(7, None, "step", id="a-number"),
        pytest.param("s", {1, 2}, "step", id="a-set-as-request"),
        pytest.param("s", "\ud800", "step", id="lone-surrogate"),
    ],
)
def test_a_step_that_cannot_be_recorded_is_not_begun(store, step, request_, why):
    """A bad name or request is refused before anything is asked."""
    receiver = Receiver()

    with pytest.raises(InvalidValue, match=why):
        run_once(store, "friday", step, receiver, request=request_)

    assert receiver.keys == []


def test_a_way_to_resolve_that_does_not_exist_is_refused(store):
    """A misspelt choice must not fall through to one of the three."""
    with pytest.raises(InvalidValue, match="none of resend, repeat, wait"):
        run_once(store, "friday", "s", Receiver(), if_unknown="retry")


def test_a_task_that_is_unknown_or_has_ended_begins_no_step(store):
    """Cancelling a task keeps its next effect from starting."""
    receiver = Receiver()
    store.save(store.get("friday").replace(state="cancelled"))

    with pytest.raises(IllegalTransition):
        run_once(store, "friday", "deploy-api", receiver)
    with pytest.raises(TaskNotFound):
        run_once(store, "monday", "deploy-api", receiver)

    assert receiver.keys == []


names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=200)


@given(names, names)
def test_every_key_can_travel_and_is_the_same_in_every_run(task_id, step):
    """Printable, short enough, and from nothing but the intent."""
    key = key_for(task_id, step)

    assert is_key(key)
    assert len(key) <= MAX_KEY
    assert key == key_for(task_id, step)


@given(names, names, names, names)
def test_no_two_intents_share_a_key(task, step, other_task, other_step):
    """The border between task and step is part of the key."""
    same = (task, step) == (other_task, other_step)

    assert (key_for(task, step) == key_for(other_task, other_step)) == same


@given(values)
def test_any_stored_result_is_replayed_as_it_was(result):
    """To the letter, and what looks like nothing is a result, too."""
    store = MemoryStore(clock=lambda: 0.0)
    store.submit(Task.new("Deploy the shop.", task_id="friday"))
    run_once(store, "friday", "s", lambda key: result)

    assert run_once(store, "friday", "s", Receiver()) == result


@pytest.mark.usefixtures("process")
def test_a_worker_that_is_killed_leaves_the_outcome_unknown(tmp_path):
    """A real death between the effect and its record; the next process finds it."""
    url, ledger = f"json:{tmp_path / 'tasks.json'}", tmp_path / "ledger"
    open_store(url).submit(Task.new("Deploy the shop.", task_id="friday"))

    def effect(key):
        with ledger.open("a") as out:
            out.write(f"{key}\n")
        die()

    killed = in_new_process(lambda: run_once(open_store(url), "friday", "api", effect))

    with pytest.raises(OutcomeUnknown):
        run_once(open_store(url), "friday", "api", effect)
    assert "SIGKILL" in killed.how
    assert ledger.read_text() == "friday/api\n"
    assert open_store(url).steps("friday")[0].status is StepStatus.STARTED


@pytest.mark.usefixtures("process")
def test_of_several_processes_one_runs_the_step(tmp_path):
    """Compare-and-set on the intent decides between processes, too."""
    url, ledger = f"json:{tmp_path / 'tasks.json'}", tmp_path / "ledger"
    open_store(url).submit(Task.new("Deploy the shop.", task_id="friday"))

    def call(name, barrier):
        store = open_store(url)

        def effect(key):
            with ledger.open("a") as out:
                out.write(f"{name}\n")
            return name

        barrier()
        try:
            return run_once(store, "friday", "deploy-api", effect)
        except TaskInProgress:
            return "in progress"

    ends = all_at_once(call, [f"p{n}" for n in range(4)])

    winner = ledger.read_text().split()
    assert all(end.returned for end in ends)
    assert len(winner) == 1
    assert {end.value for end in ends} <= {winner[0], "in progress"}
