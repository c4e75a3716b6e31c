"""
What a failure says about trying again.

A call that failed did so in one of four ways, and each wants another answer:

    transient   perhaps for a passing reason                  try again
    throttled   the other side was too busy; nothing happened try again, later
    permanent   it was refused, or it has happened            do not
    unknown     it was sent, and no reply came: perhaps       only when a repeat
                it happened                                   does no harm

All of it is read from what an error carries: `effect` (this course's errors),
`status_code` and `headers`, on the error or on its `response` (HTTP clients). No
client's classes are named, so an error from one that is not installed here, or
from its next version, is read as well.

An error that carries nothing counts as transient. That is a guess, and for a timeout
after an effect it may be the wrong one: see *idempotent* in `retry`.

Sources: RFC 9110, 10.2.3 (Retry-After) and 15; the `openai` client for the headers
`retry-after-ms` and `x-should-retry`.
"""

import re
import sys
import time
from collections.abc import Callable, Iterator
from email.utils import mktime_tz, parsedate_tz
from enum import StrEnum
from typing import Any

from agentstate_lab import errors

Clock = Callable[[], float]


class Kind(StrEnum):
    """The four ways to fail."""

    TRANSIENT = "transient"
    THROTTLED = "throttled"
    PERMANENT = "permanent"
    UNKNOWN = "unknown"


_TOO_MANY = 429
# 529 is "overloaded", as some model providers say it.
_BUSY = (503, 529)
# Refusals by number, but for a reason that passes: timeout, conflict, too early.
_PASSING = (408, 409, 425)
# A 429 by number, but no waiting will fill the account.
_NO_QUOTA = "insufficient_quota"
# Of our own errors, those that the same call meets again.
_LASTING = (
    errors.InvalidValue,
    errors.TaskNotFound,
    errors.KeyReused,
    errors.DeadlineExceeded,
    errors.AttemptsUsedUp,
    errors.Cancelled,
    errors.IllegalTransition,
    errors.ArtifactNotFound,
    errors.StoreTorn,
    errors.StoreForeign,
    errors.StoreTooNew,
    errors.StoreReadOnly,
)


def kind_of(error: Exception) -> Kind:
    """
    In which of the four ways a call failed.

    >>> kind_of(ConnectionError("reset")), kind_of(errors.ReplyLost())
    (<Kind.TRANSIENT: 'transient'>, <Kind.UNKNOWN: 'unknown'>)
    """
    effect, status = effect_of(error), status_of(error) or 0
    if isinstance(error, errors.Permanent) or effect == "done":
        return Kind.PERMANENT
    if status >= 300 and (said := _kind_by_status(error, status)):
        return said
    if effect == "unknown" or 200 <= status < 300:  # done, and the reply unreadable
        return Kind.UNKNOWN
    return Kind.PERMANENT if isinstance(error, _LASTING) else Kind.TRANSIENT


def _kind_by_status(error: Exception, status: int) -> Kind | None:
    """The kind, when the status alone decides it."""
    said = _header(error, "x-should-retry")
    if said == "false" or _look(error, "code") == _NO_QUOTA:
        return Kind.PERMANENT
    if status == _TOO_MANY or (status in _BUSY and effect_of(error) != "unknown"):
        return Kind.THROTTLED
    passing = status >= 500 or status in _PASSING or said == "true"
    return None if passing else Kind.PERMANENT


def effect_of(error: Exception) -> errors.Effect | None:
    """What *error* says of the side effect, or None when it says nothing."""
    effect = _look(error, "effect")
    return effect if effect in ("not started", "done", "unknown") else None


def status_of(error: Exception) -> int | None:
    """
    The HTTP status in *error* or in its response, or None.

    >>> status_of(errors.EffectRefused(429, None, "too busy"))
    429
    """
    for holder in (error, _look(error, "response")):
        for name in ("status_code", "status"):
            status = _look(holder, name)
            if isinstance(status, int) and 100 <= status <= 599:
                return int(status)
    return None


def timed_out(error: Exception) -> bool:
    """Whether the reply took too long, as *error* or one of its causes says."""
    if status_of(error) in (408, 504):
        return True
    return any(isinstance(cause, TimeoutError) for cause in _causes(error))


def retry_after(error: Exception, *, wall: Clock = time.time) -> float | None:
    """
    Seconds that the other side asks us to wait, or None when it asks nothing.

    It may say so in milliseconds (`retry-after-ms`), in seconds, or as a date,
    which is held against *wall*. What cannot be read is as good as not said.

    Args:
        error: What the call raised.

        wall: The time of day, in seconds since the epoch.

    >>> busy = errors.EffectRefused(429, None, "", headers={"retry-after": "1.5"})
    >>> retry_after(busy)
    1.5
    """
    if (milliseconds := _seconds(_header(error, "retry-after-ms"))) is not None:
        return milliseconds / 1000
    said = _header(error, "retry-after")
    if (seconds := _seconds(said)) is not None:
        return seconds
    if (date := _date(said)) is not None:
        return max(0.0, date - wall())
    return _seconds(_look(error, "retry_after"))


def _seconds(said: object) -> float | None:
    """*said* as a number from 0 on, when it is one."""
    if isinstance(said, str):
        number = re.fullmatch(r"[ \t]*([0-9]+(\.[0-9]*)?)[ \t]*", said)
        return float(number[1]) if number else None
    if isinstance(said, int | float) and said >= 0:  # not so for a NaN
        return float(min(said, sys.float_info.max))
    return None


def _date(said: str | None) -> float | None:
    """An HTTP date in seconds since the epoch, when *said* is one."""
    try:
        parts = parsedate_tz(said) if said and len(said) < 100 else None
        # Without a zone it means GMT, and not the zone of this machine.
        return None if parts is None else float(mktime_tz((*parts[:9], parts[9] or 0)))
    except (ValueError, OverflowError, IndexError, TypeError):
        return None


def _header(error: Exception, name: str) -> str | None:
    """One header of the reply, whose *name* is in lower case."""
    for holder in (error, _look(error, "response")):
        headers = _look(holder, "headers")
        try:  # a plain dict knows one spelling, and names of headers have no case
            named = {str(one).lower(): value for one, value in headers.items()}
        except Exception:  # noqa: BLE001 - somebody else's mapping, if it is one
            continue
        if isinstance(value := named.get(name), str | int | float):
            return str(value)
    return None


def _look(holder: object, name: str) -> Any:
    """An attribute, or None: some clients raise where nothing was set."""
    try:
        return getattr(holder, name, None)
    except Exception:  # noqa: BLE001 - a property of somebody else's
        return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """*error* and what it came from, and so on; a circle ends somewhere."""
    for _ in range(20):
        if error is not None:
            yield error
            error = error.__cause__ or error.__context__  # httpcore2 names no cause
