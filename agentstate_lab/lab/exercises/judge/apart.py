"""
Call something in a process of its own, and tell how that process ended.

A stage that cuts a write, kills a save or plays a restart needs a process to
lose. Where processes can be forked, that costs a millisecond and the answer is
loaded already; elsewhere a new Python is started and loads it again.
"""

import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from agentstate_lab.lab.processes import (
    BROKEN,
    Ended,
    all_at_once,
    in_new_process,
    signal_name,
    was_killed,
)

from .stages import NotWritten, Subject, Unmet, raised, require

# Waits for the end of a process: what it said, and its exit status.
Wait = Callable[[], tuple[bytes, int]]

MAX_REPLY = 64 * 1024 * 1024
CLOSED = BROKEN  # the exit status of a process that could not report back
NEVER = 3600.0  # seconds; the stage that waits is ended long before
LATE = "it did not come back: an endless loop, or it waits for something"
_NOT_WRITTEN = {"written": False}
# How a process ends that used up its processor time, or set itself an alarm.
_LATE = [
    -int(getattr(signal, name))
    for name in ("SIGXCPU", "SIGALRM")
    if hasattr(signal, name)
]


@dataclass(frozen=True, slots=True)
class Ending:
    """
    How a process ended.

    Attributes:
        value: What the call returned, if it returned.

        raised: What it raised, in words; empty otherwise.

        status: The exit status when it did neither; negative for a signal.
    """

    value: Any = None
    raised: str = ""
    status: int | None = None

    @property
    def returned(self) -> bool:
        """Whether the call came back normally."""
        return self.status is None and not self.raised

    @property
    def killed(self) -> bool:
        """Whether it was killed by SIGKILL, or as by it."""
        return self.status is not None and was_killed(self.status)

    @property
    def words(self) -> str:
        """The ending in words, for a learner."""
        if self.status is not None:
            return death(self.status)
        return self.raised or "it returned"

    def result(self) -> Any:
        """What the call returned; any other end fails the stage by name."""
        require(self.returned, self.words)
        return self.value


def death(status: int) -> str:
    """What an exit status says about a process that never reported back."""
    if status in _LATE:
        return LATE
    if status == CLOSED:
        return "it closed files that it had not opened, the check's own among them"
    if status >= 0:
        return f"it ended the whole process with exit status {status} (os._exit)"
    return f"its process was killed by {signal_name(-status)}"


def run_apart(subject: Subject, call: Callable[..., Any], *args: Any) -> Ending:
    """
    Call `call(subject, *args)` in a new process and wait for its end.

    Args:
        subject: The answer that is tried.

        call: A function of a check's module; its value must fit into JSON.

        args: What else it needs.

    Raises:
        NotWritten: The stub's own error came back.
        Unmet: It used up its processor time.
    """
    return run_together(subject, call, [args])[0]


def run_together(
    subject: Subject, call: Callable[..., Any], calls: Iterable[tuple[Any, ...]]
) -> list[Ending]:
    """
    As `run_apart`, once for each of *calls*, all at the same time.

    Returns:
        How each process ended, in the order of *calls*.
    """
    if subject.fork and hasattr(os, "fork"):
        waits = [_forked(subject, call, args) for args in calls]
        return [_ending(*wait()) for wait in waits]
    jobs = [(subject, call, args) for args in calls]
    return [_passed_on(one) for one in all_at_once(_job, jobs, limit=NEVER)]


def run_fresh(subject: Subject, call: Callable[..., Any], *args: Any) -> Ending:
    """
    As `run_apart`, in a newly started Python, as after a restart.

    Its `hash` of a text starts from another seed than in the check's own processes,
    which are copies of each other.
    """
    seed = {"PYTHONHASHSEED": "1"}
    return _passed_on(
        in_new_process(_reply, subject, call, args, limit=NEVER, environment=seed)
    )


def _job(job: tuple[Subject, Callable[..., Any], tuple[Any, ...]]) -> str:
    return _reply(*job)


def _ending(reply: str | bytes, status: int) -> Ending:
    """What a process said, or how it died."""
    if status in _LATE:
        raise Unmet(LATE)
    if not reply:
        return Ending(status=status)
    try:
        said = json.loads(reply)
    except ValueError:
        return Ending(raised="it wrote to files that it had not opened")
    if said == _NOT_WRITTEN:
        raise NotWritten
    return Ending(**said)


def _reply(subject: Subject, call: Callable[..., Any], args: tuple[Any, ...]) -> str:
    """Call, and put what came into words: the half that runs in the new process."""
    try:
        return json.dumps({"value": call(subject, *args)})
    except NotWritten:
        return json.dumps(_NOT_WRITTEN)
    except BaseException as error:  # noqa: BLE001 - a learner may raise anything
        return json.dumps({"raised": raised(error, subject.answer)})


def _forked(subject: Subject, call: Callable[..., Any], args: tuple[Any, ...]) -> Wait:
    """Start the call in a copy of this process."""
    sys.stdout.flush()
    sys.stderr.flush()
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        own = os.getpid()
        with contextlib.suppress(BaseException):
            os.close(reader)
            reply = _reply(subject, call, args).encode()
            # An answer that forks comes back twice; only one of them may speak.
            if os.getpid() == own:
                with contextlib.suppress(Exception):
                    sys.stdout.flush()
                _send(writer, reply)
            os._exit(0)
        os._exit(CLOSED)
    os.close(writer)

    def wait() -> tuple[bytes, int]:
        with os.fdopen(reader, "rb") as pipe:
            reply = pipe.read(MAX_REPLY)
        return reply, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    return wait


def _send(file: int, reply: bytes) -> None:
    view = memoryview(reply)
    while view:
        view = view[os.write(file, view) :]


def _passed_on(ended: Ended) -> Ending:
    """What came of a process that was started anew; its prints are the stage's."""
    os.write(2, ended.output.encode(errors="replace"))
    if ended.error:
        return Ending(raised=f"it {ended.how}: {ended.error}")
    return _ending(ended.value or "", ended.status or 0)
