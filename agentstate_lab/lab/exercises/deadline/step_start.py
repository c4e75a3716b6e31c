"""
One step as an answer to exercise 05 started it, and whether that was right.

A step is handed the seconds that it may take: the smaller of its own limit and what
is left of the run. `Start` knows both, so it can say what a wrong number looks like:
the whole time granted anew, a limit forgotten, time counted that never went by.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Real
from typing import Any

from ..judge import Unmet, require


@dataclass(frozen=True, slots=True)
class Start:
    """
    One step that was started.

    Attributes:
        name: The step.

        given: What it was handed as its seconds.

        left: What was left of the run's time then, in seconds.

        record: The record at that moment, through JSON: what a store would hold,
            were the process killed right there.

        by_record: What would be left by each instant of another clock that the
            record brought along.
    """

    name: str
    given: Any
    left: float
    record: dict[str, Any]
    by_record: tuple[float, ...] = ()

    def in_time(self) -> None:
        """Fail unless there was time left."""
        ago = f"{-self.left:g} s after the time was up"
        when = ago if self.left else "at the very instant at which the time was up"
        gave = f"handed it {seconds(self.given)}"
        require(self.left > 0, f"it started the step {self.name!r} {when}, and {gave}")

    def fair(self, limit: float, step_limit: float) -> None:
        """Fail unless it was handed what it should have been."""
        self.in_time()
        if not close(self.given, min(step_limit, self.left)):
            handed = f"the step {self.name!r} was handed {seconds(self.given)}"
            raise Unmet(handed + self._why(limit, step_limit))

    def _why(self, limit: float, step_limit: float) -> str:
        """What is wrong with these seconds, as the rest of a sentence."""
        left = f" with {self.left:g} s of the run's time left"
        if not is_number(self.given):
            return ", which is no number of seconds"
        if self.given < 0:
            return ", and many timeouts read a negative number as no limit"
        if self.given == 0:
            return ", and many timeouts read zero as no limit"
        if step_limit < self.given <= self.left:
            return f", and its own limit is {step_limit:g} s"
        if self.given <= self.left:
            return f"{left}, and its own limit is {step_limit:g} s"
        if any(close(self.given, min(step_limit, one)) for one in self.by_record):
            return (
                f"{left}: is an instant of the first process's clock in the record?"
                " It means nothing on this clock"
            )
        if close(self.given, min(step_limit, limit)):
            return f"{left}, as if that began anew"
        return left


def is_number(given: Any) -> bool:
    """Whether it is a number at all; NaN and bools are none here."""
    if isinstance(given, bool):
        return False
    return isinstance(given, Real) and not math.isnan(given)


def close(found: Any, wanted: float) -> bool:
    """Whether *found* is this number, but for what adding up floats may cost."""
    return is_number(found) and math.isclose(found, wanted, abs_tol=1e-6)


def seconds(given: Any) -> str:
    """A number of seconds for a sentence, or what stands in its place."""
    return f"{float(given):g} s" if is_number(given) else repr(given)[:100]


def told(names: Iterable[str]) -> str:
    """Names in a row, for a sentence."""
    return ", ".join(repr(name) for name in names) or "none"
