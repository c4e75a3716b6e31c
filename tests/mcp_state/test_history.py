"""A long task over MCP: pages of messages and steps, each of one size."""

import json

import pytest
from mcp import MCPError

from agentstate_lab.errors import AgentStateError
from agentstate_lab.mcp_state import StateClient
from agentstate_lab.mcp_state.grants import Grant
from agentstate_lab.mcp_state.history import ON_PAGE
from agentstate_lab.mcp_state.server import StateServer
from agentstate_lab.state import StepRecord, Task
from agentstate_lab.stores import MemoryStore

URI = "state://agents/agent/tasks/long"
LARGE = "begin" + "x" * 200_000 + "end"


@pytest.fixture
def client():
    """A client of a task with 45 messages of 200 KB, and as many steps."""
    store = MemoryStore()
    task = store.submit(Task.new("Do it.", task_id="long")).task
    said = [
        {"role": "tool", "tool_call_id": str(n), "content": LARGE} for n in range(45)
    ]
    known = {"status": "done", "key": "k", "fingerprint": "", "result": LARGE}
    steps = [StepRecord(name=f"s{n}", **known) for n in range(45)]
    store.save(task, messages=said, steps=steps)
    with StateClient(StateServer(store, Grant(agent_id="agent"))) as client:
        yield client


def asked(client, tool, **what):
    """A page, as the client gets it."""
    found = client.request(lambda c: c.call_tool(tool, {"uri": URI, **what}))
    return found.structured_content


@pytest.mark.parametrize(
    ("tool", "name", "text"),
    [
        ("read_messages", "tool_call_id", "content"),
        ("read_steps", "name", "result"),
    ],
)
def test_all_of_a_long_task_is_read_in_pages_of_one_size(client, tool, name, text):
    """Nothing is missing, nothing comes twice, and no page is large."""
    pages, after = [], 0
    while after is not None:
        pages.append(asked(client, tool, after=after))
        after = pages[-1]["next"]

    names = [one[name].removeprefix("s") for page in pages for one in page["items"]]
    assert names == [str(n) for n in range(45)]
    assert [len(page["items"]) for page in pages] == [ON_PAGE, ON_PAGE, 5]
    assert max(len(json.dumps(page)) for page in pages) < 100_000
    assert pages[0]["items"][0][text].startswith("begin")


def test_the_newest_come_first_when_that_is_asked_for(client):
    """Whoever wants to know where a task stands, reads one page."""
    page = asked(client, "read_steps", newest_first=True)

    assert [one["name"] for one in page["items"][:2]] == ["s44", "s43"]


@pytest.mark.parametrize("after", [-1, "x", 2**40, 1.5], ids=str)
def test_a_page_that_is_none_is_refused(client, after):
    """With an error of the protocol; the server goes on."""
    with pytest.raises((AgentStateError, MCPError)):
        asked(client, "read_messages", after=after)
    assert asked(client, "read_messages", after=44)["next"] is None


def test_a_task_of_somebody_else_is_not_read():
    """Pages are granted as the task is."""
    store = MemoryStore()
    store.submit(Task.new("Do it.", task_id="long"))

    with (
        StateClient(StateServer(store, Grant(agent_id="other"))) as client,
        pytest.raises(AgentStateError),
    ):
        asked(client, "read_messages")
