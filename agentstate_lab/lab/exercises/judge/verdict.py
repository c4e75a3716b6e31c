"""
What the kernel has heard of one stage, and the verdict that follows from it.

The child's own verdict counts. A stage that died sent none; then the way it died is
the verdict, together with what it was doing at the time.
"""

from dataclasses import dataclass, replace
from typing import Any

from .apart import CLOSED, death
from .child import REPORTED
from .report import CaseReport


@dataclass(slots=True)
class Heard:
    """What has come of one stage so far."""

    started: bool = False
    done: str = ""
    expected: str = ""
    verdict: dict[str, Any] | None = None
    status: int | None = None
    printed: str | None = None

    @property
    def complete(self) -> bool:
        """Whether it has ended, and all that it printed has come."""
        return self.status is not None and self.printed is not None

    def judged(self, reason: str = "") -> CaseReport:
        """The verdict: the child's own, or why there is none."""
        said = self.verdict or {"happened": reason or self._death()}
        case = CaseReport(printed=self.printed or "", **said)
        if case.passed:
            return case
        done, expected = case.done or self.done, case.expected or self.expected
        return replace(case, done=done, expected=expected)

    def _death(self) -> str:
        # "Reported" without a verdict: it went into a file of the learner's.
        silent = self.status in (None, REPORTED)
        return death(CLOSED if silent or self.status is None else self.status)
