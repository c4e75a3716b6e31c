"""Right answers to exercise 04, each in another style."""

# ruff: noqa: BLE001 - what is to be tried again must be caught first
import contextlib
import functools
import itertools
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from agentstate_lab.errors import InvalidValue, Permanent

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


def while_true(fn: Fn, max_attempts: int, *, sleep: Sleep = time.sleep) -> Any:
    """Counts down, doubles a float, and waits inside the handler."""
    if not max_attempts >= 1:
        raise InvalidValue("max_attempts", "must be 1 or more")
    left, wait = max_attempts, 1.0
    while True:
        left -= 1
        try:
            return fn()
        except Exception as error:
            if isinstance(error, Permanent) or not left:
                raise
            sleep(wait)
            wait *= 2


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


def recursive(fn: Fn, max_attempts: int, *, sleep: Sleep = time.sleep) -> Any:
    """Calls itself with what is left, and a wait that doubles."""
    at_least_one(max_attempts)

    def attempt(left: int, wait: int) -> Any:
        try:
            return fn()
        except Permanent:
            raise
        except Exception:
            if left == 1:
                raise
        sleep(wait)
        return attempt(left - 1, wait * 2)

    return attempt(max_attempts, 1)


def delays() -> Iterator[float]:
    """The waits, without end."""
    wait = 1.0
    while True:
        yield wait
        wait += wait


def with_a_generator(fn: Fn, max_attempts: int, *, sleep: Sleep = time.sleep) -> Any:
    """The last of the delays is None."""
    at_least_one(max_attempts)
    waits = itertools.islice(delays(), max_attempts - 1)
    for wait in itertools.chain(waits, [None]):
        try:
            return fn()
        except Permanent:
            raise
        except Exception:
            if wait is None:
                raise
            sleep(wait)
    raise AssertionError("never reached")


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


def decorated(times: int, sleep: Sleep) -> Callable[[Fn], Fn]:
    """A decorator as one finds it in every code base."""
    at_least_one(times)

    def decorate(fn: Fn) -> Fn:
        @functools.wraps(fn)
        def wrapper() -> Any:
            errors: list[Exception] = []
            while len(errors) < times:
                if errors:
                    sleep(2.0 ** (len(errors) - 1))
                try:
                    return fn()
                except Permanent:
                    raise
                except Exception as error:
                    errors.append(error)
            raise ExceptionGroup(f"{fn.__name__} failed", errors) from errors[-1]

        return wrapper

    return decorate


def by_a_decorator(fn: Fn, max_attempts: int, *, sleep: Sleep = time.sleep) -> Any:
    """Uses it once."""
    return decorated(max_attempts, sleep)(fn)()


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


class Attempt:
    """A block that swallows a passing error, unless it is the last attempt."""

    def __init__(self, last: bool) -> None:
        self.last = last

    def __enter__(self) -> "Attempt":
        return self

    def __exit__(self, kind: Any, error: Any, place: Any) -> bool:
        passing = isinstance(error, Exception) and not isinstance(error, Permanent)
        return passing and not self.last


def with_blocks(fn: Fn, max_attempts: int, *, sleep: Sleep = time.sleep) -> Any:
    """A context manager for each attempt."""
    at_least_one(max_attempts)
    for number in range(max_attempts):
        with Attempt(number + 1 == max_attempts):
            return fn()
        sleep(pow(2, number))
    return None


def with_suppress(fn: Fn, max_attempts: int, *, sleep: Sleep = time.sleep) -> Any:
    """`contextlib` for all attempts but the last, which stands alone."""
    at_least_one(max_attempts)

    @contextlib.contextmanager
    def passing() -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if isinstance(error, Permanent):
                raise

    for wait in (2**n for n in range(max_attempts - 1)):
        with passing():
            return fn()
        sleep(wait)
    return fn()


def with_a_name(
    logged: list[str], fn: Fn, max_attempts: int, *, sleep: Sleep = time.sleep
) -> Any:
    """To be bound with functools.partial; keeps a log, which decides nothing."""
    at_least_one(max_attempts)
    attempt = 0
    while (attempt := attempt + 1) <= max_attempts:
        try:
            return fn()
        except BaseException as error:
            logged.append(f"{fn.__name__}: attempt {attempt} of {max_attempts}")
            print(logged[-1], repr(error))
            match error:
                case Permanent():
                    raise
                case Exception() if attempt < max_attempts:
                    sleep(float(2 ** (attempt - 1)))
                case Exception():
                    told = RuntimeError(f"gave up after {attempt} attempts")
                    raise RetryFailed from told if wraps(told, error) else None
                case _:
                    raise
    return None


def wraps(outer: BaseException, inner: BaseException) -> bool:
    """Make one error the cause of another."""
    outer.__cause__ = inner
    return True


def strict(fn: Fn, max_attempts: int, *, sleep: Sleep = time.sleep) -> Any:
    """Refuses more than it must, in types, and tidies up in `finally`."""
    if not callable(fn) or not callable(sleep):
        raise TypeError("fn and sleep must be callable")
    if isinstance(max_attempts, bool) or not isinstance(max_attempts, int):
        raise TypeError("max_attempts must be an int")
    at_least_one(max_attempts)
    failed = 0
    try:
        while True:
            try:
                return fn()
            except Permanent:
                raise
            except Exception as error:
                failed += 1
                error.add_note(f"attempt {failed} of {max_attempts}")
                if failed == max_attempts:
                    raise error from error.__cause__
            sleep(2 ** (failed - 1))
    finally:
        del failed


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


def with_options(fn: Fn, max_attempts: int, **options: Any) -> Any:
    """Keywords that nobody can see in the signature; the bonus, too."""
    sleep, rng = options.get("sleep", time.sleep), options.get("rng")

    def wait(seconds: float) -> None:
        sleep(seconds if rng is None else rng.random() * seconds)

    return recursive(fn, max_attempts, sleep=wait)
