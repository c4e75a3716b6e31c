"""
The stages of exercise 05 about the clock: which one is read, when, and how often.

Time goes by between two steps as well, since an agent plans, and between two looks
at a clock. An answer that measures only its steps, or that compares one reading and
hands down another, is right until the day it matters.
"""

from collections.abc import Iterator

from agentstate_lab.errors import DeadlineExceeded
from agentstate_lab.lab.clock import FakeClock

from ..judge import Subject, doing, require, stage
from .step_start import is_number, seconds, told
from .timed_run import Step, TimedRun, names_step, new_record


@stage("takes each step when its turn comes, and counts the time between")
def takes_turns(answer: Subject) -> None:
    """An agent plans its next step from the results so far, and that takes time."""
    with doing(
        "gave it a generator that plans for 2 s before each step of 1 s",
        "each step planned when the one before it was done",
    ):
        run = TimedRun(answer)
        outcome = run.call(_planned(run))
    with doing(
        "looked at the seconds that these steps were handed, with a limit of 10 s",
        "4, 4 and 2 s, then DeadlineExceeded: planning uses the run's time, too",
    ):
        run.fair()
        names_step(run.stopped(outcome), "step 4", 1.0)


def _planned(run: TimedRun) -> Iterator[Step]:
    """Steps without end, each planned when it is taken."""
    for number in range(1, 100):
        known = len(run.record.get("done") or ())
        if min(known, len(run.starts)) < number - 1:
            run.fail(
                f"it took step {number} when {len(run.starts)} had been run, with"
                f" {known} results in the record: nobody can plan from that"
            )
        run.clock.advance(2)
        yield run.step(f"step {number}", 1)


@stage("reads no clock but the one it is given")
def own_clock(answer: Subject) -> None:
    """Only then can a test say what time it is."""
    with doing(
        "ran three steps and a restart, and listened for calls of real clocks",
        "calls of clock() only",
    ):
        for record in (new_record(), new_record(3.0, a="ok")):
            run = TimedRun(answer, record)
            outcome = run.call(run.steps(1, 6, 4, 1))
            if not run.starts:
                outcome.result()
            require(bool(run.starts), "it started no step")
            require(not run.asked, f"it called {told(sorted(set(run.asked)))}")


class Ticking(FakeClock):
    """A clock that goes on with each look at it, as real ones do."""

    def __call__(self) -> float:
        """The time, a second later each time."""
        self.advance(1.0)
        return self.now


@stage("decides and hands down from one look at the clock", bonus=True)
def one_look(answer: Subject) -> None:
    """Between two looks the time can run out, and the step is handed zero."""
    for limit in range(6, 14):
        with doing(
            "ran steps on a clock that goes on by 1 s whenever it is looked at",
            "no step that is handed zero or less: what was compared is handed down",
        ):
            run = TimedRun(answer, limit=float(limit), clock=Ticking(1000.0))
            outcome = run.call(run.step(f"step {number}") for number in range(50))
            require(bool(run.starts), "it started no step")
            for start in run.starts:
                more = is_number(start.given) and start.given > 0
                gave = f"the step {start.name!r} was handed {seconds(start.given)}"
                require(more, f"{gave}: the clock had moved in between")
            stopped = isinstance(outcome.error, DeadlineExceeded)
            require(stopped, "it did not stop when the time was up")
