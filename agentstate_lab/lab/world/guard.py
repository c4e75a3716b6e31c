"""
Who may speak to the world, and what happens when the world itself stumbles.

The world listens on 127.0.0.1, and so can be reached by every program of every user
of the machine, and by web pages that make a name of theirs mean 127.0.0.1. So each
request carries the token from a file that only the owner can read, and must name
the host that it really reached.

This module does not know what is asked for. It also keeps the log clean: what is
written there names the kind and the place of an error, never what was sent.
"""

import hmac
import sys
import time
import traceback
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .refusal import Refusal
from .wire import reply

HOSTS = ("127.0.0.1", "localhost")
STUMBLED = Refusal(
    500,
    "The world stumbled over this request; its log says where.",
    code="internal_error",
    headers={"X-Effect": "unknown"},
)


class Presence:
    """Whether anybody is there: requests under way, and when the last one ended."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.under_way = 0
        self.seen = clock()

    def idle(self) -> float:
        """Seconds since somebody was there, zero while somebody is."""
        return 0.0 if self.under_way else self.clock() - self.seen

    def __enter__(self) -> None:
        self.under_way += 1

    def __exit__(self, *_: object) -> None:
        self.under_way -= 1
        self.seen = self.clock()


class Guard:
    """Let a request through to *app* when it carries *token* and names this host."""

    def __init__(self, app: ASGIApp, token: str, presence: Presence) -> None:
        self.app = app
        self.token = token.encode()
        self.presence = presence

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check, pass on, and turn any failure inside into a reply."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        with self.presence:
            refusal = self.refusal(scope) or await self.pass_on(scope, receive, send)
            if refusal:
                await reply(refusal)(scope, receive, send)

    async def pass_on(
        self, scope: Scope, receive: Receive, send: Send
    ) -> Refusal | None:
        """Let the request through; what it may not have comes back as a refusal."""
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Refusal as refusal:
            return refusal
        except Exception as error:  # noqa: BLE001 (whatever it is, the world lives on)
            log(error)
            return None if started else STUMBLED
        return None

    def refusal(self, scope: Scope) -> Refusal | None:
        """Why the request is not let through, if it is not."""
        headers = Headers(scope=scope)
        host = headers.get("host", "").rpartition(":")[0] or headers.get("host", "")
        if host.lower() not in HOSTS:
            return Refusal(
                403, "Ask for 127.0.0.1: the Host header names another host."
            )
        if scope["path"] == "/health":
            return None
        carried = headers.get("authorization", "").encode("latin-1")
        if hmac.compare_digest(carried, b"Bearer " + self.token):
            return None
        return Refusal(
            401,
            "Incorrect or missing token: take a handle from start_world().",
            code="invalid_api_key",
        )


def log(error: BaseException) -> None:
    """Note the kind and the place of *error*, and nothing of what was sent."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "?"
    print(f"stumbled: {type(error).__name__} at {place}", file=sys.stderr, flush=True)
