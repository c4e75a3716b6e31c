"""Servers of the chat API that are not ours: one agent, their words, their faults."""

import contextlib
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest

from agentstate_lab.agent import IdempotencyKey, client_at, run_agent, tool
from agentstate_lab.stores import MemoryStore, open_store

pytestmark = pytest.mark.soak

SCRIPT = """
version: 1
rules:
  - when: {tool_result_contains: "wiped"}
    respond: {content: "All is tidy."}
  - when: {tool_result_contains: "41 %"}
    respond: {tool_calls: [{name: wipe, arguments: {path: /srv}}]}
  - when: {messages_contain: "Tidy up"}
    respond: {tool_calls: [{name: look, arguments: {}}]}
  - when: {messages_contain: "overloaded"}
    respond: {status: 503, error: "overloaded"}
  - respond: {content: "Hello."}
"""

KILLED = """
import os, signal, sys
from pathlib import Path
from agentstate_lab.agent import IdempotencyKey, client_at, run_agent, tool
from agentstate_lab.stores import open_store

@tool(risk_level="read_only")
def look() -> str:
    return "41 % full"

@tool(if_unknown="resend")
def wipe(path: str, *, key: IdempotencyKey) -> str:
    Path("effects").write_text(key)
    os.kill(os.getpid(), signal.SIGKILL)

with open_store("sqlite:tasks.db") as store:
    client = client_at(sys.argv[1], "key")
    tools = [look, wipe]
    run_agent("t", "Tidy up", store=store, tools=tools, client=client, model="gpt-4o")
"""


@contextlib.contextmanager
def serving(program, folder, *options):
    """The address of a server that was started for one test."""
    found = shutil.which(program, path=str(Path(sys.executable).parent))
    if found is None:
        pytest.skip(f"{program} is not installed: `make soak` installs it")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [found, "serve", "--port", str(port), *options]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL) as server:
        try:
            until_it_answers(server, port)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def until_it_answers(server, port):
    """Wait for the port; the test's own limit ends it otherwise."""
    while server.poll() is None:
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", port)),
        ):
            return
        time.sleep(0.05)
    pytest.fail(f"the server ended with {server.returncode}")


@pytest.fixture
def scripted(tmp_path):
    """A server that says what a file says."""
    (tmp_path / "fakellm.yaml").write_text(SCRIPT)
    with serving("fakellm", tmp_path) as url:
        yield f"{url}/v1"


@pytest.fixture
def broken(tmp_path):
    """A server that breaks on order, and judges its client."""
    with serving("llmock", tmp_path, "--log-level", "error") as url:
        yield url


class Shop:
    """Two tools, and what they were asked for."""

    def __init__(self):
        self.keys = []
        self.tools = [
            tool(self.look, risk_level="read_only"),
            tool(self.wipe, if_unknown="resend"),
        ]

    def look(self) -> str:
        """Look how full the disk is."""
        return "41 % full"

    def wipe(self, path: str, *, key: IdempotencyKey) -> str:
        """Wipe a path on the disk."""
        self.keys.append(key)
        return f"wiped {path}"


def run(url, asked, tools=(), *, task_id="t", store=None, **options):
    """Run the agent against the server at *url*."""
    with client_at(url, "key") as client:
        return run_agent(
            task_id,
            asked,
            store=store or MemoryStore(),
            tools=tools,
            client=client,
            model="gpt-4o",
            **options,
        )


def orders(broken, *behaviors):
    """Order what the server does to the next requests."""
    asked = {"behaviors": list(behaviors)}
    httpx2.post(f"{broken}/_llmock/scenario", json=asked).raise_for_status()


def verdict(broken):
    """What the server says of its client."""
    return httpx2.get(f"{broken}/_llmock/verdict").json()


def test_a_text_alone_is_the_result(scripted):
    """No tools are sent, and none are called."""
    task = run(scripted, "Say something")

    assert (task.state, task.result) == ("completed", "Hello.")


def test_several_turns_of_tools_end_with_an_answer(scripted):
    """One that takes nothing, and one that takes a path."""
    shop = Shop()

    task = run(scripted, "Tidy up", shop.tools)

    assert (task.state, task.result) == ("completed", "All is tidy.")
    assert len(shop.keys) == 1
    assert task.agent_state.budget.used.steps == 3


def test_a_run_that_is_killed_in_its_effect_goes_on(scripted, tmp_path):
    """The second run asks under the same key; the server never hears of the death."""
    script = [sys.executable, "-c", KILLED, scripted]
    first = subprocess.run(script, cwd=tmp_path)
    shop = Shop()

    with open_store(f"sqlite:{tmp_path / 'tasks.db'}") as store:
        task = run(scripted, "Tidy up", shop.tools, store=store)

    assert first.returncode == -signal.SIGKILL
    assert (task.state, task.result) == ("completed", "All is tidy.")
    assert shop.keys == [(tmp_path / "effects").read_text()]


def test_a_server_that_is_overloaded_ends_the_run_with_the_reason(scripted):
    """After all attempts, and no sooner."""
    waits = []

    task = run(scripted, "overloaded", sleep=waits.append, max_attempts=3)

    assert (task.state, len(waits)) == ("failed", 2)
    assert "503" in task.error


def test_faults_on_order_are_survived_and_the_server_finds_no_fault(broken):
    """A 429 with its wait, and a 503: each request is tried again, in time."""
    shop = Shop()
    orders(
        broken,
        {"type": "fail", "status": 429, "retry_after": 0.2, "times": 1},
        {"type": "fail", "status": 503, "times": 1},
    )

    task = run(f"{broken}/v1", "wipe the disk", shop.tools)
    found = verdict(broken)

    assert task.state == "completed"
    assert len(shop.keys) == 1
    assert (found["passed"], found["faults_injected"], found["findings"]) == (
        True,
        2,
        [],
    )


def test_a_request_that_is_refused_is_not_sent_again(broken):
    """It would be refused as often as it is sent."""
    orders(broken, {"type": "fail", "status": 400})

    task = run(f"{broken}/v1", "wipe the disk", Shop().tools)

    assert task.state == "failed"
    assert verdict(broken)["attempts"] == 1


@pytest.mark.parametrize("kind", ["malformed_arguments", "unknown_tool"])
def test_a_call_that_makes_no_sense_is_told_to_the_model(broken, kind):
    """Nothing ran for it, and the server goes on with what it is told."""
    shop, store = Shop(), MemoryStore()
    orders(broken, {"type": "tool_fault", "kind": kind})

    task = run(f"{broken}/v1", "wipe the disk", shop.tools, store=store)

    assert (task.state, shop.keys) == ("completed", [])
    assert store.messages("t")[1]["content"].startswith("error: ")


def test_faults_at_random_do_no_harm(tmp_path):
    """Two of five requests fail; every task ends, and no effect is had twice."""
    rates = [f"--error-rate={one}" for one in ("429=0.2", "500=0.1", "503=0.1")]
    shop, ends = Shop(), []
    with serving("llmock", tmp_path, "--log-level", "error", *rates) as url:
        for number in range(30):
            task = run(
                f"{url}/v1",
                "wipe the disk",
                shop.tools,
                task_id=f"t{number}",
                max_attempts=20,
                sleep=lambda seconds: None,
            )
            ends.append(task.state)
        faults = verdict(url)["faults_injected"]

    assert ends == ["completed"] * 30
    assert len(shop.keys) == len(set(shop.keys)) == 30
    assert faults > 5
