"""Mistakes in exercise 04 that are more than one thing changed in a right answer."""

# ruff: noqa: BLE001 - what is to be tried again must be caught first
import asyncio
import contextlib
import functools
import time

from agentstate_lab.errors import Permanent
from answers.retry_styles import at_least_one, right


def loses_the_value(fn, max_attempts, *, sleep=time.sleep):
    """As the version everyone writes first: the value has nowhere to go."""
    right(fn, max_attempts, sleep=sleep)


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


def sleeps_in_a_loop(fn, max_attempts, *, sleep=time.sleep):
    """Waits in an event loop, where no check looks: the time cap ends it."""
    return right(fn, max_attempts, sleep=lambda s: asyncio.run(asyncio.sleep(s * 60)))


@functools.cache
def remembers(fn, max_attempts, *, sleep=time.sleep):
    """Answers from memory."""
    return right(fn, max_attempts, sleep=sleep)


def cannot_be_stopped(fn, max_attempts, *, sleep=time.sleep):
    """Catches what is to end it."""
    at_least_one(max_attempts)
    while True:
        with contextlib.suppress(BaseException):
            return fn()


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
