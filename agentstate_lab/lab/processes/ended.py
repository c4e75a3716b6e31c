"""
How a process ended, in words that are the same in every run.

Neither process ids nor paths are in them, so a notebook can show them.
"""

import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from agentstate_lab import system

from .cut import was_cut
from .line import Message

CUT_OFF = "cut off at byte"
KILLED = (-9, 137)  # the second where there are no signals: 128 + 9, as a shell says


@dataclass(frozen=True, slots=True)
class Ended:
    """
    How a process ended.

    Attributes:
        how: In words, for example "returned" or "killed by SIGKILL".

        value: What the function returned, if it returned.

        error: The text of what it raised, if it raised.

        output: What it printed, cut at 10,000 characters.

        status: Its exit status, if it did neither; below zero for a signal.

    >>> Ended.told({"value": [3, 1]})
    returned [3, 1]
    >>> Ended.died(3)
    ended itself with exit status 3
    """

    how: str
    value: Any = None
    error: str = ""
    output: str = ""
    status: int | None = None

    @classmethod
    def told(cls, report: Message, output: str = "") -> Self:
        """The end of a process that lived to tell it."""
        if "raised" in report:
            how = f"raised {report['raised']}"
            return cls(how, error=report["text"], output=output)
        return cls("returned", value=report["value"], output=output)

    @classmethod
    def died(cls, status: int, cut_at: int | None = None, output: str = "") -> Self:
        """The end of a process that did not, from its exit *status*."""
        if cut_at is not None and was_cut(status):
            how = f"{CUT_OFF} {cut_at}"
        elif system.WINDOWS and was_killed(status):
            how = "killed, as by SIGKILL"
        elif status >= 0:
            how = f"ended itself with exit status {status}"
        else:
            how = f"killed by {signal_name(-status)}"
        return cls(how, output=output, status=status)

    @classmethod
    def late(cls, limit: float, output: str) -> Self:
        """The end of a process that had not come back after *limit* seconds."""
        return cls(f"ran longer than {limit:g} s and was ended", output=output)

    @property
    def returned(self) -> bool:
        """Whether the function came back normally."""
        return self.how == "returned"

    def __str__(self) -> str:
        return self.how

    def __repr__(self) -> str:
        if self.returned and self.value is not None:
            return f"returned {self.value!r}"
        return self.how


def end_of_log(log: Path, size: int = 2_000) -> str:
    """The end of what a process has written into its log, at most *size* bytes."""
    try:
        said = log.read_bytes()[-size:]
    except OSError as error:
        return f"(no log: {error})"
    return said.decode(errors="replace").strip() or "(empty)"


def was_killed(status: int) -> bool:
    """Whether a process with this *status* died by SIGKILL, or as by it."""
    return status in KILLED


def signal_name(number: int) -> str:
    """
    What the signal of this number is called.

    >>> signal_name(1_000)
    'signal 1000'
    """
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
