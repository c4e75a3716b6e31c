"""
Real waiting, noticed before it happens.

A check never waits for real time, and an answer that sleeps where it was given a
`sleep` must be told so. So two calls are replaced in the check's process. While a
stage listens, they take no time and are noted with their seconds; at any other time
they wait as always.

An answer that waits for somebody is `hurried`: the clocks go on by what was waited, so
one that waits until some time gets there, and one that waits for ever is stopped.

What it does not notice: waiting in an event loop, in C code, in another process.
There the time cap of the stage is the bound.
"""

import contextlib
import functools
import operator
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from .stages import Stopped

Note = Callable[[str, float], None]

MAX_WAITS = 20_000  # far more than anybody needs who gives up some day

_CLOCKS = ("monotonic", "perf_counter", "time")


def seconds_of(value: Any) -> float:
    """
    The seconds of a wait, from whatever `time.sleep` would take.

    Raises:
        TypeError: It is no number that `time.sleep` takes, for example a text.
        ValueError: It is negative, or not a number at all (NaN).

    >>> seconds_of(True)
    1.0
    """
    seconds = float(value if isinstance(value, float) else operator.index(value))
    if not seconds >= 0:
        raise ValueError("sleep length must be non-negative")
    return seconds


class Waits:
    """The calls of this process that wait; one for each process."""

    def __init__(self) -> None:
        self._note: Note | None = None
        self._alone = False
        self._installed = False

    def install(self) -> None:
        """Replace the calls. Do it before the answer is loaded, which may keep one."""
        if not self._installed:
            self._installed = True
            self._replace_sleep()
            self._replace_event_wait()

    @contextlib.contextmanager
    def noted(self, note: Note, *, alone: bool = False) -> Iterator[None]:
        """
        Let each wait in the block take no time, and tell *note* of it.

        Args:
            note: Told which call it was, and the seconds.

            alone: Whether an event that another thread may set is still waited for.
        """
        self.install()
        self._note, self._alone = note, alone
        try:
            yield
        finally:
            self._note = None

    def _replace_sleep(self) -> None:
        real = time.sleep

        @functools.wraps(real)
        def sleep(seconds: Any, /) -> None:
            if self._note is None:
                return real(seconds)
            return self._note("time.sleep", seconds_of(seconds))

        setattr(time, "sleep", sleep)  # noqa: B010 - a module's name, not ours

    def _replace_event_wait(self) -> None:
        real = threading.Event.wait

        @functools.wraps(real)
        def wait(event: threading.Event, timeout: float | None = None) -> bool:
            others = self._alone and threading.active_count() > 1
            if self._note is None or timeout is None or event.is_set() or others:
                return real(event, timeout)
            self._note("threading.Event.wait", max(0.0, timeout))
            return False

        setattr(threading.Event, "wait", wait)  # noqa: B010 - as above


WAITS = Waits()


@contextlib.contextmanager
def hurried(*, alone: bool = False, most: int = MAX_WAITS) -> Iterator[None]:
    """
    Let nobody in the block wait: a wait is over at once, and the clocks show it.

    Whoever waits for ever is `Stopped`.

    Args:
        alone: See `Waits.noted`.

        most: So many waits are no waiting for ever.
    """
    real = {name: getattr(time, name) for name in _CLOCKS}
    slept, waits = 0.0, 0

    def note(name: str, seconds: float) -> None:
        nonlocal slept, waits
        slept, waits = slept + seconds, waits + 1
        if waits > most:
            raise Stopped("it waited and waited, for somebody who may never come")

    for name in _CLOCKS:
        vars(time)[name] = lambda clock=real[name]: clock() + slept
    try:
        with WAITS.noted(note, alone=alone):
            yield
    finally:
        vars(time).update(real)
