"""Whether a process still runs, and waiting until something is so."""

import time
from collections.abc import Callable
from typing import Any


def until(
    condition: Callable[[], object],
    seconds: float,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Whether *condition* came true within *seconds*."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        sleep(0.01)
    return True


def alive(pid: int) -> bool:
    """Whether a process *pid* runs; one that only waits to be buried does not."""
    import psutil

    try:
        return runs(psutil.Process(pid))
    except psutil.Error:
        return False


def runs(process: Any) -> bool:
    """Whether the `psutil.Process` still runs, and is still the same one."""
    import psutil

    try:
        zombie = process.status() == psutil.STATUS_ZOMBIE
        return bool(process.is_running() and not zombie)
    except psutil.Error:
        return False
