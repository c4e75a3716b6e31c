"""
Waits that take no time: an answer that waits for somebody is not waited for.

The clocks go on by what was waited, so an answer that waits until some time gets
there. One that waits for ever is stopped.
"""

import contextlib
import time
from collections.abc import Iterator

from .waits import WAITS

MAX_WAITS = 20_000  # far more than anybody needs who gives up some day

_CLOCKS = ("monotonic", "perf_counter", "time")


class WaitsForEver(BaseException):
    """It waited again and again. No `except Exception` keeps this from coming out."""

    words = "it waited and waited, for somebody who may never come"


@contextlib.contextmanager
def hurried(*, alone: bool = False, most: int = MAX_WAITS) -> Iterator[None]:
    """
    Let nobody in the block wait: a wait is over at once, and the clocks show it.

    Whoever waits for ever is stopped by `WaitsForEver`.

    Args:
        alone: See `waits.Waits.noted`.

        most: So many waits are no waiting for ever.
    """
    real = {name: getattr(time, name) for name in _CLOCKS}
    slept, waits = 0.0, 0

    def note(name: str, seconds: float) -> None:
        nonlocal slept, waits
        slept, waits = slept + seconds, waits + 1
        if waits > most:
            raise WaitsForEver

    WAITS.install()
    for name in _CLOCKS:
        vars(time)[name] = lambda clock=real[name]: clock() + slept
    try:
        with WAITS.noted(note, alone=alone):
            yield
    finally:
        vars(time).update(real)
