"""
What a fault does to the request that it strikes, on the wire.

Each kind is done to the real connection: it is really cut, it really drips. A
client that is told "the reply was lost" by an exception in its own process has
learned nothing about its own handling of a lost reply.

This module does not decide which request is struck: `faults` does.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from .faults import Fault
from .refusal import Refusal


async def strike_before(fault: Fault | None, request: Request) -> Response | None:
    """Strike before anything happens, with the kinds that do."""
    kind = fault.kind if fault else None
    if fault and kind == "throttle":
        raise Refusal(
            429,
            "Rate limit reached: try again after the time in Retry-After.",
            code="rate_limit_exceeded",
            headers={"X-Effect": "not started", "Retry-After": f"{fault.seconds:g}"},
        )
    if kind == "error":
        raise Refusal(500, "The server had an error while processing your request.")
    if kind == "drop":
        return _Dropped()
    if fault and kind == "hang":
        await _gone(request, fault.seconds)
        return _Dropped()
    return None


def strike_after(fault: Fault | None, response: Response) -> Response:
    """Strike after it has happened, with the kinds that do."""
    if fault and fault.kind == "reply_lost":
        return _Dropped()
    if fault and fault.kind == "drip":
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
