"""
A run of steps on a fake clock, for the check of exercise 05.

A `TimedRun` moves the clock itself, so it knows at each instant what is left of the
run's time. Its steps note what they were handed, and the stages judge the notes.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

from agentstate_lab.errors import DeadlineExceeded
from agentstate_lab.lab.clock import FakeClock

from ..judge import SLEEP, Outcome, Subject, Unmet, real_time, require
from .step_start import Start, close, is_number, seconds, told

Record = dict[str, Any]
Step = tuple[str, Callable[..., Any]]

LIMIT = 10.0
STEP_LIMIT = 4.0
MAX_STARTS = 500


def new_record(used: float = 0.0, **done: Any) -> Record:
    """A record as it comes out of a store."""
    return {"used": used, "done": done}


class TimedRun:
    """
    One call of the answer, and what its steps saw.

    Args:
        answer: The answer that is tried.

        record: As it comes out of a store; by default that of a new run.

        limit: Seconds for the whole run.

        step_limit: Seconds that one step may be given.

        used: Seconds that were used before; by default what the record says.

        clock: By default one that shows 1000 s.

    Attributes:
        starts: The steps that were started, in order.

        asked: The real clocks that were read, by name.
    """

    def __init__(
        self,
        answer: Subject,
        record: Record | None = None,
        *,
        limit: float = LIMIT,
        step_limit: float = STEP_LIMIT,
        used: float | None = None,
        clock: FakeClock | None = None,
    ) -> None:
        self.answer = answer
        self.record = new_record() if record is None else record
        self.limit = limit
        self.step_limit = step_limit
        self.clock = clock or FakeClock(1000.0)
        self.starts: list[Start] = []
        self.asked: list[str] = []
        before: float = self.record["used"] if used is None else used
        self._over = self.clock.now + limit - before
        self._instants = self._of_another_clock()
        self._unmet: Unmet | None = None

    @property
    def names(self) -> list[str]:
        """The names of the steps that were started, in order."""
        return [start.name for start in self.starts]

    @property
    def left(self) -> float:
        """What is left of the run's time, in seconds; negative once it is up."""
        return self._over - self.clock.now

    def step(
        self,
        name: str,
        takes: float = 0.0,
        result: Any = "ok",
        error: BaseException | None = None,
    ) -> Step:
        """A step that lets *takes* seconds go by and returns *result*, or raises."""

        def fn(*given: Any, **named: Any) -> Any:
            self._note(name, given, named)
            self.clock.advance(takes)
            if error is not None:
                raise error
            return result

        return name, fn

    def steps(self, *takes: float) -> list[Step]:
        """Steps called a, b, c and so on, each with the time that it takes."""
        return [self.step(chr(ord("a") + i), one) for i, one in enumerate(takes)]

    def call(self, steps: Iterable[Step]) -> Outcome:
        """Call the answer and bring back whatever came of it."""
        with real_time(self.answer.answer) as self.asked:
            outcome = self.answer.outcome(
                steps,
                self.record,
                limit=self.limit,
                step_limit=self.step_limit,
                clock=lambda: self.clock(),  # a function, as time.monotonic is one
            )
        require(SLEEP not in self.asked, "it waited for real (time.sleep)")
        if self._unmet is not None:
            raise self._unmet
        return outcome

    def finish(self, steps: Iterable[Step]) -> Any:
        """Call the answer, which must return; what it raises fails the stage."""
        outcome = self.call(steps)
        if isinstance(outcome.error, DeadlineExceeded):
            raise Unmet(self._too_early(outcome.error))
        return outcome.result()

    def stop(self, steps: Iterable[Step]) -> DeadlineExceeded:
        """Call the answer, which must stop at the deadline; its error."""
        return self.stopped(self.call(steps))

    def stopped(self, outcome: Outcome) -> DeadlineExceeded:
        """The error of a call that stopped at the deadline, as it had to."""
        for start in self.starts:
            start.in_time()
        return outcome.must_raise(
            DeadlineExceeded,
            "it raised nothing, so its caller takes the run for finished;"
            f" what had run: {told(self.names)}",
        )

    def fair(self) -> None:
        """Fail unless each step was handed what it should have been."""
        for start in self.starts:
            start.fair(self.limit, self.step_limit)

    def fail(self, happened: str) -> NoReturn:
        """Fail the stage from inside the answer, whatever it does with errors."""
        self._unmet = Unmet(happened)
        raise self._unmet

    def _of_another_clock(self) -> list[float]:
        """Numbers that an earlier process left, and that are no lengths of time."""
        own = [one for key, one in self.record.items() if key not in new_record()]
        numbers = [float(one) for one in own if is_number(one)]
        return [one for one in numbers if abs(one - self.clock.now) > self.limit]

    def _note(self, name: str, given: tuple[Any, ...], named: Record) -> None:
        if named:
            self.fail(f"it handed the step {name!r} the keyword {told(named)}")
        if len(given) != 1:
            self.fail(f"it called the step {name!r} with {len(given)} arguments")
        if len(self.starts) == MAX_STARTS:
            self.fail(f"it started more than {MAX_STARTS} steps and found no end")
        try:
            held = as_stored(self.record)
        except Unmet as unmet:
            self.fail(unmet.happened)
        ends = [at + more for at in self._instants for more in (0.0, self.limit)]
        left = tuple(end - self.clock.now for end in ends)
        self.starts.append(Start(name, given[0], self.left, held, left))

    def _too_early(self, error: DeadlineExceeded) -> str:
        """What a deadline means where there was none to be met."""
        said = f"it raised DeadlineExceeded for the step {error.step!r}"
        if self.left > 0:
            return f"{said} with {self.left:g} s of the run's time left"
        return f"{said}, and nothing was left to be started"


def as_stored(record: Any) -> Record:
    """The record as it comes out of a store; fails for what JSON cannot hold."""
    try:
        stored = json.loads(json.dumps(record))
    except (TypeError, ValueError, RecursionError) as error:
        raise Unmet(f"it put into the record what JSON cannot hold ({error})") from None
    missing = [key for key in new_record() if key not in stored]
    require(not missing, f"the record has no {told(missing)} any more")
    require(isinstance(stored["done"], dict), "the record's 'done' is no dict any more")
    return stored  # type: ignore[no-any-return]


def returned(found: Any, wanted: Record) -> None:
    """Fail unless these results were returned."""
    if found is None:
        raise Unmet("it returned nothing (None): the results must be returned")
    require(isinstance(found, dict), f"it returned {found!r:.100}, which is no dict")
    lost = [name for name in wanted if name not in found]
    require(not lost, f"the result of {told(lost)} was missing")
    require(found == wanted, f"it returned {found!r:.200}")


def names_step(error: DeadlineExceeded, step: str, overrun: float) -> None:
    """Fail unless the error tells of this step, and how late it would have been."""
    require(error.step == step, f"the error named the step {error.step!r}")
    said = f"the error said that the time was up for {seconds(error.overrun)}"
    require(close(error.overrun, overrun), said)
    effect = f"the error said that the effect of the step is {error.effect!r}"
    require(error.effect == "not started", effect)
