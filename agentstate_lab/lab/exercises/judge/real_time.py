"""
Notice when an answer reads a real clock, or waits for real.

A check that hands in a fake clock can tell from behaviour that something is wrong,
but not what. So it listens to the calls that the answer makes: however it came by
`time.monotonic`, the interpreter announces the call of it. A real wait is stopped
before it begins, since no check may wait.

It hears what the answer's own code and the course's package call in this thread.
Calls inside of other libraries are theirs: a log line may carry the time.
"""

import contextlib
import datetime
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from .answer import PACKAGE, Answer

SLEEP = "time.sleep"

_OF_TIME = ("time", "monotonic", "perf_counter", "process_time", "thread_time")
_READS = {
    *_OF_TIME,
    *(f"{name}_ns" for name in _OF_TIME),
    "clock_gettime",
    "clock_gettime_ns",
    "gmtime",
    "localtime",
    "sleep",
}
_OF_DATES = {"now", "utcnow", "today"}


class WaitedForReal(Exception):
    """The answer called `time.sleep`; it was stopped before it waited."""


@contextlib.contextmanager
def real_time(answer: Answer) -> Iterator[list[str]]:
    """Collect the real clocks that *answer* reads while the block runs, by name."""
    asked: list[str] = []

    def hear(frame: FrameType, event: str, called: Any) -> None:
        name = _name(called) if event == "c_call" else ""
        if name and _counts(answer, frame):
            asked.append(name)
            if name == SLEEP:
                raise WaitedForReal("time.sleep was called")

    before = sys.getprofile()
    sys.setprofile(hear)
    try:
        yield asked
    finally:
        sys.setprofile(before)


def _name(called: Any) -> str:
    """Which clock a builtin is; empty for everything else."""
    owner = getattr(called, "__self__", None)
    name = getattr(called, "__name__", "")
    if owner is time and name in _READS:
        return f"time.{name}"
    if isinstance(owner, type) and issubclass(owner, datetime.date):
        return f"{owner.__name__}.{name}" if name in _OF_DATES else ""
    return ""


def _counts(answer: Answer, frame: FrameType) -> bool:
    """Whether the call was made by the answer, or by the package on its behalf."""
    code = frame.f_code
    return answer.wrote(code) or PACKAGE in Path(code.co_filename).parents
