"""
The process in which answers are tried, seen from the kernel.

The bounds stand here, where the learner's code cannot reach them: a wall-clock cap
for each stage, a cap on prints, a cap on processes, and an environment without keys
and tokens. Whatever was started is gone at the end: the process's group, and every
process that carries the check's mark.

Messages and prints come through two pipes, and either may be ahead of the other. So
every message names its stage, and a stage is finished when both have come.
"""

import contextlib
import os
import queue
import secrets
import shutil
import tempfile
import time
from pathlib import Path

import psutil

from agentstate_lab.lab.processes import (
    READY_WITHIN,
    Message,
    Process,
    plain_environment,
)

from .answer import PACKAGE
from .apart import LATE
from .child import mark
from .report import CaseReport
from .verdict import Heard

MARK = "AGENTSTATE_CHECK"
MAX_PRINTS = 1_000_000  # bytes for one stage
MAX_PROCESSES = 50
SHOWN_PRINTS = 1_000
LOOK_SECONDS = 0.2

NOT_STARTED = "the check's own process could not go on; try again"
REASONS = {
    "late": LATE,
    "flood": f"it printed more than {MAX_PRINTS:,} bytes and was stopped",
    "crowd": f"it started more than {MAX_PROCESSES} processes and was stopped",
    "gone": "it ended the check's whole process group",
}

_SERVES = f"{__package__}.child"
_LOCALE = ("LANG", "LC_ALL", "LC_CTYPE", "PATHEXT")


class Judge(Process):
    """
    A process that tries answers, ended at the end of the `with` block.

    Args:
        fork: Whether it may fork; else it tries one stage, and no more.
    """

    def __init__(self, *, fork: bool) -> None:
        self._mark = secrets.token_hex(8)
        self._temporary = tempfile.TemporaryDirectory(
            prefix="agentstate-check-", ignore_cleanup_errors=True
        )
        self._folder = os.path.realpath(self._temporary.name)
        self._heard: dict[int, Heard] = {}
        self._marks: list[tuple[int, bytes]] = []  # what will end each stage's prints
        self._prints = b""
        self._over = True
        self._seconds = self._end = 0.0
        environment = _environment() | {MARK: self._mark} | _home(self._folder)
        super().__init__(
            _SERVES, {"fork": fork}, environment=environment, folder=self._folder
        )

    def tried(self, check: Message, stages: list[int]) -> dict[int, CaseReport]:
        """
        Collect verdicts until all stages are through, one is late, or in trouble.

        Args:
            check: What is tried; see `runner`.

            stages: The numbers of the stages, in order.

        Returns:
            The verdicts by stage; the stage at which there was trouble has one, too.
        """
        folder = self._begin(check, stages)
        verdicts: dict[int, CaseReport] = {}
        left = list(stages)
        while left or not self._over:
            if trouble := self._listen():
                self.end()
                while not self.inbox.empty():
                    self._take(self.inbox.get()[1])
                return self._last_words(verdicts, left, trouble)
            while left and self._heard[left[0]].complete:
                index = left.pop(0)
                verdicts[index] = self._heard[index].judged()
                if verdicts[index].happened == LATE:
                    self.end()
                    return verdicts
        _end_marked(self._mark, but=self.pid)
        shutil.rmtree(folder, ignore_errors=True)
        return verdicts

    def end(self, patience: float = 0.0) -> int:
        """End it with all that it has started, and remove what was written."""
        if not self.ended:
            self.kill()
            self._popen.wait()
            _end_marked(self._mark)
            super().end(patience)
            self._temporary.cleanup()
        return super().end()

    def read(self, printed: bytes) -> None:
        """Cut the prints at the marks between stages, and stop a flood."""
        self._prints += printed
        while self._marks and self._marks[0][1] in self._prints:
            index, ending = self._marks.pop(0)
            before, _, self._prints = self._prints.partition(ending)
            self.inbox.put((self, {"index": index, "printed": _shown(before)}))
        if len(self._prints) > MAX_PRINTS:
            self._prints = b""
            self.flood()

    def _begin(self, check: Message, stages: list[int]) -> str:
        """Hand a check over; the folder in which it works."""
        folder = tempfile.mkdtemp(dir=self._folder)
        word = secrets.token_hex(8)
        self._heard = {index: Heard() for index in stages}
        self._marks = [(index, mark(word, index)) for index in stages]
        self._over = False
        self._seconds = check["seconds"]
        self._end = time.monotonic() + READY_WITHIN
        more = {"folder": folder, "environment": _home(folder), "mark": word}
        limit = READY_WITHIN + self._seconds * len(stages)
        self.say(**check, **more, stages=stages, limit=limit)
        return folder

    def _last_words(
        self, verdicts: dict[int, CaseReport], left: list[int], trouble: str
    ) -> dict[int, CaseReport]:
        """The verdicts on the stages that were through, and on the one that was not."""
        for index in left:
            heard = self._heard[index]
            if verdicts and not heard.started:
                break  # it has no part in this: the next process begins with it
            reason = REASONS[trouble] if heard.started else NOT_STARTED
            verdicts[index] = heard.judged("" if heard.status is not None else reason)
            if heard.status is None:
                break
        return verdicts

    def _listen(self) -> str:
        """Wait for something to come; the kind of trouble, if it is that."""
        while True:
            left = self._end - time.monotonic()
            if left <= 0:
                return "late"
            with contextlib.suppress(queue.Empty):
                return self._take(self.hear(min(left, LOOK_SECONDS)))
            if trouble := self._trouble():
                return trouble

    def _take(self, said: Message | None) -> str:
        """Take in one message; the kind of trouble, if it is that."""
        if said is None:
            return "flood" if self.flooded else "gone"
        if "over" in said:
            self._over = True
            unfinished = any(one.status is None for one in self._heard.values())
            return "gone" if unfinished else ""
        heard = self._heard[said.pop("index")]
        if "start" in said:
            heard.started = True
            self._end = time.monotonic() + self._seconds
            return ""
        if "status" in said:
            # What follows is the check's own: it loads, and starts the next stage.
            self._end = time.monotonic() + READY_WITHIN
        for name, value in said.items():
            setattr(heard, name, value)
        return ""

    def _trouble(self) -> str:
        """Whether the process itself is dead, or has far too many children."""
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(self.pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return "flood" if self.flooded else "gone"
            if len(process.children(recursive=True)) > MAX_PROCESSES:
                return "crowd"
        return ""


def _environment() -> dict[str, str]:
    """What the learner's function may see: no keys."""
    return plain_environment(*_LOCALE) | {
        "PYTHONPATH": str(PACKAGE.parent),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONIOENCODING": "utf-8:backslashreplace",
        "PYTHONHASHSEED": "0",
    }


def _home(folder: str) -> dict[str, str]:
    """And no home of its own."""
    return {
        "HOME": folder,
        "USERPROFILE": folder,
        "AGENTSTATE_HOME": str(Path(folder) / "home"),
    }


def _end_marked(word: str, *, but: int = 0) -> None:
    """End what carries the mark of a check: also what left the process group."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != but and process.environ().get(MARK) == word:
                process.kill()


def _shown(printed: bytes) -> str:
    """The beginning of the prints, as text."""
    text = printed[:SHOWN_PRINTS].decode("utf-8", "replace").strip()
    return f"{text} ..." if len(printed) > SHOWN_PRINTS else text
