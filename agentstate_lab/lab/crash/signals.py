"""
Three ways to tell a process to end, and what it can still do about them.

    SIGKILL    nobody is asked: no `finally`, nothing saved on the way
    SIGTERM    what `kill`, systemd and Kubernetes send first; `SystemExit` here
    SIGINT     Control-C and JupyterLab's Restart; `KeyboardInterrupt`

By itself, Python answers SIGTERM as if it were SIGKILL, so a run that is asked to
stop would leave its task behind like one that was shot. `polite` makes an exception
of it: `finally` gets its turn, and the run lets go of its task.

An agent that is correct needs none of this. It makes the next run start without a
proof that the last one is gone, which on another machine can only be a lease.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from typing import Any, NoReturn

from agentstate_lab.errors import InvalidValue

SIGNALS = ("SIGKILL", "SIGTERM", "SIGINT")
HARD = "SIGKILL"

_SHELL = 128  # a shell reports a death by signal n as 128 + n


def signal_named(name: str) -> str:
    """
    *name*, when it is one of `SIGNALS`.

    >>> signal_named("SIGTERM")
    'SIGTERM'
    """
    if name not in SIGNALS:
        known = ", ".join(SIGNALS)
        raise InvalidValue("signal", f"must be one of {known}, not {name!r:.100}")
    return name


def died_by(status: int, name: str) -> bool:
    """
    Whether *status*, of a process that was waited for, means a death by this signal.

    >>> died_by(-9, "SIGKILL"), died_by(143, "SIGTERM")
    (True, True)
    """
    number = _number(name)
    return status in (-number, _SHELL + number)


def strike(name: str) -> None:
    """Send the signal of this *name* to this very process."""
    if name == HARD:
        fall(name)
    signal.raise_signal(_number(name))


def fall(name: str) -> NoReturn:
    """
    End this process as the signal ends one that does nothing about it.

    Windows has no deaths by signal: there it is the status that a shell would report.
    """
    number = _number(name)
    if os.name == "posix":
        if name != HARD:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(_SHELL + number)


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
    raise SystemExit(_SHELL + number)


def _number(name: str) -> int:
    """The signal's number; Windows has no SIGKILL, and reports one all the same."""
    return int(getattr(signal, name, 9))
