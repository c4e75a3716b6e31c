"""
What happens inside the process in which a learner's function is tried.

The notebook's kernel must outlive whatever the function does: loop for ever, end
the process, kill it, print without end, close every file. So none of it happens
in the kernel. The kernel (`runner`) starts this process, which serves there.

Each answer is tried in a process of its own, forked from this one, and each stage in
one forked from that. The first two never call the learner's function, and so can say
how the other ended. Where there is no fork, `runner` starts a new process for each
stage instead.

What the learner prints is read by the kernel, counted and cut.
"""

import contextlib
import gc
import math
import os
import sys
from pathlib import Path
from typing import Any

from agentstate_lab.lab.processes import Line, Message, in_fork, unpack

from .answer import Answer, LoadFailed
from .stages import LISTENERS, NotWritten, Stage, Subject, Unmet, named
from .waits import WAITS
from .watch import WATCH

CAN_BE_CALLED = -1
UNTOUCHED = "it raised the error of the untouched stub"
REPORTED = 77  # the exit status of a stage that has sent its verdict
PROCESSOR_SECONDS = 5  # a loop burns them; a busy machine does not
MEMORY = 1024**3
FILE_BYTES = 256 * 1024**2


def serve(line: Line, request: Message) -> None:
    """Try one answer after another, and say when each of them is over."""
    WAITS.install()  # before a module keeps `sleep` as a default
    while True:
        trial = Trial(line, line.ask(), fork=request["fork"])
        if not trial.fork:
            trial.run()
            return
        line.say(over=in_fork(line, trial.run).status)


def mark(word: str, index: int) -> bytes:
    """What separates the prints of one stage from those of the next."""
    return f"\x00{word}:{index}\x00".encode()


class Trial:
    """One answer in front of one stage after another."""

    def __init__(self, line: Line, check: Message, *, fork: bool) -> None:
        self.line = line
        self.check = check
        self.fork = fork
        answer: Answer = unpack(check["answer"])
        self.module = answer.exercise.load()
        self.stages: tuple[Stage, ...] = self.module.STAGES
        self.subject = Subject(answer, fork, check["given"])

    def run(self) -> None:
        """Try the stages, and report each."""
        os.environ.update(self.check["environment"])
        indices = self.check["stages"]
        if self.fork and indices[0] != CAN_BE_CALLED:
            self.load_once()
        for index in indices:
            folder = Path(self.check["folder"]) / f"stage-{index + 1}"
            folder.mkdir()
            os.chdir(folder)
            self.line.say(index=index, start=True)
            status = self.forked(index) if self.fork else self.here(index)
            os.chdir(self.check["folder"])
            os.write(2, mark(self.check["mark"], index))
            self.line.say(index=index, status=status)
            if self.fork and index == CAN_BE_CALLED and status == REPORTED:
                self.load_once()

    def load_once(self) -> None:
        """
        Load the answer here, so that no stage has to: its modules may be slow to load.

        Only after a process of its own has shown that loading it does no harm. What
        else the stages will need for it, their module says by a function `prepare`.
        """
        WATCH.install()  # before anything of the learner's keeps an `fsync`
        quiet = os.open(os.devnull, os.O_WRONLY)
        kept = [os.dup(1), os.dup(2)]
        for file in (1, 2):
            os.dup2(quiet, file)
        with contextlib.suppress(Exception):  # a stage will say it
            self.subject.answer.function()
            getattr(self.module, "prepare", id)(self.subject.answer)
        for file in (1, 2):
            os.dup2(kept[file - 1], file)
        for file in (quiet, *kept):
            os.close(file)
        gc.freeze()  # a collection would copy every page of each forked process

    def forked(self, index: int) -> int:
        """Try a stage in a new process; its exit status."""
        return in_fork(self.line, lambda: self.here(index)).status

    def here(self, index: int) -> int:
        """Try a stage in this process and send its verdict."""
        limit(self.check["seconds"])
        own = os.getpid()
        LISTENERS.append(
            lambda done, expected: self.line.say(
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
        self.line.say(index=index, verdict=verdict)
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
            return {"happened": UNTOUCHED}
        except Unmet as unmet:
            done = {"done": unmet.done, "expected": unmet.expected}
            return {**done, "happened": unmet.happened}
        except BaseException as error:  # noqa: BLE001 - nothing may pass in silence
            return {"happened": f"the check could not go on: {named(error)}"}
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
