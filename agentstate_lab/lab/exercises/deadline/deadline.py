"""
The check of exercise 05: run steps under one deadline, with a fake clock.

The check moves the clock, so it knows what is left at each instant, and no stage
waits. What a step does with its seconds is its own affair: nothing here stops a step
that is running. The stages about the record are in `run_record`, those about the
clock in `clock_use`.
"""

import math
from typing import Any

from agentstate_lab.errors import DeadlineExceeded
from agentstate_lab.lab.clock import FakeClock

from ..judge import Stage, Subject, Unmet, doing, require, stage
from .clock_use import one_look, own_clock, takes_turns
from .run_record import StepFailed, begins_anew, keeps, no_step_again, no_time_anew
from .step_start import told
from .timed_run import TimedRun, names_step, new_record, returned

HINTS = (
    "Ten seconds are granted to each of three steps. How long may the caller wait?"
    " A length of time is granted again by everyone it is handed to; an instant is"
    " not. Which instant can you compute once, before the first step, so that what"
    " is left follows from it and the clock at any moment?",
    "Compute when the run began: clock() minus the seconds that the record says were"
    " used before. From there all of the time counts, on any clock. The place to"
    " look whether any of it is left is inside the loop, before the call, and after"
    " you know that the step is not done. And which line runs after a step, whether"
    " it returned or raised? What must the record say when no step starts any more?",
    "The shape: refuse limits with `if not limit > 0`, which catches NaN, too. Then"
    " began = clock() - record['used']. For each step that is not in record['done']:"
    " used = clock() - began, and record['used'] = used; if used >= limit, raise"
    " DeadlineExceeded(name, used - limit); try: record['done'][name] ="
    " fn(min(step_limit, limit - used)); finally: record['used'] = clock() - began. At"
    " the end return record['done'].",
)


@stage("runs the steps in order and returns their results")
def runs(answer: Subject) -> None:
    """Each once, and a result is a result, also when it is None or 0."""
    wanted = {"plan": "three hosts", "deploy": None, "tell": 0}
    with doing("ran three steps with time to spare", "each of them once, in order"):
        run = TimedRun(answer)
        found = run.finish([run.step(name, 1, one) for name, one in wanted.items()])
        require(run.names == list(wanted), f"the steps it started: {told(run.names)}")
    with doing(
        "looked at what it returned for results of 'three hosts', None and 0",
        "a dict with each of the three results under the name of its step",
    ):
        returned(found, wanted)
    with doing("gave it no steps at all", "an empty dict, and no error"):
        returned(TimedRun(answer).finish([]), {})
        returned(TimedRun(answer, new_record(12.0)).finish([]), {})


@stage("hands each step its own limit, or what is left if that is less")
def hands(answer: Subject) -> None:
    """One limit that all steps share, used up by time and by nothing else."""
    for takes, what in (
        ((0.5, 0.5, 0.5, 0.5, 0.5), "five steps of half a second"),
        ((3.0, 3.0, 3.0, 0.5), "steps of 3, 3, 3 and 0.5 s"),
        ((0.0, 2.5, 5.25, 1.75, 0.25), "steps of 0, 2.5, 5.25, 1.75 and 0.25 s"),
    ):
        with doing(
            f"ran {what} under a limit of 10 s, and 4 s for each step",
            "4 s for each, or what was left of the 10 s if that was less",
        ):
            _fair(TimedRun(answer), takes)
    with doing(
        "ran two steps of 1 s under a limit of 3 s, and 4 s for each step",
        "3 s for the first and 2 s for the second",
    ):
        _fair(TimedRun(answer, limit=3.0, clock=FakeClock(0.0)), (1.0, 1.0))


@stage("starts a step while any time is left")
def starts(answer: Subject) -> None:
    """However little: whether it is enough, only the step can know."""
    for first, left in ((8.0, 2.0), (9.75, 0.25)):
        with doing(
            f"let the first of two steps take {first:g} of 10 s",
            f"the second one started, with {left:g} s",
        ):
            _fair(TimedRun(answer), (first, 0.0))


@stage("starts no step once the time is up, and names it")
def stops(answer: Subject) -> None:
    """The error says which step did not start, so that it may be tried again."""
    for takes, step, overrun in (
        ((12.0, 1.0, 1.0), "b", 2.0),
        ((3.0, 4.0, 3.5, 1.0), "d", 0.5),
    ):
        with doing(
            f"let steps take {_sum(takes)} s, with 10 s for the run",
            f"DeadlineExceeded for the step {step!r}, {overrun:g} s too late, and it"
            " was not started",
        ):
            run = TimedRun(answer)
            names_step(run.stop(run.steps(*takes)), step, overrun)
    with doing(
        "went on with a run that had used 11 of its 10 s already",
        "DeadlineExceeded for its first step, 1 s too late",
    ):
        run = TimedRun(answer, new_record(11.0))
        names_step(run.stop(run.steps(1.0)), "a", 1.0)


@stage("counts the very instant as over")
def instant(answer: Subject) -> None:
    """With nothing left, a step would be handed zero: no limit, to many."""
    for takes, step in (((10.0, 1.0), "b"), ((4.0, 6.0, 1.0), "c")):
        with doing(
            f"let steps take {_sum(takes[:-1])} of 10 s, with one more to go",
            f"DeadlineExceeded for the step {step!r}, 0 s too late",
        ):
            run = TimedRun(answer)
            names_step(run.stop(run.steps(*takes)), step, 0.0)
    with doing(
        "went on with a run that had used all of its 10 s", "DeadlineExceeded at once"
    ):
        run = TimedRun(answer, new_record(10.0))
        names_step(run.stop(run.steps(1.0)), "a", 0.0)


@stage("keeps the result of a step that came back late")
def late(answer: Subject) -> None:
    """It has happened; whether the next one starts is another question."""
    with doing(
        "let a step of 4 s take 6, with two steps after it and 4 s left of the run",
        "all three results: only the time of the run decides what may start",
    ):
        run = TimedRun(answer)
        returned(run.finish(run.steps(6, 1, 1)), {"a": "ok", "b": "ok", "c": "ok"})
    with doing(
        "let the last of two steps come back 2 s after the run's time was up",
        "both results and no error: nothing was left to be started",
    ):
        run = TimedRun(answer)
        returned(run.finish(run.steps(3, 9)), {"a": "ok", "b": "ok"})
    with doing(
        "let the second of three steps come back after the run's time was up",
        "DeadlineExceeded for the third, and two results in the record",
    ):
        run = TimedRun(answer)
        run.stop(run.steps(3, 9, 1))
        lost = {"a", "b"} - set(run.record["done"])
        require(not lost, f"the record lacks the result of {told(sorted(lost))}")


@stage("lets a step's own error through as it is")
def errors(answer: Subject) -> None:
    """A timeout of the step's own is news of the step, and not of the deadline."""
    for error in (
        StepFailed("no route to host"),
        TimeoutError("the host did not answer"),
        DeadlineExceeded("a step inside", 0.5),
        KeyboardInterrupt(),
        SystemExit(3),
    ):
        name = type(error).__name__
        for takes, when in ((1.0, "in time"), (12.0, "after the time was up")):
            with doing(
                f"let the second of three steps raise {name}, {when}",
                "that very error, and no other step started",
            ):
                _same_error(answer, error, takes)


def _same_error(answer: Subject, error: BaseException, takes: float) -> None:
    """Fail unless the error of the second step comes out, and nothing follows."""
    run = TimedRun(answer)
    second = run.step("b", takes, error=error)
    outcome = run.call([run.step("a"), second, run.step("c")])
    found = outcome.error
    require(run.names != ["a"], "the second step was not started at all")
    require(run.names == ["a", "b"], f"the steps it started: {told(run.names)}")
    if found is None:
        raise Unmet("it swallowed the error: the caller takes the step for done")
    if found is not error and isinstance(found, DeadlineExceeded):
        raise Unmet("it reported the error of the step as a deadline")
    require(found is error, outcome.words)


@stage("refuses a limit that is no time")
def refuses(answer: Subject) -> None:
    """Zero, less and NaN are mistakes of the caller: say so before anything runs."""
    for name in ("limit", "step_limit"):
        for value in (0, 0.0, -1, -0.5, math.nan):
            with doing(
                f"called it with {name}={value}", "ValueError, and no step started"
            ):
                wrong: dict[str, Any] = {name: value}
                run = TimedRun(answer, **wrong)
                outcome = run.call(run.steps(1, 1))
                require(not run.names, f"it had started {told(run.names)}")
                outcome.must_raise(ValueError, "it raised nothing")
    with doing("called it with limit=math.inf", "a run without an end: it starts"):
        run = TimedRun(answer, limit=math.inf)
        run.finish(run.steps(1, 1))


def _fair(run: TimedRun, takes: tuple[float, ...]) -> None:
    run.finish(run.steps(*takes))
    require(len(run.starts) == len(takes), f"the steps it started: {told(run.names)}")
    run.fair()


def _sum(takes: tuple[float, ...]) -> str:
    return " + ".join(f"{one:g}" for one in takes)


STAGES: tuple[Stage, ...] = (
    runs,
    hands,
    starts,
    stops,
    instant,
    late,
    errors,
    takes_turns,
    refuses,
    keeps,
    no_step_again,
    no_time_anew,
    begins_anew,
    own_clock,
    one_look,
)
