"""
One connection to a server of states, kept open in a thread of its own.

The protocol's client is asynchronous, and what is asynchronous wants an event loop.
A notebook has one that runs already, and a plain script has none. So the connection
brings its own, in a thread, and whoever asks waits for the answer like for any other.

A connection breaks: the server ends, a cable is pulled, a request takes too long. It
is then closed, and the next request opens another one. Nothing is asked twice here;
that is for whoever knows whether it may be (`shared_state`).

An error says what is known. Without a connection nothing was asked, so nothing
happened. After that, no answer means that the outcome is unknown.

It is for one thread at a time: give each its own.

Source: Model Context Protocol, revision 2026-07-28, "Transports".
"""

import contextlib
import functools
import os
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import AsyncExitStack, ExitStack
from typing import Any, Final, Self, TextIO, TypeVar
from weakref import WeakSet

import anyio
import httpx2
from anyio.from_thread import BlockingPortal, start_blocking_portal
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.server.mcpserver import MCPServer

from agentstate_lab.deadline import Deadline
from agentstate_lab.errors import AgentStateError, StoreUnavailable

from .errors import SERVER, from_wire

Server = str | StdioServerParameters | MCPServer
Answer = TypeVar("Answer")
Ask = Callable[[Client], Awaitable[Answer]]

TIMEOUT: Final = 30.0  # seconds for one request, when no deadline is nearer

CLOSING: Final = 10.0  # seconds for a server that we started to end


class Connection:
    """
    A connection that is opened when it is needed, and again after it broke.

    Args:
        server: The address of one over HTTP, the command that starts one over stdio,
            or the server itself, in memory.

        token: Who we are, over HTTP.
    """

    def __init__(self, server: Server, *, token: str | None = None) -> None:
        self._server = server
        self._token = token
        self._thread = ExitStack()
        self._loop: BlockingPortal | None = None
        self._open: tuple[Client, anyio.Event] | None = None
        self._holder: Future[None] | None = None

    def request(self, ask: Ask[Answer], timeout: float = TIMEOUT) -> Answer:
        """
        Ask the protocol's own client once, and wait for the answer.

        Args:
            ask: Gets the connected client and returns what is to be awaited, for
                example `lambda client: client.list_resources()`.

            timeout: Seconds, connecting included.

        Raises:
            InvalidValue: *timeout* is no number of seconds, or the server said that
                the request makes no sense.
            AgentStateError: What the server answered, or that no answer came.
        """
        deadline = Deadline.after(timeout)
        loop = self._running()
        client = self._connected(loop, deadline)
        try:
            return loop.call(_within, ask, client, deadline.remaining())
        except MCPError as error:
            raise self._lost(from_wire(error)) from error
        except Exception as error:
            why = f"no answer came ({type(error).__name__})"
            raise self._lost(StoreUnavailable(SERVER, why, effect="unknown")) from error

    def close(self) -> None:
        """End the connection, and the server if we started it. Twice does no harm."""
        self._disconnect()
        self._thread.close()
        self._loop = None

    def __enter__(self) -> Self:
        """Use it in a `with` block."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close it at the end of the block."""
        self.close()

    def _running(self) -> BlockingPortal:
        """The event loop of our own, in its thread."""
        if self._loop is None:
            self._loop = self._thread.enter_context(start_blocking_portal())
            _LEFT_OPEN.add(self)
            _at_the_end()
        return self._loop

    def _connected(self, loop: BlockingPortal, deadline: Deadline) -> Client:
        """The connected client; nothing was asked if there is none."""
        if self._open is None:
            ready: Future[tuple[Client, anyio.Event]] = Future()
            self._holder = loop.start_task_soon(_hold, self._server, self._token, ready)
            try:
                self._open = ready.result(deadline.remaining())
            except Exception as error:
                self._holder.cancel()
                raise _unreached(_innermost(error)) from error
        return self._open[0]

    def _lost(self, error: AgentStateError) -> AgentStateError:
        """*error*; after one that may mean a broken connection, there is none."""
        if isinstance(error, StoreUnavailable):
            self._disconnect()
        return error

    def _disconnect(self) -> None:
        """Let the connection end; a broken one may complain, and nobody listens."""
        if self._open is None or self._loop is None or self._holder is None:
            return
        self._loop.call(self._open[1].set)
        with contextlib.suppress(Exception, CancelledError):
            self._holder.result(CLOSING)
        self._holder.cancel()
        self._open = None


_LEFT_OPEN: "WeakSet[Connection]" = WeakSet()


@functools.cache
def _at_the_end() -> None:
    """
    Have open connections closed when the program ends.

    Python then stops the thread of an event loop, and what was left open would wait
    for it for ever. `atexit` comes too late: by then, some threads are gone.
    """

    def close_all() -> None:
        threading.main_thread().join()
        for connection in list(_LEFT_OPEN):
            connection.close()

    # No daemon: Python waits for this thread, which waits for the main one to be done.
    threading.Thread(target=close_all).start()


async def _within(ask: Ask[Answer], client: Client, seconds: float) -> Answer:
    """What *ask* awaits, or a TimeoutError."""
    with anyio.fail_after(seconds):
        return await ask(client)


async def _hold(
    server: Server, token: str | None, ready: "Future[tuple[Client, anyio.Event]]"
) -> None:
    """Connect, say so, and keep the connection until told to end it."""
    stop = anyio.Event()
    try:
        async with AsyncExitStack() as stack:
            target: Any = server
            if isinstance(server, str):
                http = await stack.enter_async_context(_http(server, token))
                target = streamable_http_client(server, http_client=http)
            elif isinstance(server, StdioServerParameters):
                errors = stack.enter_context(_errors())
                target = stdio_client(server, errlog=errors)
            # Without its cache: a state that is kept is a state that was.
            client = await stack.enter_async_context(Client(target, cache=None))
            ready.set_result((client, stop))
            await stop.wait()
    except Exception as error:  # noqa: BLE001 - it is raised where it is awaited
        if not ready.done():
            ready.set_exception(error)


@contextlib.contextmanager
def _errors() -> Iterator[TextIO]:
    """Where a server that we start may complain: a notebook's stderr is no file."""
    try:
        sys.stderr.fileno()
    except (OSError, ValueError, AttributeError):
        with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - not a path of ours
            yield nowhere
    else:
        yield sys.stderr


def _http(address: str, token: str | None) -> httpx2.AsyncClient:
    """A client that says who we are; one on this machine is asked directly."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    near = httpx2.URL(address).host in ("127.0.0.1", "::1", "localhost")
    return httpx2.AsyncClient(headers=headers, timeout=TIMEOUT, trust_env=not near)


def _unreached(error: BaseException) -> AgentStateError:
    """What to raise when no connection could be had, because of *error*."""
    if isinstance(error, MCPError):
        return from_wire(error, sent=False)
    why = f"it cannot be reached ({type(error).__name__}: {error})"
    return StoreUnavailable(SERVER, why)


def _innermost(error: BaseException) -> BaseException:
    """The first cause, out of the groups that concurrent tasks wrap it into."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
