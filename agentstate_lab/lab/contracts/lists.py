"""
The promises of a list in pages, as tests that any store can be run against.

    class TestMyStore(TaskStoreContract, StepStoreContract, TaskListContract):
        def make_store(self, folder, clock):
            return MyStore(folder / "tasks.db", clock=clock)

What a store does with a row that it cannot read is not here: how to make one is
another matter for each store.
"""

from typing import Any

import pytest

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.clock import FakeClock
from agentstate_lab.state import Owner, Task, TaskState
from agentstate_lab.stores import StepStore, each_task

from .store import StoreMaker, stored

HERE = Owner(boot_id="here 1 pid", pid=1, started_at=0.0, run_id="run-1")
THERE = HERE.model_copy(update={"boot_id": "there 1 pid"})
NO_CURSORS = [
    pytest.param("2", id="a-number"),
    pytest.param("", id="empty"),
    pytest.param("[1.0]", id="half"),
    pytest.param('["x", "y"]', id="no-time"),
    pytest.param('[NaN, "y"]', id="nan"),
    pytest.param('[1.0, "a\\u0000b"]', id="nul"),
    pytest.param('[1.0, "\\ud800"]', id="lone-surrogate"),
    pytest.param("[" * 100_000, id="brackets"),
    pytest.param(7, id="not-a-text"),
]


def keys(store: StepStore, **wanted: Any) -> list[str]:
    """The ids of all pages of a list, as they come."""
    return [task.id for task in each_task(store, **wanted)]


def put(store: StepStore, task_id: str, *states: str, **more: Any) -> Task:
    """A task of this id in *store*, led through *states*."""
    task = store.submit(Task.new("x", task_id=task_id, **more)).task
    for state in states:
        task = store.save(task.replace(state=state))
    return task


class TaskListContract(StoreMaker):
    """`list_tasks`: conditions in the question, pages with a cursor."""

    def test_pages_hold_each_task_once_in_their_order(
        self, store: StepStore, clock: FakeClock
    ) -> None:
        """Oldest first, then by id, with a cursor on all pages but the last."""
        for name in ("d", "b", "c", "a", "e"):
            put(store, name)
            clock.advance(1 if name == "c" else 0)

        pages: list[list[str]] = []
        cursor = None
        while not pages or cursor:
            page = store.list_tasks(after=cursor, limit=2)
            pages.append([task.id for task in page.tasks])
            cursor = page.next

        assert pages == [["b", "c"], ["d", "a"], ["e"]]

    def test_a_list_holds_every_state_unless_told_otherwise(
        self, store: StepStore
    ) -> None:
        """Whole tasks come, as `get` returns them."""
        ended = put(store, "a", "running", "completed")
        waits = put(store, "b", "running", "waiting")
        new = put(store, "c")

        assert store.list_tasks() == ([ended, waits, new], None)
        assert keys(store, states=["completed", TaskState.PENDING]) == ["a", "c"]
        assert keys(store, states="waiting") == ["b"]
        assert keys(store, states=[]) == []

    def test_one_task_is_found_behind_a_thousand_of_another_agent(
        self, store: StepStore
    ) -> None:
        """The limit comes after the condition, and not before it."""
        for n in range(30):
            put(store, f"a-{n}", agent_id="many")
        mine = put(store, "b", agent_id="few")

        page = store.list_tasks(agents=["few", "nobody"], limit=5)

        assert page == ([mine], None)
        assert len(keys(store, agents=["many", "few", "few"])) == 31
        assert keys(store, agents=[]) == keys(store, agents=["\ud800", "a\0"]) == []

    def test_a_machine_finds_what_was_begun_on_it(self, store: StepStore) -> None:
        """Whoever looks for orphans need not read the tasks of a hundred others."""
        for n in range(30):
            task = put(store, f"a-{n}")
            store.save(task.replace(state="running", owner=THERE))
        mine = put(store, "b").replace(state="running", owner=HERE)
        put(store, "c", "running")
        mine = store.save(mine)

        page = store.list_tasks(states=["running"], machine="here", limit=5)

        assert page == ([mine], None)
        assert keys(store, machine="her") == keys(store, machine='"') == []

    def test_pages_neither_skip_nor_repeat_while_others_write(
        self, store: StepStore, clock: FakeClock
    ) -> None:
        """What is there all the time is on one page; what comes and goes may be."""
        names = [put(store, f"a-{n:02}").id for n in range(12)]
        moving, cursor = names[::2], None
        seen: list[str] = []
        while not seen or cursor:
            page = store.list_tasks(states=["pending"], after=cursor, limit=2)
            seen += [task.id for task in page.tasks]
            cursor = page.next
            clock.advance(1)
            put(store, f"new-{len(seen)}")
            store.save(store.get(names[1]).replace(error="seen"))
            if moving:
                store.save(store.get(moving.pop()).replace(state="cancelled"))

        assert [one for one in seen if one in names[1::2]] == names[1::2]
        assert len(seen) == len(set(seen))

    @pytest.mark.parametrize("cursor", NO_CURSORS)
    def test_a_cursor_that_came_with_no_page_is_refused(
        self, store: StepStore, cursor: Any
    ) -> None:
        """It must not look like the end of the list, nor like its beginning."""
        put(store, "a")

        with pytest.raises(InvalidValue, match="cursor"):
            store.list_tasks(after=cursor)

    @pytest.mark.parametrize("limit", [0, -1, 1.5, True, "3", None])
    def test_a_page_of_no_size_is_refused(self, store: StepStore, limit: Any) -> None:
        """As for `list_by_state`."""
        with pytest.raises(InvalidValue, match="limit"):
            store.list_tasks(limit=limit)

    def test_a_list_of_a_state_that_does_not_exist_is_refused(
        self, store: StepStore
    ) -> None:
        """A misspelt state must not look like an empty list."""
        stored(store)
        with pytest.raises(InvalidValue, match="'done' is none of pending"):
            store.list_tasks(states=["pending", "done"])
