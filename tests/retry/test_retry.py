"""Trying again: as often as declared, not too soon, and never with harm."""

import contextlib
import random
import threading
from dataclasses import FrozenInstanceError

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import policies

from agentstate_lab import errors
from agentstate_lab.lab.clock import FakeClock
from agentstate_lab.lab.world import connect_model, task_header
from agentstate_lab.retry import Kind, RetryBudget, RetryPolicy, execute_with_retry
from agentstate_lab.retry.retry import FailedAttempt

NOTHING_HAPPENED = errors.StoreBusy("tasks.json", "the lock was not free")
BUSY = errors.EffectRefused(429, None, "too busy", retry_after=2.0)
LOST = errors.ReplyLost("no reply came back")
NO = errors.Permanent("no such account")
SILENT = ConnectionError("reset")


class Flaky:
    """A call that raises or returns its *outcomes* in turn, the last one for ever."""

    def __init__(self, *outcomes):
        self.outcomes = outcomes
        self.calls = 0

    def __call__(self):
        """Raise or return what is next."""
        outcome = self.outcomes[min(self.calls, len(self.outcomes) - 1)]
        self.calls += 1
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome


class Allowance:
    """A deadline on a fake clock: all that is asked of one."""

    def __init__(self, clock, seconds):
        self.clock, self.at = clock, clock() + seconds

    def remaining(self):
        """Seconds left, negative when it has passed."""
        return self.at - self.clock()


def attempts_at(fn, *args, clock=None, **named):
    """How often *fn* was called until nothing more happened."""
    with contextlib.suppress(Exception):
        execute_with_retry(fn, *args, sleep=(clock or FakeClock()).sleep, **named)
    return fn.calls


# What a lesson may rely on.


@pytest.mark.parametrize(
    ("failures", "max_attempts", "waits"),
    [
        pytest.param(0, 3, [], id="at-once"),
        pytest.param(1, 3, [1], id="second"),
        pytest.param(2, 3, [1, 2], id="last"),
        pytest.param(4, 9, [1, 2, 4, 8], id="fifth-of-nine"),
        pytest.param(9, 10, [2**n for n in range(9)], id="no-cap"),
    ],
)
def test_without_jitter_the_waits_are_those_of_the_textbook(
    clock, failures, max_attempts, waits
):
    """One wait between two attempts, twice as long each time."""
    fn = Flaky(*[SILENT] * failures, "done")

    result = execute_with_retry(fn, max_attempts, jitter="none", sleep=clock.sleep)

    assert (result, fn.calls, clock.slept) == ("done", failures + 1, waits)


def test_after_the_last_attempt_nobody_waits(clock):
    """And the last error comes out, itself and not wrapped."""
    last = ConnectionError("third")
    fn = Flaky(ConnectionError("first"), ConnectionError("second"), last)

    with pytest.raises(ConnectionError) as caught:
        execute_with_retry(fn, 3, jitter="none", sleep=clock.sleep)

    assert caught.value is last
    assert (str(last), last.__cause__, fn.calls) == ("third", None, 3)
    assert clock.slept == [1, 2]


@pytest.mark.parametrize("value", [None, False, 0, "", [], {}, Exception])
def test_a_result_is_a_result(value):
    """An empty answer is an answer."""
    fn = Flaky(value)

    assert execute_with_retry(fn, 3) is value
    assert fn.calls == 1


def test_by_default_there_are_four_attempts_with_full_jitter(clock):
    """The waits lie anywhere below 1, 2 and 4 seconds."""
    fn = Flaky(SILENT)

    with pytest.raises(ConnectionError):
        execute_with_retry(fn, sleep=clock.sleep, rng=random.Random(1))

    assert fn.calls == 4
    assert clock.slept == list(RetryPolicy().waits(random.Random(1)))


def test_the_policy_gives_what_the_call_does_not_say(clock):
    """Arguments of the call go before those of the policy."""
    policy = RetryPolicy(max_attempts=2, wait_initial=5, jitter="full")
    fn = Flaky(SILENT)

    with pytest.raises(ConnectionError):
        execute_with_retry(fn, 4, policy=policy, jitter="none", sleep=clock.sleep)

    assert clock.slept == [5, 10, 20]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            pytest.param("max_attempts", value, id=f"max_attempts-{value!r:.12}")
            for value in (0, -1, True, False, 3.0, float("nan"), "3", 10**9)
        ),
        pytest.param("jitter", "some", id="jitter"),
        pytest.param("fn", None, id="fn"),
    ],
)
def test_what_makes_no_sense_is_refused_before_the_first_call(name, value):
    """No attempt, and nobody reads "Failed after 0 attempts"."""
    fn = Flaky("done")

    with pytest.raises(errors.InvalidValue) as caught:
        execute_with_retry(**{"fn": fn, name: value})

    assert (caught.value.name, fn.calls) == (name, 0)


def test_calls_keep_nothing_from_each_other(clock):
    """The second call starts at one second and with all its attempts."""
    for _ in range(2):
        with pytest.raises(ConnectionError):
            execute_with_retry(Flaky(SILENT), 3, jitter="none", sleep=clock.sleep)

    assert clock.slept == [1, 2, 1, 2]


def test_an_async_function_is_refused():
    """It has not begun when it returns, so its failure would be nobody's."""

    async def fn():
        raise SILENT

    with pytest.raises(errors.InvalidValue, match="awaited"):
        execute_with_retry(fn, 3)


# Which failures are followed by another attempt.


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), SystemExit(1), GeneratorExit()], ids=repr
)
def test_a_request_to_stop_goes_through(error):
    """Who presses Ctrl-C does not mean "try again"."""
    fn = Flaky(error)

    with pytest.raises(type(error)):
        execute_with_retry(fn, 3)

    assert fn.calls == 1


@pytest.mark.parametrize(
    ("error", "idempotent", "calls"),
    [
        pytest.param(NO, None, 1, id="permanent"),
        pytest.param(NO, True, 1, id="permanent-and-idempotent"),
        pytest.param(SILENT, None, 3, id="silent"),
        pytest.param(SILENT, True, 3, id="silent-and-idempotent"),
        pytest.param(SILENT, False, 1, id="silent-and-not-idempotent"),
        pytest.param(LOST, None, 1, id="unknown"),
        pytest.param(LOST, True, 3, id="unknown-and-idempotent"),
        pytest.param(LOST, False, 1, id="unknown-and-not-idempotent"),
        pytest.param(BUSY, None, 3, id="throttled"),
        pytest.param(BUSY, False, 3, id="throttled-and-not-idempotent"),
        pytest.param(NOTHING_HAPPENED, None, 3, id="not-started"),
        pytest.param(NOTHING_HAPPENED, False, 3, id="not-started-and-not-idempotent"),
    ],
)
def test_who_may_be_tried_again_depends_on_what_is_known(error, idempotent, calls):
    """An error is believed, and what may have happened is not done again unasked."""
    assert attempts_at(Flaky(error), 3, idempotent=idempotent) == calls


@pytest.mark.parametrize(
    ("said", "calls"),
    [
        pytest.param("transient", 3, id="transient"),
        pytest.param(Kind.PERMANENT, 1, id="permanent"),
        pytest.param("no idea", 1, id="not-one-of-four"),
    ],
)
def test_the_caller_may_classify(said, calls):
    """Nobody knows an odd client better than who calls it."""
    assert attempts_at(Flaky(SILENT), 3, classify=lambda error: said) == calls


@pytest.mark.parametrize(
    ("named", "said"),
    [
        pytest.param({}, "number 3: it was the last one allowed", id="used-up"),
        pytest.param(
            {"classify": lambda error: "permanent"},
            "number 1: trying again cannot help",
            id="permanent",
        ),
        pytest.param(
            {"classify": lambda error: "unknown"},
            "number 1: it may have happened, and the call is not declared idempotent",
            id="unknown",
        ),
        pytest.param(
            {"idempotent": False},
            "number 1: it may have happened, and the call is declared not idempotent",
            id="not-idempotent",
        ),
        pytest.param(
            {"deadline": Allowance(FakeClock(), 0.5)},
            "number 1: a wait of 1 s does not fit into the 0.5 s left",
            id="deadline",
        ),
        pytest.param(
            {"budget": RetryBudget(1)},
            "number 1: the retry budget is used up",
            id="budget",
        ),
    ],
)
def test_a_note_says_why_no_attempt_follows(clock, named, said):
    """The error is as it was; the traceback says one line more."""
    fn = Flaky(ConnectionError("reset"))

    with pytest.raises(ConnectionError) as caught:
        execute_with_retry(fn, 3, jitter="none", sleep=clock.sleep, **named)

    assert caught.value.args == ("reset",)
    assert caught.value.__notes__ == [f"no attempt follows {said}"]


# Waiting.


def test_the_wait_that_was_asked_for_has_jitter_on_top(clock):
    """Everybody was told the same two seconds."""
    with pytest.raises(errors.EffectRefused):
        execute_with_retry(Flaky(BUSY), sleep=clock.sleep, rng=random.Random(1))

    drawn = RetryPolicy().waits(random.Random(1))
    assert clock.slept == [2.0 + wait for wait in drawn]


def test_without_jitter_the_longer_wait_counts(clock):
    """One second of ours is too short for two of theirs."""
    with pytest.raises(errors.EffectRefused):
        execute_with_retry(Flaky(BUSY), jitter="none", sleep=clock.sleep)

    assert clock.slept == [2, 2, 4]


def test_a_date_is_held_against_the_wall_clock(clock):
    """The third form of a Retry-After."""
    headers = {"retry-after": "Sun, 06 Nov 1994 08:49:37 GMT"}
    fn = Flaky(errors.EffectRefused(429, None, "busy", headers=headers), "done")

    execute_with_retry(
        fn, jitter="none", sleep=clock.sleep, wall=lambda: 784_111_777.0 - 30
    )

    assert clock.slept == [30]


@pytest.mark.parametrize(
    ("asked", "slept"),
    [
        pytest.param(120.0, [120.0], id="two-minutes"),
        pytest.param(120.5, [], id="more"),
        pytest.param(86_400.0, [], id="a-day"),
        pytest.param(1e300, [], id="for-ever"),
    ],
)
def test_a_server_that_asks_for_too_much_has_said_no(clock, asked, slept):
    """Nobody sleeps for a day because a header says so."""
    fn = Flaky(errors.EffectRefused(429, None, "busy", retry_after=asked), "done")

    attempts_at(fn, jitter="none", clock=clock)

    assert clock.slept == slept


@pytest.mark.parametrize(
    ("left", "slept"),
    [
        pytest.param(100, [1, 2, 4], id="plenty"),
        pytest.param(7.5, [1, 2, 4], id="enough"),
        pytest.param(7, [1, 2], id="no-time-for-the-attempt"),
        pytest.param(1, [], id="no-time-for-one"),
        pytest.param(0, [], id="none"),
        pytest.param(-5, [], id="less-than-none"),
        pytest.param(float("nan"), [], id="nan"),
    ],
)
def test_no_wait_is_begun_that_would_pass_the_deadline(clock, left, slept):
    """There must be something left for the attempt that follows."""
    fn = Flaky(SILENT)

    attempts_at(fn, jitter="none", deadline=Allowance(clock, left), clock=clock)

    assert clock.slept == slept
    assert fn.calls == len(slept) + 1


def test_the_wait_that_was_asked_for_must_fit_too(clock):
    """Two seconds asked for, one and a half left: the caller hears of it now."""
    fn = Flaky(BUSY)

    assert attempts_at(fn, deadline=Allowance(clock, 1.5), clock=clock) == 1


@given(
    policy=policies(),
    seed=st.integers(),
    seconds=st.floats(0, 1e4),
    asked_for=st.none() | st.floats(0, 1e4),
    takes=st.floats(0, 100),
)
def test_no_policy_sleeps_past_a_deadline_or_tries_too_often(
    policy, seed, seconds, asked_for, takes
):
    """Whatever the policy, the luck, the server and the time that a call takes."""
    clock = FakeClock()
    late = []

    def sleep(wait):
        clock.sleep(wait)
        late.append(clock() > seconds)

    def fn():
        clock.advance(takes)
        raise errors.EffectRefused(429, None, "busy", retry_after=asked_for)

    with pytest.raises(errors.EffectRefused):
        execute_with_retry(
            fn,
            policy=policy,
            deadline=Allowance(clock, seconds),
            sleep=sleep,
            rng=random.Random(seed),
        )

    assert len(clock.slept) < policy.max_attempts
    assert not any(late)


# The retry budget.


def test_a_budget_stops_retries_and_lets_first_attempts_through(clock):
    """A thousand calls to a service that is down: 1100 requests and not 4000."""
    budget = RetryBudget(tokens=500)
    fn = Flaky(SILENT)

    for _ in range(1_000):
        attempts_at(fn, budget=budget, clock=clock)

    assert (fn.calls, budget.tokens) == (1_100, 0)


@pytest.mark.parametrize(
    ("outcomes", "left"),
    [
        pytest.param(["done"], 51, id="clean-success"),
        pytest.param([SILENT, "done"], 50, id="the-retry-is-refunded"),
        pytest.param([SILENT, SILENT, "done"], 45, id="the-last-one-only"),
        pytest.param([TimeoutError(), "done"], 50, id="a-timeout-is-refunded"),
        pytest.param([TimeoutError()], 30, id="a-timeout-costs-more"),
        pytest.param([SILENT], 40, id="nothing-comes-back"),
        pytest.param([NO], 50, id="no-retry-no-cost"),
    ],
)
def test_what_a_call_does_to_the_budget(clock, outcomes, left):
    """Retries are paid for, successes earn; from 50 of 100 tokens, three attempts."""
    budget = RetryBudget(tokens=100)
    for _ in range(10):
        budget.take(SILENT)

    attempts_at(Flaky(*outcomes), 3, budget=budget, clock=clock)

    assert budget.tokens == left


def test_a_budget_is_never_more_than_full():
    """A thousand good calls do not pay for a storm."""
    budget = RetryBudget(tokens=10)

    for _ in range(1_000):
        execute_with_retry(Flaky("done"), budget=budget)

    assert budget.tokens == 10


def test_threads_share_a_budget_to_the_token():
    """Eight at once take what is there, and not one more."""
    budget = RetryBudget(tokens=1_000)
    start = threading.Barrier(8)
    taken = []

    def spend():
        start.wait()
        taken.append(sum(budget.take(SILENT) for _ in range(40)))

    threads = [threading.Thread(target=spend) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (sum(taken), budget.tokens) == (1_000, 0)


@pytest.mark.parametrize("value", [0, -1, 1.5, True, float("nan"), "5", None, 10**10])
def test_a_budget_of_nonsense_is_refused(value):
    """By name, like everything else."""
    with pytest.raises(errors.InvalidValue) as caught:
        RetryBudget(value)

    assert caught.value.name == "tokens"


# Calling off, and being told.


def test_a_call_can_be_called_off_before_it_begins():
    """Then it is certain that nothing was started."""
    fn = Flaky("done")

    with pytest.raises(errors.Cancelled) as caught:
        execute_with_retry(fn, cancelled=lambda: True)

    assert (fn.calls, caught.value.effect) == (0, "not started")


@pytest.mark.parametrize(
    ("error", "effect"),
    [
        pytest.param(SILENT, "unknown", id="nobody-said"),
        pytest.param(NOTHING_HAPPENED, "not started", id="not-started"),
        pytest.param(LOST, "unknown", id="unknown"),
    ],
)
def test_a_call_can_be_called_off_between_attempts(clock, error, effect):
    """The cause is what the last attempt raised, and so is what is known."""
    fn = Flaky(error)

    with pytest.raises(errors.Cancelled) as caught:
        execute_with_retry(
            fn, idempotent=True, cancelled=lambda: bool(fn.calls), sleep=clock.sleep
        )

    assert fn.calls == 1
    assert caught.value.__cause__ is error
    assert caught.value.effect == effect


def test_an_event_ends_the_wait():
    """It would take a minute; with the event set, it is over before it begins."""
    stop = threading.Event()
    fn = Flaky(SILENT)
    policy = RetryPolicy(wait_initial=60, jitter="none")

    with pytest.raises(errors.Cancelled):
        execute_with_retry(
            fn,
            policy=policy,
            cancelled=stop.is_set,
            sleep=stop.wait,
            on_retry=lambda failed: stop.set(),
        )

    assert fn.calls == 1


def test_the_hook_is_told_of_each_failure_that_is_followed(clock):
    """Before the wait, in a record that nobody can change."""
    told = []

    attempts_at(
        Flaky(SILENT, BUSY, NO), jitter="none", on_retry=told.append, clock=clock
    )

    assert told == [
        FailedAttempt(1, 1.0, Kind.TRANSIENT, SILENT),
        FailedAttempt(2, 2.0, Kind.THROTTLED, BUSY),
    ]
    with pytest.raises(FrozenInstanceError):
        told[0].wait = 0.0


def test_a_hook_that_fails_is_heard(clock):
    """An error in the hook is not taken for one of the call."""
    fn = Flaky(SILENT)

    with pytest.raises(ZeroDivisionError):
        execute_with_retry(fn, on_retry=lambda failed: 1 / 0, sleep=clock.sleep)

    assert (fn.calls, clock.slept) == (1, [])


# The real client, the real services.


@pytest.fixture
def ask(world):
    """Ask the model on behalf of a task, with the real client."""
    client, model = connect_model()

    def ask(task_id):
        return client.chat.completions.create(
            model=model,
            messages=[{"role": "user", "content": "The disk is full."}],
            extra_headers=task_header(task_id),
        )

    with client:
        yield ask


@pytest.mark.parametrize(
    ("fault", "strikes", "attempts", "on_the_wire"),
    [
        pytest.param("throttle", 0, 3, 1, id="at-once"),
        pytest.param("throttle", 2, 3, 3, id="third-time-lucky"),
        pytest.param("error", 9, 1, 1, id="one-attempt"),
        pytest.param("drop", 9, 7, 7, id="seven-attempts"),
    ],
)
def test_declared_attempts_are_attempts_on_the_wire(
    world, clock, ask, fault, strikes, attempts, on_the_wire
):
    """The client adds none of its own; the world counts what arrives."""
    task_id = f"retry/{fault}/{strikes}/{attempts}"
    if strikes:
        world.fault(task_id, fault, times=strikes)

    with contextlib.suppress(openai.APIError):
        execute_with_retry(lambda: ask(task_id), attempts, sleep=clock.sleep)

    assert world.requests(task_id) == {"model": on_the_wire}
    assert len(clock.slept) == on_the_wire - 1


def test_the_worlds_retry_after_is_kept_to(world, clock, ask):
    """It asks for three seconds, and gets them."""
    world.fault("retry/after", "throttle", seconds=3)

    execute_with_retry(lambda: ask("retry/after"), 2, jitter="none", sleep=clock.sleep)

    assert clock.slept == [3]


@pytest.mark.parametrize(
    ("key", "requests"),
    [
        pytest.param(None, 1, id="without-key"),
        pytest.param("retry/lost", 2, id="with-key"),
    ],
)
def test_a_lost_reply_never_opens_a_second_ticket(world, clock, key, requests):
    """Without a key the caller hears of it; with one, it is asked again."""
    task_id = f"retry/lost/{key}"
    world.fault(task_id, "reply_lost", at="open_ticket")

    def open_ticket():
        return world.effect(
            "open_ticket", task_id=task_id, step="ticket", arguments={}, key=key
        )

    with contextlib.suppress(errors.ReplyLost):
        execute_with_retry(open_ticket, 3, idempotent=bool(key), sleep=clock.sleep)

    assert world.requests(task_id) == {"open_ticket": requests}
    assert [entry.count for entry in world.ledger(task_id)] == [1]
