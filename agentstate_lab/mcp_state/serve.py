"""
A server of states as a process of its own: over stdio, or over HTTP on this machine.

Over stdio, whoever starts the process is the agent, and nobody else can reach it.
Over HTTP, everybody on this machine can, a web page in a browser included. So three
questions come before the protocol's first:

    Who is it?        a token per agent, from the `Authorization` header (401)
    For whom was it?  the Host and Origin headers must name this address (421, 403):
                      a page that made its own name point here names another
    How large is it?  more than a megabyte is not read (413)

The refusals carry a protocol error as their body, so that a client sees more than a
number. No token is ever logged, printed or part of an error.

No session is kept: each request carries what it needs, so a client that vanishes
leaves nothing behind, and a server that starts anew on the same port goes on. What
this cannot do is serve another machine: that needs encryption, and somebody who
issues tokens.

Source: Model Context Protocol, "Transports" and "Security Best Practices".
"""

import json
import socket
from collections.abc import Callable
from typing import Any, Final

from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.transport_security import TransportSecuritySettings
from mcp_types import INVALID_PARAMS
from pydantic import AnyHttpUrl

from agentstate_lab import system
from agentstate_lab.errors import Permanent, StoreUnavailable
from agentstate_lab.stores import StepStore

from .errors import NOT_GRANTED, REFUSED
from .grants import Grant, GrantFile
from .server import StateServer

HOST: Final = "127.0.0.1"

MAX_BODY: Final = 1024 * 1024

_SAID: Final = {
    401: (NOT_GRANTED, "no token of a known agent came with the request"),
    403: (REFUSED, "the request comes from a foreign page"),
    413: (INVALID_PARAMS, f"the request has more than {MAX_BODY:,} bytes"),
    421: (REFUSED, "the request was meant for another host"),
}


def serve_stdio(store: StepStore, grant: Grant) -> None:
    """
    Serve the process that started us, until it closes our standard input.

    Args:
        store: Where the tasks are.

        grant: What that process may do.
    """
    StateServer(store, grant).run("stdio")


def serve_http(
    store: StepStore,
    grants: GrantFile,
    *,
    port: int = 0,
    on_ready: Callable[[str], object] = print,
) -> None:
    """
    Serve the agents in *grants* on this machine, until we are told to stop.

    Args:
        store: Where the tasks are.

        grants: Who may come, with their tokens.

        port: Where to listen; 0 takes a free one.

        on_ready: Told the address, once it answers.

    Raises:
        StoreUnavailable: The port is taken.
    """
    import uvicorn

    listener = _listener(port)
    port = listener.getsockname()[1]
    config = uvicorn.Config(
        http_app(store, grants, port), log_level="warning", timeout_graceful_shutdown=2
    )
    server = uvicorn.Server(config)
    with listener:
        on_ready(f"http://{HOST}:{port}/mcp")
        server.run(sockets=[listener])


def http_app(store: StepStore, grants: GrantFile, port: int) -> Any:
    """The server as an ASGI application that answers at *port*."""
    names = [f"{HOST}:{port}", f"localhost:{port}"]
    server = StateServer(
        store,
        _caller(grants),
        token_verifier=_Tokens(grants),
        # Nobody issues tokens here: the file has them. The library wants a name.
        auth=AuthSettings(
            issuer_url=AnyHttpUrl(f"http://{HOST}:{port}"), resource_server_url=None
        ),
    )
    app = server.streamable_http_app(
        host=HOST,
        stateless_http=True,
        max_request_body_size=MAX_BODY,
        transport_security=TransportSecuritySettings(
            allowed_hosts=names, allowed_origins=[f"http://{name}" for name in names]
        ),
    )
    return _Spoken(app)


class _Tokens:
    """Knows the agents by their tokens, as the library asks for it."""

    def __init__(self, grants: GrantFile) -> None:
        self._grants = grants

    async def verify_token(self, token: str) -> AccessToken | None:
        """Whose *token* it is, without the token."""
        holder = self._grants.holder_of(token)
        if holder is None:
            return None
        return AccessToken(token="", client_id=holder.grant.agent_id, scopes=[])


def _caller(grants: GrantFile) -> Callable[[], Grant]:
    """Looks up what the agent that is asking may do now."""

    def caller() -> Grant:
        known = get_access_token()
        for holder in grants.holders():
            if known is not None and holder.grant.agent_id == known.client_id:
                return holder.grant
        raise Permanent("the token belongs to no agent any more: ask for a new one")

    return caller


class _Spoken:
    """Puts a protocol error into the body of a refusal that HTTP gave."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass everything on; a refusal with another body."""
        refused = False

        async def speak(message: Any) -> None:
            nonlocal refused
            if message["type"] == "http.response.start" and message["status"] in _SAID:
                refused = True
                body = _refusal(message["status"])
                kept = [
                    pair
                    for pair in message["headers"]
                    if pair[0] not in (b"content-length", b"content-type")
                ]
                size = str(len(body)).encode()
                named = [(b"content-type", b"application/json")]
                head = [*kept, *named, (b"content-length", size)]
                await send({**message, "headers": head})
                await send({"type": "http.response.body", "body": body})
            elif not refused:
                await send(message)

        await self._app(scope, receive, speak)


def _refusal(status: int) -> bytes:
    """The body of a refusal."""
    code, why = _SAID[status]
    data = {"effect": "not started"}
    error = {"code": code, "message": f"{why}: nothing was done", "data": data}
    return json.dumps({"jsonrpc": "2.0", "id": None, "error": error}).encode()


def _listener(port: int) -> socket.socket:
    """A socket that listens on this machine alone."""
    listener = socket.socket()
    if not system.WINDOWS:  # there it would let another process take the same port
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(128)
    except (OSError, OverflowError) as error:
        listener.close()
        why = f"cannot be listened on ({error}): choose another port"
        raise StoreUnavailable(f"{HOST}:{port}", why) from error
    return listener
