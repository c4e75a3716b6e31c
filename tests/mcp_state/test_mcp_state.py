"""One state, several agents: over memory, stdio and HTTP."""

import asyncio
import io
import json
import re
import signal
import subprocess
import sys
import traceback
from pathlib import Path

import anyio
import httpx2
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp_processes import http, note_many, noted

from agentstate_lab import MemoryStore, Task, open_store
from agentstate_lab.deadline import Deadline
from agentstate_lab.errors import (
    DeadlineExceeded,
    IllegalTransition,
    InvalidValue,
    KeyReused,
    NotGranted,
    Permanent,
    StoreForeign,
    StoreUnavailable,
    TaskNotFound,
    VersionConflict,
)
from agentstate_lab.lab.agents import stdio_server as stdio
from agentstate_lab.mcp_state import (
    TEMPLATE,
    Grant,
    GrantFile,
    StateClient,
    StateServer,
    ids_of,
    read_shared_state,
    state_uri,
    write_shared_state,
)
from agentstate_lab.mcp_state.connection import _errors
from agentstate_lab.mcp_state.errors import CONFLICT, NOT_GRANTED, from_wire, to_wire
from agentstate_lab.stores import apply_once, claim, working

URI = state_uri("a", "job")
CLIENT = Path(__file__).parents[1] / "mcp_processes.py"
PAGE = Path(__file__).parents[2].joinpath("book/use/others.md").read_text("utf-8")
PYTHON = (".venv", "bin", "python")

ids = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=20)


@pytest.fixture
def store():
    """A store with one task of agent `a`."""
    store = MemoryStore(clock=lambda: 0.0)
    store.submit(Task.new("Clean the logs", task_id="job", agent_id="a"))
    return store


@pytest.fixture
def url(tmp_path, home_dir):
    """A database with the same task, for several processes."""
    url = f"sqlite:{tmp_path / 'tasks.db'}"
    with open_store(url) as store:
        store.submit(Task.new("Clean the logs", task_id="job", agent_id="a"))
    return url


@pytest.fixture
def client(store):
    """Agent `a`, connected in memory."""
    with StateClient(StateServer(store, Grant(agent_id="a"))) as client:
        yield client


def token_of(agent_id, home):
    """The token that the command line made."""
    (found,) = [
        one.token
        for one in GrantFile(home / "mcp-grants.json").holders()
        if one.grant.agent_id == agent_id
    ]
    return found


# Addresses


@given(st.tuples(ids, ids), st.tuples(ids, ids))
def test_two_pairs_of_ids_never_share_an_address(one, other):
    """What is pasted together cannot be taken apart; what is encoded can."""
    try:
        uris = [state_uri(*one), state_uri(*other)]
    except InvalidValue:
        return

    assert (uris[0] == uris[1]) == (one == other)
    assert [ids_of(uri) for uri in uris] == [one, other]


def test_the_ids_that_collide_when_pasted_do_not():
    """`a` with `b/tasks/c`, and `a/tasks/b` with `c`."""
    pairs = [("a", "b/tasks/c"), ("a/tasks/b", "c")]

    pasted = {TEMPLATE.format(agent_id=a, task_id=t) for a, t in pairs}
    encoded = {state_uri(a, t) for a, t in pairs}

    assert (len(pasted), len(encoded)) == (1, 2)


@pytest.mark.parametrize(
    "hostile",
    [
        pytest.param("", id="empty"),
        pytest.param("..", id="parent"),
        pytest.param("a/../b", id="parent-inside"),
        pytest.param("..\\b", id="parent-on-windows"),
        pytest.param(".", id="this-folder"),
        pytest.param("a\0b", id="nul"),
        pytest.param("/etc/passwd", id="absolute"),
        pytest.param("C:\\x", id="drive"),
        pytest.param("\\\\host\\x", id="network-path"),
        pytest.param("x" * 10_240, id="10-kb"),
        pytest.param("a\nb", id="line-break"),
        pytest.param("\ud800", id="lone-surrogate"),
        pytest.param(" a", id="space-before"),
        pytest.param(7, id="no-text"),
        pytest.param(None, id="none"),
    ],
)
def test_a_hostile_id_gets_no_address(hostile):
    """It is refused on the way out, as an agent and as a task."""
    with pytest.raises(InvalidValue):
        state_uri(hostile, "job")
    with pytest.raises(InvalidValue):
        state_uri("a", hostile)


@pytest.mark.parametrize(
    "uri",
    [
        pytest.param("state://agents/a/tasks/..", id="parent"),
        pytest.param("state://agents/a/tasks/%2E%2E", id="encoded-parent"),
        pytest.param("state://agents/a/tasks/..%2Fb", id="parent-of-another"),
        pytest.param("state://agents/a/tasks/%00", id="nul"),
        pytest.param("state://agents/a/tasks/%2Fetc%2Fpasswd", id="absolute"),
        pytest.param("state://agents/a/tasks/" + "x" * 10_240, id="10-kb"),
        pytest.param("state://agents/a/tasks/j%6Fb", id="another-spelling"),
        pytest.param("state://agents/a/tasks/", id="empty"),
        pytest.param("state://agents/a/tasks/%FF", id="not-utf-8"),
        pytest.param("state://agents/a/tasks/job/more", id="too-long"),
        pytest.param("state://agents/{agent_id}/tasks/{task_id}", id="template"),
        pytest.param("file:///etc/passwd", id="another-scheme"),
        pytest.param("", id="nothing"),
    ],
)
def test_a_hostile_address_is_refused_by_the_server(client, uri):
    """Whatever the client sends, reading and writing answer with a protocol error."""
    write = {"uri": uri, "expected_version": 1, "patch_id": "p", "operations": []}

    for ask in (
        lambda c: c.call_tool("write_state", write),
        lambda c: c.call_tool("read_state", {"uri": uri}),
    ):
        with pytest.raises((InvalidValue, Permanent)):
            client.request(ask)
    if uri != "state://agents/a/tasks/j%6Fb":
        with pytest.raises((InvalidValue, Permanent, TaskNotFound, NotGranted)):
            client.read(uri)
    assert client.read(URI).version == 1


# Patches


def test_a_patch_seen_before_is_answered_as_done(store):
    """Its base version is old by then, and that is no conflict."""
    first = apply_once(store, "job", noted("p", 1, "x"))
    store.save(store.get("job").replace(state="running"))

    second = apply_once(store, "job", noted("p", 1, "x"))

    assert (first.version, first.replayed) == (2, False)
    assert (second.version, second.replayed) == (2, True)
    assert len(store.get("job").agent_state.known_facts) == 1


@pytest.mark.parametrize(
    ("patch", "more"),
    [
        pytest.param(noted("p", 1, "y"), {}, id="other-operations"),
        pytest.param(noted("p", 1, "x"), {"state": "running"}, id="with-a-state"),
        pytest.param(noted("p", 1, "x"), {"result": "done"}, id="with-a-result"),
    ],
)
def test_a_patch_id_with_another_body_is_refused(store, patch, more):
    """One key names one request."""
    apply_once(store, "job", noted("p", 1, "x"))

    with pytest.raises(KeyReused, match="patch 'p' of task 'job' is known") as caught:
        apply_once(store, "job", patch, **more)
    assert (caught.value.task_id, caught.value.patch_id) == ("job", "p")
    assert store.get("job").version == 2


def test_nothing_is_added_to_a_task_that_has_ended(store):
    """No state was asked for, so the refusal speaks of none."""
    task = store.save(store.get("job").replace(state="running"))
    task = store.save(task.replace(state="completed", result="done"))

    with pytest.raises(IllegalTransition, match="'job' is completed: nothing can"):
        apply_once(store, "job", noted("p", task.version, "x"))
    with pytest.raises(IllegalTransition, match="from completed to running"):
        apply_once(store, "job", noted("p", task.version, "x"), state="running")


def test_a_patch_that_was_applied_without_a_record_is_not_taken_for_this_one(store):
    """Nobody knows what it said, so it is refused and not called done."""
    task = store.get("job")
    store.save(task.apply(noted("p", 1, "x")))

    with pytest.raises(KeyReused):
        apply_once(store, "job", noted("p", 1, "x"))


def test_the_same_patch_sent_twice_at_once_is_no_conflict(store):
    """The slower of the two finds that its patch was applied."""
    saved = store.save

    def beaten(task, **more):
        store.save = saved
        apply_once(store, "job", noted("p", 1, "x"))
        return saved(task, **more)

    store.save = beaten

    done = apply_once(store, "job", noted("p", 1, "x"))

    assert (done.version, done.replayed) == (2, True)


def test_a_patch_id_must_fit_the_name_of_a_step(store):
    """The longest that fits is applied, one more is refused."""
    apply_once(store, "job", noted("p" * 190, 1, "x"))

    with pytest.raises(InvalidValue):
        apply_once(store, "job", noted("p" * 191, 2, "x"))


# The protocol


def test_the_address_is_a_template_and_answers_are_stale_at_once(client):
    """What a client may cache of a state is nothing."""
    templates = client.request(lambda c: c.list_resource_templates())
    listed = client.request(lambda c: c.list_resources())
    read = client.request(lambda c: c.read_resource(URI))

    assert [one.uri_template for one in templates.resource_templates] == [TEMPLATE]
    assert [one.uri for one in listed.resources] == [URI]
    assert (read.ttl_ms, read.cache_scope) == (0, "private")
    assert json.loads(read.contents[0].text)["version"] == 1


def test_an_old_version_is_a_conflict_that_says_what_is_there(client):
    """The same request would meet it again: the writer makes its patch anew."""
    waits = []
    write_shared_state(client, "a", "job", noted("p", 1, "x"))

    with pytest.raises(VersionConflict) as caught:
        write_shared_state(client, "a", "job", noted("q", 1, "y"), sleep=waits.append)

    assert (caught.value.expected, caught.value.found, waits) == (1, 2, [])


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param({}, -32602, id="empty"),
        pytest.param({"uri": URI}, -32602, id="incomplete"),
        pytest.param({"operations": 7}, -32602, id="operations-no-list"),
        pytest.param({"operations": [{"op": "explode"}]}, -32602, id="unknown-op"),
        pytest.param({"expected_version": -1}, -32602, id="negative-version"),
        pytest.param({"expected_version": "x"}, -32602, id="version-no-number"),
        pytest.param({"expected_version": "2"}, -32602, id="version-as-text"),
        pytest.param({"expected_version": True}, -32602, id="version-true"),
        pytest.param({"state": "null"}, -32602, id="state-null-as-text"),
        pytest.param({"state": ["running"]}, -32602, id="state-no-text"),
        pytest.param({"result": 7}, -32602, id="result-no-text"),
        pytest.param({"state": "running"}, -32602, id="running-by-hand"),
        pytest.param({"patch_id": ""}, -32602, id="no-patch-id"),
        pytest.param({"patch_id": "p\0"}, -32602, id="nul-in-patch-id"),
        pytest.param({"state": "undead"}, -32602, id="unknown-state"),
        pytest.param({"state": "completed"}, -32012, id="illegal-transition"),
        pytest.param({"expected_version": 9}, CONFLICT, id="another-version"),
        pytest.param({"patch_id": "old"}, CONFLICT, id="reused-patch-id"),
        pytest.param({"uri": "state://agents/b/tasks/x"}, NOT_GRANTED, id="foreign"),
    ],
)
def test_a_bad_request_is_a_protocol_error_with_a_code(store, arguments, code):
    """Seen with the library's own client: a number, and what became of the effect."""
    apply_once(store, "job", noted("old", 1, "x"))
    good = {"uri": URI, "expected_version": 2, "patch_id": "p", "operations": []}
    sent = good | arguments if arguments and arguments != {"uri": URI} else arguments
    server = StateServer(store, Grant(agent_id="a"))

    async def ask():
        async with Client(server) as client:
            with pytest.raises(MCPError) as caught:
                await client.call_tool("write_state", sent)
            return caught.value.code

    assert asyncio.run(ask()) == code
    assert store.get("job").version == 2


@pytest.mark.parametrize(
    "text",
    ["null", " null ", "true", "7", "[]", '{"ok": true}', '"quoted"', "", "[" * 10_000],
)
def test_a_result_is_stored_as_it_was_sent(store, text):
    """The library would read a text that looks like JSON; "null" is a result, too."""
    running = store.save(store.get("job").replace(state="running"))
    done = {"uri": URI, "expected_version": running.version, "patch_id": "p"}
    done |= {"operations": [], "state": "completed", "result": text}
    server = StateServer(store, Grant(agent_id="a"))

    async def ask():
        async with Client(server) as client:
            return await client.call_tool("write_state", done)

    answer = asyncio.run(ask())

    assert answer.structured_content == {"version": 3, "replayed": False}
    assert (store.get("job").state, store.get("job").result) == ("completed", text)


def test_an_owner_goes_with_its_run_whoever_ends_it(store):
    """A task that waits, and has a worker, would be one that nobody takes up."""
    with working() as me:
        task = claim(store, "job", me)

        apply_once(store, "job", noted("p", task.version, "x"), state="waiting")

        assert (store.get("job").state, store.get("job").owner) == ("waiting", None)


def every_page(client):
    """The addresses on all pages of the list."""
    pages, cursor = [], None
    while not pages or cursor:
        page = client.request(lambda c, at=cursor: c.list_resources(cursor=at))
        pages.append([one.uri for one in page.resources])
        cursor = page.next_cursor
    return pages


def test_each_agent_sees_its_own_tasks_in_pages(store):
    """One behind hundreds of another agent, and one that runs behind them."""
    for n in range(300):
        store.submit(Task.new("x", task_id=f"many-{n}", agent_id="many"))
    last = store.submit(Task.new("x", task_id="zz", agent_id="many")).task
    store.save(last.replace(state="running"))
    few = Grant(agent_id="few", reads=("a",))

    with StateClient(StateServer(store, few)) as client:
        assert every_page(client) == [[URI]]
    with StateClient(StateServer(store, Grant(agent_id="many"))) as client:
        pages = every_page(client)

    assert [len(page) for page in pages] == [100] * 3 + [1]
    listed = [uri for page in pages for uri in page]
    assert len(set(listed)) == 301
    assert state_uri("many", "zz") in listed


def test_a_cursor_that_is_none_is_refused(client):
    """It must not look like the end of the list."""
    with pytest.raises(InvalidValue, match="cursor"):
        client.request(lambda c: c.list_resources(cursor="7"))


def test_a_huge_patch_is_refused_with_the_limit(client):
    """What is large belongs into an artifact."""
    with pytest.raises(InvalidValue, match="262,144 is the limit"):
        write_shared_state(client, "a", "job", noted("p", 1, "x" * 300_000))


@pytest.mark.parametrize(
    "error",
    [
        VersionConflict("job", expected=1, found=2),
        KeyReused("job", "p"),
        TaskNotFound("job"),
        NotGranted("b", "a", write=True),
        InvalidValue("uri", "is none"),
        IllegalTransition("completed", "running", "job"),
        IllegalTransition("completed", "completed", "job"),
    ],
)
def test_an_error_crosses_the_wire_whole(error):
    """The client raises what the server met."""
    back = from_wire(to_wire(error))

    assert (type(back), vars(back), str(back)) == (type(error), vars(error), str(error))


def test_the_place_of_the_store_does_not_cross_the_wire():
    """A path of the server's machine is nothing for its clients."""
    told = to_wire(StoreUnavailable("secret.example/db", "has gone away"))

    assert "secret" not in repr((told.message, told.data))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param({"error": "VersionConflict"}, id="no-attributes"),
        pytest.param({"error": "LabError", "attributes": {}}, id="not-on-the-list"),
        pytest.param({"error": 7, "attributes": []}, id="wrong-types"),
        pytest.param(
            {"error": "TaskNotFound", "attributes": {"task_id": 1, "x": 2}},
            id="too-many",
        ),
        pytest.param(
            {
                "error": "VersionConflict",
                "attributes": {"task_id": "job", "expected": "1", "found": True},
            },
            id="wrong-types-inside",
        ),
        pytest.param(
            {
                "error": "StoreBusy",
                "attributes": {"where": "there", "why": "so", "effect": "perhaps"},
            },
            id="unknown-effect",
        ),
        pytest.param("text", id="no-object"),
    ],
)
def test_what_a_server_says_is_not_trusted(data):
    """Data that is none of ours becomes a plain refusal."""
    assert type(from_wire(MCPError(CONFLICT, "no", data))) is Permanent


# Grants


def test_a_reader_sees_only_what_it_was_granted(store):
    """Not by reading, not by writing, not in the list."""
    store.submit(Task.new("A secret", task_id="other", agent_id="c"))
    grant = Grant(agent_id="b", reads=("a",))

    with StateClient(StateServer(store, grant)) as client:
        listed = client.request(lambda c: c.list_resources()).resources
        assert read_shared_state(client, "a", "job").version == 1
        for owner, task in (("c", "other"), ("c", "nothing"), ("", "")):
            with pytest.raises((NotGranted, InvalidValue)):
                read_shared_state(client, owner, task)
        with pytest.raises(NotGranted):
            write_shared_state(client, "a", "job", noted("p", 1, "x"))

    assert [one.uri for one in listed] == [URI]


def test_a_task_is_found_under_its_own_agent_only(store):
    """The id of a task is no way around the grant."""
    grant = Grant(agent_id="b")

    with StateClient(StateServer(store, grant)) as client, pytest.raises(TaskNotFound):
        read_shared_state(client, "b", "job")


def test_the_grants_are_private_and_add_up(tmp_path):
    """Mode 0600, one token per agent, and a second call adds to the first."""
    file = GrantFile(tmp_path / "grants.json")

    first = file.add("b", reads=["a"])
    second = file.add("b", writes=["c"])
    other = file.add("d")

    assert file.path.stat().st_mode & 0o777 == 0o600
    assert first.token == second.token != other.token
    assert second.grant == Grant(agent_id="b", reads=("a",), writes=("c",))
    assert file.holder_of(other.token) == other
    assert file.holder_of("") is file.holder_of("é\ud800") is None
    assert first.token not in repr(first) + str(first)


@pytest.mark.parametrize(
    ("content", "mode"),
    [
        pytest.param(b"[]", 0o644, id="readable-by-others"),
        pytest.param(b"{", 0o600, id="torn"),
        pytest.param(b"7", 0o600, id="no-list"),
        pytest.param(b"[" * 100_000, 0o600, id="brackets"),
        pytest.param(b'[{"token": "secret"}]', 0o600, id="another-shape"),
        pytest.param(
            b'[{"grant": {"agent_id": "secret"}, "token": ""}]', 0o600, id="empty-token"
        ),
    ],
)
def test_a_file_of_grants_that_cannot_be_trusted_is_refused(tmp_path, content, mode):
    """And the refusal shows no token."""
    path = tmp_path / "grants.json"
    path.write_bytes(content)
    path.chmod(mode)

    with pytest.raises(StoreForeign) as caught:
        GrantFile(path).holders()

    assert "secret" not in "".join(traceback.format_exception(caught.value))


# Time, and what breaks


def test_no_request_starts_after_the_deadline(client, clock):
    """Nothing is asked, and the error says so."""
    deadline = Deadline.after(5, clock=clock, wall=clock)
    clock.advance(6)

    with pytest.raises(DeadlineExceeded) as caught:
        read_shared_state(client, "a", "job", deadline=deadline)

    assert caught.value.effect == "not started"


class LosesReplies(StateClient):
    """Asks, and loses the answer, as often as it is told."""

    lost = 1

    def request(self, ask, timeout=30.0):
        """The answer, unless it is lost."""
        answer = super().request(ask, timeout)
        if self.lost:
            self.lost -= 1
            raise StoreUnavailable("the MCP server", "went away", effect="unknown")
        return answer


def test_a_write_whose_answer_was_lost_happens_once(store):
    """The repeat carries the same patch id, and the server says done."""
    waits = []

    with LosesReplies(StateServer(store, Grant(agent_id="a"))) as client:
        done = write_shared_state(
            client, "a", "job", noted("p", 1, "x"), sleep=waits.append
        )

    assert (done.version, done.replayed, len(waits)) == (2, True, 1)
    assert len(store.get("job").agent_state.known_facts) == 1


@pytest.mark.parametrize(
    ("later", "raised", "effect"),
    [
        pytest.param(
            StoreUnavailable("the MCP server", "it cannot be reached"),
            StoreUnavailable,
            "unknown",
            id="then-not-reached",
        ),
        pytest.param(
            NotGranted("b", "a", write=True),
            StoreUnavailable,
            "unknown",
            id="then-not-granted-any-more",
        ),
        pytest.param(
            DeadlineExceeded("write", 1.0),
            StoreUnavailable,
            "unknown",
            id="then-out-of-time",
        ),
        pytest.param(
            VersionConflict("job", expected=1, found=2),
            VersionConflict,
            "not started",
            id="then-a-conflict",
        ),
    ],
)
def test_a_lost_answer_leaves_a_doubt(later, raised, effect):
    """What a later attempt did not do proves nothing of the first; an answer does."""
    failures = [later] * 3
    failures.insert(
        0, StoreUnavailable("the MCP server", "no answer", effect="unknown")
    )

    class Fails(StateClient):
        def write(self, uri, patch, **more):
            raise failures.pop(0)

    client = Fails("http://127.0.0.1:9/mcp")

    with pytest.raises(raised) as caught:
        write_shared_state(
            client, "a", "job", noted("p", 1, "x"), sleep=lambda seconds: None
        )

    assert caught.value.effect == effect


@pytest.mark.usefixtures("process")
def test_a_client_that_nobody_closed_keeps_no_program_alive():
    """Its event loop would be waited for at the end of Python, and never come."""
    code = (
        "from agentstate_lab import MemoryStore, Task\n"
        "from agentstate_lab.mcp_state import *\n"
        "store = MemoryStore()\n"
        "store.submit(Task.new('Clean', task_id='job', agent_id='a'))\n"
        "client = StateClient(StateServer(store, Grant(agent_id='a')))\n"
        "print(read_shared_state(client, 'a', 'job').version)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")


def test_one_write_is_one_request(store):
    """What is declared as an attempt goes over the wire: no listing in between."""
    asked = []

    async def listen(context, call_next):
        asked.append(context.method)
        return await call_next(context)

    server = StateServer(store, Grant(agent_id="a"))
    server.middleware.append(listen)
    with StateClient(server) as client:
        write_shared_state(client, "a", "job", noted("p", 1, "x"))

    assert asked.count("tools/call") == 1
    assert "tools/list" not in asked


@pytest.mark.usefixtures("process")
def test_a_server_that_cannot_be_reached_was_asked_nothing():
    """The error says which of the two: not reached, or not answered."""
    waits = []
    client = StateClient("http://127.0.0.1:9/mcp")

    with client, pytest.raises(StoreUnavailable) as caught:
        read_shared_state(client, "a", "job", sleep=waits.append)

    assert caught.value.effect == "not started"
    assert len(waits) == 3


def test_a_listener_hears_of_changes_through_the_same_server_only(store):
    """The write that goes past the server comes first, and is not announced."""
    other, _ = store.submit(Task.new("Deploy", task_id="other", agent_id="a"))
    addresses = [state_uri("a", other.id), URI]

    async def listen():
        server = StateServer(store, Grant(agent_id="a"))
        arguments = {"uri": URI, "expected_version": 1, "patch_id": "p"}
        async with (
            Client(server) as client,
            client.listen(resource_subscriptions=addresses) as changes,
        ):
            store.save(other.replace(state="running"))
            await client.call_tool("write_state", {**arguments, "operations": []})
            with anyio.fail_after(10):
                return (await anext(changes)).uri, client.protocol_version

    heard, revision = asyncio.run(listen())

    assert (heard, revision) == (URI, "2026-07-28")


# Real processes


WRITES_AND_DIES = """
import os, signal, sys
from agentstate_lab.lab.agents import add, stdio_server
from agentstate_lab.mcp_state import StateClient
from agentstate_lab.state import ReplacePlan
client = StateClient(stdio_server(sys.argv[1], "a"))
plan = ReplacePlan(plan=["logs", "caches"])
add(client, sys.argv[2], "plan", plan)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.usefixtures("process")
def test_an_agent_is_killed_and_another_finishes_over_stdio(url):
    """A writes progress and dies by SIGKILL; B reads it and completes the task."""
    args = [sys.executable, "-c", WRITES_AND_DIES, url, URI]
    with open_store(url) as store:
        store.save(store.get("job").replace(state="running"))

    died = subprocess.run(args, check=False)
    with StateClient(stdio(url, "b", "--writes", "a")) as client:
        seen = read_shared_state(client, "a", "job")
        done = noted("finish", seen.version, "caches")
        write_shared_state(client, "a", "job", done, state="completed", result="ok")

    assert died.returncode == -signal.SIGKILL
    assert seen.agent_state.plan == ("logs", "caches")
    with open_store(url) as store:
        assert store.get("job").result == "ok"
    assert left_behind(url) == []  # A's server has noticed that A is gone


def left_behind(url):
    """Processes that still have this store in their command line, after a while."""
    ours = [
        one
        for one in psutil.process_iter(["cmdline"])
        if url in (one.info["cmdline"] or [])
    ]
    return psutil.wait_procs(ours, timeout=30)[1]


@pytest.mark.usefixtures("process")
def test_a_server_that_is_killed_is_started_again_by_the_next_request(url):
    """A connection that broke is opened anew, and nothing that was written is lost."""
    with StateClient(stdio(url, "a")) as client:
        write_shared_state(client, "a", "job", noted("p", 1, "x"))
        children = [
            child for child in psutil.Process().children() if url in child.cmdline()
        ]
        for child in children:
            child.kill()
            child.wait(10)

        seen = read_shared_state(client, "a", "job", sleep=lambda seconds: None)

    assert (len(children), seen.version) == (1, 2)


@pytest.mark.parametrize("stderr", [io.StringIO(), None], ids=["a-notebook", "none"])
def test_a_server_may_complain_where_standard_error_is_no_file(monkeypatch, stderr):
    """In a notebook's kernel on Windows, or in a program without a console."""
    monkeypatch.setattr(sys, "stderr", stderr)

    with _errors() as errors:
        assert errors.fileno() > 2


@pytest.mark.usefixtures("process")
def test_over_http_a_token_says_who_somebody_is(url, home_dir):
    """Each agent gets what it was granted; no token, or a wrong one, gets nothing."""
    home_dir.mkdir()
    GrantFile(home_dir / "mcp-grants.json").add("b", reads=["a"])
    with http(url, "a") as (address, said):
        with StateClient(address, token=token_of("a", home_dir)) as owner:
            write_shared_state(owner, "a", "job", noted("p", 1, "x"))
        with StateClient(address, token=token_of("b", home_dir)) as reader:
            assert read_shared_state(reader, "a", "job").version == 2
            with pytest.raises(NotGranted):
                write_shared_state(reader, "a", "job", noted("q", 2, "x"))
        for token in (None, "", "wrong", "x" * 5_000):
            stranger = StateClient(address, token=token)
            with stranger, pytest.raises(Permanent, match="no token of a known agent"):
                read_shared_state(stranger, "a", "job")

    tokens = [token_of(who, home_dir) for who in ("a", "b")]
    assert not any(token in "".join(said) for token in tokens)


@pytest.mark.usefixtures("process")
@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        pytest.param({"Host": "evil.example"}, b"{}", 421, id="foreign-host"),
        pytest.param(
            {"Origin": "http://evil.example"}, b"{}", 403, id="foreign-origin"
        ),
        pytest.param({"Origin": "null"}, b"{}", 403, id="null-origin"),
        pytest.param({"Authorization": "Bearer x"}, b"{}", 401, id="wrong-token"),
        pytest.param({}, b"x" * 1_100_000, 413, id="huge-body"),
        pytest.param({}, b"{", 400, id="torn-body"),
        pytest.param({}, b"[" * 100_000, 400, id="deep-body"),
        pytest.param({}, b"\xff\xfe", 400, id="no-text"),
        pytest.param({"Content-Type": "text/plain"}, b"{}", 400, id="no-json"),
    ],
)
def test_http_refuses_what_is_not_for_it(http_server, headers, body, status):
    """A foreign page, a stranger, a body that is none; and it goes on serving."""
    address, token = http_server
    sent = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
    }

    answer = httpx2.post(address, headers=sent | headers, content=body)

    assert answer.status_code == status
    if status in (401, 403, 413, 421):
        assert answer.json()["error"]["data"] == {"effect": "not started"}
    with StateClient(address, token=token) as client:
        assert read_shared_state(client, "a", "job").version == 1


@pytest.fixture(scope="module")
def http_server(process, tmp_path_factory):
    """A server over HTTP that several tests share, each with a task of its own."""
    folder = tmp_path_factory.mktemp("http")
    url, grants = f"sqlite:{folder / 'tasks.db'}", folder / "grants.json"
    with open_store(url) as store:
        for name in ("job", "sdk", "fastmcp", "written-10", "written-100"):
            store.submit(Task.new("Clean the logs", task_id=name, agent_id="a"))
    with http(url, "a", "--grants", str(grants)) as (address, _):
        yield address, GrantFile(grants).holders()[0].token


@pytest.mark.usefixtures("process")
def test_a_server_on_this_machine_is_asked_directly(http_server, monkeypatch):
    """A proxy of the company cannot reach it, and must not see the token."""
    address, token = http_server
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    with StateClient(address, token=token) as client:
        assert read_shared_state(client, "a", "job").version == 1


@pytest.mark.usefixtures("process")
def test_over_stdio_bad_bytes_are_survived_and_the_end_is_noticed(url):
    """Lines that are no messages, then a real one; then the client vanishes."""
    started = stdio(url, "a")
    with subprocess.Popen(
        [started.command, *started.args], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        for line in (*NO_MESSAGES, *map(json.dumps, by_hand(URI))):
            process.stdin.write(line.encode("latin-1") + b"\n")
        process.stdin.flush()
        answers = [json.loads(process.stdout.readline()) for _ in range(2)]

    (content,) = answers[1]["result"]["contents"]
    assert json.loads(content["text"])["version"] == 1
    assert process.returncode == 0


NO_MESSAGES = ("", "{", "\xff\xfe", "[" * 100_000, "7", '{"id": 1}', "x" * 2_000_000)


def by_hand(uri):
    """The messages of a client of an older revision that reads one resource."""
    who = {"clientInfo": {"name": "by hand", "version": "1"}, "capabilities": {}}
    hello = {"protocolVersion": "2025-06-18", **who}
    return [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "resources/read", "params": {"uri": uri}},
    ]


@pytest.mark.usefixtures("process")
def test_a_client_that_vanishes_harms_nobody(http_server):
    """It says that more will come, and hangs up."""
    address, token = http_server
    port = int(address.split(":")[2].partition("/")[0])

    async def vanish():
        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            head = f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            head += f"Authorization: Bearer {token}\r\nContent-Length: 9000\r\n\r\n{{"
            await stream.send(head.encode())

    for _ in range(5):
        asyncio.run(vanish())

    with StateClient(address, token=token) as client:
        assert read_shared_state(client, "a", "job").version == 1


@pytest.mark.usefixtures("process")
@pytest.mark.parametrize(
    "rounds", [10, pytest.param(100, marks=pytest.mark.soak, id="soak-100")]
)
def test_two_writers_lose_nothing(http_server, rounds):
    """Two processes, one task: conflicts are repaired, and every fact is there once."""
    address, token = http_server
    task_id = f"written-{rounds}"
    args = [sys.executable, str(CLIENT), address, token]
    writers = [
        subprocess.Popen(
            [*args, name, str(rounds), task_id], stdout=subprocess.PIPE, text=True
        )
        for name in ("one", "two")
    ]
    said = [writer.communicate(timeout=110)[0] for writer in writers]

    with StateClient(address, token=token) as client:
        state = read_shared_state(client, "a", task_id).agent_state
    facts = [fact.value for fact in state.known_facts]
    assert [writer.returncode for writer in writers] == [0, 0], said
    assert sorted(facts) == sorted(
        [w, n] for w in ("one", "two") for n in range(rounds)
    )


class Beaten(StateClient):
    """A writer that another one overtakes, once."""

    def write(self, uri, patch, **more):
        """Late by one write, the first time."""
        if patch.base_version == 1:
            with StateClient(self.server) as other:
                other.write(uri, noted("theirs", 1, "theirs"))
        return super().write(uri, patch, **more)


def test_a_conflict_is_repaired_in_one_round(store):
    """One wins, the other reads again, and both facts are there."""
    server = StateServer(store, Grant(agent_id="a"))
    with Beaten(server) as client:
        client.server = server

        conflicts = note_many(client, "ours", 1, "job")

    facts = [fact.value for fact in store.get("job").agent_state.known_facts]
    assert (conflicts, facts) == (1, ["theirs", ["ours", 0]])


# Clients that are not ours


async def sdk_round(target, uri=URI):
    """Read, write and meet a conflict, with the library's own client."""
    async with Client(target) as client:
        read = await client.read_resource(uri)
        version = json.loads(read.contents[0].text)["version"]
        write = {"uri": uri, "patch_id": "sdk", "operations": []}
        done = await client.call_tool(
            "write_state", {**write, "expected_version": version}
        )
        try:
            late = {**write, "patch_id": "late", "expected_version": version}
            await client.call_tool("write_state", late)
        except MCPError as error:
            return version, done.structured_content, error.code
    return None


SDK_ROUND = (1, {"version": 2, "replayed": False}, CONFLICT)


@pytest.mark.usefixtures("process")
def test_the_snippet_in_the_book_is_enough_for_the_librarys_own_client(url):
    """What a desktop client is told to run, with the paths of this machine."""
    (snippet,) = re.findall(r"```json\n(.*?mcpServers.*?)```", PAGE, re.DOTALL)
    (entry,) = json.loads(snippet)["mcpServers"].values()
    args = [url if one.startswith("sqlite:") else one for one in entry["args"]]
    args[-1] = "a"  # whose task it is here
    started = StdioServerParameters(command=sys.executable, args=args)

    assert Path(entry["command"]).parts[-4:] == ("agentstate-lab", *PYTHON)
    assert asyncio.run(sdk_round(started)) == SDK_ROUND


@pytest.mark.usefixtures("process")
def test_the_librarys_own_client_works_over_http(http_server):
    """With the token in its header."""
    address, token = http_server

    async def ask():
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx2.AsyncClient(headers=headers) as through:
            target = streamable_http_client(address, http_client=through)
            return await sdk_round(target, state_uri("a", "sdk"))

    assert asyncio.run(ask()) == SDK_ROUND


@pytest.mark.usefixtures("process")
@pytest.mark.parametrize("over", ["stdio", "http"])
def test_a_client_from_another_package_works(request, url, over):
    """`fastmcp` reads and writes, and sees a conflict as an error."""
    # Only here: every worker reads this file, and importing it takes a second.
    import fastmcp
    from fastmcp.client import transports

    async def ask(transport, uri):
        async with fastmcp.Client(transport) as client:
            (content, *_) = await client.read_resource(uri)
            write = {"uri": uri, "operations": [], "expected_version": 1}
            await client.call_tool("write_state", {**write, "patch_id": "p"})
            with pytest.raises(Exception, match="is at version 2, not 1"):
                await client.call_tool("write_state", {**write, "patch_id": "q"})
            return json.loads(content.text)["version"]

    if over == "stdio":
        started = stdio(url, "a")
        uri, transport = (
            URI,
            transports.StdioTransport(started.command, started.args, env=started.env),
        )
    else:
        address, token = request.getfixturevalue("http_server")
        uri, transport = (
            state_uri("a", "fastmcp"),
            transports.StreamableHttpTransport(address, auth=token),
        )
    assert asyncio.run(ask(transport, uri)) == 1


@pytest.mark.usefixtures("process")
def test_the_command_line_refuses_what_makes_no_sense(url, capsys):
    """A wrong store and a wrong agent end with status 2 and a sentence."""
    from agentstate_lab.__main__ import main

    assert main(["mcp", "--store", "nowhere", "--agent", "a"]) == 2
    assert main(["mcp", "--store", url, "--agent", "", "--http", "0"]) == 2
    assert main(["mcp", "--store", url, "--agent", "a", "--http", "99999"]) == 2
    assert "choose another port" in capsys.readouterr().err
    assert main(["mcp", "--store", url, "--agent", "a", "--grants", "them"]) == 2
    assert "is for --http" in capsys.readouterr().err


@pytest.mark.usefixtures("process")
def test_a_start_that_fails_grants_nothing(url, home_dir):
    """The port is taken first, and then the rights are written."""
    from agentstate_lab.__main__ import main

    home_dir.mkdir()
    grants = GrantFile(home_dir / "mcp-grants.json")
    grants.add("desktop", reads=["boss"], writes=["a"])
    with http(url, "desktop") as (address, said):
        asked = ["mcp", "--store", url, "--agent", "b", "--writes", "a"]
        assert main([*asked, "--http", address.split(":")[2].split("/")[0]]) == 2

    assert [one.grant.agent_id for one in grants.holders()] == ["desktop"]
    # And a start without rights takes nothing away, so it must not look as if it did.
    line = "desktop may change the tasks of desktop, a; and read those of boss"
    assert line in "".join(said)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        pytest.param("sqlite:tasks.db", "", id="there"),
        pytest.param("sqlite:task.db", "there was no file task.db", id="misprint"),
        pytest.param("json:t.json", "there was no file t.json", id="other-kind"),
        pytest.param("memory:", "memory: is new in each process", id="memory"),
    ],
)
def test_a_store_that_cannot_hold_a_task_is_told(
    name, said, tmp_path, monkeypatch, capsys
):
    """An empty store and a misprint look the same to whoever asks the server."""
    from agentstate_lab.__main__ import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("agentstate_lab.mcp_state.serve_stdio", lambda *served: None)
    open_store("sqlite:tasks.db").close()

    assert main(["mcp", "--agent", "a", "--store", name]) == 0

    told = capsys.readouterr().err
    assert (said in told) if said else (told == "")
