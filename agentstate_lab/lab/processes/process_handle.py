"""
A fresh process, its private line, and what it prints: the side that started it.

The other side is `fresh_process`. `listen` follows several at once and lets them
through a barrier together.

A process is ended, with all that it has started, when its `with` block ends, so
nothing is left running. What became of the call is for `processes` to say.
"""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from typing import IO, Any, Self

from agentstate_lab.errors import LabError

MAX_OUTPUT = 10_000
READY_WITHIN = 60.0  # seconds; a busy machine may need some to start a Python

_CHILD = "agentstate_lab.lab.processes.fresh_process"

Message = dict[str, Any]


class Process:
    """A fresh process, its private line, and what it prints."""

    def __init__(self, request: Message, inbox: "Inbox") -> None:
        self.output = ""
        self._status: int | None = None
        self._inbox = inbox
        self._popen = subprocess.Popen(
            [sys.executable, "-u", "-m", _CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # an interrupt of the notebook is not for it
        )
        self._threads = [
            threading.Thread(target=work, args=(pipe,), daemon=True)
            for work, pipe in (
                (self._listen, self._popen.stdout),
                (self._keep_output, self._popen.stderr),
            )
        ]
        for thread in self._threads:
            thread.start()
        self.say(**request)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.end()

    def say(self, **message: Any) -> None:
        """Send *message*. A process that is gone does not hear it."""
        line = json.dumps(message).encode() + b"\n"
        if stdin := self._popen.stdin:
            with contextlib.suppress(OSError):
                stdin.write(line)
                stdin.flush()

    def hear(self, limit: float) -> Message:
        """Its next message, from a process that has its own inbox."""
        try:
            said = self._inbox.get(timeout=limit)[1]
        except queue.Empty:
            said = None
        if said is None:
            raise LabError(f"a fresh process ended early: {self.output[-500:]}")
        return said

    def end(self, patience: float = 0.0) -> int:
        """Its exit status; if it is still there after *patience*, it is ended."""
        if self._status is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(patience)
            _end_group(self._popen)  # with whatever it has started
            self._status = self._popen.wait()
            for thread in self._threads:
                thread.join(1)
            if self._popen.stdin:
                with contextlib.suppress(OSError):
                    self._popen.stdin.close()
        return self._status

    def _listen(self, pipe: IO[bytes]) -> None:
        with pipe:
            for line in pipe:
                self._inbox.put((self, json.loads(line)))
        self._inbox.put((self, None))

    def _keep_output(self, pipe: IO[bytes]) -> None:
        with pipe:
            while chunk := os.read(pipe.fileno(), 65_536):
                said = self.output + chunk.decode(errors="replace")
                self.output = said[:MAX_OUTPUT]


Inbox = queue.Queue[tuple[Process, Message | None]]


def listen(
    processes: list[Process], inbox: Inbox, limit: float
) -> dict[Process, Message | None]:
    """
    What each process said last, or None when it died; who is late is missing.

    When everybody who is still there waits at a barrier, all are let through. The
    first barrier is before the call, and the *limit* counts from there.
    """
    called, end = False, time.monotonic() + READY_WITHIN
    said_last: dict[Process, Message | None] = {}
    waiting: set[Process] = set()
    while len(said_last) < len(processes):
        try:
            process, said = inbox.get(timeout=max(0.0, end - time.monotonic()))
        except queue.Empty:
            break
        if said is not None and "waits" in said:
            waiting.add(process)
        elif process not in said_last:
            said_last[process] = said
            waiting.discard(process)
        if waiting and len(waiting) + len(said_last) == len(processes):
            if not called:
                called, end = True, time.monotonic() + limit
            for one in waiting:
                one.say(go=True)
            waiting.clear()
    return said_last


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End *process* and, where there are process groups, all that it started."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
