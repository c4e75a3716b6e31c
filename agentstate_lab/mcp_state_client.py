"""
Reading and changing another agent's state, with a deadline and with retries.

The protocol's client is asynchronous and its connection can break. `StateClient`
keeps it in a thread of its own and is asked like any function, so that what the
course knows about deadlines and retries holds here too, and a notebook, where an
event loop is running already, can use it. A connection that broke is opened anew
by the next request.

    read_shared_state    what is known, and the version that it was read at
    write_shared_state   a patch for that version, under its id

Both may be repeated: a read changes nothing, and a write carries its patch id, so a
server that has applied it says "done" again. Neither repeats a conflict: the same
patch would meet it again. Whoever gets one reads again and makes a new patch.

Source: Model Context Protocol, revision 2026-07-28.
"""

import contextlib
import random
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError, Future
from contextlib import AsyncExitStack, ExitStack
from typing import Any, Final, Self, TypeVar

import anyio
import httpx2
from anyio.from_thread import BlockingPortal, start_blocking_portal
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.server.mcpserver import MCPServer
from pydantic import ValidationError

from .backoff import RetryPolicy, Uniform
from .deadline import Deadline
from .errors import AgentStateError, Conflict, InvalidValue, StoreUnavailable
from .failure import Kind, kind_of
from .mcp_state_errors import SERVER, from_wire
from .patching import Applied
from .retry import execute_with_retry
from .state import AgentState, Count, Id, Record, StatePatch
from .state_uri import state_uri
from .task import Task, TaskState, reason

Server = str | StdioServerParameters | MCPServer
Answer = TypeVar("Answer")
RecordT = TypeVar("RecordT", bound=Record)
Ask = Callable[[Client], Awaitable[Answer]]

TIMEOUT: Final = 30.0  # seconds for one request, when no deadline is nearer

CLOSING: Final = 10.0  # seconds for a server that we started to end

DEFAULT: Final = RetryPolicy()


class SharedState(Record):
    """
    A task as it is shared: what a replacement must know, and the version of it.

    Attributes:
        uri: Its address.

        version: Counts the writes; a change must name it.

        state: Where the task is in its life.

        result, error: What came out, or why it failed.

        agent_state: What is known.
    """

    uri: str
    agent_id: Id
    task_id: Id
    version: Count
    state: TaskState
    user_input: str
    result: str | None = None
    error: str | None = None
    agent_state: AgentState

    @classmethod
    def of(cls, task: Task) -> Self:
        """What is shared of *task*."""
        told = {name: getattr(task, name) for name in cls.model_fields.keys() - _IDS}
        uri = state_uri(task.agent_id, task.id)
        return cls(uri=uri, task_id=task.id, **told)


_IDS: Final = {"uri", "task_id"}


class StateClient:
    """
    A connection to a server of states, used like any object; close it at the end.

    Args:
        server: The address of one over HTTP, the command that starts one over stdio,
            or the server itself, in memory.

        token: Who we are, over HTTP.
    """

    def __init__(self, server: Server, *, token: str | None = None) -> None:
        self._server = server
        self._token = token
        self._thread = ExitStack()
        self._connection: tuple[Client, anyio.Event] | None = None
        self._holder: Future[None] | None = None
        self._loop: BlockingPortal | None = None

    def read(self, uri: str, *, timeout: float = TIMEOUT) -> SharedState:
        """
        What is known of the task at *uri*; one attempt.

        Raises:
            AgentStateError: What the server answered, or that none could be had.
        """
        found = self.request(lambda client: client.read_resource(uri), timeout)
        text = "".join(getattr(part, "text", "") for part in found.contents)
        return _understood(SharedState, text)

    def write(
        self,
        uri: str,
        patch: StatePatch,
        *,
        state: TaskState | str | None = None,
        result: str | None = None,
        timeout: float = TIMEOUT,
    ) -> Applied:
        """
        Have *patch* applied to the task at *uri*, once; one attempt.

        Raises:
            VersionConflict: The task has changed since it was read.
            AgentStateError: What the server answered, or that no answer came.
        """
        body = patch.model_dump(mode="json")
        asked = {
            "uri": uri,
            "expected_version": body["base_version"],
            "patch_id": body["id"],
            "operations": body["operations"],
            "state": state,
            "result": result,
        }
        done = self.request(
            lambda client: client.call_tool("write_state", asked), timeout
        )
        if done.is_error:
            said = "".join(getattr(part, "text", "") for part in done.content)
            raise AgentStateError(f"{SERVER} failed: {said}", effect="unknown")
        return _understood(Applied, done.structured_content)

    def request(self, ask: Ask[Answer], timeout: float = TIMEOUT) -> Answer:
        """
        Ask the protocol's own client for anything: `client.list_resources()`.

        Args:
            ask: Gets the connected client and returns what is to be awaited.

            timeout: Seconds, connecting included.

        Raises:
            AgentStateError: As for `read`.
        """
        loop = self._running()
        try:
            client = self._connected(loop, timeout)
            return loop.call(_within, ask, client, timeout)
        except AgentStateError as error:
            raise self._lost(error) from error.__cause__
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
        """Use the client in a `with` block."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close the client at the end of the block."""
        self.close()

    def _running(self) -> BlockingPortal:
        """The event loop of our own, in its thread."""
        if self._loop is None:
            self._loop = self._thread.enter_context(start_blocking_portal())
        return self._loop

    def _connected(self, loop: BlockingPortal, timeout: float) -> Client:
        """The connected client; nothing was asked if there is none."""
        if self._connection is None:
            ready: Future[tuple[Client, anyio.Event]] = Future()
            self._holder = loop.start_task_soon(_hold, self._server, self._token, ready)
            try:
                self._connection = ready.result(timeout)
            except Exception as error:
                self._holder.cancel()
                first = _innermost(error)
                if isinstance(first, MCPError):
                    raise from_wire(first, sent=False) from error
                why = f"it cannot be reached ({type(first).__name__}: {first})"
                raise StoreUnavailable(SERVER, why) from error
        return self._connection[0]

    def _lost(self, error: AgentStateError) -> AgentStateError:
        """*error*; after one that may mean a broken connection, there is none."""
        if isinstance(error, StoreUnavailable):
            self._disconnect()
        return error

    def _disconnect(self) -> None:
        """Let the connection end; a broken one may complain, and nobody listens."""
        if self._connection is None or self._loop is None or self._holder is None:
            return
        self._loop.call(self._connection[1].set)
        with contextlib.suppress(Exception, CancelledError):
            self._holder.result(CLOSING)
        self._holder.cancel()
        self._connection = None


def read_shared_state(
    client: StateClient,
    agent_id: str,
    task_id: str,
    *,
    deadline: Deadline | None = None,
    policy: RetryPolicy = DEFAULT,
    sleep: Callable[[float], object] = time.sleep,
    rng: Uniform = random,
) -> SharedState:
    """
    What is known of another agent's task, and the version that it was read at.

    Args:
        client: The connection.

        agent_id: Whose task it is.

        task_id: Which task.

        deadline: When it is no longer wanted.

        policy: How often to ask, and how long to wait in between.

        sleep: Waits so many seconds.

        rng: Draws the waits.

    Raises:
        TaskNotFound: That agent has no such task.
        NotGranted: We may not read the tasks of that agent.
        InvalidValue: An id is not fit for an address.
        DeadlineExceeded: The time was used up before an attempt could start.
        StoreUnavailable: The server could not be reached, attempt after attempt.
    """
    uri = state_uri(agent_id, task_id)
    return execute_with_retry(
        lambda: client.read(uri, timeout=_time_for(deadline, f"read {uri}")),
        policy=policy,
        idempotent=True,
        deadline=deadline,
        classify=_kind_of,
        sleep=sleep,
        rng=rng,
    )


def write_shared_state(
    client: StateClient,
    agent_id: str,
    task_id: str,
    patch: StatePatch,
    *,
    state: TaskState | str | None = None,
    result: str | None = None,
    deadline: Deadline | None = None,
    policy: RetryPolicy = DEFAULT,
    sleep: Callable[[float], object] = time.sleep,
    rng: Uniform = random,
) -> Applied:
    """
    Have *patch* applied to another agent's task, once, however often it is sent.

    Args:
        client: The connection.

        agent_id: Whose task it is.

        task_id: Which task.

        patch: What to change: for the version that was read, under an id that names
            the intent. A repeat carries the same id and the same body.

        state: The state that the task takes with it, if it changes.

        result: What came out, when the task is completed with it.

        deadline: When it is no longer wanted.

        policy: How often to ask, and how long to wait in between.

        sleep: Waits so many seconds.

        rng: Draws the waits.

    Raises:
        VersionConflict: The task has changed since: read again, and make the patch
            anew.
        KeyReused: The id is known with another body.
        IllegalTransition: The task may not take this state.
        Otherwise as for `read_shared_state`. If `effect` is "unknown", the same patch
            may be sent again.
    """
    uri = state_uri(agent_id, task_id)
    return execute_with_retry(
        lambda: client.write(
            uri,
            patch,
            state=state,
            result=result,
            timeout=_time_for(deadline, f"write {uri}"),
        ),
        policy=policy,
        idempotent=True,
        deadline=deadline,
        classify=_kind_of,
        sleep=sleep,
        rng=rng,
    )


def _kind_of(error: Exception) -> Kind:
    """As for any call, except that a conflict comes back with the same request."""
    return Kind.PERMANENT if isinstance(error, Conflict) else kind_of(error)


def _time_for(deadline: Deadline | None, step: str) -> float:
    """The seconds that one attempt may take."""
    return TIMEOUT if deadline is None else min(TIMEOUT, deadline.check(step))


def _understood(kind: type[RecordT], said: Any) -> RecordT:
    """What a server said, as *kind*."""
    try:
        if isinstance(said, str):
            return kind.model_validate_json(said)
        return kind.model_validate(said)
    except ValidationError as error:
        why = f"is not what was asked for: {reason(error)}"
        raise InvalidValue(f"the answer of {SERVER}", why, effect="unknown") from error


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
                headers = {"Authorization": f"Bearer {token}"} if token else {}
                http = httpx2.AsyncClient(headers=headers, timeout=TIMEOUT)
                await stack.enter_async_context(http)
                target = streamable_http_client(server, http_client=http)
            client = await stack.enter_async_context(Client(target))
            ready.set_result((client, stop))
            await stop.wait()
    except Exception as error:  # noqa: BLE001 - it is raised where it is awaited
        if not ready.done():
            ready.set_exception(error)


def _innermost(error: BaseException) -> BaseException:
    """The first cause, out of the groups that concurrent tasks wrap it into."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
