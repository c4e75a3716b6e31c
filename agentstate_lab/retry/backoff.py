"""
Backoff: how long to wait before the next attempt.

The ceiling of the waits grows, up to a cap: 1, 2, 4, 8 ... seconds. Where below its
ceiling a wait lies is left to chance (jitter), or all who failed together come back
together, and the same again.

The draw comes after the cap. The other way round, every wait is the same once the
cap is reached, and the herd is back: stamina does that, and so do tenacity's
`wait_exponential_jitter` and the "decorrelated" of the source below. That one is
therefore drawn below the cap here.

Source: Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).

Nothing here waits: that is for `retry`.
"""

import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

from agentstate_lab.errors import InvalidValue

Jitter = Literal["full", "equal", "decorrelated", "none"]

JITTERS: tuple[Jitter, ...] = get_args(Jitter)
MAX_ATTEMPTS = 1_000
WAIT_MAX = 60.0
LEAST = 0.001  # a shorter wait is none, and then many attempts are a flood
LONGEST = threading.TIMEOUT_MAX  # no sleep can be longer


class Uniform(Protocol):
    """Where chance comes from: the module `random`, or a `random.Random(seed)`."""

    def uniform(self, a: float, b: float) -> float:
        """A number between *a* and *b*."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """
    How often to try, and how long to wait in between.

    Attributes:
        max_attempts: Calls at most, the first one included.

        wait_initial: The ceiling of the first wait, in seconds.

        wait_max: No ceiling is higher, in seconds. None means 60; with jitter
            "none", which is meant for waits that can be predicted, no limit.

        wait_exp_base: By what each ceiling is multiplied to make the next.

        jitter: Where below its ceiling a wait lies. "full": anywhere. "equal": in
            the upper half. "decorrelated": between *wait_initial* and three times
            the wait before. "none": at the ceiling.

        retry_after_max: A server that asks for a longer wait, in seconds, has
            said no.

    >>> policy = RetryPolicy(max_attempts=5, jitter="none")
    >>> list(policy.waits())
    [1.0, 2.0, 4.0, 8.0]
    """

    max_attempts: int = 4
    wait_initial: float = 1.0
    wait_max: float | None = None
    wait_exp_base: float = 2.0
    jitter: Jitter = "full"
    retry_after_max: float = 120.0

    def __post_init__(self) -> None:
        check_count("max_attempts", self.max_attempts, MAX_ATTEMPTS)
        check_number("wait_initial", self.wait_initial, LEAST, LONGEST)
        if self.wait_max is not None:
            check_number("wait_max", self.wait_max, self.wait_initial, LONGEST)
        check_number("wait_exp_base", self.wait_exp_base, 1, 1_000)
        check_jitter(self.jitter)
        check_number("retry_after_max", self.retry_after_max, 0, LONGEST)

    @property
    def cap(self) -> float:
        """The highest ceiling, in seconds."""
        if self.wait_max is not None:
            return self.wait_max
        return LONGEST if self.jitter == "none" else max(WAIT_MAX, self.wait_initial)

    def ceiling(self, attempt: int) -> float:
        """
        The longest wait after the failure of *attempt*, in seconds.

        Args:
            attempt: Counted from 1.
        """
        try:
            grown = self.wait_initial * self.wait_exp_base ** (attempt - 1)
        except OverflowError:
            return self.cap
        return min(self.cap, grown)

    def span(self, attempt: int, last: float) -> tuple[float, float]:
        """
        Between which seconds the wait after *attempt* lies.

        Args:
            attempt: Counted from 1.

            last: The wait before it, in seconds; only "decorrelated" asks.
        """
        ceiling = self.ceiling(attempt)
        if self.jitter == "full":
            return 0.0, ceiling
        if self.jitter == "equal":
            return ceiling / 2, ceiling
        if self.jitter == "decorrelated":
            return self.wait_initial, min(self.cap, 3 * last)
        return ceiling, ceiling

    def waits(self, rng: Uniform = random) -> Iterator[float]:
        """The waits of one call, in seconds: one after each attempt but the last."""
        wait = self.wait_initial
        for attempt in range(1, self.max_attempts):
            low, high = self.span(attempt, wait)
            wait = high if low == high else min(high, rng.uniform(low, high))
            yield wait


def check_count(name: str, value: object, most: int, *, least: int = 1) -> None:
    """Refuse what is no whole number from *least* to *most*."""
    if type(value) is not int or not least <= value <= most:
        raise InvalidValue(
            name, f"must be a whole number from {least} to {most}, not {value!r:.60}"
        )


def check_number(name: str, value: object, least: float, most: float) -> None:
    """Refuse what is no number from *least* to *most*, as a NaN is none."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not least <= value <= most:  # type: ignore[operator]
        raise InvalidValue(
            name, f"must be a number from {least:g} to {most:g}, not {value!r:.60}"
        )


def check_jitter(value: object) -> None:
    """Refuse what is no kind of jitter."""
    if value not in JITTERS:
        raise InvalidValue(
            "jitter", f"must be one of {', '.join(JITTERS)}, not {value!r:.60}"
        )
