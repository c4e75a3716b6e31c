"""
The services that change the world, with the promise that good services keep.

A key is honoured: what comes a second time is answered from the first reply. An effect
and its reply are written down together, and both are on the disk before anybody hears
of them. So a reply may be lost, and the effect is counted all the same.

This module does not know what goes wrong on the way to it: `faults` does.
"""

import asyncio
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from agentstate_lab.state import fingerprint

from .handle import is_key
from .ledger import Json, Ledger
from .refusal import Refusal
from .wire import Body, Name


class Wanted(Body):
    """What a service is to do."""

    task_id: Name
    step: Name
    arguments: dict[str, Any]


class Receiver:
    """
    All services, and what they are doing now.

    Args:
        ledger: Where effects are written down.
    """

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.in_progress: set[tuple[str, str]] = set()

    async def once(
        self, effect: str, wanted: Wanted, key: str | None, seconds: float
    ) -> Response:
        """
        Do what is *wanted*, unless its key says that it was done or is being done.

        Args:
            effect: The service.

            wanted: What it is to do.

            key: The idempotency key. Without one it happens each time.

            seconds: How long it takes.

        Raises:
            Refusal: 409, it is being done now; 422, the key was for something else.
        """
        if key is None:
            return await self._do(effect, wanted, key, seconds)
        # Only the event loop touches the set: nothing comes between look and mark.
        mark = (effect, key)
        if mark in self.in_progress:
            raise Refusal(
                409,
                "A request with this idempotency key is still in progress: send it"
                " again with the same key.",
                code="key_in_progress",
                headers={"X-Effect": "unknown"},
            )
        self.in_progress.add(mark)
        try:
            found = await run_in_threadpool(self.ledger.replied, *mark)
            if found is None:
                return await self._do(effect, wanted, key, seconds)
        finally:
            self.in_progress.discard(mark)
        if found[0] != fingerprint(wanted.model_dump()):
            raise Refusal(
                422,
                "This idempotency key was used for another request: a new request"
                " needs a new key.",
                code="key_reused",
            )
        return JSONResponse(found[1], headers={"Idempotent-Replayed": "true"})

    async def _do(
        self, effect: str, wanted: Wanted, key: str | None, seconds: float
    ) -> Response:
        """Take the time it takes, then let it happen."""

        def receipt(count: int) -> Json:
            # How often it has worked for this task, so that a second time is seen.
            said = {"status": "done", "effect": effect, "step": wanted.step}
            return {**said, "receipt": f"{effect}-{count}"}

        await asyncio.sleep(seconds)
        said = await run_in_threadpool(
            self.ledger.happen,
            effect,
            task_id=wanted.task_id,
            step=wanted.step,
            key=key,
            fingerprint=fingerprint(wanted.model_dump()),
            reply=receipt,
        )
        return JSONResponse(said)


def key_of(request: Request) -> str | None:
    """
    The idempotency key of *request*, if it has one.

    Raises:
        Refusal: 400, it is none, or there are two.
    """
    keys = request.headers.getlist("idempotency-key")
    if not keys:
        return None
    if len(keys) > 1 or not is_key(keys[0]):
        raise Refusal(
            400,
            "'Idempotency-Key' must be one key of 1 to 255 printable ASCII characters.",
            param="Idempotency-Key",
            code="invalid_key",
        )
    return keys[0]
