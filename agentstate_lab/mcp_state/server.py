"""
One state for several agents, over the Model Context Protocol.

A server offers the tasks of a store under addresses that any MCP client can read:

    state://agents/{agent_id}/tasks/{task_id}

Reading is a *resource*. Changing is a *tool*, because resources cannot be written,
and a write must say two things that no address can: the version that it is based on,
and the id of the patch. The version keeps two writers from undoing each other. The
patch id makes it safe to send it again when the answer was lost (`stores.apply_once`).

What is read is the past the moment it arrives, so it is marked as stale (`ttlMs` 0)
and carries its version. A client may listen for changes, and hears of those that went
through this very server process: one that another process made in the store is not
announced, and neither is one from before it listened. Read again all the same.

This module serves; `shared_state` asks, and `serve` makes a process of it.
It holds no state and no lock: the store does, and decides between two writers.

Source: Model Context Protocol, revision 2026-07-28, "Resources" and "Tools".
"""

import contextlib
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Final

from anyio import to_thread
from mcp import MCPError
from mcp.server import CacheHint
from mcp.server.auth.provider import TokenVerifier
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import (
    INVALID_PARAMS,
    CallToolResult,
    InputRequiredResult,
    ListResourcesResult,
    PaginatedRequestParams,
    Resource,
)
from pydantic import Field, ValidationError

from agentstate_lab import __version__
from agentstate_lab.errors import InvalidValue, TaskNotFound
from agentstate_lab.state import (
    Operation,
    StatePatch,
    Task,
    TaskState,
    canonical,
    reason,
)
from agentstate_lab.stores import Applied, StepStore, apply_once

from .client import SharedState
from .errors import spoken
from .grants import Grant
from .history import HistoryPage, messages_page, steps_page
from .sent import MaybeState, MaybeText
from .uri import TEMPLATE, ids_of, state_uri

MAX_PATCH_BYTES: Final = 256 * 1024  # as JSON; what is larger belongs into an artifact

MAX_LISTED: Final = 100  # tasks on one page

JSON: Final = "application/json"

INSTRUCTIONS = """\
Tasks of agents, with what each agent knows. Read a task first, and note its version.
To change it, call write_state with that version and a patch id that names what you
want (the same id when you send it again, another for another change). On a conflict,
error -32010, read again and decide anew: somebody else has changed the task.
"""

Place = Annotated[int, Field(strict=True, ge=0, le=2**31 - 1)]

Caller = Callable[[], Grant]


class StateServer(MCPServer):
    """
    Serves the tasks of a store to agents, each as far as it was granted.

    Args:
        store: Where the tasks are. It stays open when the server ends.

        caller: Says who is asking, and what that agent may do; a grant, when it is
            always the same.

        auth, token_verifier: How tokens are checked, over HTTP.

    >>> from agentstate_lab import MemoryStore, Task
    >>> from agentstate_lab.mcp_state import StateClient, read_shared_state
    >>> store = MemoryStore()
    >>> task, _ = store.submit(Task.new("Clean the logs", task_id="logs"))
    >>> server = StateServer(store, Grant(agent_id="agent"))
    >>> with StateClient(server) as client:
    ...     read_shared_state(client, "agent", "logs").version
    1
    """

    def __init__(
        self,
        store: StepStore,
        caller: Caller | Grant,
        *,
        auth: AuthSettings | None = None,
        token_verifier: TokenVerifier | None = None,
    ) -> None:
        fresh = CacheHint(ttl_ms=0, scope="private")
        super().__init__(
            "agentstate-lab",
            version=__version__,
            instructions=INSTRUCTIONS,
            log_level="WARNING",
            auth=auth,
            token_verifier=token_verifier,
            cache_hints={"resources/read": fresh, "resources/list": fresh},
        )
        self._store = store
        self._caller: Caller = (lambda: caller) if isinstance(caller, Grant) else caller
        self.resource(
            TEMPLATE,
            name="task",
            description="One task: its version, state and result, and what is known.",
            mime_type=JSON,
        )(self._read)
        self.tool()(self.read_state)
        self.tool()(self.write_state)
        self.tool()(self.read_messages)
        self.tool()(self.read_steps)

    async def _handle_list_resources(
        self, ctx: Any, params: PaginatedRequestParams | None
    ) -> ListResourcesResult:
        """
        A page of the tasks that the caller may read, with a cursor when there are more.

        The library's own `list_resources` knows no cursor, and would cut in silence.
        """
        with spoken():
            grant, after = self._caller(), params.cursor if params else None
            return await to_thread.run_sync(self._page, grant, after)

    def read_state(self, uri: str) -> dict[str, Any]:
        """Read the task at a state:// address: its version, and what is known."""
        with spoken():
            task = self._task(*ids_of(uri), write=False)
            return SharedState.of(task).model_dump(mode="json")

    def read_messages(
        self, uri: str, after: Place = 0, newest_first: bool = False
    ) -> HistoryPage:
        """Read a page of what was said in the task at a state:// address."""
        with spoken():
            task = self._task(*ids_of(uri), write=False)
            return messages_page(self._store, task.id, after, newest_first=newest_first)

    def read_steps(
        self, uri: str, after: Place = 0, newest_first: bool = False
    ) -> HistoryPage:
        """Read a page of the steps that the task at a state:// address has done."""
        with spoken():
            task = self._task(*ids_of(uri), write=False)
            return steps_page(self._store, task.id, after, newest_first=newest_first)

    async def write_state(
        self,
        uri: str,
        expected_version: Annotated[int, Field(strict=True)],
        patch_id: str,
        operations: list[Operation],
        ctx: Context,
        state: MaybeState = None,
        result: MaybeText = None,
    ) -> Applied:
        """
        Change the task at a state:// address, if it is still at this version.

        Ask again with the same patch_id when no answer came: it is applied once.
        """
        with spoken():
            ids = ids_of(uri)
            patch = _patch(patch_id, expected_version, operations)

            def apply() -> Applied:
                task = self._task(*ids, write=True)
                new = None if state is None else TaskState(state)
                return apply_once(self._store, task.id, patch, state=new, result=result)

            done = await to_thread.run_sync(apply)
        if not done.replayed:
            await ctx.notify_resource_updated(uri)
        return done

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Call a tool; arguments that do not fit its schema are a protocol error."""
        try:
            return await super().call_tool(name, arguments, context)
        except ToolError as error:
            if isinstance(error.__cause__, ValidationError):
                # Not the value: it may be huge, and it is the caller's.
                raise MCPError(INVALID_PARAMS, reason(error.__cause__)) from error
            raise

    def _read(self, agent_id: str, task_id: str) -> str:
        """The resource: a task as JSON."""
        with spoken():
            task = self._task(agent_id, task_id, write=False)
            return SharedState.of(task).model_dump_json()

    def _task(self, agent_id: str, task_id: str, *, write: bool) -> Task:
        """The task of these ids, if the caller was granted that."""
        state_uri(agent_id, task_id)  # refuses what is no id
        self._caller().check(agent_id, write=write)
        task = self._store.get(task_id)
        if task.agent_id != agent_id:
            raise TaskNotFound(task_id)
        return task

    def _page(self, grant: Grant, after: str | None) -> ListResourcesResult:
        """One page of what *grant* lets its agent read."""
        page = self._store.list_tasks(
            agents=grant.agents(), after=after, limit=MAX_LISTED
        )
        found = []
        for task in page.tasks:
            # A store takes ids that no address can hold.
            with contextlib.suppress(InvalidValue):
                uri = state_uri(task.agent_id, task.id)
                found.append(Resource(uri=uri, name=task.id, mime_type=JSON))
        return ListResourcesResult(resources=found, next_cursor=page.next)


def _patch(patch_id: str, version: int, operations: Iterable[Operation]) -> StatePatch:
    """The patch of a request, when it is one, and not too large."""
    try:
        patch = StatePatch(
            id=patch_id, base_version=version, operations=tuple(operations)
        )
    except ValidationError as error:
        raise InvalidValue("patch", reason(error)) from error
    size = len(canonical(patch.model_dump(mode="json")))
    if size > MAX_PATCH_BYTES:
        raise InvalidValue(
            "patch",
            f"has {size:,} bytes, and {MAX_PATCH_BYTES:,} is the limit: keep what is"
            " large as an artifact",
        )
    return patch
