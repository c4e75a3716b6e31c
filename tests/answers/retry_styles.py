"""Right answers to exercise 04, each in another style."""

# ruff: noqa: BLE001 - what is to be tried again must be caught first
import itertools
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from agentstate_lab.errors import Permanent

Fn = Callable[[], Any]
Sleep = Callable[[float], None]


def at_least_one(max_attempts: int) -> None:
    """Refuse what is no number of attempts."""
    if max_attempts < 1:
        raise ValueError(f"max_attempts must be at least 1, not {max_attempts}")


def right(fn: Fn, max_attempts: int, *, sleep: Sleep = time.sleep) -> Any:
    """The plain one."""
    at_least_one(max_attempts)
    for attempt in range(max_attempts):
        try:
            return fn()
        except Permanent:
            raise
        except Exception:
            if attempt == max_attempts - 1:
                raise
        sleep(2**attempt)
    return None


class RetryFailed(RuntimeError):
    """All attempts have failed; the last error is the cause."""


def for_else(fn: Fn, max_attempts: int, sleep: Sleep = time.sleep) -> Any:
    """Waits before every attempt but the first; an error of its own at the end."""
    if max_attempts <= 0:
        raise ValueError("at least one attempt, please")
    for attempt in range(1, max_attempts + 1):
        if attempt > 1:
            sleep(1 << (attempt - 2))
        try:
            result = fn()
        except Permanent as permanent:
            raise permanent
        except Exception as error:
            last = error
        else:
            break
    else:
        raise RetryFailed(f"failed after {max_attempts} attempts") from last
    return result


class Retry:
    """A callable object: where it stands is in the call, not in the object."""

    base = 2

    def __call__(self, fn: Fn, max_attempts: int, *, sleep: Any = None) -> Any:
        """Try, and try again."""
        at_least_one(max_attempts)
        return self.attempt(fn, 1, max_attempts, sleep or time.sleep)

    def attempt(self, fn: Fn, number: int, last: int, sleep: Sleep) -> Any:
        """One attempt and those after it."""
        value, error = self.outcome(fn)
        if error is None:
            return value
        if number >= last:
            raise error
        sleep(self.base ** (number - 1))
        return self.attempt(fn, number + 1, last, sleep)

    @staticmethod
    def outcome(fn: Fn) -> tuple[Any, Exception | None]:
        """What came of one attempt, as a value and an error."""
        try:
            return fn(), None
        except Permanent:
            raise
        except Exception as error:
            return None, error


def all_errors(fn: Fn, max_attempts: int, *, sleep: Sleep = time.sleep) -> Any:
    """Raises all errors as a group, without a cause: the last one is in it."""
    at_least_one(max_attempts)
    errors = []
    for wait in itertools.accumulate(itertools.repeat(2), int.__mul__, initial=1):
        try:
            return fn()
        except Exception as error:
            if isinstance(error, Permanent):
                raise
            errors.append(error)
        if len(errors) == max_attempts:
            raise ExceptionGroup("every attempt failed", errors)
        sleep(wait)
    return None


def in_a_thread(fn: Fn, max_attempts: int, *, sleep: Sleep = time.sleep) -> Any:
    """Each attempt in another thread."""
    at_least_one(max_attempts)
    with ThreadPoolExecutor(1) as pool:
        for attempt in range(max_attempts):
            future = pool.submit(fn)
            error = future.exception()
            if error is None:
                return future.result()
            final = attempt == max_attempts - 1 or isinstance(error, Permanent)
            if final or not isinstance(error, Exception):
                raise error
            sleep(2**attempt)
    return None


def with_jitter(
    fn: Fn,
    max_attempts: int,
    *,
    sleep: Sleep = time.sleep,
    rng: random.Random | None = None,
) -> Any:
    """The bonus, too."""
    spread = rng.uniform if rng else lambda low, high: high
    return right(fn, max_attempts, sleep=lambda wait: sleep(spread(0, wait)))
