"""The tools of another server: offered to the model, run under our rules."""

import json
import threading

import pytest
from mcp.server.mcpserver import MCPServer
from mcp_types import ToolAnnotations
from script import Script, call, results, runner

from agentstate_lab.agent import read_call, run_tool
from agentstate_lab.errors import AgentStateError, InvalidValue
from agentstate_lab.mcp_state import StateClient, tools_of
from agentstate_lab.state import TaskState


class Shop:
    """A server with tools of its own, and what it was asked for."""

    def __init__(self):
        self.orders = {}
        self.server = MCPServer("shop")
        reads = ToolAnnotations(read_only_hint=True)
        self.server.tool(annotations=reads)(self.stock)
        self.server.tool(name="shop.order")(self.order)
        self.server.tool()(self.fail)
        self.server.tool()(self.picture)

    def stock(self, item: str, least: int = 0) -> dict[str, int]:
        """How many there are."""
        return {item: 7 + least}

    def order(self, item: str, request_id: str) -> str:
        """Order one; a request that comes twice is one order."""
        return self.orders.setdefault(request_id, f"ordered {item}")

    def fail(self) -> str:
        """It fails."""
        raise LookupError("no such thing")

    def picture(self) -> list[str]:
        """Two texts."""
        return ["a", "b"]


@pytest.fixture
def shop():
    """A shop."""
    return Shop()


@pytest.fixture
def client(shop):
    """A connection to it."""
    with StateClient(shop.server) as connected:
        yield connected


def named(tools):
    """The tools by name."""
    return {one.name: one for one in tools}


def test_tools_are_offered_as_the_server_describes_them(client):
    """Under names that the chat API takes; as risky as can be, whatever they say."""
    tools = named(tools_of(client))

    assert set(tools) == {"stock", "shop_order", "fail", "picture"}
    assert tools["stock"].description == "How many there are."
    assert tools["stock"].parameters.schema["required"] == ["item"]
    assert {one.risk_level for one in tools.values()} == {"external_action"}


def test_whom_to_believe_is_ours_to_say(client):
    """By name, or by the server's own hint where that is believed."""
    said = named(tools_of(client, risk_levels={"shop.order": "write_local"}))
    hinted = named(tools_of(client, believed=True))

    assert said["shop_order"].risk_level == "write_local"
    assert hinted["stock"].only_looks
    assert not hinted["shop_order"].only_looks


def test_an_agent_works_with_the_tools_of_another_server(client, shop, store, clock):
    """A look and an effect, the second under the key of its step."""
    tools = tools_of(
        client, believed=True, key_parameter="request_id", if_unknown="resend"
    )
    calls = [
        call("stock", {"item": "lamp"}),
        call("shop_order", {"item": "lamp"}, "c2"),
    ]

    task = runner(store, clock)(Script(calls, "Done."), tools)

    assert task.state is TaskState.COMPLETED
    stock, order = results(store).values()
    assert (json.loads(stock), order) == ({"lamp": 7}, "ordered lamp")
    (key,) = shop.orders
    assert store.steps("t")[-1].key == key


def test_the_key_is_not_the_model_s_to_give(client):
    """It is not in the schema, and refused where a model makes one up."""
    (order,) = tools_of(client, only=["shop.order"], key_parameter="request_id")

    assert set(order.parameters.schema["properties"]) == {"item"}
    assert order.parameters.schema["required"] == ["item"]
    with pytest.raises(InvalidValue, match="request_id is no parameter"):
        read_call(
            call("shop_order", {"item": "a", "request_id": "x"}), {"shop_order": order}
        )


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("fail", {}, "Error executing tool fail"),
        ("stock", {"item": 7}, "item"),
        ("stock", {}, "item"),
    ],
)
def test_what_the_server_does_not_do_the_model_is_told(client, name, arguments, said):
    """With the server's words."""
    tools = named(tools_of(client))

    with pytest.raises(AgentStateError, match=said):
        run_tool(read_call(call(name, arguments), tools), "key", 5.0)


def test_several_texts_are_one(client):
    """In their order."""
    tools = named(tools_of(client))

    assert run_tool(read_call(call("picture"), tools), "key", 5.0) == "a\nb"


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"only": ["shop.sell"]}, "offers no shop.sell"),
        ({"risk_levels": {"sell": "read_only"}}, "offers no sell"),
        ({"risk_levels": {"stock": "harmless"}}, "risk_level"),
        ({"if_unknown": "guess"}, "if_unknown"),
    ],
)
def test_what_the_server_does_not_offer_is_an_error_at_once(client, wanted, said):
    """A misprint must not make a tool more dangerous, or quietly leave one out."""
    with pytest.raises(InvalidValue, match=said):
        tools_of(client, **wanted)


def test_two_names_that_become_one_are_refused(shop, client):
    """The model could not tell them apart."""
    shop.server.tool(name="shop/order")(shop.order)

    with pytest.raises(InvalidValue, match="two have one name"):
        tools_of(client)


def test_a_call_that_was_given_up_keeps_the_others_out(shop, client):
    """The connection is for one at a time; what did not get it has not begun."""
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> str:
        begun.set()
        go_on.wait()
        return "late"

    shop.server.tool()(slow)
    tools = named(tools_of(client))
    wanted = read_call(call("slow"), tools)
    other = threading.Thread(target=run_tool, args=(wanted, "key", 60.0))
    other.start()
    begun.wait()

    with pytest.raises(AgentStateError, match="is in use") as caught:
        run_tool(read_call(call("picture"), tools), "key", 0.01)

    go_on.set()
    other.join()
    assert caught.value.effect == "not started"
