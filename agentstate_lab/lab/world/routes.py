"""
What the world answers: the scripted model, the effect services, the ledger.

The model is stateless: it reads the messages that it is sent and nothing else. What
the services promise is in `receiver`.

This module does not start or stop anything: that is `app`.
"""

import asyncio
import dataclasses
import os
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .chat import chat
from .chat.rules import get_ready
from .faults import Fault, FaultBook, answered
from .guard import Guard, Presence
from .handle import proof
from .ledger import Ledger
from .receiver import Receiver, Wanted, key_of
from .refusal import Refusal, shown
from .steps import EFFECTS
from .wire import Body, Name, read, read_json, reply


class Services:
    """
    The endpoints, and what they share.

    Args:
        ledger: Where effects are written down.

        token: The secret that `/health` proves to know.

        script: What the model says next.

        on_stop: Called when somebody asks the world to end.
    """

    def __init__(
        self,
        ledger: Ledger,
        token: str,
        *,
        script: chat.Script,
        on_stop: Callable[[], None],
    ) -> None:
        self.ledger = ledger
        self.token = token
        self.script = script
        self.on_stop = on_stop
        self.faults = FaultBook()
        self.presence = Presence()
        self.receiver = Receiver(ledger)

    def app(self) -> Starlette:
        """The application, guarded by the token."""
        routes = [
            Route("/health", self.health),
            Route("/v1/chat/completions", self.completions, methods=["POST"]),
            Route("/v1/models/{model}", self.model),
            Route("/effects/{effect}", self.effect, methods=["POST"]),
            Route("/ledger", self.entries),
            Route("/requests", self.requests),
            Route("/faults", self.order, methods=["POST"]),
            Route("/forget", self.forget, methods=["POST"]),
            Route("/stop", self.stop, methods=["POST"]),
        ]
        app = Starlette(
            routes=routes,
            exception_handlers={HTTPException: _http_error},
            middleware=[Middleware(Guard, self.token, self.presence)],
        )
        app.router.redirect_slashes = False
        return app

    async def health(self, request: Request) -> Response:
        """Prove, without a secret on the wire, which world this is."""
        return JSONResponse({"world": proof(self.token), "pid": os.getpid()})

    async def model(self, request: Request) -> Response:
        """One model. Whoever looks at it will ask it, so it gets ready."""
        found = chat.model(request.path_params["model"])
        await run_in_threadpool(get_ready)
        return JSONResponse(found)

    async def completions(self, request: Request) -> Response:
        """What the scripted model says next."""
        task_id = unquote(request.headers.get("x-task-id", ""))
        fault = self.faults.strike(task_id, "model")
        body = await read_json(request)

        async def answer(seconds: float) -> Response:
            completion = await run_in_threadpool(chat.complete, body, self.script)
            await asyncio.sleep(seconds)
            if not body.get("stream"):
                return JSONResponse(completion)
            events = chat.events(chat.stream(completion, body.get("stream_options")))
            return Response(events, media_type="text/event-stream")

        return await answered(fault, request, answer)

    async def effect(self, request: Request) -> Response:
        """Let a service do its work, once for a key."""
        effect = request.path_params["effect"]
        if effect not in EFFECTS:
            services = ", ".join(EFFECTS)
            raise Refusal(
                404,
                f"There is no service {shown(effect)}: there are {services}.",
                code="unknown_effect",
            )
        wanted = await read(request, Wanted)
        key = key_of(request)
        fault = self.faults.strike(wanted.task_id, effect, wanted.step)

        async def answer(seconds: float) -> Response:
            return await self.receiver.once(effect, wanted, key, seconds)

        return await answered(fault, request, answer)

    async def entries(self, request: Request) -> Response:
        """What really happened."""
        task_id = request.query_params.get("task_id")
        found = await run_in_threadpool(self.ledger.entries, task_id)
        rows = [dataclasses.asdict(entry) for entry in found]
        return JSONResponse({"entries": rows})

    async def requests(self, request: Request) -> Response:
        """How many requests a task has made."""
        task_id = request.query_params.get("task_id", "")
        return JSONResponse({"requests": self.faults.requests(task_id)})

    async def order(self, request: Request) -> Response:
        """Order a fault."""
        self.faults.order(await read(request, Fault))
        return JSONResponse({"ordered": True})

    async def forget(self, request: Request) -> Response:
        """Start afresh with one task."""
        task_id = (await read(request, Forgotten)).task_id
        self.faults.forget(task_id)
        await run_in_threadpool(self.ledger.forget, task_id)
        return JSONResponse({"forgotten": True})

    async def stop(self, request: Request) -> Response:
        """End the world, after this reply."""
        self.on_stop()
        return JSONResponse({"stopping": True})


class Forgotten(Body):
    """Whose traces are to go."""

    task_id: Name


async def _http_error(request: Request, error: Any) -> Response:
    """An unknown route or method, in the shape of every other refusal."""
    refusal = Refusal(
        error.status_code,
        f"{request.method} {shown(request.url.path)}: {error.detail}.",
        code="unknown_url" if error.status_code == 404 else "method_not_allowed",
        headers={**(error.headers or {}), "X-Effect": "not started"},
    )
    return reply(refusal)
