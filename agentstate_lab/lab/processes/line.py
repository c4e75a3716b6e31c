"""
The private line of a process that was started by `handle`, and its forks.

    python -m agentstate_lab.lab.processes.child MODULE

There, the *module* serves: its `serve(line, request)` gets the first message that
came and the line to answer on. A message is one line of JSON, both ways, and each of
ours begins with a secret word. So nothing that is printed by accident passes for a
message. This keeps accidents out, not attackers: what is called here runs with the
learner's own rights.

Prints go to standard error. Nobody is at standard input.
"""

import contextlib
import json
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, Any

from agentstate_lab import system

Message = dict[str, Any]

GRACE = 90  # seconds after its limit; then a process that nobody misses ends itself
BROKEN = 78  # the exit status of a fork that could not come to its own end
FAR_AWAY = 200  # beyond the numbers of files that a program writes to by mistake


class Line:
    """
    The line to the process that asked.

    Attributes:
        request: The first message, which says what is wanted.
    """

    def __init__(self) -> None:
        self._requests: IO[bytes] = os.fdopen(_private(0), "rb", 1 << 16)
        self._replies = _private(1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)
        self._limit = 0.0
        self._word = ""
        self.request = self.ask()
        self._word = str(self.request.pop("word"))

    def ask(self) -> Message:
        """The next message; nobody there to send one is the end."""
        end_after(None)  # whoever waits here hears when nobody is there any more
        line = self._requests.readline()
        if not line:
            os._exit(1)
        message: Message = json.loads(line)
        self._limit = message.get("limit", self._limit)
        self.end_some_day()
        return message

    def say(self, **message: Any) -> None:
        """Send *message* in one piece."""
        data = memoryview(f"\n{self._word} {json.dumps(message)}\n".encode())
        while data:
            data = data[os.write(self._replies, data) :]

    def wait(self) -> None:
        """Say that we are here, and go on when everybody is."""
        self.say(waits=True)
        self.ask()

    def end_some_day(self) -> None:
        """End this process after the request's limit, should nobody else do it."""
        end_after(self._limit + GRACE)

    def fileno(self) -> int:
        """Where the next message comes in: ready to be read is the end of a pause."""
        return self._requests.fileno()


@dataclass(frozen=True, slots=True)
class Gone:
    """
    How a process ended that was waited for.

    Attributes:
        pid: Its number, which nobody has any more.

        status: Its exit status; below zero, the signal that ended it.

        timed_out: Whether it was still running at its limit, and was ended then.

        report: What it said last to the one that asked; empty when it said nothing.
    """

    pid: int
    status: int
    timed_out: bool = False
    report: Message = field(default_factory=dict)


def in_fork(
    line: Line,
    work: Callable[[], int | None],
    *,
    limit: float = float("inf"),
    own_group: bool = False,
) -> Gone:
    """
    Call *work* in a copy of this process, and wait until that is gone.

    While it runs, nobody has anything to say to us: when there is something to be
    heard, the one that asked is gone, and all of us end.

    Args:
        line: The line of this process; the fork may speak on it.

        work: Returns the exit status, or None for 0.

        limit: Seconds after which the fork is ended.

        own_group: Whether the fork is ended with all that it has started.
    """
    lives, held = os.pipe()
    os.set_blocking(held, False)  # a flood into every open file must not wait here
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            os.close(lives)
            if own_group:
                os.setsid()
            line.end_some_day()
            os._exit(work() or 0)
        os._exit(BROKEN)
    os.close(held)
    try:
        return _watched(pid, lives, line, time.monotonic() + limit, own_group)
    finally:
        os.close(lives)


def _watched(pid: int, lives: int, line: Line, end: float, own_group: bool) -> Gone:
    """Wait for the end of the fork *pid*, which holds the other side of *lives*."""
    heard: list[Any] = [lives, line]
    while True:
        left = max(0.0, end - time.monotonic())
        wait = min(left, 0.05 if lives in heard else 0.001)
        ready = select.select(heard, [], [], wait)[0]
        if lives in ready:  # it is gone, or it has closed every file
            heard.remove(lives)
        gone, status = os.waitpid(pid, os.WNOHANG)
        timed_out = not gone and (line in ready or time.monotonic() > end)
        if gone or timed_out:
            if own_group:  # also what it has left behind
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)
            elif line in ready:
                os.killpg(0, signal.SIGKILL)
        if timed_out:
            os.kill(pid, signal.SIGKILL)  # it may not have made its group yet
            status = os.waitpid(pid, 0)[1]
        if gone or timed_out:
            return Gone(pid, os.waitstatus_to_exitcode(status), bool(timed_out))


def end_after(seconds: float | None) -> None:
    """End this process in so many seconds, or not at all."""
    if not system.WINDOWS:
        signal.alarm(0 if seconds is None else int(seconds))
    elif seconds is not None:
        timer = threading.Timer(seconds, os._exit, (1,))
        timer.daemon = True
        timer.start()


def _private(file: int) -> int:
    """A copy of *file* that no program finds by accident."""
    if system.WINDOWS:
        return os.dup(file)
    import fcntl

    return fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, FAR_AWAY)
