"""Mistakes in exercise 04; what is said of each stands in `retry_answers`."""

# ruff: noqa: BLE001 - what is to be tried again must be caught first
import asyncio
import contextlib
import copy
import functools
import itertools
import threading
import time

from agentstate_lab.errors import AgentStateError, Permanent
from answers.retry_styles import RetryFailed, at_least_one, right


def one_too_few(fn, max_attempts, *, sleep=time.sleep):
    """Begins to count at 1 and ends before the number."""
    at_least_one(max_attempts)
    last = None
    for attempt in range(1, max_attempts):
        try:
            return fn()
        except Permanent:
            raise
        except Exception as error:
            last = error
        if attempt < max_attempts - 1:
            sleep(2 ** (attempt - 1))
    raise last or RuntimeError("no attempt was made")


def one_too_many(fn, max_attempts, *, sleep=time.sleep):
    """Counts the retries after the first attempt."""
    at_least_one(max_attempts)
    return right(fn, max_attempts + 1, sleep=sleep)


def waits_after_the_last(fn, max_attempts, *, sleep=time.sleep):
    """Waits before it asks whether it goes on."""
    at_least_one(max_attempts)
    for attempt in range(max_attempts):
        try:
            return fn()
        except Permanent:
            raise
        except Exception as error:
            last = error
            sleep(2**attempt)
    raise last


def waits_after_success(fn, max_attempts, *, sleep=time.sleep):
    """Waits after each later attempt, whatever became of it."""
    at_least_one(max_attempts)
    for attempt in range(max_attempts):
        try:
            value = fn()
            if attempt:
                sleep(2**attempt)
            return value
        except Permanent:
            raise
        except Exception:
            if attempt == max_attempts - 1:
                raise
        sleep(2**attempt)
    return None


def waits_before_the_first(fn, max_attempts, *, sleep=time.sleep):
    """Every attempt waits, also the one that nothing came before."""
    at_least_one(max_attempts)
    for attempt in range(max_attempts):
        sleep(2**attempt)
        try:
            return fn()
        except Permanent:
            raise
        except Exception as error:
            last = error
    raise last


def waits_zero_first(fn, max_attempts, *, sleep=time.sleep):
    """A wait of nothing is a call of sleep, too."""
    sleep(0)
    return right(fn, max_attempts, sleep=sleep)


def loses_the_value(fn, max_attempts, *, sleep=time.sleep):
    """As the version everyone writes first: the value has nowhere to go."""
    right(fn, max_attempts, sleep=sleep)


def calls_for_the_value(fn, max_attempts, *, sleep=time.sleep):
    """Once to see whether it works, and once for the value."""
    right(fn, max_attempts, sleep=sleep)
    return fn()


def never_raises(fn, max_attempts, *, sleep=time.sleep):
    """Falls out of the loop with nothing in hand."""
    try:
        return right(fn, max_attempts, sleep=sleep)
    except (Permanent, ValueError):
        raise
    except Exception as error:
        print(f"failed after {max_attempts} attempts: {error}")
        return None


def returns_the_error(fn, max_attempts, *, sleep=time.sleep):
    """As a language without exceptions would."""
    at_least_one(max_attempts)
    try:
        return right(fn, max_attempts, sleep=sleep)
    except Permanent:
        raise
    except Exception as error:
        return error


def loses_the_cause(fn, max_attempts, *, sleep=time.sleep):
    """The text of the error is kept, the error is not."""
    at_least_one(max_attempts)
    for attempt in range(max_attempts):
        try:
            return fn()
        except Permanent:
            raise
        except Exception as error:
            last = str(error)
        if attempt < max_attempts - 1:
            sleep(2**attempt)
    raise RuntimeError(f"failed after {max_attempts} attempts: {last}")


def only_a_context(fn, max_attempts, *, sleep=time.sleep):
    """Raises an error of its own where the last one is being handled."""
    at_least_one(max_attempts)
    try:
        return right(fn, max_attempts, sleep=sleep)
    except Permanent:
        raise
    except Exception as error:
        raise RuntimeError(f"failed after {max_attempts}: {error}")  # noqa: B904


def from_none(fn, max_attempts, *, sleep=time.sleep):
    """Cuts the cause off on purpose."""
    at_least_one(max_attempts)
    try:
        return right(fn, max_attempts, sleep=sleep)
    except Permanent:
        raise
    except Exception:
        raise RetryFailed("all attempts failed") from None


def a_copy(fn, max_attempts, *, sleep=time.sleep):
    """The same type and text, and yet another error."""
    at_least_one(max_attempts)
    try:
        return right(fn, max_attempts, sleep=sleep)
    except Permanent:
        raise
    except Exception as error:
        made = type(error)(*error.args)
    raise made


def the_first_error(fn, max_attempts, *, sleep=time.sleep):
    """Remembers what it saw first."""
    at_least_one(max_attempts)
    first = None
    for attempt in range(max_attempts):
        try:
            return fn()
        except Permanent:
            raise
        except Exception as error:
            first = first or error
        if attempt < max_attempts - 1:
            sleep(2**attempt)
    raise RetryFailed from first


def judging(passes):
    """The plain loop, with another idea of the errors that pass."""

    def answer(fn, max_attempts, *, sleep=time.sleep):
        at_least_one(max_attempts)
        for attempt in range(max_attempts):
            try:
                return fn()
            except BaseException as error:
                if attempt == max_attempts - 1 or not passes(error):
                    raise
            sleep(2**attempt)
        return None

    return answer


def is_no_ctrl_c(error):
    """Lets Ctrl-C through, and nothing else that wants the program to end."""
    return not isinstance(error, KeyboardInterrupt | Permanent)


def is_not_this_class(error):
    """Compares the type, and so misses its subclasses."""
    return isinstance(error, Exception) and type(error) is not Permanent


def is_not_ours(error):
    """Takes the base class of all our errors for `Permanent`."""
    return isinstance(error, Exception) and not isinstance(error, AgentStateError)


# As `except:` would: Ctrl-C is tried again.
catches_all = judging(lambda error: not isinstance(error, Permanent))
catches_exit = judging(is_no_ctrl_c)
retries_permanent = judging(lambda error: isinstance(error, Exception))
knows_one_class = judging(is_not_this_class)
only_connections = judging(lambda e: isinstance(e, ConnectionError | TimeoutError))
ours_are_permanent = judging(is_not_ours)


def swallows_ctrl_c(fn, max_attempts, *, sleep=time.sleep):
    """Ends politely, as if there were a result."""
    try:
        return right(fn, max_attempts, sleep=sleep)
    except KeyboardInterrupt:
        return None


def wraps_interrupts(fn, max_attempts, *, sleep=time.sleep):
    """Makes an ordinary error of what is none."""
    try:
        return right(fn, max_attempts, sleep=sleep)
    except Exception:
        raise
    except BaseException as error:
        raise RetryFailed("stopped") from error


def catches_ctrl_c_in_sleep(fn, max_attempts, *, sleep=time.sleep):
    """Ctrl-C ends the wait, and the next attempt begins."""

    def patient(seconds):
        with contextlib.suppress(BaseException):
            sleep(seconds)

    return right(fn, max_attempts, sleep=patient)


def returns_in_finally(fn, max_attempts, *, sleep=time.sleep):
    """`return` in `finally` throws away whatever is on its way out."""
    at_least_one(max_attempts)
    value = None
    try:
        value = right(fn, max_attempts, sleep=sleep)
    finally:
        return value  # noqa: B012


def falsy_fails(fn, max_attempts, *, sleep=time.sleep):
    """Takes 0 and "" for a failure."""
    at_least_one(max_attempts)
    for attempt in range(max_attempts):
        try:
            if value := fn():
                return value
        except Permanent:
            raise
        except Exception:
            if attempt == max_attempts - 1:
                raise
        if attempt < max_attempts - 1:
            sleep(2**attempt)
    return None


def none_fails(fn, max_attempts, *, sleep=time.sleep):
    """Takes None for "not yet"."""
    at_least_one(max_attempts)
    value = None
    for attempt in range(max_attempts):
        try:
            value = fn()
        except Permanent:
            raise
        except Exception:
            if attempt == max_attempts - 1:
                raise
        if value is not None:
            break
        if attempt < max_attempts - 1:
            sleep(2**attempt)
    return value


def errors_as_values(fn, max_attempts, *, sleep=time.sleep):
    """Raises what was returned."""

    def checked():
        value = fn()
        if isinstance(value, Exception):
            raise value
        return value

    return right(checked, max_attempts, sleep=sleep)


def compares_the_value(fn, max_attempts, *, sleep=time.sleep):
    """Compares with what must not be compared."""

    def checked():
        if (value := fn()) == "pending":
            raise RetryFailed("not yet")
        return value

    return right(checked, max_attempts, sleep=sleep)


def really_sleeps(fn, max_attempts, *, sleep=time.sleep):
    """Takes a sleep and has its own."""
    return right(fn, max_attempts, sleep=time.sleep)


def sleeps_twice(fn, max_attempts, *, sleep=time.sleep):
    """Tells the fake, and waits for real as well."""

    def both(seconds):
        sleep(seconds)
        time.sleep(seconds)

    return right(fn, max_attempts, sleep=both)


def waits_for_an_event(fn, max_attempts, *, sleep=time.sleep):
    """Waits for what never comes, up to a time."""
    return right(fn, max_attempts, sleep=lambda s: threading.Event().wait(s))


def sleeps_in_a_loop(fn, max_attempts, *, sleep=time.sleep):
    """Waits in an event loop, where no check looks: the time cap ends it."""
    return right(fn, max_attempts, sleep=lambda s: asyncio.run(asyncio.sleep(s * 60)))


def never_sleeps(fn, max_attempts, *, sleep=time.sleep):
    """Hammers."""
    return right(fn, max_attempts, sleep=lambda seconds: None)


def no_default(fn, max_attempts, *, sleep=None):
    """Waits in tests only."""
    return right(fn, max_attempts, sleep=sleep or (lambda seconds: None))


def needs_a_sleep(fn, max_attempts, *, sleep):
    """The program that calls it has none to give."""
    return right(fn, max_attempts, sleep=sleep)


def sleeps_by_name(fn, max_attempts, *, sleep=time.sleep):
    """`time.sleep` takes no keyword."""
    return right(fn, max_attempts, sleep=lambda seconds: sleep(seconds=seconds))


def sleeps_a_text(fn, max_attempts, *, sleep=time.sleep):
    """`time.sleep` takes no text."""
    return right(fn, max_attempts, sleep=lambda seconds: sleep(f"{seconds}"))


def waited(made):
    """An answer whose wait after attempt *n* is another."""

    def answer(fn, max_attempts, *, sleep=time.sleep):
        numbers = itertools.count(1)
        wait = lambda seconds: sleep(made(next(numbers)))  # noqa: E731
        return right(fn, max_attempts, sleep=wait)

    return answer


def in_pieces(fn, max_attempts, *, sleep=time.sleep):
    """The right time, one second at a time."""

    def wait(seconds):
        for _ in range(int(seconds)):
            sleep(1)

    return right(fn, max_attempts, sleep=wait)


def a_fixed_list(fn, max_attempts, *, sleep=time.sleep):
    """Five attempts were enough when it was written."""
    waits = [1, 2, 4, 8]
    numbers = itertools.count()
    return right(fn, max_attempts, sleep=lambda _: sleep(waits[next(numbers)]))


WAITS = [2**n for n in range(64)]


def pops_the_waits(fn, max_attempts, *, sleep=time.sleep, waits=WAITS):
    """A mutable default: what one call takes, the next one lacks."""
    return right(fn, max_attempts, sleep=lambda _: sleep(waits.pop(0)))


def a_shared_generator():
    """The waits are made once, when the function is made."""
    waits = iter([2**n for n in range(64)])

    def answer(fn, max_attempts, *, sleep=time.sleep):
        return right(fn, max_attempts, sleep=lambda _: sleep(next(waits)))

    return answer


class Counter:
    """Keeps the number of failures, and forgets it only when all is well."""

    def __init__(self):
        self.failures = 0

    def __call__(self, fn, max_attempts, *, sleep=time.sleep):
        """Try, and try again."""
        at_least_one(max_attempts)
        while True:
            try:
                value = fn()
            except Permanent:
                raise
            except Exception:
                self.failures += 1
                if self.failures >= max_attempts:
                    raise
                sleep(2 ** (self.failures - 1))
            else:
                self.failures = 0
                return value


class Breaker(Counter):
    """Forgets after failures, too, but not after `Permanent`."""

    def __call__(self, fn, max_attempts, *, sleep=time.sleep):
        """Try, and try again."""
        try:
            return super().__call__(fn, max_attempts, sleep=sleep)
        except Permanent:
            raise
        except Exception:
            self.failures = 0
            raise


@functools.cache
def remembers(fn, max_attempts, *, sleep=time.sleep):
    """Answers from memory."""
    return right(fn, max_attempts, sleep=sleep)


def collects(fn, max_attempts, *, sleep=time.sleep, errors=[]):  # noqa: B006
    """The errors of all calls that ever were."""
    at_least_one(max_attempts)
    for attempt in range(max_attempts):
        try:
            return fn()
        except Permanent:
            raise
        except Exception as error:
            errors.append(error)
        if attempt < max_attempts - 1:
            sleep(2**attempt)
    raise ExceptionGroup("all failed", errors) from errors[-1]


def zero_is_one(fn, max_attempts, *, sleep=time.sleep):
    """Corrects the caller in silence."""
    return right(fn, max(1, max_attempts), sleep=sleep)


def zero_is_nothing(fn, max_attempts, *, sleep=time.sleep):
    """Never called, and no error either."""
    return right(fn, max_attempts, sleep=sleep) if max_attempts > 0 else None


def only_zero(fn, max_attempts, *, sleep=time.sleep):
    """Refuses 0, and with -1 falls through the loop."""
    if not max_attempts:
        raise ValueError("max_attempts must not be 0")
    return right(fn, max_attempts, sleep=sleep) if max_attempts > 0 else None


def refuses_too_late(fn, max_attempts, *, sleep=time.sleep):
    """The function has been called by then."""
    try:
        value = fn()
    except Exception:
        at_least_one(max_attempts)
        if max_attempts == 1:
            raise
        sleep(1)
        return right(fn, max_attempts - 1, sleep=lambda s: sleep(2 * s))
    at_least_one(max_attempts)
    return value


def asserts(fn, max_attempts, *, sleep=time.sleep):
    """An assert is no ValueError, and `python -O` leaves it out."""
    assert max_attempts >= 1, "at least one attempt"
    return right(fn, max_attempts, sleep=sleep)


def waits_for_permanent(fn, max_attempts, *, sleep=time.sleep):
    """Waits first, and asks then."""
    at_least_one(max_attempts)
    for attempt in range(max_attempts):
        try:
            return fn()
        except Exception as error:
            if attempt == max_attempts - 1:
                raise
            sleep(2**attempt)
            if isinstance(error, Permanent):
                raise
    return None


def wraps_permanent(fn, max_attempts, *, sleep=time.sleep):
    """Stops at once, with an error that nobody is waiting for."""
    at_least_one(max_attempts)
    try:
        return right(fn, max_attempts, sleep=sleep)
    except Exception as error:
        raise RetryFailed("gave up") from error


def swallows_permanent(fn, max_attempts, *, sleep=time.sleep):
    """Stops at once, without a word."""
    try:
        return right(fn, max_attempts, sleep=sleep)
    except Permanent:
        return None


def tries_once(fn, max_attempts, *, sleep=time.sleep):
    """Half-finished."""
    at_least_one(max_attempts)
    return fn()


def hands_on_the_number(fn, max_attempts, *, sleep=time.sleep):
    """The function takes nothing."""
    numbers = itertools.count(1)
    return right(lambda: fn(next(numbers)), max_attempts, sleep=sleep)


def makes_a_wrapper(fn, max_attempts, *, sleep=time.sleep):
    """A decorator, where a call was asked for."""
    return lambda: right(fn, max_attempts, sleep=sleep)


def does_nothing(fn, max_attempts, *, sleep=time.sleep):
    """Half-finished."""


def copies_the_value(fn, max_attempts, *, sleep=time.sleep):
    """What comes out is not what went in."""
    return copy.copy(right(fn, max_attempts, sleep=sleep))


def never_gives_up(fn, max_attempts, *, sleep=time.sleep):
    """It will work some day."""
    at_least_one(max_attempts)
    for attempt in itertools.count():
        try:
            return fn()
        except Permanent:
            raise
        except Exception:
            sleep(2**attempt)
    return None


def a_second_for_ever(fn, max_attempts, *, sleep=time.sleep):
    """Waits alike, and counts nothing."""
    while True:
        with contextlib.suppress(Exception):
            return fn()
        sleep(1)


def returns_a_wrapper(fn, max_attempts, *, sleep=time.sleep):
    """Makes a function that would do it, and calls nothing."""

    def wrapper():
        return right(fn, max_attempts, sleep=sleep)

    return wrapper


def cannot_be_stopped(fn, max_attempts, *, sleep=time.sleep):
    """Catches what is to end it."""
    at_least_one(max_attempts)
    while True:
        with contextlib.suppress(BaseException):
            return fn()


def catches_what_is_no_exception(fn, max_attempts, *, sleep=time.sleep):
    """Lets the two that everybody knows through, and no other."""
    out = KeyboardInterrupt | SystemExit | Permanent
    again = judging(lambda error: not isinstance(error, out))
    return again(fn, max_attempts, sleep=sleep)


def waits_half_at_least(fn, max_attempts, *, sleep=time.sleep, rng=None):
    """Equal jitter: those who failed together stay in one half."""

    def wait(seconds):
        sleep(seconds if rng is None else seconds * rng.uniform(0.5, 1))

    return right(fn, max_attempts, sleep=wait)
