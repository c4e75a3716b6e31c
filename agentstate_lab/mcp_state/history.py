"""
What was said and done in a task, for another agent: a page at a time, of one size.

A task that has run for days has tens of thousands of messages, and one of them may
have a megabyte. Whoever reads over a wire gets a page of them, with long texts shown
by their beginning, their end and their size, and where the next page begins.
"""

import json
from collections.abc import Callable
from typing import Any, Final, TypeVar

from agentstate_lab.context import MOST, cut, shortened
from agentstate_lab.state import Record, StepRecord
from agentstate_lab.stores import Page, StepStore

ON_PAGE: Final = 20

Item = TypeVar("Item")


class HistoryPage(Record):
    """
    A page of messages, or of steps.

    Attributes:
        items: What is on it.

        next: What to ask for as `after` to get the next page; None at the end.
    """

    items: list[dict[str, Any]]
    next: int | None


def messages_page(
    store: StepStore, task_id: str, after: int, *, newest_first: bool
) -> HistoryPage:
    """
    A page of what was said.

    Args:
        store: Where the task is.

        task_id: The task.

        after: How many messages to pass over.

        newest_first: Whether to begin at the end.

    Raises:
        InvalidValue: There is no such page.
        TaskNotFound: No task has this id.
    """

    def seen(message: dict[str, Any]) -> dict[str, Any]:
        return dict(shortened(message, MOST, "the store has them"))

    page = Page(after, ON_PAGE + 1, newest_first)
    return _page(store.messages(task_id, page), after, seen)


def steps_page(
    store: StepStore, task_id: str, after: int, *, newest_first: bool
) -> HistoryPage:
    """A page of the records of steps; the arguments are those of `messages_page`."""

    def seen(record: StepRecord) -> dict[str, Any]:
        said = record.result
        text = said if isinstance(said, str) else json.dumps(said)
        if len(text) > MOST:
            said = cut(text, MOST, "the store has them")
        return {
            "name": record.name,
            "status": str(record.status),
            "result": said,
            "error": record.error,
            "attempt": record.attempt,
        }

    page = Page(after, ON_PAGE + 1, newest_first)
    return _page(store.steps(task_id, page), after, seen)


def _page(
    found: list[Item], after: int, seen: Callable[[Item], dict[str, Any]]
) -> HistoryPage:
    """The page, of which one more was read to know whether there is another."""
    more = len(found) > ON_PAGE
    items = [seen(one) for one in found[:ON_PAGE]]
    return HistoryPage(items=items, next=after + ON_PAGE if more else None)
