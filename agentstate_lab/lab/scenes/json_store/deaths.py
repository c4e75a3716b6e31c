"""
One death for every byte of a save, and what each of them leaves.

`die_at_each_byte` lets a save die in process after process, one byte later each
time, and reads the file after each death: the old content, the new, or neither.
The process that gets through at last shows what the new content is.

It looks at bytes, not at meaning, so it needs to know nothing of the save. What it
cannot show is a missing fsync: a dead process leaves its bytes to the system.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentstate_lab.errors import LabError
from agentstate_lab.lab.processes import CUT_OFF, Ended, cut_at_each_byte
from agentstate_lab.lab.show import progress


@dataclass(frozen=True, slots=True)
class Deaths:
    """
    What was found after each death.

    Attributes:
        old: How many left the content of before.

        new: How many left the content that was being saved.

        torn: How many left neither.

    >>> Deaths(old=0, new=0, torn=67)
    67 deaths: 0 times the old content, 67 times torn
    """

    old: int
    new: int
    torn: int

    @property
    def total(self) -> int:
        """How many processes died."""
        return self.old + self.new + self.torn

    def __repr__(self) -> str:
        new = f" {self.new} times the new," if self.new else ""
        return (
            f"{self.total} deaths: {self.old} times the old content,{new}"
            f" {self.torn} times torn"
        )


def die_at_each_byte(save: Callable[[], Any], path: Path) -> Deaths:
    """
    Let *save* die at each byte that it writes, and look at *path* each time.

    A torn file is put back as it was, so that each death meets the same content.
    The last process is not cut: what it saved stays.

    Args:
        save: Replaces the content of the file; it runs in fresh processes.

        path: The file.

    Raises:
        LabError: A process ended in another way.
    """
    old = _content(path)
    left: Counter[bytes | None] = Counter()
    for ended in progress(cut_at_each_byte(save), "deaths"):
        if not _was_cut(ended):
            break
        found = _content(path)
        left[found] += 1
        if found != old:
            _put_back(path, old)
    new = _content(path)
    torn = sum(left.values()) - left[old] - (left[new] if new != old else 0)
    return Deaths(old=left[old], new=left[new] if new != old else 0, torn=torn)


def _was_cut(ended: Ended) -> bool:
    """Whether it died as it was told to; if it neither died nor returned, stop."""
    if not ended.returned and not ended.how.startswith(CUT_OFF):
        raise LabError(f"the save {ended.how}: {ended.error or 'nobody cut it'}")
    return not ended.returned


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _put_back(path: Path, content: bytes | None) -> None:
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
