"""What notebook 09 and its exercise are played with: a tapped line, and drawings."""

import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp_processes import noted

from agentstate_lab.errors import (
    InvalidValue,
    NotGranted,
    StoreUnavailable,
    VersionConflict,
)
from agentstate_lab.lab.agents import add, new_task, stdio_server
from agentstate_lab.lab.agents.sharing import ROUNDS
from agentstate_lab.lab.crash import victim
from agentstate_lab.lab.scenes.mcp_state import (
    Loss,
    TappedClient,
    in_order,
    requests_of,
    who_said_what,
)
from agentstate_lab.lab.scenes.mcp_state.talk import MOST, messages
from agentstate_lab.lab.scenes.mcp_state.tapped import Exchange
from agentstate_lab.mcp_state import CallTool, Grant, StateServer, ids_of, state_uri
from agentstate_lab.state import AppendFacts, Fact, Task
from agentstate_lab.stores import MemoryStore, open_store

URI = state_uri("a", "job")


@pytest.fixture
def server():
    """A server with one task of agent `a`."""
    store = MemoryStore(clock=lambda: 0.0)
    store.submit(Task.new("Clean the logs", task_id="job", agent_id="a"))
    return StateServer(store, Grant(agent_id="a"))


def facts(client):
    """How many facts are known."""
    return len(client.read(URI).agent_state.known_facts)


# The tapped line


@pytest.mark.parametrize(
    ("loss", "effect", "known"),
    [
        pytest.param(Loss.REQUEST, "unknown", 0, id="request"),
        pytest.param(Loss.REPLY, "unknown", 1, id="reply"),
        pytest.param(Loss.UNREACHED, "not started", 0, id="not-reached"),
    ],
)
def test_a_loss_looks_as_it_does_to_a_client(server, loss, effect, known):
    """A lost request and a lost reply are told apart by the state alone."""
    with TappedClient(server, coming=[loss]) as client:
        with pytest.raises(StoreUnavailable) as caught:
            client.write(URI, noted("p", 1, "x"))

        assert caught.value.effect == effect
        assert facts(client) == known
        assert client.notes[0].loss is loss


def test_each_exchange_is_noted_in_words(server):
    """Reads, writes, a repeat, a conflict, a refusal, and anything else."""
    with TappedClient(server, "worker") as client:
        client.read(URI)
        for _ in range(2):
            client.write(URI, noted("p", 1, "x"))
        with pytest.raises(VersionConflict):
            client.write(URI, noted("q", 1, "y"))
        with pytest.raises(NotGranted):
            client.read(state_uri("b", "job"))
        client.request(lambda c: c.list_resources())

    assert [(note.asked, note.answer) for note in client.notes] == [
        ("read", "version 1"),
        ("write to version 1", "done: version 2"),
        ("write to version 1", "done: version 2, as before"),
        ("write to version 1", "conflict: version 2"),
        ("read", "NotGranted"),
        ("something else", "answered"),
    ]


def test_what_is_to_come_happens_right_before_a_request(server):
    """Another agent is quicker, in the very moment that a test wants."""
    other = TappedClient(server, "other")
    coming = [None, lambda: other.write(URI, noted("o", 1, "o"))]
    with other, TappedClient(server, "worker", coming=coming) as client:
        seen = client.read(URI)
        with pytest.raises(VersionConflict):
            client.write(URI, noted("p", seen.version, "x"))


def test_a_tool_of_another_server_is_noted_with_its_arguments():
    """The first version of notebook 09 has a tool of its own; long values are cut."""
    from mcp.server.mcpserver import MCPServer

    server = MCPServer("boards")

    @server.tool()
    def put(uri: str, board: list[str]) -> str:
        return "stored"

    with TappedClient(server) as client:
        client.request(CallTool("put", {"uri": "state://x", "board": ["a"]}))
        client.request(CallTool("put", {"uri": "state://x", "board": ["b" * 99]}))

    assert client.notes[0].asked == 'write ["a"]'
    assert client.notes[1].asked.endswith("…")
    assert {note.answer for note in client.notes} == {"done"}


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([None, *Loss]))))
def test_notes_of_several_processes_come_together_in_their_order(drawn):
    """Through JSON and back, whoever noted what."""
    notes = [
        Exchange("b" if second else "a", "read", "version 1", loss, at=float(number))
        for number, (second, loss) in enumerate(drawn)
    ]
    told = []
    for agent in "ba":
        tapped = TappedClient("http://127.0.0.1:9/mcp", agent)
        tapped.notes = [note for note in notes if note.agent == agent]
        told.append(json.loads(json.dumps(tapped.told())))

    assert in_order(told) == notes


# The sequence diagram


CONFLICT = (
    Exchange("planner", "read", "version 1"),
    Exchange("worker", "write to version 1", "done: version 2"),
    Exchange("planner", "write to version 1", "conflict: version 2"),
)


@pytest.mark.parametrize(
    ("loss", "arrows", "verdict"),
    [
        pytest.param(Loss.REQUEST, 1, "0 writes done", id="request"),
        pytest.param(Loss.UNREACHED, 1, "0 writes done", id="not-reached"),
        pytest.param(Loss.REPLY, 2, "1 write done", id="reply"),
    ],
)
def test_what_is_lost_ends_halfway(shown, loss, arrows, verdict):
    """A lost request has no answer; a lost reply had one."""
    answer = "done: version 2" if loss is Loss.REPLY else ""
    note = Exchange("a", "write to version 1", answer, loss)

    who_said_what([note])

    said, number = shown[0]["text/plain"].splitlines()
    assert [one.lost for one in messages(note)] == [False, True][-arrows:]
    assert number == f"1 request: {verdict}, 0 conflicts, 1 message lost"
    assert str(loss) in said


def test_a_write_that_was_known_is_not_counted_twice(shown):
    """The server said done twice, and did it once."""
    again = Exchange("a", "write to version 1", "done: version 2, as before")

    who_said_what([*CONFLICT, again])

    number = "1 write done, 1 conflict, 1 write known already"
    assert shown[0]["text/plain"].endswith(number)


@pytest.mark.parametrize("number", [0, MOST + 1])
def test_a_talk_that_nobody_could_read_is_not_drawn(number, shown):
    """Nothing at all, or too much for one picture."""
    with pytest.raises(InvalidValue, match="can be drawn"):
        who_said_what([CONFLICT[0]] * number)

    assert shown == []


# What conflicts cost


def test_conflicts_cost_the_square():
    """Counted on a server, and calculated."""
    assert requests_of([1, 3, 5]) == {1: 2, 3: 12, 5: 30}


@pytest.mark.parametrize("count", [0, -1, 17, 2.5, "2"])
def test_a_number_of_agents_that_makes_no_sense_is_refused(count):
    """Nothing is started."""
    with pytest.raises(InvalidValue, match="1 to 16"):
        requests_of([count])


# The agent whose memory is on a server


def test_a_change_is_made_anew_after_a_conflict(server):
    """Beside what the other one has written."""
    other = TappedClient(server, "other")
    coming = [None, lambda: other.write(URI, noted("o", 1, "o"))]
    mine = AppendFacts(facts=[Fact(key="mine", value=1)])

    with other, TappedClient(server, coming=coming) as client:
        add(client, URI, "mine", mine)

        assert facts(client) == 2
        answers = [note.answer for note in client.notes[1:4:2]]
        assert answers == ["conflict: version 2", "done: version 3"]


def test_a_change_that_is_never_quick_enough_gives_up(server):
    """Ten conflicts in a row are told, and the effect did not happen."""
    other = TappedClient(server, "other")

    def quicker():
        seen = other.read(URI)
        other.write(URI, noted(f"o-{seen.version}", seen.version, "o"))

    coming = [None, quicker] * ROUNDS
    with other, TappedClient(server, coming=coming) as client:
        with pytest.raises(VersionConflict) as caught:
            add(client, URI, "never")

        assert caught.value.effect == "not started"
        assert facts(client) == ROUNDS


def test_a_new_task_wipes_nothing(tmp_path):
    """A cell that is run again gets another task."""
    url = f"sqlite:{tmp_path / 'tasks.db'}"

    made = [new_task(url, "planner", "release") for _ in range(3)]

    assert [ids_of(uri)[1] for uri in made] == ["release", "release-2", "release-3"]
    with open_store(url) as store:
        assert store.get("release-3").agent_id == "planner"


@pytest.mark.parametrize("name", [None, "", "__main__", "no.such.module"])
def test_only_the_course_is_loaded_before_a_fork(name):
    """A learner's module runs in the process that may die, and nowhere else."""
    before = set(sys.modules)

    victim.load(name)

    assert set(sys.modules) == before


@pytest.mark.usefixtures("process")
def test_the_command_of_a_server_is_one_that_a_client_can_start(tmp_path, home_dir):
    """The notebook's own, with what an agent was granted."""
    url = f"sqlite:{tmp_path / 'tasks.db'}"
    uri = new_task(url, "planner", "release")

    with TappedClient(stdio_server(url, "spy", "--reads", "planner")) as client:
        assert client.read(uri).version == 1
        with pytest.raises(NotGranted):
            client.write(uri, noted("p", 1, "x"))
