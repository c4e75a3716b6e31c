"""
The kernel's half of a check: start the child, read its lines, and end it in time.

The bounds stand here, where the learner's code cannot reach them: a wall-clock cap
for each stage, a cap on prints, a cap on processes, and a clean environment
without keys and tokens. A child that dies or is ended costs the stage it was at;
a new child goes on with the next. Whatever was started is gone at the end: the
child's process group, and every process that carries the check's mark.

Nothing here runs the learner's code.
"""

import contextlib
import io
import json
import os
import queue
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Any, Self

import cloudpickle
import psutil

from .answer import PACKAGE
from .apart import CLOSED, LATE, death
from .child import CAN_BE_CALLED, REPORTED, mark

MARK = "AGENTSTATE_CHECK"
MAX_PRINTS = 1_000_000  # bytes for one stage
MAX_PROCESSES = 50
MAX_PAYLOAD = 50_000_000
SHOWN_PRINTS = 1_000
MAX_LATE = 2  # so many stages may use up their time before the check ends
START_SECONDS = 60.0  # a cold machine compiles the package first
LOOK_SECONDS = 0.2

NOT_STARTED = "the check's own process could not be started; try again"
REASONS = {
    "late": LATE,
    "flood": f"it printed more than {MAX_PRINTS:,} bytes and was stopped",
    "crowd": f"it started more than {MAX_PROCESSES} processes and was stopped",
    "gone": "it ended the check's whole process group",
}

_PASSED_ON = (
    "PATH", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT",
    "SYSTEMDRIVE", "COMSPEC", "PATHEXT", "WINDIR", "LD_LIBRARY_PATH",
    "AGENTSTATE_TEST_RUN",
)  # fmt: skip


@dataclass(slots=True)
class Verdict:
    """What became of one stage, as far as the kernel can tell."""

    passed: bool = False
    written: bool = True
    done: str = ""
    expected: str = ""
    happened: str = ""
    printed: str = ""
    note: str = ""
    tried: bool = True


@dataclass(frozen=True, slots=True)
class Job:
    """
    What a child is asked to do.

    Attributes:
        module: The check's module, which holds its `STAGES`.

        answer: The fields of `Answer` but for the payload.

        payload: The function or the cells, as bytes.

        stages: How many stages the check has.

        seconds: The wall-clock cap of each.

        fork: Whether the child may fork.
    """

    module: str
    answer: dict[str, Any]
    payload: bytes
    stages: int
    seconds: float
    fork: bool


class CannotTravel(Exception):
    """The answer cannot be sent to another process."""


def packed(answer: object) -> bytes:
    """
    The learner's function as bytes, with the helpers it uses.

    Raises:
        CannotTravel: With the reason, for the learner.
    """
    try:
        payload = cloudpickle.dumps(answer)
    except (Exception, RecursionError) as error:
        raise CannotTravel(
            "it could not be sent to a fresh process: it holds on to something"
            f" that only exists in this one ({type(error).__name__}:"
            f" {str(error)[:200]})"
        ) from error
    if len(payload) > MAX_PAYLOAD:
        raise CannotTravel(
            f"it carries {len(payload) // 1_000_000} MB of data along; let it use"
            " smaller values, or make them inside the function"
        )
    return bytes(payload)


def run(job: Job) -> list[Verdict]:
    """
    Try every stage and return one verdict for each.

    The first verdict is about the function as a whole: whether it can be called.
    When it cannot, there are no others.
    """
    verdicts: dict[int, Verdict] = {}
    todo = [CAN_BE_CALLED, *range(job.stages)]
    with _folder() as folder:
        while todo and not _too_late(verdicts):
            batch = todo if job.fork else todo[:1]
            with _Child(job, batch, folder) as child:
                child.watch(verdicts)
            todo = [index for index in todo if index not in verdicts]
            if not verdicts[CAN_BE_CALLED].passed:
                return [verdicts[CAN_BE_CALLED]]
    for index in todo:
        verdicts[index] = Verdict(
            done="this stage was not tried",
            expected="an answer that comes back",
            happened="two stages before it did not come back",
            tried=False,
        )
    return [verdicts[index] for index in sorted(verdicts)]


def _too_late(verdicts: dict[int, Verdict]) -> bool:
    """Whether so many stages did not come back that the others need not be tried."""
    return sum(one.happened == LATE for one in verdicts.values()) >= MAX_LATE


@contextlib.contextmanager
def _folder() -> Iterator[str]:
    """A folder for the stages, removed afterwards whatever is in it."""
    with tempfile.TemporaryDirectory(
        prefix="agentstate-check-", ignore_cleanup_errors=True
    ) as name:
        yield os.path.realpath(name)


def _end_marked(word: str) -> None:
    """End what carries the mark of a check: also what left the process group."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(MARK) == word:
                process.kill()


class _Child:
    """One child process, from its start to its end."""

    def __init__(self, job: Job, batch: list[int], folder: str) -> None:
        self.job = job
        self.batch = batch
        self.word = secrets.token_hex(8)
        self.secret = secrets.token_hex(8)
        self.folder = tempfile.mkdtemp(dir=folder)
        self.events: queue.Queue[tuple[str, Any]] = queue.Queue()
        self.ended = False
        self.doing: dict[str, str] = {}

    def __enter__(self) -> Self:
        own_group: dict[str, Any] = {"start_new_session": True}
        if os.name == "nt":
            own_group = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}  # type: ignore[attr-defined,unused-ignore]
        self.process = subprocess.Popen(
            [sys.executable, "-m", f"{__package__}.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.folder,
            env=_environment(self.folder, self.word),
            **own_group,
        )
        self.threads = [
            threading.Thread(target=target, args=args, daemon=True)
            for target, args in (
                (self._write, (self.process.stdin,)),
                (self._read_lines, (self.process.stdout,)),
                (self._read_prints, (self.process.stderr,)),
            )
        ]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._kill()
        self.process.wait()
        _end_marked(self.word)
        for thread in self.threads:
            thread.join()  # nobody is left who could hold the other end

    def watch(self, verdicts: dict[int, Verdict]) -> None:
        """Collect verdicts until the child is through, or has to be ended."""
        for index in self.batch:
            reason, printed = self._one(index, verdicts)
            verdict = verdicts.setdefault(index, Verdict(happened=reason))
            verdict.printed = printed
            if not verdict.passed:
                verdict.done = verdict.done or self.doing.get("done", "")
                verdict.expected = verdict.expected or self.doing.get("expected", "")
            if self.ended or _too_late(verdicts):
                return

    def _one(self, index: int, verdicts: dict[int, Verdict]) -> tuple[str, str]:
        """Wait for one stage: why it has no verdict if it has none, and its prints."""
        end = time.monotonic() + START_SECONDS
        self.doing = {}
        started = False
        printed: str | None = None
        status: int | None = None
        while printed is None or status is None:
            kind, said = self._next(end)
            match kind:
                case "prints":
                    printed = said
                case "late" | "flood" | "crowd" | "gone":
                    self._kill()
                    return (REASONS[kind] if started else NOT_STARTED), ""
                case "line" if "start" in said:
                    started = True
                    end = time.monotonic() + self.job.seconds
                case "line" if "verdict" in said:
                    verdicts[index] = Verdict(**said["verdict"])
                case "line" if "status" in said:
                    status = said["status"]
                case "line":
                    self.doing = said
        return death(CLOSED if status == REPORTED else status), printed

    def _next(self, end: float) -> tuple[str, Any]:
        """The next event, or "late" when there is none before *end*."""
        while True:
            left = end - time.monotonic()
            if left <= 0:
                return "late", None
            with contextlib.suppress(queue.Empty):
                return self.events.get(timeout=min(left, LOOK_SECONDS))
            if self._processes() > MAX_PROCESSES:
                return "crowd", None

    def _processes(self) -> int:
        with contextlib.suppress(psutil.Error):
            return len(psutil.Process(self.process.pid).children(recursive=True))
        return 0

    def _kill(self) -> None:
        """End the child and all that it started, while its id is still its own."""
        self.ended = True
        if self.process.returncode is not None:
            return
        if os.name == "nt":
            with contextlib.suppress(psutil.Error):
                for one in psutil.Process(self.process.pid).children(recursive=True):
                    with contextlib.suppress(psutil.Error):
                        one.kill()
            self.process.kill()
        else:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def _write(self, pipe: IO[bytes]) -> None:
        """Send the request. A child that dies before it has read it is seen below."""
        head = {
            "word": self.secret,
            "module": self.job.module,
            "answer": self.job.answer,
            "stages": self.batch,
            "seconds": self.job.seconds,
            "fork": self.job.fork,
            "folder": self.folder,
            "path": [os.path.abspath(place or ".") for place in sys.path],  # noqa: PTH100
        }
        with contextlib.suppress(OSError, ValueError), pipe:
            pipe.write(json.dumps(head).encode() + b"\n" + self.job.payload)

    def _read_lines(self, pipe: IO[bytes]) -> None:
        """Pass on the child's messages; anything else on that pipe is no verdict."""
        secret = self.secret.encode() + b" "
        strangers = 0
        with contextlib.suppress(OSError, ValueError), pipe:
            while line := pipe.readline(MAX_PRINTS):
                if line.startswith(secret) and line.endswith(b"\n"):
                    self.events.put(("line", json.loads(line[len(secret) :])))
                else:
                    strangers += len(line)
                if strangers > MAX_PRINTS:
                    self.events.put(("flood", None))
                    self._kill()
        self.events.put(("gone", None))

    def _read_prints(self, pipe: IO[bytes]) -> None:
        """Cut the prints at the marks between stages, and stop a flood."""
        kept = b""
        marks = [(mark(self.secret, index)) for index in self.batch]
        read: Callable[[int], bytes] = getattr(pipe, "read1", pipe.read)
        with contextlib.suppress(OSError, ValueError), pipe:
            while chunk := read(io.DEFAULT_BUFFER_SIZE * 8):
                kept += chunk
                while marks and marks[0] in kept:
                    before, _, kept = kept.partition(marks.pop(0))
                    self.events.put(("prints", _shown(before)))
                if len(kept) > MAX_PRINTS:
                    self.events.put(("flood", None))
                    kept = b""
                    self._kill()


def _environment(folder: str, word: str) -> dict[str, str]:
    """What the learner's function may see: no keys, no home of its own."""
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return kept | {
        MARK: word,
        "HOME": folder,
        "USERPROFILE": folder,
        "AGENTSTATE_HOME": str(os.path.join(folder, "home")),  # noqa: PTH118
        "PYTHONPATH": str(PACKAGE.parent),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8:backslashreplace",
        "PYTHONHASHSEED": "0",
    }


def _shown(printed: bytes) -> str:
    """The beginning of the prints, as text."""
    text = printed[:SHOWN_PRINTS].decode("utf-8", "replace").strip()
    return f"{text} ..." if len(printed) > SHOWN_PRINTS else text
