"""
One child process of a check, from its start to its end.

The bounds stand here, where the learner's code cannot reach them: a wall-clock cap
for each stage, a cap on prints, a cap on processes, and an environment without keys
and tokens. Whatever was started is gone at the end: the child's process group, and
every process that carries the check's mark.

Messages and prints come through two pipes, and either may be ahead of the other. So
every message names its stage, and a stage is finished when both have come.
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
from collections.abc import Callable
from typing import IO, Any, Self

import psutil

from .answer import PACKAGE
from .apart import LATE
from .child import mark
from .verdict import Heard, Verdict

MARK = "AGENTSTATE_CHECK"
MAX_PRINTS = 1_000_000  # bytes for one stage
MAX_PROCESSES = 50
SHOWN_PRINTS = 1_000
START_SECONDS = 60.0  # a cold machine compiles the package first
LOOK_SECONDS = 0.2

NOT_STARTED = "the check's own process could not go on; try again"
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


class ChildProcess:
    """
    A child that tries stages, ended at the end of the `with` block.

    Args:
        request: What it is asked to do, but for the stages.

        payload: The answer, as bytes.

        stages: The numbers of the stages, in order.

        seconds: The wall-clock cap of each.

        folder: Where it may work.
    """

    def __init__(
        self,
        request: dict[str, Any],
        payload: bytes,
        stages: list[int],
        seconds: float,
        folder: str,
    ) -> None:
        self.stages = stages
        self.seconds = seconds
        self.folder = tempfile.mkdtemp(dir=folder)
        self.word = secrets.token_hex(8)
        self.secret = secrets.token_hex(8)
        places = [os.path.abspath(place or ".") for place in sys.path]  # noqa: PTH100
        about = {"word": self.secret, "folder": self.folder, "path": places}
        head = request | about | {"stages": stages, "seconds": seconds}
        self.request = json.dumps(head).encode() + b"\n" + payload
        self.events: queue.Queue[tuple[str, Any]] = queue.Queue()
        self.heard = {index: Heard() for index in stages}
        self.end = time.monotonic() + START_SECONDS

    def __enter__(self) -> Self:
        """Start it, and the threads that serve its pipes."""
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
            threading.Thread(target=target, args=(pipe,), daemon=True)
            for target, pipe in (
                (self._write, self.process.stdin),
                (self._read_lines, self.process.stdout),
                (self._read_prints, self.process.stderr),
            )
        ]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        """End it, and all that it started."""
        self._kill()
        self.process.wait()
        _end_marked(self.word)
        for thread in self.threads:
            thread.join()  # nobody is left who could hold the other end

    def watch(self, stop: Callable[[Verdict], bool]) -> dict[int, Verdict]:
        """
        Collect verdicts until the child is through, is to stop, or is in trouble.

        Args:
            stop: Told each verdict; says whether that is enough.

        Returns:
            The verdicts by stage; the stage at which there was trouble has one, too.
        """
        verdicts: dict[int, Verdict] = {}
        left = list(self.stages)
        while left:
            if trouble := self._listen():
                self.__exit__()
                while not self.events.empty():
                    self._take(*self.events.get())
                return verdicts | self._last_words(left, trouble)
            first = self.heard[left[0]]
            if first.status is None or first.printed is None:
                continue
            verdict = verdicts[left.pop(0)] = first.judged()
            if stop(verdict):
                break
        return verdicts

    def _last_words(self, left: list[int], trouble: str) -> dict[int, Verdict]:
        """The verdicts on the stages that were through, and on the one that was not."""
        verdicts = {}
        for index in left:
            heard = self.heard[index]
            reason = REASONS[trouble] if heard.started else NOT_STARTED
            verdicts[index] = heard.judged("" if heard.status is not None else reason)
            if heard.status is None:
                break
        return verdicts

    def _listen(self) -> str:
        """Wait for something to come; the kind of trouble, if it is that."""
        while True:
            left = self.end - time.monotonic()
            if left <= 0:
                return "late"
            with contextlib.suppress(queue.Empty):
                return self._take(*self.events.get(timeout=min(left, LOOK_SECONDS)))
            if trouble := self._trouble():
                return trouble

    def _take(self, kind: str, said: Any) -> str:
        """Take in one event; the kind of trouble, if it is that."""
        if kind in REASONS:
            return kind
        heard = self.heard[said.pop("index")]
        if "start" in said:
            heard.started = True
            self.end = time.monotonic() + self.seconds
            return ""
        if "status" in said:
            # What follows is the child's own: it loads, and starts the next stage.
            self.end = time.monotonic() + START_SECONDS
        for name, value in said.items():
            setattr(heard, name, value)
        return ""

    def _trouble(self) -> str:
        """Whether the child itself is dead, or has far too many children."""
        with contextlib.suppress(psutil.Error):
            child = psutil.Process(self.process.pid)
            if child.status() == psutil.STATUS_ZOMBIE:
                return "gone"
            if len(child.children(recursive=True)) > MAX_PROCESSES:
                return "crowd"
        return ""

    def _kill(self) -> None:
        """End the child and all that it started, while its id is still its own."""
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
        """Send the request; a child that dies before it has read it is noticed."""
        with contextlib.suppress(OSError, ValueError), pipe:
            pipe.write(self.request)

    def _read_lines(self, pipe: IO[bytes]) -> None:
        """Pass on the child's messages; anything else on that pipe is no verdict."""
        secret = self.secret.encode() + b" "
        strangers = 0
        with contextlib.suppress(OSError, ValueError), pipe:
            while line := pipe.readline(MAX_PRINTS):
                if line.startswith(secret) and line.endswith(b"\n"):
                    with contextlib.suppress(ValueError):  # cut into by other writes
                        self.events.put(("line", json.loads(line[len(secret) :])))
                    continue
                strangers += len(line)
                if strangers > MAX_PRINTS:
                    self.events.put(("flood", None))
                    self._kill()
        self.events.put(("gone", None))

    def _read_prints(self, pipe: IO[bytes]) -> None:
        """Cut the prints at the marks between stages, and stop a flood."""
        kept = b""
        left = list(self.stages)
        read: Callable[[int], bytes] = getattr(pipe, "read1", pipe.read)
        with contextlib.suppress(OSError, ValueError), pipe:
            while chunk := read(io.DEFAULT_BUFFER_SIZE * 8):
                kept += chunk
                while left and mark(self.secret, left[0]) in kept:
                    before, _, kept = kept.partition(mark(self.secret, left[0]))
                    printed = {"index": left.pop(0), "printed": _shown(before)}
                    self.events.put(("prints", printed))
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


def _end_marked(word: str) -> None:
    """End what carries the mark of a check: also what left the process group."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(MARK) == word:
                process.kill()


def _shown(printed: bytes) -> str:
    """The beginning of the prints, as text."""
    text = printed[:SHOWN_PRINTS].decode("utf-8", "replace").strip()
    return f"{text} ..." if len(printed) > SHOWN_PRINTS else text
