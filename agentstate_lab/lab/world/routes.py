"""
What the world answers: the scripted model, the effect services, the ledger.

The model is stateless: it reads the messages that it is sent and nothing else. The
services keep the promise that good services keep: a key is honoured, an effect and
its reply are written down together, and both are on the disk before anybody hears
of them. So a reply may be lost, and the effect is counted all the same.

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

from agentstate_lab.errors import AgentStateError, InvalidValue
from agentstate_lab.state import fingerprint

from .chat import chat
from .faults import Fault, FaultBook
from .guard import Guard, Presence
from .handle import EFFECTS, is_key, proof
from .ledger import Json, Ledger
from .refusal import Refusal, shown
from .striking import strike_after, strike_before
from .wire import known, read_json, reply, text


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
        self.in_progress: set[tuple[str, str]] = set()

    def app(self) -> Starlette:
        """The application, guarded by the token."""
        routes = [
            Route("/health", self.health),
            Route("/v1/chat/completions", self.completions, methods=["POST"]),
            Route("/v1/models", self.models),
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

    async def models(self, request: Request) -> Response:
        """The models there are."""
        return JSONResponse(chat.models())

    async def model(self, request: Request) -> Response:
        """One model."""
        return JSONResponse(chat.model(request.path_params["model"]))

    async def completions(self, request: Request) -> Response:
        """What the scripted model says next."""
        task_id = unquote(request.headers.get("x-task-id", ""))
        fault = self.faults.strike(task_id, "model")
        body = await read_json(request)
        if early := await strike_before(fault, request):
            return early
        # The first request loads what requests are held against; others go on.
        completion = await run_in_threadpool(chat.complete, body, self.script)
        if fault and fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        if not body.get("stream"):
            return strike_after(fault, JSONResponse(completion))
        options = body.get("stream_options") or {}
        usage = bool(options.get("include_usage"))
        data = chat.events(chat.stream(completion, include_usage=usage))
        return strike_after(fault, Response(data, media_type="text/event-stream"))

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
        body = await read_json(request)
        known(body, "task_id", "step", "arguments")
        task_id, step = text(body, "task_id"), text(body, "step")
        if not isinstance(body.get("arguments"), dict):
            raise Refusal(
                400,
                "'arguments' must be an object.",
                param="arguments",
                code="invalid_type",
            )
        key = _idempotency_key(request)
        fault = self.faults.strike(task_id, effect, step)
        if early := await strike_before(fault, request):
            return early
        work = _Work(effect, task_id, step, key, fingerprint(body))
        seconds = fault.seconds if fault and fault.kind == "slow" else 0.0
        return strike_after(fault, await self._once(work, seconds))

    async def _once(self, work: "_Work", seconds: float) -> Response:
        """
        Do *work*, unless its key says that it was done or is being done.

        Only the event loop touches the set, so nothing comes between the look
        and the mark.
        """
        if work.key is None:
            return JSONResponse(await self._do(work, seconds))
        mark = (work.effect, work.key)
        if mark in self.in_progress:
            raise Refusal(
                409,
                "A request with this idempotency key is still in progress: ask again"
                " with the same key.",
                code="key_in_progress",
                headers={"X-Effect": "unknown"},
            )
        self.in_progress.add(mark)
        try:
            found = await run_in_threadpool(self.ledger.replied, *mark)
            if found is None:
                return JSONResponse(await self._do(work, seconds))
        finally:
            self.in_progress.discard(mark)
        if found[0] != work.fingerprint:
            raise Refusal(
                422,
                "This idempotency key was used for another request: a new request"
                " needs a new key.",
                code="key_reused",
            )
        return JSONResponse(found[1], headers={"Idempotent-Replayed": "true"})

    async def _do(self, work: "_Work", seconds: float) -> Json:
        """Take the time it takes, then let it happen."""
        await asyncio.sleep(seconds)
        return await run_in_threadpool(
            self.ledger.happen,
            work.effect,
            task_id=work.task_id,
            step=work.step,
            key=work.key,
            fingerprint=work.fingerprint,
            reply=work.reply,
        )

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
        body = await read_json(request)
        known(body, "task_id", "kind", "at", "times", "seconds", "after")
        task_id = text(body, "task_id")
        order = {name: body[name] for name in body if name not in ("task_id", "kind")}
        try:
            self.faults.order(task_id, Fault.ordered(body.get("kind"), **order))
        except InvalidValue as error:
            raise Refusal(400, error.why, param=error.name) from None
        return JSONResponse({"ordered": True})

    async def forget(self, request: Request) -> Response:
        """Start afresh with one task."""
        task_id = text(await read_json(request), "task_id")
        self.faults.forget(task_id)
        await run_in_threadpool(self.ledger.forget, task_id)
        return JSONResponse({"forgotten": True})

    async def stop(self, request: Request) -> Response:
        """End the world, after this reply."""
        self.on_stop()
        return JSONResponse({"stopping": True})


@dataclasses.dataclass(frozen=True, slots=True)
class _Work:
    """One thing that a service was asked to do."""

    effect: str
    task_id: str
    step: str
    key: str | None
    fingerprint: str

    def reply(self, count: int) -> Json:
        """
        What the service says afterwards. The receipt carries how often it has
        worked for this task, so that a second time can be seen in the reply.
        """
        return {
            "status": "done",
            "effect": self.effect,
            "step": self.step,
            "receipt": f"{self.effect}-{count}",
        }


def next_message(messages: object, tools: object) -> Json:
    """
    Ask the scenarios, which are loaded with the first question.

    Raises:
        Refusal: The script cannot go on from these messages.
    """
    from . import scenarios

    try:
        said: Json = scenarios.next_message(messages, tools)  # type: ignore[arg-type]
    except AgentStateError as error:
        raise Refusal(400, str(error), param="messages") from None
    return said


def _idempotency_key(request: Request) -> str | None:
    """The key of the request, if it has one."""
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


async def _http_error(request: Request, error: Any) -> Response:
    """An unknown route or method, in the shape of every other refusal."""
    refusal = Refusal(
        error.status_code,
        f"{request.method} {shown(request.url.path)}: {error.detail}.",
        code="unknown_url" if error.status_code == 404 else "method_not_allowed",
        headers={**(error.headers or {}), "X-Effect": "not started"},
    )
    return reply(refusal)
