"""
Fresh processes for runs that are meant to die: the side that asks for them.

    with Spawner() as spawner:
        ended = spawner.run({"agent": "naive", "scenario": "deploy", ...})

Where there is fork, a helper (`spawn`) forks a child for each run. Where there is
none (Windows), each run gets a new Python; that is slower and nothing else.

This module knows nothing of agents: `victim` does the work.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from typing import IO, Self

from agentstate_lab.errors import LabError

from .spawn import Message, last_message, receive, send

HAS_FORK = hasattr(os, "fork")
RUN_LIMIT = 30.0  # seconds; a run of the course takes a tenth of one

_MODULE = "agentstate_lab.lab.crash.spawn"
_LIVE = ("AGENTSTATE_MODEL", "OPENAI_API_KEY", "OPENAI_BASE_URL")

Process = subprocess.Popen[bytes]


@dataclass(frozen=True, slots=True)
class Ended:
    """
    How a run ended.

    Attributes:
        pid: The process that ran.

        status: Its exit status; below zero, the signal that ended it.

        timed_out: Whether it was still running at its limit, and was ended then.

        report: What it said last; empty when it died without a word.
    """

    pid: int
    status: int
    timed_out: bool
    report: Message


class Spawner:
    """
    Runs requests, each in a fresh process.

    The scripted model answers there, whatever model is configured here.

    Args:
        fork: Whether to fork from a helper; by default, where that is possible.

        limit: Seconds that one run may take.
    """

    def __init__(self, *, fork: bool | None = None, limit: float = RUN_LIMIT) -> None:
        self.limit = limit
        self._forks = HAS_FORK if fork is None else fork
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - see exit
        self._helper: Process | None = None

    def __enter__(self) -> Self:
        """Start the helper, where there is one."""
        if self._forks:
            self._helper = self._start()
        return self

    def __exit__(self, *exc: object) -> None:
        """End the helper, and with it the run that it may be waiting for."""
        if self._helper is not None:
            _finish(self._helper)
        self._errors.close()

    def run(self, request: Message, *, limit: float | None = None) -> Ended:
        """
        Run *request* in a fresh process, and say how that ended.

        Args:
            request: What to run; see `victim.run`.

            limit: Seconds after which it is killed; by default, the spawner's own.

        Raises:
            LabError: The process could not be started.
        """
        limit = self.limit if limit is None else limit
        asked = {**request, "path": sys.path, "limit": limit}
        if self._helper is None:
            return self._run_alone(asked)
        try:
            send(_fd(self._helper.stdin), asked)
            return Ended(**receive(_fd(self._helper.stdout)))
        except (OSError, EOFError) as error:
            raise LabError(
                f"the crash lab's helper ended early: {self._said()}"
            ) from error

    def _run_alone(self, asked: Message) -> Ended:
        """Run in a new Python, which is there for this alone."""
        process = self._start("--once")
        try:
            with contextlib.suppress(OSError):
                send(_fd(process.stdin), asked)
            said, _ = process.communicate(timeout=asked["limit"])
            timed_out = False
        except subprocess.TimeoutExpired:
            process.kill()
            said, _ = process.communicate()
            timed_out = True
        finally:
            _finish(process)
        return Ended(process.pid, process.returncode, timed_out, last_message(said))

    def _start(self, *options: str) -> Process:
        """Start this module as a process of its own session."""
        environment = {k: v for k, v in os.environ.items() if k not in _LIVE}
        return subprocess.Popen(
            [sys.executable, "-m", _MODULE, *options],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=environment,
            start_new_session=True,
        )

    def _said(self) -> str:
        """The end of what the helper wrote to its standard error."""
        self._errors.seek(0)
        return (
            self._errors.read()[-2_000:].decode(errors="replace") or "no reason given"
        )


def _finish(process: Process) -> None:
    """Let *process* end by closing its input, and insist if it does not."""
    with contextlib.suppress(OSError):
        _file(process.stdin).close()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    _file(process.stdout).close()


def _file(pipe: IO[bytes] | None) -> IO[bytes]:
    """A pipe that was asked for is there."""
    if pipe is None:
        raise LabError("the crash lab's helper has no pipe")
    return pipe


def _fd(pipe: IO[bytes] | None) -> int:
    return _file(pipe).fileno()
