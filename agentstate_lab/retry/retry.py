"""
Trying again without making it worse.

Most failures pass, so a second attempt is worth it. But a retry is also more load,
at the worst moment, and a second chance to do something twice. So: a few attempts;
waits that grow, and differ (`backoff`); never again what is refused for good, or
what may have happened (`failure`); and no wait that the deadline or the retry budget
(`budget`) does not pay for.

It counts *attempts*, the first one included, and it must be the only layer that
does: under three attempts of ours, a client with two retries of its own sends nine
requests. `model.connect` switches the client's off.

This module cannot make a call safe to repeat (`idempotency` can), and it does not
interrupt a call that hangs.
"""

import math
import random
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from types import CoroutineType
from typing import Any, Protocol, TypeVar

from agentstate_lab.errors import Cancelled, InvalidValue

from .backoff import (
    MAX_ATTEMPTS,
    Jitter,
    RetryPolicy,
    Uniform,
    check_count,
    check_jitter,
)
from .budget import RetryBudget
from .failure import Clock, Kind, effect_of, kind_of, retry_after

__all__ = [
    "FailedAttempt",
    "HasRemaining",
    "Kind",
    "RetryBudget",
    "RetryPolicy",
    "execute_with_retry",
]

T = TypeVar("T")

DEFAULT = RetryPolicy()


class HasRemaining(Protocol):
    """What is asked of a deadline; `deadline.Deadline` is one."""

    def remaining(self) -> float:
        """Seconds left."""


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """
    What `on_retry` is told before each wait.

    Attributes:
        number: Of the attempt that failed, from 1.

        wait: Seconds until the next one.

        kind: In which way it failed.

        cause: What it raised.
    """

    number: int
    wait: float
    kind: Kind
    cause: Exception


def execute_with_retry(
    fn: Callable[[], T],
    max_attempts: int | None = None,
    *,
    policy: RetryPolicy = DEFAULT,
    jitter: Jitter | None = None,
    idempotent: bool | None = None,
    deadline: HasRemaining | None = None,
    budget: RetryBudget | None = None,
    cancelled: Callable[[], bool] | None = None,
    classify: Callable[[Exception], str] = kind_of,
    on_retry: Callable[[FailedAttempt], object] | None = None,
    sleep: Callable[[float], object] = time.sleep,
    wall: Clock = time.time,
    rng: Uniform = random,  # the module: it starts anew in a forked worker
) -> T:
    """
    Call *fn* until it returns, and return what it returned, whatever that is.

    When no attempt follows, the last error is raised: itself, not wrapped. A note in
    its traceback says why no attempt follows. `KeyboardInterrupt`, `SystemExit` and
    all else that is no `Exception` go through at once.

    Args:
        fn: The call, without arguments.

        max_attempts: Calls at most, in place of the policy's number.

        policy: How often to try, and how long to wait.

        jitter: In place of the policy's.

        idempotent: Whether *fn* may happen twice without harm. True: it is repeated
            even when its outcome is unknown. False: it is repeated only after
            errors that say that nothing happened. None, when nobody said: an error
            is believed, and one that says nothing counts as transient.

        deadline: No wait is begun that would pass it. The first attempt is made in
            any case.

        budget: Pays for the retries; shared by all calls to one service.

        cancelled: Asked before each attempt. With a `threading.Event`, pass
            `cancelled=event.is_set` and `sleep=event.wait`: then setting it also
            ends a wait.

        classify: Says in which way a call failed: one of `Kind`.

        on_retry: Told of each failure that another attempt follows.

        sleep: Waits so many seconds.

        wall: The time of day in seconds, for a Retry-After that is a date.

        rng: Draws the waits.

    Raises:
        InvalidValue: An argument makes no sense.
        Cancelled: *cancelled* said so. What the last attempt raised is its cause.

    >>> answers = [ConnectionError("reset"), ConnectionError("reset")]
    >>> def call():
    ...     if answers:
    ...         raise answers.pop()
    ...     return "done"
    >>> execute_with_retry(call, 3, jitter="none", sleep=print)
    1.0
    2.0
    'done'
    """
    _check_call(fn, max_attempts, jitter)
    last: Exception | None = None
    judge: _Judge | None = None
    number = 0
    while True:
        number += 1
        if cancelled is not None and cancelled():
            raise _cancellation(number, last) from last
        try:
            value = fn()
        except Exception as error:
            if judge is None:
                used = _chosen(policy, max_attempts, jitter)
                judge = _Judge(used, idempotent, deadline, budget, classify, wall, rng)
            found = judge.after(number, error)
            if isinstance(found, str):
                error.add_note(f"no attempt follows number {number}: {found}")
                raise
            last = error
        else:
            if isinstance(value, CoroutineType):
                raise _asynchronous(value)
            if budget is not None:
                budget.put_back(judge.paid if judge else 1)
            return value
        if on_retry is not None:
            on_retry(found)
        sleep(found.wait)


class _Judge:
    """Decides, for one call, whether and when another attempt follows."""

    def __init__(
        self,
        policy: RetryPolicy,
        idempotent: bool | None,
        deadline: HasRemaining | None,
        budget: RetryBudget | None,
        classify: Callable[[Exception], str],
        wall: Clock,
        rng: Uniform,
    ) -> None:
        self.policy, self.waits = policy, policy.waits(rng)
        self.idempotent, self.deadline, self.budget = idempotent, deadline, budget
        self.classify, self.wall = classify, wall
        self.paid = 0

    def after(self, number: int, error: Exception) -> FailedAttempt | str:
        """The wait before the next attempt, or why there is none."""
        kind = Kind(self.classify(error))
        if reason := self._forbidden(kind, error):
            return reason
        drawn = next(self.waits, None)
        if drawn is None:
            return "it was the last one allowed"
        asked = retry_after(error, wall=self.wall) or 0.0
        if asked > self.policy.retry_after_max:
            return f"the other side asks for {asked:g} s"
        # On top of what all were told to wait, or all come back together.
        wait = max(asked, drawn) if self.policy.jitter == "none" else asked + drawn
        return self._unpayable(wait, error) or FailedAttempt(number, wait, kind, error)

    def _forbidden(self, kind: Kind, error: Exception) -> str | None:
        """Why this failure must not be followed by a repeat, or None."""
        if kind is Kind.PERMANENT:
            return "trying again cannot help"
        if kind is Kind.UNKNOWN and not self.idempotent:
            return "it may have happened, and the call is not declared idempotent"
        proved = kind is Kind.THROTTLED or effect_of(error) == "not started"
        if self.idempotent is False and not proved:
            return "it may have happened, and the call is declared not idempotent"
        return None

    def _unpayable(self, wait: float, error: Exception) -> str | None:
        """Why the wait cannot be afforded; if it can, the budget has paid."""
        left = math.inf if self.deadline is None else self.deadline.remaining()
        if not wait < left:  # nor when it is NaN
            return f"a wait of {wait:g} s does not fit into the {left:g} s left"
        if self.budget is not None:
            self.paid = self.budget.take(error)
            if not self.paid:
                return "the retry budget is used up"
        return None


def _chosen(
    policy: RetryPolicy, max_attempts: int | None, jitter: Jitter | None
) -> RetryPolicy:
    """The policy, with what the caller said in the place of its own."""
    return replace(
        policy,
        max_attempts=policy.max_attempts if max_attempts is None else max_attempts,
        jitter=policy.jitter if jitter is None else jitter,
    )


def _cancellation(number: int, last: Exception | None) -> Cancelled:
    """The error of a call that was called off before attempt *number*."""
    effect = "not started" if last is None else effect_of(last) or "unknown"
    return Cancelled(f"called off before attempt {number}", effect=effect)


def _asynchronous(value: Coroutine[Any, Any, Any]) -> InvalidValue:
    """The error for a call that has not even begun when it returns."""
    value.close()
    why = "is async, so it fails only when it is awaited: pass what waits for it"
    return InvalidValue("fn", why)


def _check_call(fn: object, max_attempts: object, jitter: object) -> None:
    """Refuse what makes no sense before anything is called."""
    if not callable(fn):
        raise InvalidValue(
            "fn", f"must be a function without arguments, not {fn!r:.60}"
        )
    if max_attempts is not None:
        check_count("max_attempts", max_attempts, MAX_ATTEMPTS)
    if jitter is not None:
        check_jitter(jitter)
