"""The module of an engineer who has never seen this repository: agents for `work`."""

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from agentstate_lab import IdempotencyKey, Task, run_agent, tool


class Client:
    """A model that looks, wipes, and says that it is done."""

    def __init__(self) -> None:
        self.chat = SimpleNamespace(completions=self)

    def create(self, *, messages: Any, **request: Any) -> Any:
        """The next call, by the results that are there."""
        done = sum(message["role"] == "tool" for message in messages)
        wanted = [("look", ""), ("wipe", '{"path": "/srv"}')][done : done + 1]
        calls = [
            {"id": f"c{done}", "function": {"name": name, "arguments": arguments}}
            for name, arguments in wanted
        ]
        said = SimpleNamespace(content=None if calls else "Done.", tool_calls=calls)
        return SimpleNamespace(choices=[SimpleNamespace(message=said)], usage=None)


@tool(risk_level="read_only")
def look() -> str:
    """Look around."""
    return "full"


@tool(if_unknown="resend")
async def wipe(path: str, *, key: IdempotencyKey) -> str:
    """Wipe a path, and note it in a file."""
    with Path("effects").open("a") as file:
        file.write(f"{path} {key}\n")
    return "wiped"


def agent(store: Any, task: Task) -> Task:
    """The agent of the package, with tools of one's own."""
    tools = [look, wipe]
    return run_agent(
        task.id,
        task.user_input,
        agent_id=task.agent_id,
        store=store,
        tools=tools,
        client=Client(),
        model="m",
    )


def plain(store: Any, task: Task) -> dict[str, str]:
    """A function that knows nothing of the package."""
    return {"asked": task.user_input}


def broken(store: Any, task: Task) -> None:
    """It fails."""
    raise LookupError("no such shop")


def half(store: Any, task: Task) -> Task:
    """It comes back, and the task is not done."""
    return task.replace(state="failed", error="no time")


def hang(store: Any, task: Task) -> None:
    """It says that it has begun, and never ends."""
    Path("begun").touch()
    while True:
        time.sleep(0.05)
