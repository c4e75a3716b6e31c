"""
Deadlines: one instant that every nested call shares, and that a restart keeps.

A timeout is a length, and each layer that is handed one starts it afresh. A
deadline is an instant, so layers cannot add up to more than the caller allowed.
Make a `Deadline` once, where the request comes in. Below that, pass the object
down, `narrow` it for one step, and hand `remaining()` to what only understands
timeouts.

Inside a process the clock is monotonic. From one process to the next only the wall
clock goes on, and anybody may set it, so the record that is stored with the task
also says how long it has worked and when that was. Reading it never buys time.

A deadline does not stop code that is already running. It decides whether the next
step may start, which is why `check` belongs *before* an effect; `call` gives up
waiting, and what the abandoned step still does is unknown. No store takes a
deadline: that it has passed must be saved after it has passed.

Source: gRPC's deadlines, and the cancel scopes of Trio and anyio.
"""

import concurrent.futures
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any, Self, TypeVar

from agentstate_lab.state import DeadlineRecord

from .errors import DeadlineExceeded, InvalidValue

Clock = Callable[[], float]
Wait = Callable[["Future[Any]", float], None]
Result = TypeVar("Result")

MAX_SECONDS = 30 * 86_400.0  # a thread on Windows cannot wait much longer
FAR = 1e300  # beyond it, a difference of two instants may be no number


def wait_for(call: "Future[Any]", seconds: float) -> None:
    """Wait until *call* has come back, at most *seconds*."""
    concurrent.futures.wait([call], min(seconds, MAX_SECONDS))


@dataclass(frozen=True, slots=True)
class Deadline:
    """
    An instant on *clock* after which no new step may start.

    Attributes:
        at: The instant.

        clock: Seconds that only go up. (They stand still while a laptop sleeps.)

        since: The instant at which this process took over *stored*.

        stored: What the whole run was granted and has used, or None for a deadline
            that ends with the process.

    >>> from agentstate_lab.lab.clock import FakeClock
    >>> clock = FakeClock()
    >>> deadline = Deadline.after(5, clock=clock)
    >>> clock.advance(3)
    >>> deadline.remaining(), deadline.narrow(1).remaining()
    (2.0, 1.0)
    """

    at: float
    clock: Clock = time.monotonic  # wall time can jump backwards
    since: float = 0.0
    stored: DeadlineRecord | None = None

    def __post_init__(self) -> None:
        if not _is_number(self.at) or not abs(self.at) <= FAR:
            raise InvalidValue("at", "must be an instant on the clock, in seconds")

    @classmethod
    def after(
        cls, seconds: float, *, clock: Clock = time.monotonic, wall: Clock = time.time
    ) -> Self:
        """
        Start the caller's allowance of *seconds* now.

        Args:
            seconds: From above 0 to 30 days.

            clock: What time is measured with in this process.

            wall: Seconds since the epoch, for the record.

        Raises:
            InvalidValue: *seconds* is no such number.
        """
        limit, start, now = _seconds(seconds), clock(), wall()
        granted = DeadlineRecord(at=now + limit, limit=limit, seen=now)
        return cls(start + limit, clock, start, granted)

    @classmethod
    def restore(
        cls,
        record: DeadlineRecord,
        *,
        clock: Clock = time.monotonic,
        wall: Clock = time.time,
    ) -> Self:
        """
        Go on with a stored deadline, in this process and from now.

        What is left is the smaller of two: up to the instant, and what was not used.
        A clock that was set back is not believed. If the task was suspended, its
        instant moves by the time that it waited; save the new `record()` then, or
        the work that comes next is taken for waiting, too.
        """
        now = max(record.seen, wall())
        if record.suspended:
            moved = record.at + (now - record.seen)
            record = record.model_copy(update={"at": moved, "suspended": False})
        left = min(record.at - now, record.limit - record.used, MAX_SECONDS)
        start = clock()
        known = record.model_copy(update={"seen": now})
        return cls(start + left, clock, start, known)

    def narrow(self, seconds: float) -> Self:
        """
        Give one step at most *seconds*, and never more than is left here.

        Raises:
            InvalidValue: *seconds* is not from above 0 to 30 days.
        """
        return replace(self, at=min(self.at, self.clock() + _seconds(seconds)))

    def remaining(self) -> float:
        """Seconds left, never negative: many timeouts read -1 as "forever"."""
        return max(0.0, self.at - self.clock())

    def check(self, step: str) -> float:
        """
        The seconds that *step* has, always more than 0.

        Raises:
            DeadlineExceeded: It has none, and must not start.
        """
        left = self.at - self.clock()
        if left > 0:
            return left
        raise DeadlineExceeded(step, max(0.0, -left))

    def call(
        self, fn: Callable[[float], Result], step: str, *, wait: Wait = wait_for
    ) -> Result:
        """
        Return `fn(seconds)`, or give it up at the deadline.

        A thread cannot be stopped. So *fn* runs in one of its own, and when the time
        is up it is abandoned: it may go on, and nobody hears what became of it. Let
        it use its *seconds* as a timeout too, so that it does not go on for long.

        Args:
            fn: The work; it is given the seconds that are left.

            step: Its name, for the error.

            wait: Waits for the work; tests pass one that needs no time.

        Raises:
            DeadlineExceeded: It was not started, or (`effect` is "unknown") it was
                given up, or failed too late and nobody knows what it did. What *fn*
                raised in time, or with a known effect, is raised unchanged.
        """
        left = self.check(step)
        work: Future[Result] = Future()
        # Not a pool: Python waits for a pool's threads before it ends.
        threading.Thread(
            target=_work, args=(work, fn, left), name=f"step {step}", daemon=True
        ).start()
        wait(work, self.remaining())
        overrun = self.clock() - self.at
        # *fn* and this wait may end at one instant, in any order: the clock decides.
        ended = work.done()
        late = work.exception() if ended else None
        if ended and (overrun < 0 or _says_something(late)):
            return work.result()
        raise DeadlineExceeded(step, max(0.0, overrun), effect="unknown") from late

    def record(self) -> DeadlineRecord:
        """
        What to store with the task, also after the deadline has passed.

        It is about the whole run: a narrowed deadline records the same. Submit a new
        task with one, so that its time begins when it is asked for, and once.

        Raises:
            InvalidValue: This deadline was made by hand and belongs to no run.
        """
        if self.stored is None:
            raise InvalidValue(
                "deadline", "has no record; make it with after() or restore()"
            )
        worked = max(0.0, self.clock() - self.since)
        used, seen = self.stored.used + worked, self.stored.seen + worked
        return self.stored.model_copy(update={"used": used, "seen": seen})

    def suspend(self) -> DeadlineRecord:
        """
        What to store while the task waits for a person: its time stands still.

        Afterwards take a new deadline with `restore`; this one goes on counting.
        """
        return self.record().model_copy(update={"suspended": True})


def _work(work: "Future[Any]", fn: Callable[[float], Any], left: float) -> None:
    """Run *fn* and keep what it returned or raised, which nobody may read."""
    try:
        work.set_result(fn(left))
    except BaseException as error:  # noqa: BLE001 - it is raised where it is awaited
        work.set_exception(error)


def _says_something(late: BaseException | None) -> bool:
    """
    Whether work that ended late is worth hearing: a result is, and a known effect.

    An error that does not know what it did says only that it is late.
    """
    if not isinstance(late, Exception):
        return True
    return getattr(late, "effect", "unknown") != "unknown"


def _seconds(value: float) -> float:
    """*value*, when it is a length of time that somebody can have meant."""
    if not _is_number(value) or not 0 < value <= MAX_SECONDS:
        raise InvalidValue(
            "seconds",
            f"must be a number above 0, and at most {MAX_SECONDS:,.0f} (30 days)",
        )
    return float(value)


def _is_number(value: object) -> bool:
    """True is an int for Python, and no length of time for anybody."""
    return isinstance(value, int | float) and not isinstance(value, bool)
