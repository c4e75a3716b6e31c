"""
What the kernel has heard of one stage, and the verdict that follows from it.

The child's own verdict counts. A stage that died sent none; then the way it died is
the verdict, together with what it was doing at the time.
"""

from dataclasses import dataclass
from typing import Any

from .apart import CLOSED, LATE, death
from .child import REPORTED


@dataclass(slots=True)
class Verdict:
    """What became of one stage, as far as the kernel can tell."""

    passed: bool = False
    written: bool = True
    done: str = ""
    expected: str = ""
    happened: str = ""
    printed: str = ""
    note: str = ""

    @property
    def late(self) -> bool:
        """Whether the stage did not come back."""
        return self.happened == LATE


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

    def judged(self, reason: str = "") -> Verdict:
        """The verdict: the child's own, or why there is none."""
        if self.verdict is not None:
            verdict = Verdict(**self.verdict)
        else:
            verdict = Verdict(happened=reason or self._death())
        if not verdict.passed:
            verdict.done = verdict.done or self.done
            verdict.expected = verdict.expected or self.expected
        verdict.printed = self.printed or ""
        return verdict

    def _death(self) -> str:
        # "Reported" without a verdict: it went into a file of the learner's.
        silent = self.status in (None, REPORTED)
        return death(CLOSED if silent or self.status is None else self.status)
