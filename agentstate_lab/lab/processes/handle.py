"""
A process of our own, its private line, and what it prints: the side that started it.

The other side is `line`, and the module named here serves there. Messages come into
an inbox, in which several processes may share; `None` in their place says that a
process speaks no more.

A process is ended, with all that it has started, when its `with` block ends, so
nothing is left running. What became of the work is for others to say.
"""

import contextlib
import json
import os
import queue
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Self

from agentstate_lab import system
from agentstate_lab.errors import LabError

from .line import Message

MAX_OUTPUT = 10_000
MAX_LINE = 4_000_000  # bytes of one message
MAX_NOISE = 1_000_000  # bytes that come on the line and are no messages
READY_WITHIN = 60.0  # seconds; a busy machine may need some to start a Python

# What programs need to run, and nobody has to hide: keys and tokens are not in it.
PLAIN = (
    "PATH", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC",
    "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH",
    "AGENTSTATE_TEST_RUN",  # by this, `make test` finds what is left running
)  # fmt: skip

_CHILD = f"{__package__}.child"


class Process:
    """
    A process that serves, ended at the end of the `with` block.

    Args:
        serves: The module that serves there.

        request: Its first message.

        inbox: Where its messages go; by default, an inbox of its own.

        environment: Its environment, by default that of this process.

        folder: Its working directory, by default that of this process.

    Attributes:
        output: What it has printed, up to a limit.

        flooded: Whether it was ended because it wrote without end.
    """

    def __init__(
        self,
        serves: str,
        request: Message,
        *,
        inbox: "Inbox | None" = None,
        environment: Mapping[str, str] | None = None,
        folder: str | None = None,
    ) -> None:
        self.output = ""
        self.flooded = False
        self.inbox: Inbox = queue.Queue() if inbox is None else inbox
        self._status: int | None = None
        self._word = secrets.token_hex(8)
        # An interrupt of the notebook is not for it.
        apart: dict[str, Any] = {"start_new_session": True}
        if system.WINDOWS:
            apart = {
                "creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
            }
        self._popen = subprocess.Popen(
            [sys.executable, "-u", "-m", _CHILD, serves],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd=folder,
            **apart,
        )
        self._threads = [
            threading.Thread(target=work, args=(pipe,), daemon=True)
            for work, pipe in (
                (self._read_messages, self._popen.stdout),
                (self._read_output, self._popen.stderr),
            )
        ]
        for thread in self._threads:
            thread.start()
        places = [str(Path(place).absolute()) for place in sys.path]
        self.say(**request, word=self._word, path=places)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.end()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._popen.pid

    @property
    def ended(self) -> bool:
        """Whether it was ended, from here."""
        return self._status is not None

    def say(self, **message: Any) -> None:
        """Send *message*. A process that is gone does not hear it."""
        line = json.dumps(message).encode() + b"\n"
        if stdin := self._popen.stdin:
            with contextlib.suppress(OSError, ValueError):
                stdin.write(line)
                stdin.flush()

    def hear(self, limit: float) -> Message | None:
        """
        The next message in its inbox; None when it speaks no more.

        Raises:
            queue.Empty: It said nothing for *limit* seconds.
        """
        return self.inbox.get(timeout=limit)[1]

    def must_say(self, limit: float) -> Message:
        """
        The next message in its inbox, which has to come.

        Raises:
            LabError: None came; the message holds what it has printed.
        """
        said = None
        with contextlib.suppress(queue.Empty):
            said = self.hear(limit)
        if said is None:
            why = self.output[-500:].strip() or "no reason given"
            raise LabError(f"a process of the lab ended early: {why}")
        return said

    def end(self, patience: float = 0.0) -> int:
        """Its exit status; if it is still there after *patience*, it is ended."""
        if self._status is None:
            if stdin := self._popen.stdin:
                with contextlib.suppress(OSError):
                    stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(patience)
            self.kill()
            self._status = self._popen.wait()
            for thread in self._threads:
                thread.join(1)
        return self._status

    def kill(self) -> None:
        """End it at once, with whatever it has started."""
        if system.WINDOWS:
            _kill_below(self.pid)
        else:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        self._popen.kill()

    def read(self, printed: bytes) -> None:
        """Keep what it printed, from the beginning."""
        said = self.output + printed.decode(errors="replace")
        self.output = said[:MAX_OUTPUT]

    def flood(self) -> None:
        """End it, because it writes without end."""
        self.flooded = True
        self.kill()

    def _read_messages(self, pipe: IO[bytes]) -> None:
        """Pass on its messages; anything else on that pipe is none."""
        word = self._word.encode() + b" "
        noise = 0
        with contextlib.suppress(OSError, ValueError), pipe:
            while line := pipe.readline(MAX_LINE):
                if line.startswith(word) and line.endswith(b"\n"):
                    with contextlib.suppress(ValueError):  # cut into by other writes
                        self.inbox.put((self, json.loads(line[len(word) :])))
                    continue
                noise += len(line)
                if noise > MAX_NOISE and not self.flooded:
                    self.flood()
        self.inbox.put((self, None))

    def _read_output(self, pipe: IO[bytes]) -> None:
        with contextlib.suppress(OSError, ValueError), pipe:
            while chunk := os.read(pipe.fileno(), 65_536):
                self.read(chunk)


Inbox = queue.Queue[tuple[Process, Message | None]]


def _kill_below(pid: int) -> None:
    """End what the process *pid* has started, where there are no groups (Windows)."""
    import psutil

    with contextlib.suppress(psutil.Error):
        for one in psutil.Process(pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                one.kill()


def plain_environment(*more: str) -> dict[str, str]:
    """What of this process's environment a stranger may see, and *more* by name."""
    return {name: os.environ[name] for name in (*PLAIN, *more) if name in os.environ}
