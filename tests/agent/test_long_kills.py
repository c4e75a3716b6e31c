"""A long run is killed at random, again and again: each effect once, one digest."""

import json
import os
import random
import signal
from pathlib import Path

import pytest
from script import reply

from agentstate_lab.agent import Finished, run_agent, tool
from agentstate_lab.lab.processes import in_new_process
from agentstate_lab.state import AgentState, Budget
from agentstate_lab.stores import open_store

STATE = AgentState(goal="g", budget=Budget(max_steps=10**6, max_llm_tokens=10**9))
MOST = 4  # kills of one task: at the fifth claim it would be dead


def work(url, ledger, steps, dies_at):
    """Write so many notes into *ledger*; end by SIGKILL at the moment *dies_at*."""
    moments = [0]

    def moment(*_):
        moments[0] += 1
        if moments[0] == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)

    @tool(if_unknown="resend", step_name=lambda called, arguments: arguments["name"])
    def note(name: str) -> str:
        moment()
        with Path(ledger).open("a+") as book:  # a receiver that honours the key
            book.seek(0)
            if name not in book.read().split():
                book.write(f"{name}\n")
        moment()
        return f"{name} is written"

    class Model:
        def __init__(self):
            self.chat = type("Chat", (), {"completions": self})

        def create(self, *, messages, **more):
            moment()
            done = store.get("t").agent_state.budget.used.steps
            function = {"name": "note", "arguments": json.dumps({"name": f"n{done}"})}
            call = {"id": f"c{done}", "type": "function", "function": function}
            return reply("Done." if done == steps else [call], 1)

    with open_store(url) as store:
        options = {"client": Model(), "model": "m", "agent_state": STATE}
        run_agent("t", "Go.", store=store, tools=[note], on_event=moment, **options)


@pytest.mark.usefixtures("process")
@pytest.mark.parametrize(
    ("seed", "steps", "kills"),
    [
        pytest.param(0, 25, 2, id="short"),
        *(pytest.param(n, 1_000, MOST, marks=pytest.mark.soak) for n in range(25)),
    ],
)
def test_each_effect_is_had_once_and_the_digest_is_that_of_a_whole_run(
    tmp_path, seed, steps, kills
):
    """Kills by the system, wherever they strike; then the run goes to its end."""
    url, ledger = f"sqlite:{tmp_path / 'tasks.db'}", str(tmp_path / "ledger")
    chance = random.Random(seed)
    for _ in range(kills):
        at = chance.randint(1, steps)
        in_new_process(work, url, ledger, steps, at, limit=900)
    in_new_process(work, url, ledger, steps, 0, limit=900)

    with open_store(url) as store:
        task = store.get("t")
    names = (tmp_path / "ledger").read_text().split()
    digest = Finished.of(task.agent_state)
    assert (task.state, task.attempt) == ("completed", kills + 1)
    assert names == [f"n{number}" for number in range(steps)]
    assert (digest.done, digest.failed) == ({"note": steps}, {})
    assert list(digest.newest) == [f"n{n}" for n in range(steps - 10, steps)]
