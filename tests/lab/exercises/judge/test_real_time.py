"""Real clocks and real waits of an answer are noticed, however it came by them."""

import contextlib
import datetime
import sys
import time
from datetime import UTC
from time import monotonic, sleep

import cloudpickle
import pytest

from agentstate_lab.lab.exercises import exercise_named
from agentstate_lab.lab.exercises.judge import Answer, real_time
from agentstate_lab.lab.exercises.judge.real_time import WaitedForReal


def answer_of(function):
    """An answer, as the check has it."""
    return Answer(exercise_named("state"), cloudpickle.dumps(function))


def listened(function):
    """The real clocks that *function* asked."""
    answer = answer_of(function)
    with real_time(answer) as asked, contextlib.suppress(WaitedForReal):
        answer.function()()
    return asked


@pytest.mark.parametrize(
    ("function", "asked"),
    [
        pytest.param(lambda: time.monotonic(), ["time.monotonic"], id="by-module"),
        pytest.param(lambda: monotonic(), ["time.monotonic"], id="by-name"),
        pytest.param(
            lambda: getattr(time, "perf" + "_counter_ns")(),
            ["time.perf_counter_ns"],
            id="by-getattr",
        ),
        pytest.param(
            lambda: [time.time(), monotonic()],
            ["time.time", "time.monotonic"],
            id="two",
        ),
        pytest.param(
            lambda: datetime.datetime.now(UTC), ["datetime.now"], id="calendar"
        ),
        pytest.param(lambda: len("monotonic"), [], id="none"),
        pytest.param(lambda: [].index, [], id="another-builtin"),
    ],
)
def test_a_real_clock_is_heard(function, asked):
    """The interpreter announces the call, so no way around a name helps."""
    assert listened(function) == asked


def test_a_wait_is_stopped_before_it_begins():
    """A check never waits, also when the answer would."""
    answer = answer_of(lambda: sleep(3600))

    with real_time(answer) as asked, pytest.raises(WaitedForReal):
        answer.function()()

    assert asked == ["time.sleep"]


def test_what_a_library_asks_is_its_own_affair():
    """A log line may carry the time."""

    def logs():
        import logging

        return logging.LogRecord("a", 20, "b", 1, "c", None, None)

    assert listened(logs) == []


def test_nothing_is_heard_afterwards():
    """A debugger or a profiler that was there before is there again."""
    before = sys.getprofile()

    with real_time(answer_of(len)) as asked:
        pass
    time.monotonic()

    assert sys.getprofile() is before
    assert asked == []
