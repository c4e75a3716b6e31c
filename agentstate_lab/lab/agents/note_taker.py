"""
A run as long as you like: the package's own agent, and a model that writes notes.

The model has no memory. How many notes there are it reads in each request, in the
digest of what is finished, and it calls for the next one. When all are written it
looks one of them up with `recall`, and ends with what it found.
"""

import json
import re
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from agentstate_lab.agent import run_agent, tool
from agentstate_lab.context import utf8_bytes
from agentstate_lab.state import AgentState, Budget, Message, Task
from agentstate_lab.stores import HistoryStore

GOAL = "Write the notes."
NOTE_BYTES = 200
BUDGET = Budget(max_steps=10**6, max_llm_tokens=10**9, max_wall_time_ms=10**9)

WRITTEN = re.compile(r'"done": \{[^}]*"write_note": (\d+)')


class NoteTaker:
    """
    A client whose model writes notes; nothing leaves this process.

    Args:
        notes: How many notes it writes.

        recalled: The number of the note that it looks up at the end; 0 for none.

    Attributes:
        sizes: The bytes of each request.

        told: The messages of the newest request.
    """

    def __init__(self, notes: int, recalled: int = 0) -> None:
        self.sizes: list[int] = []
        self.told: Sequence[Message] = ()
        self.chat = SimpleNamespace(completions=self)
        self._notes = notes
        self._recalled = recalled

    def create(self, *, messages: Sequence[Message], **request: Any) -> Any:
        """Answer one request, from nothing but its messages."""
        self.told = messages
        self.sizes.append(utf8_bytes(json.dumps(messages, ensure_ascii=False)))
        last = messages[-1]
        text = str(last["content"])
        if text.startswith("recalled: "):
            return _reply(content=text.removeprefix("recalled: "))
        found = WRITTEN.search(str([one["content"] for one in messages]))
        written = int(found[1]) if found else 0
        if written < self._notes:
            return _called("write_note", name=f"note-{written + 1}")
        if self._recalled:
            return _called("recall", step=f"note-{self._recalled}")
        return _reply(content="Done.")


@tool(
    risk_level="write_local",
    if_unknown="resend",
    step_name=lambda called, arguments: str(arguments["name"]),
)
def write_note(name: str) -> str:
    """Write a note, and say where it lies."""
    shelf = int(name.removeprefix("note-")) * 37 % 100
    said = f"{name} lies on shelf {shelf}. "
    return (said * NOTE_BYTES)[:NOTE_BYTES]


def write_notes(
    task_id: str, client: NoteTaker, *, store: HistoryStore, **more: Any
) -> Task:
    """
    Run the package's agent with the model of *client*, to its end.

    Args:
        task_id: Names the job.

        client: The model.

        store: Where everything is kept.

        more: What else `run_agent` takes.
    """
    return run_agent(
        task_id,
        GOAL,
        store=store,
        tools=[write_note],
        client=client,
        model="note-taker",
        agent_state=AgentState(goal=GOAL, budget=BUDGET),
        **more,
    )


def _called(tool_name: str, /, **arguments: str) -> Any:
    """A reply that calls for one tool."""
    function = {"name": tool_name, "arguments": json.dumps(arguments)}
    call = {"id": "-".join((tool_name, *arguments.values())), "type": "function"}
    return _reply(tool_calls=[{**call, "function": function}])


def _reply(**said: Any) -> Any:
    """A reply of the chat API."""
    message = SimpleNamespace(**{"role": "assistant", "content": None, **said})
    usage = SimpleNamespace(total_tokens=1)
    return SimpleNamespace(choices=[SimpleNamespace(message=message)], usage=usage)
