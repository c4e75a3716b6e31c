"""
Faults on order: the network's bad days, one at a time and for one task.

A fault is ordered for a task and a place, and it is counted down: it strikes the
next *times* requests there and then is gone. Nothing is left to chance, so a lesson
that shows a lost reply shows it on every run, and a test needs no luck.

    throttle    429, with Retry-After: nothing happened
    error       500: nothing happened
    drop        the connection closes before anything happens
    hang        no reply for *seconds*, then the connection closes; nothing happened
    slow        it takes *seconds*, and then it happens
    drip        it happened; the reply comes byte by byte, *seconds* apart
    reply_lost  it happened, and the connection closes before the reply

To the caller, `drop`, `hang` and `reply_lost` look alike. That is the point.

This module keeps the orders. What striking means on the wire is in `striking`.
"""

import math
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agentstate_lab.errors import InvalidValue

# What *seconds* is when nobody says: each is harmless to forget in a notebook.
KINDS: Mapping[str, float] = {
    "throttle": 1.0,
    "error": 0.0,
    "drop": 0.0,
    "hang": 60.0,
    "slow": 1.0,
    "drip": 0.05,
    "reply_lost": 0.0,
}

MAX_SECONDS = 60.0
MAX_COUNT = 10_000
MAX_ORDERS = 1_000  # for one task; a loop that orders for ever is a mistake


@dataclass(slots=True)
class Fault:
    """
    One order.

    Attributes:
        kind: One of `KINDS`.

        at: Where it strikes: "model", a service, or a step.

        times: How many requests it still strikes.

        seconds: How long, for the kinds that take time; for `throttle`, what
            Retry-After says.

        after: How many matching requests it still lets pass first.
    """

    kind: str
    at: str = "model"
    times: int = 1
    seconds: float = 0.0
    after: int = 0

    @classmethod
    def ordered(
        cls,
        kind: Any,
        *,
        at: Any = "model",
        times: Any = 1,
        seconds: Any = None,
        after: Any = 0,
    ) -> "Fault":
        """
        Check an order, whoever wrote it.

        Raises:
            InvalidValue: Naming the argument and what it may be.
        """
        if not isinstance(kind, str) or kind not in KINDS:
            raise InvalidValue("kind", f"must be one of {', '.join(KINDS)}")
        if not isinstance(at, str) or not at:
            raise InvalidValue("at", "must be 'model', a service or a step")
        seconds = KINDS[kind] if seconds is None else seconds
        number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
        if not number or not math.isfinite(seconds) or not 0 <= seconds <= MAX_SECONDS:
            raise InvalidValue("seconds", f"must be from 0 to {MAX_SECONDS:g}")
        times, after = _count("times", times, 1), _count("after", after, 0)
        return cls(kind, at, times, float(seconds), after)


def _count(name: str, value: Any, least: int) -> int:
    """*value* when it is a whole number in range."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or not least <= value <= MAX_COUNT:
        raise InvalidValue(name, f"must be a whole number from {least} to {MAX_COUNT}")
    return int(value)


class FaultBook:
    """
    All open orders, and how many requests each task has made.

    Safe to use from several threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[str, list[Fault]] = {}
        self._requests: dict[str, Counter[str]] = {}

    def order(self, task_id: str, fault: Fault) -> None:
        """
        Take an order for *task_id*.

        Raises:
            InvalidValue: The task has too many orders open.
        """
        with self._lock:
            orders = self._open.setdefault(task_id, [])
            if len(orders) >= MAX_ORDERS:
                raise InvalidValue("fault", f"{MAX_ORDERS} are open for this task")
            orders.append(fault)

    def strike(self, task_id: str, *places: str) -> Fault | None:
        """
        Count one request at *places* (the first is what it is counted as), and
        return the fault that strikes it, if any.

        Every matching order that still waits counts the request as passed, so the
        order in which they were placed does not matter for `after`.
        """
        with self._lock:
            self._requests.setdefault(task_id, Counter())[places[0]] += 1
            orders = self._open.get(task_id, [])
            struck: Fault | None = None
            for fault in [fault for fault in orders if fault.at in places]:
                if fault.after:
                    fault.after -= 1
                elif struck is None:
                    struck = fault
                    fault.times -= 1
            self._open[task_id] = [fault for fault in orders if fault.times]
            if not self._open[task_id]:
                del self._open[task_id]
            return struck

    def requests(self, task_id: str) -> dict[str, int]:
        """How many requests *task_id* has made at each place."""
        with self._lock:
            return dict(self._requests.get(task_id, {}))

    def forget(self, task_id: str) -> None:
        """Drop the orders and the counts of *task_id*."""
        with self._lock:
            self._open.pop(task_id, None)
            self._requests.pop(task_id, None)
