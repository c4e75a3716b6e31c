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

Each is done to the real connection: it is really cut, it really drips. A client that
is told "the reply was lost" by an exception in its own process has learned nothing
about its own handling of a lost reply.
"""

import asyncio
import contextlib
import threading
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Annotated, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from .refusal import NOT_STARTED, Refusal, bad
from .wire import Body, Name

Kind = Literal["throttle", "error", "drop", "hang", "slow", "drip", "reply_lost"]

# What *seconds* is when nobody says: each is harmless to forget in a notebook.
KINDS: Mapping[Kind, float] = {
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


class Fault(Body):
    """
    One order.

    Attributes:
        task_id: The task that it strikes.

        kind: One of `KINDS`.

        at: Where it strikes: "model", a service, or a step.

        times: How many requests it still strikes.

        seconds: How long, for the kinds that take time; for `throttle`, what
            Retry-After says.

        after: How many matching requests it still lets pass first.
    """

    task_id: Name
    kind: Kind
    at: Name = "model"
    times: Annotated[int, Field(ge=1, le=MAX_COUNT)] = 1
    seconds: Annotated[float, Field(ge=0, le=MAX_SECONDS)] = Field(
        default_factory=lambda order: KINDS[order["kind"]]
    )
    after: Annotated[int, Field(ge=0, le=MAX_COUNT)] = 0


class FaultBook:
    """
    All open orders, and how many requests each task has made.

    Safe to use from several threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[str, list[Fault]] = {}
        self._requests: dict[str, Counter[str]] = {}

    def order(self, fault: Fault) -> None:
        """
        Take an order.

        Raises:
            Refusal: The task has too many orders open.
        """
        with self._lock:
            orders = self._open.setdefault(fault.task_id, [])
            if len(orders) >= MAX_ORDERS:
                raise bad(f"{MAX_ORDERS} faults are open for this task.", "task_id")
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


async def answered(
    fault: Fault | None,
    request: Request,
    answer: Callable[[float], Awaitable[Response]],
) -> Response:
    """
    The response to *request*, on a day with *fault* or on a good one.

    What *answer* does is what was asked for; it is told how many seconds to take.

    Raises:
        Refusal: The fault is one.
    """
    if fault is None:
        return await answer(0.0)
    match fault.kind:
        case "throttle":
            raise Refusal(
                429,
                "Rate limit reached: try again after the time in Retry-After.",
                code="rate_limit_exceeded",
                headers={**NOT_STARTED, "Retry-After": f"{fault.seconds:g}"},
            )
        case "error":
            raise Refusal(500, "The server had an error while processing your request.")
        case "drop":
            return _Dropped()
        case "hang":
            await _gone(request, fault.seconds)
            return _Dropped()
    response = await answer(fault.seconds if fault.kind == "slow" else 0.0)
    match fault.kind:
        case "reply_lost":
            return _Dropped()
        case "drip":
            return _dripping(response, fault.seconds)
    return response


async def _gone(request: Request, seconds: float) -> None:
    """Wait until the client goes away, or *seconds* at most."""

    async def disconnected() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(disconnected(), seconds)


class _Dropped(Response):
    """No reply: the connection is cut."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"]["transport"].abort()
        while (await receive())["type"] != "http.disconnect":
            pass


def _dripping(response: Response, seconds: float) -> Response:
    """*response* with its body byte by byte."""

    async def drops() -> AsyncIterator[bytes]:
        for byte in bytes(response.body):
            yield bytes([byte])
            await asyncio.sleep(seconds)

    headers = dict(response.headers)
    return StreamingResponse(drops(), response.status_code, headers)
