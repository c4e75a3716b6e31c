"""A call to the outside: its seconds, its attempts, whatever function counts them."""

import functools

import pytest
from answers import retry_mistakes
from answers.retry_answers import RIGHT

from agentstate_lab.agent.attempts import Attempts, hopeless, settled, unsafe
from agentstate_lab.deadline import Deadline
from agentstate_lab.errors import (
    Cancelled,
    DeadlineExceeded,
    EffectRefused,
    InvalidValue,
    Permanent,
    ReplyLost,
)
from agentstate_lab.retry import execute_with_retry

RETRIES = {
    **RIGHT,
    "package": execute_with_retry,
    "package-bound": functools.partial(execute_with_retry, jitter="none"),
}
retries = pytest.mark.parametrize("retry", RETRIES.values(), ids=list(RETRIES))


class Calls:
    """A function that raises or returns, one after the other, and counts."""

    def __init__(self, *outcomes):
        self.outcomes = list(outcomes)
        self.seconds = []

    def __call__(self, seconds):
        """The next outcome; the last one again and again."""
        self.seconds.append(seconds)
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome


@pytest.fixture
def make(clock):
    """Call something, with 100 s for all and 10 s for each attempt."""
    deadline = Deadline.after(100, clock=clock)

    def make(calls, retry=execute_with_retry, check=lambda: None, **more):
        rules = Attempts(retry, 4, 10.0, clock.sleep, check)
        return rules.make(calls, "announce", deadline, **more)

    return make


@retries
def test_a_failure_that_passes_is_tried_again(make, clock, retry):
    """By the package's function, and by each that passes exercise 04."""
    calls = Calls(ConnectionError("reset"), EffectRefused(429, None, "busy"), 0)

    assert make(calls, retry) == 0

    assert len(calls.seconds) == 3
    assert len(clock.slept) == 2


@retries
def test_the_last_error_comes_out_itself(make, retry):
    """Four attempts, and what the function makes of the error is not kept."""
    error = EffectRefused(500, None, "no")
    calls = Calls(ConnectionError("reset"), error)

    with pytest.raises(EffectRefused) as caught:
        make(calls, retry)

    assert caught.value is error
    assert len(calls.seconds) == 4


@retries
@pytest.mark.parametrize(
    ("final", "error"),
    [
        pytest.param(hopeless, EffectRefused(422, None, "no"), id="refused"),
        pytest.param(hopeless, InvalidValue("service", "unknown"), id="our-own"),
        pytest.param(hopeless, Permanent("no"), id="permanent"),
        pytest.param(settled, EffectRefused(409, None, "busy"), id="at-it"),
        pytest.param(unsafe, ReplyLost("silence"), id="lost"),
        pytest.param(unsafe, OSError("broken pipe"), id="says-nothing"),
        pytest.param(unsafe, EffectRefused(503, None, "", effect="unknown"), id="503"),
    ],
)
def test_where_no_repeat_may_follow_there_is_none(make, clock, retry, final, error):
    """Although no function from an exercise could know that."""
    calls = Calls(error, "a second time")

    with pytest.raises(type(error)) as caught:
        make(calls, retry, final=final)

    assert caught.value is error
    assert (len(calls.seconds), clock.slept) == (1, [])


@pytest.mark.parametrize(
    ("final", "error"),
    [
        pytest.param(hopeless, ReplyLost("silence"), id="looks"),
        pytest.param(hopeless, EffectRefused(409, None, "busy"), id="looks-409"),
        pytest.param(settled, ReplyLost("silence"), id="honours-the-key"),
        pytest.param(unsafe, EffectRefused(429, None, "busy"), id="nothing-happened"),
        pytest.param(unsafe, EffectRefused(500, None, "no"), id="so-it-says"),
    ],
)
@pytest.mark.parametrize("name", ["package", "package-bound", "plain"])
def test_where_a_repeat_does_no_harm_it_follows(make, name, final, error):
    """Also when nobody knows what became of the first attempt."""
    calls = Calls(error, "done")

    assert make(calls, RETRIES[name], final=final) == "done"


@retries
def test_an_attempt_has_its_own_limit_and_what_is_left(make, clock, retry):
    """Ten seconds, and fewer at the end of the run."""

    def slow(seconds):
        given.append(seconds)
        clock.advance(92)
        raise ConnectionError("reset")

    given = []

    with pytest.raises(DeadlineExceeded):
        make(slow, retry)

    assert given == [10, pytest.approx(8 - clock.slept[0])]


@retries
def test_a_wait_that_does_not_fit_is_not_begun(make, clock, retry):
    """The error of the last attempt comes out, with a note, and no sleep."""

    def slow(seconds):
        clock.advance(99.9999)
        raise error

    error = EffectRefused(429, None, "busy", retry_after=5)

    with pytest.raises(EffectRefused) as caught:
        make(slow, retry)

    assert caught.value is error
    assert sum(clock.slept) < 0.001


@retries
def test_a_call_without_time_is_not_begun(make, clock, retry):
    """It says so, at once."""
    clock.advance(100)
    calls = Calls("done")

    with pytest.raises(DeadlineExceeded, match="'announce' was not started"):
        make(calls, retry)

    assert (calls.seconds, clock.slept) == ([], [])


@retries
def test_a_task_that_was_taken_away_is_not_tried_again(make, retry):
    """The first attempt was begun in good faith; the second is not."""

    def check():
        raise Cancelled("somebody said stop")

    calls = Calls(ConnectionError("reset"), "done")

    with pytest.raises(Cancelled):
        make(calls, retry, check=check)

    assert len(calls.seconds) == 1


@retries
@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_goes_through(make, retry, stop):
    """It is nobody's failure, and no attempt follows."""
    calls = Calls(stop(), "done")

    with pytest.raises(stop):
        make(calls, retry)

    assert len(calls.seconds) == 1


@pytest.mark.parametrize(
    ("retry", "error", "said"),
    [
        pytest.param(
            retry_mistakes.never_raises, ConnectionError, "reset", id="never-raises"
        ),
        pytest.param(
            retry_mistakes.returns_the_error, ConnectionError, "reset", id="returns-it"
        ),
        pytest.param(
            lambda fn, times, sleep: None, InvalidValue, "without calling", id="nothing"
        ),
        pytest.param(
            lambda fn, times: fn(), TypeError, "sleep", id="another-signature"
        ),
        pytest.param(
            lambda fn, times, sleep: sleep(1_000),
            InvalidValue,
            "before it has tried",
            id="waits-first",
        ),
    ],
)
def test_a_function_that_is_not_right_yet_invents_no_result(make, retry, error, said):
    """What the call did not return is never taken for a result."""
    with pytest.raises(error, match=said):
        make(Calls(ConnectionError("reset")), retry)


@retries
def test_not_started_is_said_only_when_it_is_true_of_every_attempt(make, retry):
    """The first reply was lost, the last attempt was refused: it may have happened."""
    lost = ConnectionError("reset")
    refused = EffectRefused(429, None, "busy")

    with pytest.raises(ConnectionError) as caught:
        make(Calls(lost, refused), retry, final=settled)
    with pytest.raises(EffectRefused):
        make(Calls(lost, refused), retry, final=hopeless)

    assert caught.value is lost


def test_a_function_that_loses_the_value_loses_nothing(make):
    """What the call returned is known here."""
    assert make(Calls("done"), retry_mistakes.loses_the_value) == "done"


def test_a_stub_says_so(make):
    """The error of a function that is not written yet is its own."""

    def stub(fn, max_attempts, *, sleep):
        raise NotImplementedError("exercise 04")

    with pytest.raises(NotImplementedError, match="exercise 04"):
        make(Calls("done"), stub)
