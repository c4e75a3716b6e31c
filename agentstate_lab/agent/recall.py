"""
`recall`: how the model finds again what has fallen out of its request.

A request has one size, and a run goes on for days. So most of what was said and done
is not in front of the model, and all of it is in the store. This tool looks there: at
one step's record, at the calls of one tool, at the messages that hold a text, at one
message. It changes nothing, and what it returns has one size, too: a page, with how
to ask for the next.

What it returns is data of this task alone. It knows no other task, and no file.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import Field

from agentstate_lab.errors import InvalidValue
from agentstate_lab.state import Message, Placed, text_in_line
from agentstate_lab.stores import HistoryStore, Page

from .tools import Tool, tool

NAME = "recall"
WHERE = f"{NAME}(message={{place}}) shows them"

LINES = 10  # of a list, on a page
PAGE = 3_000  # characters of a text, on a page
SEEN = 200  # characters of each message in a list
RECALLED = "recalled: "  # how each answer begins, and how it is known again


def recall_of(store: HistoryStore, task_id: str) -> Tool:
    """
    The tool, for one task.

    Args:
        store: Where the task is.

        task_id: The task.
    """

    @tool(name=NAME, risk_level="read_only")
    def recall(
        step: Annotated[str, Field(description="the name of a finished step")] = "",
        called: Annotated[str, Field(description="the name of a tool")] = "",
        text: Annotated[str, Field(description="words as they were written")] = "",
        message: Annotated[int, Field(description="the number of a message")] = 0,
        page: Annotated[int, Field(ge=1, le=1_000_000)] = 1,
    ) -> str:
        """
        Look up what was done and said earlier in this task and is not shown any more.

        Give one of step, called, text and message; lists begin with the newest.
        """
        given = [bool(step), bool(called), bool(text), bool(message)]
        if sum(given) != 1:
            raise InvalidValue("recall", "takes one of step, called, text and message")
        if step:
            return RECALLED + _step(store, task_id, step, page)
        if message:
            return RECALLED + _message(store, task_id, message, page)
        named = f'"name":"{text_in_line(called)}"'
        wanted = named if called else text_in_line(text)
        part = Page(LINES * (page - 1), LINES, newest_first=True)
        found = store.search(task_id, wanted, part)
        shown = (_calls if called else _texts)(store, task_id, found, called or text)
        more = f"\nmore: page={page + 1}" if len(found) == LINES else ""
        return RECALLED + ("\n".join(shown) or "nothing") + more

    return recall


def _step(store: HistoryStore, task_id: str, name: str, page: int) -> str:
    """The record of one step."""
    record = store.step(task_id, name)
    if record is None:
        return f"no step is called {name!r:.200}"
    said = record.error if record.result is None else record.result
    text = "" if said is None else str(said)
    return f"step {name} is {record.status}\n{_part(text, page)}"


def _message(store: HistoryStore, task_id: str, place: int, page: int) -> str:
    """One message, a page of it."""
    if place < 1:
        return "messages are numbered from 1"
    found = store.messages(task_id, Page(place - 1, 1))
    if not found:
        return f"there is no message {place}"
    said = found[0]
    return f"message {place} ({said.get('role')})\n{_part(_text_of(said), page)}"


def _calls(
    store: HistoryStore, task_id: str, found: list[Placed], name: str
) -> Iterator[str]:
    """The calls of one tool, each with how its result begins."""
    for place, said in found:
        calls = said.get("tool_calls") or []
        after = store.messages(task_id, Page(place, max(1, len(calls))))
        results = {one.get("tool_call_id"): one.get("content") for one in after}
        for call in calls:
            if call["function"]["name"] == name:
                result = str(results.get(call["id"], "no result yet"))
                asked = call["function"]["arguments"][:SEEN]
                yield f"message {place}: {name} {asked}: {result[:SEEN]}"


def _texts(
    store: HistoryStore, task_id: str, found: list[Placed], text: str
) -> Iterator[str]:
    """The messages that hold a text, each with what is around it."""
    for place, said in found:
        whole = _text_of(said)
        own = (c["function"]["name"] == NAME for c in said.get("tool_calls") or [])
        if whole.startswith(RECALLED) or any(own):
            continue  # its own wishes and answers would be the newest to be found
        start = max(0, whole.find(text) - SEEN // 2)
        yield f"message {place} ({said.get('role')}): {whole[start : start + SEEN]}"


def _text_of(said: Message) -> str:
    """What a message says, and what it calls for."""
    called: list[Mapping[str, Any]] = said.get("tool_calls") or []
    functions = [call["function"] for call in called]
    calls = [f"{one['name']} {one['arguments']}" for one in functions]
    return "\n".join([str(said.get("content") or ""), *calls]).strip()


def _part(text: str, page: int) -> str:
    """A page of a text, and how many there are."""
    pages = max(1, -(-len(text) // PAGE))
    shown = text[PAGE * (page - 1) : PAGE * page]
    return f"page {page} of {pages}, {len(text)} characters in all:\n{shown}"
