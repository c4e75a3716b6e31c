"""
A process that is asked to end, and lets go of its task first.

By itself, Python answers SIGTERM (what `kill`, systemd and Kubernetes send first) as
if it were SIGKILL, so a worker that is asked to stop would leave its task behind like
one that was shot. `polite` makes an exception of it: `finally` gets its turn, and the
run lets go of its task.

An agent that is correct needs none of this. It makes the next run start without a
proof that the last one is gone, which on another machine can only be a lease.
"""

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any, NoReturn

SHELL = 128  # a shell reports a death by signal n as 128 + n


@contextlib.contextmanager
def polite() -> Iterator[None]:
    """
    Inside the block, SIGTERM and SIGINT raise: `SystemExit` and `KeyboardInterrupt`.

    Signals belong to the main thread; in another one, nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    answers = {signal.SIGTERM: _stop, signal.SIGINT: signal.default_int_handler}
    before = {n: signal.signal(n, f) or signal.SIG_DFL for n, f in answers.items()}
    try:
        yield
    finally:
        for number, answer in before.items():
            signal.signal(number, answer)


def _stop(number: int, frame: Any) -> NoReturn:
    """What SIGTERM does inside `polite`."""
    raise SystemExit(SHELL + number)
