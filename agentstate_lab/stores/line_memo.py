"""
A task that is saved as it was read keeps its line.

Most saves of a step change nothing of the task itself: the step is new, and of the
task only the version and the time of the write. To write the line of a large task
anew each time, and to prove anew that it can be read back, would make every step as
dear as all that the agent knows. So a store remembers which line belongs to which
object, and puts the two new values into it.

It is the object that is remembered, not what is equal to it. A task cannot be changed,
with one exception: a list or a map in a fact. A task with such a fact is not
remembered, and is written in full.
"""

import functools
import re
import weakref
from dataclasses import dataclass

from agentstate_lab.state import SCHEMA_VERSION, Task

# Inside a text, no quotation mark follows a comma but one that ends it; and before
# these two fields there are only texts and numbers.
_LINE = re.compile(
    rf'(\{{"schema_version":{SCHEMA_VERSION},.*?),"updated_at":[^,]+,"version":\d+,(.*)',
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Known:
    """
    What need not be worked out again.

    Attributes:
        head, tail: The line before and after what changes with every write.

        fingerprint: The digest of what was asked.
    """

    head: str
    tail: str
    fingerprint: str

    def line(self, task: Task) -> str:
        """The line of *task*, of which only the time and the version are new."""
        changed = f'"updated_at":{task.updated_at!r},"version":{task.version}'
        return f"{self.head},{changed},{self.tail}"


class LineMemo:
    """
    The lines of tasks that somebody still holds.

    >>> from agentstate_lab.state import task_to_json
    >>> task = Task.new("Clean the logs", key="ops/42")
    >>> memo = LineMemo()
    >>> memo.keep(task, task_to_json(task), task.fingerprint)
    >>> later = task.model_copy(update={"version": 1, "updated_at": 5.0})
    >>> memo.known(task, later).line(later) == task_to_json(later)
    True
    >>> memo.known(later, later) is None
    True
    """

    def __init__(self) -> None:
        self._kept: dict[int, tuple[weakref.ref[Task], Known]] = {}

    def keep(self, task: Task, line: str, fingerprint: str) -> None:
        """Remember the line of *task*, as long as somebody holds the task."""
        parts = None if _can_change(task) else _LINE.fullmatch(line)
        if parts is not None:
            self.keep_known(task, Known(parts[1], parts[2], fingerprint))

    def keep_known(self, task: Task, known: Known) -> None:
        """Remember *task*, of which everything is known."""
        forget = functools.partial(_forget, self._kept, id(task))
        self._kept[id(task)] = (weakref.ref(task, forget), known)

    def known(self, task: Task, later: Task) -> Known | None:
        """
        What is known of *later*, which is *task* but for version and time.

        None when *task* is not remembered, or the time is none that a line can hold.
        """
        _, known = self._kept.get(id(task), (None, None))
        # Only what is written the same by everybody; a clock may return anything.
        plain = type(later.updated_at) in (int, float)
        return known if plain and abs(later.updated_at) <= 2**53 else None


def _can_change(task: Task) -> bool:
    """Whether something in *task* could be changed in its place."""
    facts = task.agent_state.known_facts
    return any(isinstance(fact.value, list | dict) for fact in facts)


def _forget(
    kept: dict[int, tuple[weakref.ref[Task], Known]], key: int, gone: weakref.ref[Task]
) -> None:
    """Another object may have the number by now: that one stays."""
    if key in kept and kept[key][0] is gone:
        del kept[key]
