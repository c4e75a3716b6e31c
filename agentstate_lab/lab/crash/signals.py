"""
Three ways to tell a process to end, and what it can still do about them.

    SIGKILL    nobody is asked: no `finally`, nothing saved on the way
    SIGTERM    what `kill`, systemd and Kubernetes send first; `SystemExit` here
    SIGINT     Control-C and JupyterLab's Restart; `KeyboardInterrupt`

What makes a run let go of its task before it ends is in `idempotency.polite`.
"""

import os
import signal
from typing import NoReturn

from agentstate_lab import system
from agentstate_lab.errors import InvalidValue
from agentstate_lab.idempotency import SHELL

SIGNALS = ("SIGKILL", "SIGTERM", "SIGINT")
HARD = "SIGKILL"


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
    return status in (-number, SHELL + number)


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
    if not system.WINDOWS:
        if name != HARD:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(SHELL + number)


def _number(name: str) -> int:
    """The signal's number; Windows has no SIGKILL, and reports one all the same."""
    return int(getattr(signal, name, 9))
