"""
Where a run dies: a count of its effects and writes, and an end at one of them.

The agents have no hooks for dying: the lab wraps what it hands to them. A `Fuse`
counts, and ends the process

- `before`: the agent has asked, nothing was sent or written;
- `inside`: the world has done it (or half of the bytes are in the file, or all of
  them in a database that has not committed), and the agent was not told;
- `after`: the agent was told, and touches anything outside itself again (the
  model, the world, the store, the screen), or returns.

The process ends by SIGKILL from itself, so nothing is cleaned up. Windows has no
such signal; there it is `os._exit(137)`, which cleans up as little. An end
that is not so hard (`signals`) comes back as an exception, and the fuse has burned:
what the agent does on its way out is let through.

What it cannot show: a missing fsync. The operating system still has the bytes.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, Self

from agentstate_lab.errors import InvalidValue, TaskNotFound
from agentstate_lab.lab.world import EffectWorld
from agentstate_lab.state import Checkpoint, Message, StepRecord, Task, TaskState
from agentstate_lab.stores import (
    JsonFileStore,
    StepStore,
    Submission,
    open_store,
    real_path,
    write_bytes,
)
from agentstate_lab.stores.sql import SqliteDatabase, SqlLeaseStore

from .signals import HARD, fall

KINDS = ("effect", "write")

_POINT = re.compile(r"(effect|write)\.(before|inside|after):([1-9][0-9]{0,5})")


@dataclass(frozen=True, slots=True)
class Point:
    """
    A moment to die at: before, inside or after the n-th effect or write.

    >>> Point.read("effect.after:7")
    Point(kind='effect', moment='after', ordinal=7)
    """

    kind: str
    moment: str
    ordinal: int

    @classmethod
    def read(cls, text: str) -> Self:
        """The point that *text* names."""
        found = _POINT.fullmatch(text) if isinstance(text, str) else None
        if found is None:
            raise InvalidValue(
                "kill point",
                f"{text!r:.100} is none; write effect or write, then .before, .inside"
                " or .after, then a number from 1, as in effect.after:7",
            )
        return cls(found[1], found[2], int(found[3]))

    def __str__(self) -> str:
        return f"{self.kind}.{self.moment}:{self.ordinal}"


def die() -> NoReturn:
    """End this process at once: no `finally`, no `atexit`, no flush."""
    fall(HARD)


class Fuse:
    """
    Counts what a run does, and ends the process at *point*, if there is one.

    Args:
        point: Where to die, or None to get through and only count.

        die: Ends the process, or raises.

    Attributes:
        reached: What was begun so far, by kind, in order, by name.

        burned: Whether the point was reached.
    """

    def __init__(self, point: Point | None, die: Callable[[], object]) -> None:
        self.reached: dict[str, list[str]] = {kind: [] for kind in KINDS}
        self.burned = False
        self._point = point
        self._die = die
        self._armed = False

    def before(self, kind: str, name: str) -> int:
        """Something of *kind* begins; the ordinal is for `inside` and `after`."""
        self.touch()
        self.reached[kind].append(name)
        ordinal = len(self.reached[kind])
        if self.is_at(kind, "before", ordinal):
            self._burn()
        return ordinal

    def without_end(self, kind: str) -> None:
        """It failed, so it has no inside and no after; the next has its ordinal."""
        self.reached[kind].pop()

    def inside(self, kind: str, ordinal: int) -> None:
        """It is done, or half done, and the agent was not told."""
        if self.is_at(kind, "inside", ordinal):
            self._burn()

    def after(self, kind: str, ordinal: int) -> None:
        """The agent is being told: the next touch is the last."""
        self._armed |= self.is_at(kind, "after", ordinal)

    def touch(self) -> None:
        """The agent reaches outside itself."""
        if self._armed:
            self._burn()

    def is_at(self, kind: str, moment: str, ordinal: int) -> bool:
        """Whether this is the point, and it is still to come."""
        return not self.burned and self._point == Point(kind, moment, ordinal)

    def _burn(self) -> None:
        self.burned, self._armed = True, False
        self._die()

    def touching(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """*function*, with a touch before each call."""

        def touched(*args: Any, **kwargs: Any) -> Any:
            self.touch()
            return function(*args, **kwargs)

        return touched


class KillingWorld:
    """A world whose effects go past a fuse."""

    def __init__(self, world: EffectWorld, fuse: Fuse) -> None:
        self._world = world
        self._fuse = fuse

    def effect(self, effect: str, *, step: str, **more: Any) -> dict[str, Any]:
        """Ask for the effect, unless the process ends on the way."""
        ordinal = self._fuse.before("effect", step)
        try:
            reply = self._world.effect(effect, step=step, **more)
        except Exception:
            self._fuse.without_end("effect")
            raise
        self._fuse.inside("effect", ordinal)
        self._fuse.after("effect", ordinal)
        return reply

    def __getattr__(self, name: str) -> Any:
        return getattr(self._world, name)


class KillingStore:
    """
    A store whose writes go past a fuse; whatever else is asked of it is a touch.

    Submitting a known task is no write.

    A store that can be cut off halfway does that itself, see `HalfWritingStore` and
    `HalfCommitting`; with any other, `inside` is the moment when the write is done
    and the agent was not told.
    """

    def __init__(self, store: StepStore, fuse: Fuse) -> None:
        self._store = store
        self._fuse = fuse

    def submit(self, task: Task) -> Submission:
        """Submit, unless the process ends on the way."""
        self._fuse.touch()
        try:
            self._store.get(task.id)
        except TaskNotFound:
            submission: Submission = self._written("submit", self._store.submit, task)
            return submission
        return self._store.submit(task)

    def save(
        self,
        task: Task,
        *,
        steps: Sequence[StepRecord] = (),
        messages: Sequence[Message] = (),
        checkpoint: Checkpoint | None = None,
    ) -> Task:
        """Save, unless the process ends on the way."""
        name = _news(task, steps, messages)
        more: dict[str, Any] = {"steps": steps, "messages": messages}
        if checkpoint is not None:
            more["checkpoint"] = checkpoint
        saved: Task = self._written(name, self._store.save, task, **more)
        return saved

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        return self._fuse.touching(found) if callable(found) else found

    def _written(self, name: str, write: Callable[..., Any], *a: Any, **kw: Any) -> Any:
        ordinal = self._fuse.before("write", name)
        done = write(*a, **kw)
        self._fuse.inside("write", ordinal)
        self._fuse.after("write", ordinal)
        return done


def _news(task: Task, steps: Sequence[StepRecord], messages: Sequence[Message]) -> str:
    """What a save is for: a step, a message, the fact that is new, or the state."""
    if steps:
        return f"{steps[0].status}:{steps[0].name}"
    if messages:
        return "told" if messages[0].get("role") == "tool" else "message"
    facts = task.agent_state.known_facts
    return facts[-1].key if facts and task.state == TaskState.RUNNING else task.state


class HalfWritingStore(JsonFileStore):
    """A JSON store whose process ends when half of the bytes are in its file."""

    def __init__(self, path: str, fuse: Fuse) -> None:
        super().__init__(path)
        self._fuse = fuse

    def _write_bytes(self, file: int, data: bytes) -> None:
        ordinal = len(self._fuse.reached["write"])
        if self._fuse.is_at("write", "inside", ordinal):
            write_bytes(file, data[: len(data) // 2])
            self._fuse.inside("write", ordinal)
        super()._write_bytes(file, data)


class HalfCommitting(SqliteDatabase):
    """A SQLite file whose process ends when all is written, and not committed."""

    def __init__(self, path: str, fuse: Fuse) -> None:
        super().__init__(real_path(path))
        self._fuse = fuse

    def about_to_commit(self) -> None:
        """End here, if this is the point."""
        self._fuse.inside("write", len(self._fuse.reached["write"]))


def killing_store(url: str | None, fuse: Fuse) -> KillingStore | None:
    """The store that *url* names, with its writes going past *fuse*."""
    if url is None:
        return None
    scheme, _, path = url.partition(":")
    if scheme == "json":
        return KillingStore(HalfWritingStore(path, fuse), fuse)
    if scheme == "sqlite":
        return KillingStore(SqlLeaseStore(HalfCommitting(path, fuse)), fuse)
    return KillingStore(open_store(url), fuse)
