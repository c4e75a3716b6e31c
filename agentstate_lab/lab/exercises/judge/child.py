"""
The process in which a learner's function is tried: `python -m ...checks.child`.

The notebook's kernel must outlive whatever the function does: loop for ever, end
the process, kill it, print without end, close every file. So none of it happens
in the kernel. The kernel (`runner`) starts this process, writes the request to
its standard input, and reads lines from its standard output.

Here each stage is tried in a process of its own, forked from this one, which never
calls the learner's function and so can say how the other ended. Where there
is no fork, `runner` starts a new child for each stage instead.

What the learner prints goes to standard error, which the kernel reads, counts and
cuts. Lines on standard output carry a secret word, so that nothing printed there
by accident passes for a verdict. This keeps accidents out, not attackers: the
function runs with the learner's own rights.
"""

import contextlib
import gc
import importlib
import json
import math
import os
import pickle
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from .answer import Answer, LoadFailed
from .apart import CLOSED, report
from .stages import LISTENERS, NotWritten, Stage, Subject, Unmet, named
from .waits import WAITS
from .watch import WATCH

CAN_BE_CALLED = -1
REPORTED = 77  # the exit status of a stage that has sent its verdict
PROCESSOR_SECONDS = 5  # a loop burns them; a busy machine does not
MEMORY = 1024**3
FILE_BYTES = 256 * 1024**2
GRACE = 60  # seconds in which a child without fork may start and end


def main() -> None:
    """Read the request, try the stages it names, and report each."""
    channel = _private_output()
    head, _, payload = sys.stdin.buffer.read().partition(b"\n")
    request = json.loads(head)
    lines = Lines(channel, request["word"])
    _end_with_the_kernel(request["seconds"] * len(request["stages"]) + GRACE)
    sys.path[:] = request["path"]
    WAITS.install()  # before a module keeps `sleep` as a default
    answer = Answer(payload=payload, **request["answer"])
    module = importlib.import_module(request["module"])
    stages: tuple[Stage, ...] = module.STAGES
    subject = Subject(answer, request["fork"], request["given"])
    trial = Trial(subject, stages, lines, request["seconds"])
    if request["fork"] and request["stages"][0] != CAN_BE_CALLED:
        _load_once(answer, module)
    for index in request["stages"]:
        folder = Path(request["folder"]) / f"stage-{index + 1}"
        folder.mkdir()
        os.chdir(folder)
        lines.send(index=index, start=True)
        status = trial.forked(index) if request["fork"] else trial.here(index)
        os.chdir(request["folder"])
        os.write(2, mark(request["word"], index))
        lines.send(index=index, status=status)
        if request["fork"] and index == CAN_BE_CALLED and status == REPORTED:
            _load_once(answer, module)


def _load_once(answer: Answer, module: Any) -> None:
    """
    Load the answer here, so that no stage has to: its modules may be slow to load.

    Only after a process of its own has shown that loading it does no harm. What else
    the stages of *module* will need for it, they say by a function `prepare`.
    """
    WATCH.install()  # before anything of the learner's takes `fsync` from its module
    quiet = os.open(os.devnull, os.O_WRONLY)
    kept = [os.dup(1), os.dup(2)]
    for file in (1, 2):
        os.dup2(quiet, file)
    with contextlib.suppress(Exception):  # a stage will say it
        answer.function()
        getattr(module, "prepare", id)(answer)
    for file in (1, 2):
        os.dup2(kept[file - 1], file)
    for file in (quiet, *kept):
        os.close(file)
    gc.freeze()  # a collection would copy every page of each forked process


def mark(word: str, index: int) -> bytes:
    """What separates the prints of one stage from those of the next."""
    return f"\x00{word}:{index}\x00".encode()


class Lines:
    """The private line to the kernel; each message is one line of JSON."""

    def __init__(self, file: int, word: str) -> None:
        self._file = file
        self._word = word

    def send(self, **said: Any) -> None:
        """Send one message, in one piece."""
        line = memoryview(f"\n{self._word} {json.dumps(said)}\n".encode())
        while line:
            line = line[os.write(self._file, line) :]


class Trial:
    """One answer in front of one stage after another."""

    def __init__(
        self,
        subject: Subject,
        stages: tuple[Stage, ...],
        lines: Lines,
        seconds: float,
    ) -> None:
        self.stages = stages
        self.lines = lines
        self.seconds = seconds
        self.subject = subject

    def forked(self, index: int) -> int:
        """Try a stage in a new process; its exit status."""
        pid = os.fork()
        if pid == 0:
            with contextlib.suppress(BaseException):
                signal.signal(signal.SIGALRM, signal.SIG_DFL)
                self.here(index)
                os._exit(REPORTED)
            os._exit(CLOSED)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def here(self, index: int) -> int:
        """Try a stage in this process and send its verdict."""
        limit(self.seconds)
        own = os.getpid()
        LISTENERS.append(
            lambda done, expected: self.lines.send(
                index=index, done=done, expected=expected
            )
        )
        verdict = self._verdict(index)
        # An answer that forks comes back twice; only one of them may speak.
        if os.getpid() != own:
            os._exit(0)
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        self.lines.send(index=index, verdict=verdict)
        return REPORTED

    def _verdict(self, index: int) -> dict[str, Any]:
        """What came of the stage, ready to be sent."""
        try:
            if index == CAN_BE_CALLED:
                _can_be_called(self.subject.answer)
                note = None
            else:
                note = self.stages[index].run(self.subject)
        except NotWritten:
            return {"passed": False, "written": False}
        except Unmet as unmet:
            return {
                "passed": False,
                "done": unmet.done,
                "expected": unmet.expected,
                "happened": unmet.happened,
            }
        except BaseException as error:  # noqa: BLE001 - nothing may pass in silence
            return {
                "passed": False,
                "happened": f"the check could not go on: {named(error)}",
            }
        return {"passed": True, "note": note or ""}


def _can_be_called(answer: Answer) -> None:
    """Fail unless the answer is a function of the right form."""
    try:
        complaint = answer.complaint()
    except LoadFailed as failed:
        complaint = str(failed)
    except NotImplementedError as error:
        if answer.is_stub_error(error):
            raise NotWritten from error
        raise
    if complaint:
        raise Unmet(complaint)


def limit(seconds: float) -> None:
    """Bound processor time, memory and files of this process, where it can be."""
    try:
        import resource
    except ImportError:  # Windows: the kernel's wall-clock cap is the bound
        return
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_CPU, math.ceil(min(seconds, PROCESSOR_SECONDS)))
    _lower(resource.RLIMIT_FSIZE, FILE_BYTES)
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        _lower(resource.RLIMIT_AS, pages * resource.getpagesize() + MEMORY)


def _lower(what: int, value: int) -> None:
    """Lower a soft limit; the hard one stays, so that a stage can move it."""
    import resource

    soft, hard = resource.getrlimit(what)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    if soft != resource.RLIM_INFINITY:
        value = min(value, soft)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(what, (value, hard))


def _private_output() -> int:
    """Keep standard output for the kernel; prints go to standard error instead."""
    try:
        import fcntl

        # Far away from the numbers that a program writes to by mistake.
        channel = fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, 200)
    except ImportError:  # Windows
        channel = os.dup(1)
    os.dup2(2, 1)
    return channel


def _end_with_the_kernel(seconds: float) -> None:
    """End this process and its stages when the kernel is gone before them."""
    if not hasattr(signal, "setitimer"):  # Windows: end some day
        timer = threading.Timer(seconds, os._exit, (1,))
        timer.daemon = True
        timer.start()
        return
    kernel = os.getppid()

    def look(*signalled: object) -> None:
        if os.getppid() != kernel:
            os.killpg(0, signal.SIGKILL)

    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, 1.0, 1.0)


def apart() -> None:
    """Serve one call of `apart.run_apart` where there is no fork."""
    channel = _private_output()
    path, subject, call, args = pickle.load(sys.stdin.buffer)  # noqa: S301 - own
    sys.path[:] = path
    reply = memoryview(report(subject, call, args))
    while reply:
        reply = reply[os.write(channel, reply) :]


if __name__ == "__main__":
    apart() if "--apart" in sys.argv else main()
