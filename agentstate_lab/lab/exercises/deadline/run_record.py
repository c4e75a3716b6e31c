"""
The stages of exercise 05 about the record: what a restart finds, and goes on from.

A kill leaves the record as it was when the step began that did not come back. So
each life of a run is played in a process of its own and ends inside of a step, and
the next life gets that record, through JSON, and a clock that begins elsewhere.
"""

from collections.abc import Iterator
from typing import Any

from agentstate_lab.lab.clock import FakeClock

from ..judge import Subject, doing, require, run_apart, stage
from .step_start import close, seconds, told
from .timed_run import (
    Record,
    Step,
    TimedRun,
    as_stored,
    names_step,
    new_record,
    returned,
)


class Killed(BaseException):
    """Stands for the death of the process in the middle of a step."""


class StepFailed(Exception):
    """What a step raises that fails on its own account."""


@stage("keeps the record true before the next step starts")
def keeps(answer: Subject) -> None:
    """Results and time, after each step, however it ended, and when none starts."""
    with doing(
        "ran steps of 3, 2 and 1 s, and read the record whenever one began",
        "the results and the seconds of all steps before it",
    ):
        run = TimedRun(answer)
        run.finish(run.steps(3, 2, 1))
        _only(run, "abc")
        for start, used, done in zip(
            run.starts, (0, 3, 5), ("", "a", "ab"), strict=True
        ):
            _holds(start.record, used, done, f"when {start.name!r} began, ")
        _holds(run.record, 6, "abc", "at the end ")
    with doing(
        "let the first of two steps take 12 s of 10",
        "its result and its 12 s in the record, although the run was stopped",
    ):
        run = TimedRun(answer)
        run.stop(run.steps(12, 1))
        _holds(run.record, 12, "a")
    with doing(
        "let a step of 3 s succeed and the next one fail after 2 s",
        "one result, and all 5 s: else a step that fails could be tried for ever",
    ):
        run = TimedRun(answer)
        run.call([*run.steps(3), run.step("b", 2, error=StepFailed("no route"))])
        _holds(run.record, 5, "a")
    with doing(
        "gave it a step of 2 s and then planned for 9 s, with 10 s for the run",
        "DeadlineExceeded, and all 11 s in the record: else each restart could plan"
        " again",
    ):
        run = TimedRun(answer)
        run.stop(_planned_too_long(run))
        _holds(run.record, 11, "a")


@stage("runs no step again after a restart")
def no_step_again(answer: Subject) -> None:
    """Done is done, also when the result was None, and needs no time."""
    with doing(
        "killed a run in its third step, and went on in a new process",
        "the third and the fourth step, and the results of all four",
    ):
        record = _life(answer, new_record(), 1000.0, "abc", (1, 1))
        run = TimedRun(answer, record, used=2, clock=FakeClock(5.0))
        results = run.finish(run.steps(1, 1, 1, 1))
        _only(run, "cd")
        returned(results, dict.fromkeys("abcd", "ok"))
    with doing(
        "went on with a record that holds None, 0 and an empty text as results",
        "none of these steps once more: None in the record is a result",
    ):
        done = {"a": None, "b": 0, "c": ""}
        run = TimedRun(answer, new_record(1.0, **done))
        results = run.finish(run.steps(1, 1, 1, 1))
        _only(run, "d")
        returned(results, {**done, "d": "ok"})
    with doing(
        "went on with a record in which every step is done and the time is up",
        "the results: what is done needs no time",
    ):
        run = TimedRun(answer, new_record(12.0, a="x", b="y"))
        results = run.finish(run.steps(1, 1))
        _only(run, "")
        returned(results, {"a": "x", "b": "y"})
    with doing(
        "went on with a record of a step that the plan has no longer",
        "its result among the others: record['done'] is returned, all of it",
    ):
        run = TimedRun(answer, new_record(1.0, z="old"))
        returned(run.finish(run.steps(1)), {"z": "old", "a": "ok"})


@stage("grants no time anew after a restart")
def no_time_anew(answer: Subject) -> None:
    """One limit for all lives of a run, whatever the clocks of the processes show."""
    with doing(
        "ran it until it had used 7 of its 10 s, and killed it in the third step",
        "4 s for each step",
    ):
        record = _life(answer, new_record(), 1000.0, "abc", (3, 4), 0)
    with doing(
        "went on in a new process, whose clock showed 5 s, and killed it 2 s later",
        "3 s for the third step, and 1 s for the fourth",
    ):
        record = _life(answer, record, 5.0, "abcd", (0, 0, 2), 7)
    with doing(
        "went on in another process, whose clock showed 90,000 s, with 1 s left",
        "1 s for the fourth step, and DeadlineExceeded for the fifth",
    ):
        run = TimedRun(answer, record, used=9, clock=FakeClock(90_000.0))
        outcome = run.call(run.steps(0, 0, 0, 1.5, 1))
        run.fair()
        names_step(run.stopped(outcome), "e", 0.5)
    with doing("went on once more", "DeadlineExceeded for the fifth step, at once"):
        record = as_stored(run.record)
        run = TimedRun(answer, record, used=10.5, clock=FakeClock(0.0))
        names_step(run.stop(run.steps(0, 0, 0, 0, 1)), "e", 0.5)


@stage("begins anew with each new record")
def begins_anew(answer: Subject) -> None:
    """What it knows of a run is in the record, and nowhere else."""
    for number, now in enumerate((1000.0, 5000.0, 20.0), start=1):
        with doing(
            f"made run number {number} in one process, with a new record",
            "every step of it, and all of its time",
        ):
            run = TimedRun(answer, clock=FakeClock(now))
            results = run.finish(run.steps(6, 3, 0.5))
            _only(run, "abc")
            run.fair()
            returned(results, dict.fromkeys("abc", "ok"))


def _planned_too_long(run: TimedRun) -> Iterator[Step]:
    """A step, and another one whose planning takes what is left and more."""
    yield run.step("a", 2)
    run.clock.advance(9)
    yield run.step("b", 1)


def _life(answer: Subject, *job: Any) -> Record:
    """The record that one life of a run leaves; see `_killed`."""
    return run_apart(answer, _killed, *job).result()  # type: ignore[no-any-return]


def _killed(
    answer: Subject,
    record: Record,
    now: float,
    names: str,
    takes: tuple[float, ...],
    used: float | None = None,
) -> Record:
    """
    The record when the last step of these *names* began, which does not come back.

    With the seconds that were *used* before, each step must have been handed its due.
    """
    run = TimedRun(answer, record, used=used, clock=FakeClock(now))
    run.call([*run.steps(*takes), run.step(names[-1], error=Killed())])
    require(names[-1] in run.names, f"the step {names[-1]!r} was not started")
    if used is not None:
        run.fair()
    return run.starts[-1].record


def _holds(record: Any, used: float, done: str, when: str = "") -> None:
    """Fail unless a record holds these results and this time."""
    record = as_stored(record)
    for name in done:
        require(
            name in record["done"],
            f"{when}the record did not hold the result of {name!r}: it would be lost",
        )
    early = [name for name in record["done"] if name not in done]
    require(
        not early, f"{when}the record held a result of {told(early)}, which had none"
    )
    found = record["used"]
    require(
        close(found, used),
        f"{when}record['used'] was {seconds(found)}, and {used:g} s had gone by",
    )


def _only(run: TimedRun, names: str) -> None:
    """Fail unless these steps were started, each once."""
    for name in run.names:
        require(name in names, f"it ran {name!r} again, whose result was in the record")
    require(
        run.names == list(names),
        f"the steps it started: {told(run.names)}; those to be run: {told(names)}",
    )
