"""
Who is working, and is that process still there?

A task that says "running" may be in good hands or in nobody's. The difference is
whether its worker lives, and a process id alone cannot tell: after a reboot, or an
hour on a busy machine, another program has it. So an `Owner` names the boot of the
machine, the process, when that process started, and one run inside it.

From this, "gone" can be *proved*: another boot of this very machine, no such
process, a process that started at another time, or a run that this process itself
has ended. Whatever cannot be proved counts as alive, since taking over live work
does it twice. A worker on another machine can never be proved gone from here; for
that there are leases (`LeaseStore`).

This module takes nothing over: it answers one question.
"""

import functools
import itertools
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agentstate_lab import system
from agentstate_lab.state import Owner

# Two readings of one start differ by less; two processes with one id by far more.
SAME_START = 2.0


# A run that nobody has named ends with its process.
PROCESS = "process"

_runs = itertools.count(1)
_active = {PROCESS}


@contextmanager
def working() -> Iterator[Owner]:
    """
    Be somebody's owner inside the block; afterwards, this run is gone.

    >>> with working() as me:
    ...     is_gone(me)
    False
    >>> is_gone(me)
    True
    """
    me = _owner(f"run-{next(_runs)}")
    _active.add(me.run_id)
    try:
        yield me
    finally:
        _active.discard(me.run_id)


def this_process() -> Owner:
    """
    The owner of work that was begun without naming one: gone when this process is.

    >>> is_gone(this_process())
    False
    """
    return _owner(PROCESS)


def _owner(run_id: str) -> Owner:
    """A run inside this process."""
    pid = os.getpid()
    return Owner(boot_id=boot_id(), pid=pid, started_at=_my_start(pid), run_id=run_id)


def is_gone(owner: Owner | None) -> bool:
    """
    Whether *owner* is proved to work no more.

    Args:
        owner: Whoever the record names; None names nobody and proves nothing.
    """
    if owner is None:
        return False
    here, there = boot_id().split(" "), owner.boot_id.split(" ")
    if here != there:
        # Another boot of the same machine ended everything that ran before it.
        return len(there) == 3 and here[0] == there[0] and here[1] != there[1]
    started = _started_at(owner.pid)
    if started is None or abs(started - owner.started_at) > SAME_START:
        return True
    return owner.pid == os.getpid() and owner.run_id not in _active


def whereabouts(owner: Owner | None) -> str:
    """
    Where *owner* is, in a word: "nobody", "gone", "alive", or "elsewhere".

    What is elsewhere cannot be seen from here: there only a lease decides.
    """
    if owner is None:
        return "nobody"
    if is_gone(owner):
        return "gone"
    return "alive" if owner.boot_id == boot_id() else "elsewhere"


@functools.cache
def boot_id() -> str:
    """
    The machine, its boot, and the space in which its process ids count.

    Inside a container the same number is another process, so Linux's namespace of
    process ids is part of it.
    """
    machine = platform.node().replace(" ", "-") or "unnamed"
    if system.LINUX:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        space = Path("/proc/self/ns/pid").readlink().name
        return f"{machine} {boot} {space.replace(' ', '-')}"
    import psutil

    # To the minute: the system works it out anew from a clock that is adjusted.
    return f"{machine} {round(psutil.boot_time() / 60)} pid"


def machine() -> str:
    """The name of this machine: the first word of `boot_id`."""
    return boot_id().partition(" ")[0]


@functools.cache
def _my_start(pid: int) -> float:
    """When this process started; a fork has another number, and asks anew."""
    return _started_at(pid) or 0.0


def _started_at(pid: int) -> float | None:
    """
    When a process started, in seconds, or None when there is none to speak of.

    On Linux, since the boot: no adjusted clock can make it another process. A
    process that has ended and waits for its parent to look works no more.
    """
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        if not system.LINUX:
            return float(process.create_time())
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
        ticks = int(fields.rpartition(")")[2].split()[19])
        return ticks / os.sysconf("SC_CLK_TCK")
    except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
        return None
    except (psutil.Error, OSError, ValueError, OverflowError):
        return 0.0 if psutil.pid_exists(pid) else None
