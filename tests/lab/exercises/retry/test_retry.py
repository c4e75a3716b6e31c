"""The check of exercise 04: no wait is real, no cause is lost, jitter is a bonus."""

import itertools
import random
import threading
import time

import nbformat
import pytest
from answers import retry_answers, retry_mistakes, retry_styles
from nbformat.v4 import new_code_cell, new_notebook

from agentstate_lab.lab.exercises.judge import carried, seconds_of
from agentstate_lab.lab.exercises.judge.waits import Waits
from agentstate_lab.lab.exercises.retry.attempts import Enough, Take
from agentstate_lab.lab.practice import check, check_notebook

pytestmark = pytest.mark.usefixtures("home_dir", "one_judge")


def case_of(report, name):
    """One stage of a report."""
    return {case.name: case for case in report.cases}[name]


def jittered(draw):
    """An answer that draws each of its waits from the rng, when there is one."""

    def answer(fn, max_attempts, *, sleep=time.sleep, rng=None):
        made = draw(rng) if rng else lambda longest: longest
        return retry_styles.right(fn, max_attempts, sleep=lambda s: sleep(made(s)))

    return answer


@pytest.mark.usefixtures("process")
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(retry_styles.with_jitter, id="uniform"),
        pytest.param(
            jittered(lambda rng: lambda longest: rng.random() * longest),
            id="random-times",
        ),
    ],
)
def test_full_jitter_earns_the_bonus(answer):
    """Drawn from the rng that is given, and only then: without one, waits are exact."""
    report = check("retry", answer)

    assert all(case.passed for case in report.cases), str(report)


def drawn_once(rng):
    """One draw for all waits of a call."""
    share = rng.random()
    return lambda longest: share * longest


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        pytest.param(
            jittered(lambda rng: lambda longest: longest),
            "wait 1 was always the same",
            id="ignored",
        ),
        pytest.param(
            jittered(lambda rng: lambda longest: rng.uniform(0, longest / 2)),
            "never longer than 4",
            id="half",
        ),
        pytest.param(
            jittered(lambda rng: lambda longest: longest + rng.random()),
            "above 1 s",
            id="added-on-top",
        ),
        pytest.param(
            jittered(lambda rng: lambda longest: rng.randint(0, int(longest))),
            "only a few different lengths",
            id="whole-seconds",
        ),
        pytest.param(jittered(drawn_once), "it drew once a call", id="one-draw"),
        pytest.param(
            jittered(lambda rng: lambda longest: random.uniform(0, longest)),
            "the same seed gave other waits",
            id="another-source",
        ),
    ],
)
def test_other_jitter_leaves_the_bonus_open(answer, says):
    """The bonus stage says what is missing."""
    report = check("retry", answer, only=[retry_answers.SPREADS])

    (bonus,) = report.cases
    assert bonus.verdict == "open"
    assert says in bonus.message


@pytest.mark.usefixtures("process")
def test_a_wait_that_cannot_be_noticed_ends_with_its_stage():
    """An event loop waits where nobody looks: the time cap is a named failure."""
    stage, answer = retry_answers.AGAIN, retry_mistakes.sleeps_in_a_loop

    report = check("retry", answer, seconds=1.0, only=[stage])

    assert not report.passed
    assert "or it waits for something" in case_of(report, stage).happened


SLEEPS = """
from time import sleep as pause
from agentstate_lab.errors import Permanent

def execute_with_retry(fn, max_attempts, *, sleep=None):
    if max_attempts < 1:
        raise ValueError(max_attempts)
    for attempt in range(max_attempts - 1):
        try:
            return fn()
        except Permanent:
            raise
        except Exception:
            pause(2**attempt)
    return fn()
"""


@pytest.mark.usefixtures("process")
def test_a_sleep_taken_from_its_module_early_is_noticed(tmp_path):
    """`from time import sleep` in an early cell is caught like `time.sleep`."""
    path = tmp_path / "04_retry.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(SLEEPS)]), path)

    report = check_notebook(path)

    failed = [case.name for case in report.cases if case.verdict == "failed"]
    assert failed == [retry_answers.GIVEN]
    assert "time.sleep(1), time.sleep(2)" in case_of(report, failed[0]).happened


def test_a_notebook_may_have_replaced_time_sleep(monkeypatch):
    """The answer's own default is the real one, and it travels all the same."""

    def answer(fn, max_attempts, *, sleep=time.sleep):
        return retry_styles.right(fn, max_attempts, sleep=sleep)

    monkeypatch.setattr(time, "sleep", lambda seconds: None)

    report = check("retry", answer)

    assert report.passed, str(report)


@pytest.fixture
def waits(monkeypatch):
    """The calls that wait, replaced for one test; a real wait fails it."""

    def real(*args):
        raise AssertionError(f"a real wait: {args}")

    monkeypatch.setattr(time, "sleep", real)
    monkeypatch.setattr(threading.Event, "wait", threading.Event.wait)
    waits = Waits()
    waits.install()
    waits.install()  # a second time changes nothing
    return waits


def test_waits_are_noted_and_take_no_time(waits):
    """Each with the call that was made and its seconds."""
    noted = []

    with waits.noted(lambda what, seconds: noted.append((what, seconds))):
        time.sleep(2)
        came = threading.Event().wait(0.5)

    assert noted == [("time.sleep", 2), ("threading.Event.wait", 0.5)]
    assert came is False


def test_outside_the_block_a_wait_is_a_wait(waits):
    """What is not listened to is left alone."""
    with waits.noted(lambda what, seconds: None):
        pass

    with pytest.raises(AssertionError, match="a real wait"):
        time.sleep(3)


def test_an_event_that_has_happened_is_no_wait(waits):
    """Neither is one that is waited for without an end: threads need that to start."""
    noted, event = [], threading.Event()
    event.set()

    with waits.noted(lambda what, seconds: noted.append(what)):
        came = event.wait(1), event.wait()

    assert came == (True, True)
    assert noted == []


def test_an_event_that_another_thread_will_set_is_waited_for(waits):
    """Where a stage says so: such a wait is for work, and not for time to pass."""
    noted, gate, event = [], threading.Event(), threading.Event()
    worker = threading.Thread(target=lambda: gate.wait() and event.set())
    worker.start()

    with waits.noted(lambda what, seconds: noted.append(what), alone=True):
        gate.set()
        came = event.wait(60)

    worker.join()
    assert came is True
    assert noted == []


@pytest.mark.parametrize(
    ("value", "error"),
    [
        pytest.param("1", TypeError, id="text"),
        pytest.param(None, TypeError, id="none"),
        pytest.param([1], TypeError, id="list"),
        pytest.param(1j, TypeError, id="complex"),
        pytest.param(-1, ValueError, id="negative"),
        pytest.param(-0.5, ValueError, id="negative-float"),
        pytest.param(float("nan"), ValueError, id="nan"),
    ],
)
def test_the_stand_in_refuses_what_time_sleep_refuses(value, error):
    """With the same class of error, so that an answer meets no surprise later."""
    real = time.sleep

    with pytest.raises(error):
        real(value)
    with pytest.raises(error):
        seconds_of(value)


@pytest.mark.parametrize("value", [0, 1, 2.5, True, 2**10, 1e-9])
def test_the_stand_in_takes_what_time_sleep_takes(value):
    """Whole seconds and parts of one."""
    assert seconds_of(value) == float(value)


def caused(error, cause):
    """The error, with a cause."""
    error.__cause__ = cause
    return error


LAST = ConnectionError("the last one")


@pytest.mark.parametrize(
    ("error", "carries"),
    [
        pytest.param(LAST, True, id="itself"),
        pytest.param(caused(RuntimeError(), LAST), True, id="cause"),
        pytest.param(
            caused(RuntimeError(), caused(KeyError(), LAST)), True, id="cause-of-cause"
        ),
        pytest.param(ExceptionGroup("all", [OSError(), LAST]), True, id="group"),
        pytest.param(
            caused(OSError(), ExceptionGroup("all", [LAST])), True, id="cause-is-group"
        ),
        pytest.param(ConnectionError("the last one"), False, id="a-twin"),
        pytest.param(caused(RuntimeError(), OSError()), False, id="another-cause"),
        pytest.param(RuntimeError(LAST), False, id="as-an-argument"),
        pytest.param(None, False, id="nothing"),
    ],
)
def test_an_error_carries_its_causes(error, carries):
    """By identity, along `__cause__` and into groups."""
    assert any(one is LAST for one in carried(error)) is carries


def test_a_context_is_no_cause():
    """What was merely being handled is not what was meant."""
    error = RuntimeError()
    error.__context__ = LAST

    assert carried(error) == [error]


def test_causes_in_a_circle_are_walked_once():
    """Python lets an error be the cause of its own cause."""
    first, second = OSError(), KeyError()
    caused(first, second)
    caused(second, first)

    assert carried(first) == [first, second]


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(lambda take: take.attempt((), {}), id="calls"),
        pytest.param(lambda take: take.wait((1,), {}), id="waits"),
        pytest.param(lambda take: take.slept("time.sleep", 1), id="real-waits"),
    ],
)
def test_a_take_ends_what_goes_on_for_ever(step):
    """By an exception that `except Exception` lets through."""
    take = Take(value="done")

    with pytest.raises(Enough):
        all(step(take) is not Enough for _ in itertools.count())

    assert take.endless
