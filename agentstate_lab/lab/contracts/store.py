"""
The promises of a store, as tests that any store can be run against.

Two stores are alike when the same tests pass on both. Each group below belongs to
one protocol or one property; a store takes the groups that it offers:

    class TestMyStore(TaskStoreContract, DurableContract):
        def make_store(self, folder, clock):
            return MyStore(folder / "tasks.db", clock=clock)

Run it with pytest, in this repository or in yours. The store classes of the
course pass them in `tests/stores`.

A contract shows what a store does when asked. It cannot show what happens when
the process is killed; the crash lab does that.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from agentstate_lab.errors import (
    IllegalTransition,
    InvalidValue,
    KeyReused,
    TaskNotFound,
    VersionConflict,
)
from agentstate_lab.lab.clock import FakeClock
from agentstate_lab.state import (
    TRANSITIONS,
    AgentState,
    Fact,
    StatePatch,
    Task,
    TaskState,
    UpsertFact,
)
from agentstate_lab.stores import TaskStore, execute_step

# What JSON and databases tend to lose: kept to the letter, or refused by name.
ODD_TEXTS = [
    pytest.param("a\0b", id="nul"),
    pytest.param("line\nline\r\n\u2028end", id="line-ends"),
    pytest.param("\U0001f9ea \u0645\u0631\u062d\u0628\u0627", id="beyond-ascii"),
    pytest.param("'; DROP TABLE tasks; --", id="quotes"),
    pytest.param("", id="empty"),
    pytest.param("x" * 10_000_000, id="ten-megabytes"),
]
ODD_VALUES = [
    pytest.param(float("nan"), id="nan"),
    pytest.param({"deep": [float("-inf")]}, id="infinity"),
    pytest.param("\ud800", id="lone-surrogate"),
    pytest.param({"\udfff": 1}, id="lone-surrogate-in-a-key"),
    pytest.param(10**5000, id="a-number-of-5000-digits"),
]
HOSTILE_IDS = [
    pytest.param("../../etc/passwd", id="a-path"),
    pytest.param("a/tasks/b", id="slashes"),
    pytest.param("%2e%2e", id="percent"),
    pytest.param("' OR 1=1 --", id="sql"),
    pytest.param("T\u00e4sk", id="beyond-ascii"),
]
# Steps that lead from "pending" to each state, by legal transitions only.
PATHS: dict[TaskState, list[str]] = {
    TaskState.PENDING: [],
    TaskState.RUNNING: ["running"],
    TaskState.COMPLETED: ["running", "completed"],
    TaskState.FAILED: ["running", "failed"],
    TaskState.WAITING: ["running", "waiting"],
    TaskState.CANCELLED: ["cancelled"],
    TaskState.DEAD: ["running", "dead"],
}


class StoreMaker:
    """What a test class must say: how to make its store in an empty folder."""

    def make_store(self, folder: Path, clock: Callable[[], float]) -> TaskStore:
        """A new store in *folder*, or the one that is there already."""
        raise NotImplementedError("say how to make your store: override make_store")

    @pytest.fixture
    def clock(self) -> FakeClock:
        """The clock that the store is given."""
        return FakeClock(now=1_000.0)

    @pytest.fixture
    def store(self, tmp_path: Path, clock: FakeClock) -> Any:
        """The store under test, closed afterwards."""
        store = self.make_store(tmp_path, clock)
        yield store
        store.close()


def stored(store: TaskStore, key: str = "k", *states: str) -> Task:
    """A task in *store*, led through *states*."""
    task = store.submit(Task.new("Clean the logs", key=key)).task
    for state in states:
        task = store.save(task.replace(state=state))
    return task


def run_threads(call: Callable[[], object], count: int = 8) -> None:
    """Run *call* in *count* threads; what one of them raises is raised here."""
    with ThreadPoolExecutor(count) as pool:
        called = [pool.submit(call) for _ in range(count)]
    for one in called:
        one.result()


class TaskStoreContract(StoreMaker):
    """`TaskStore`: submit, get, save with compare-and-set, list by state."""

    def test_a_new_task_is_stored_at_version_one(self, store: TaskStore) -> None:
        """Submitting says that it made the task, and when."""
        task, created = store.submit(Task.new("Clean the logs", key="k"))

        assert created
        assert (task.version, task.created_at, task.updated_at) == (1, 1_000, 1_000)
        assert store.get(task.id) == task

    def test_submitting_again_finds_the_task(self, store: TaskStore) -> None:
        """The same key with the same input is the same task, however far it is."""
        first = stored(store, "k", "running", "completed")

        again, created = store.submit(Task.new("Clean the logs", key="k"))

        assert (again, created) == (first, False)

    def test_a_key_with_another_input_is_refused(self, store: TaskStore) -> None:
        """A reused key must not swallow a new request, nor change the old."""
        first = stored(store)

        with pytest.raises(KeyReused):
            store.submit(Task.new("Drop the database", key="k"))

        assert store.get(first.id) == first

    def test_only_new_tasks_are_submitted(self, store: TaskStore) -> None:
        """A task that was saved before cannot be put back to its start."""
        task = stored(store)

        with pytest.raises(InvalidValue, match="pending"):
            store.submit(task)

    def test_an_unknown_id_is_named(self, store: TaskStore) -> None:
        """Reading and saving say which id is unknown, and store nothing."""
        with pytest.raises(TaskNotFound, match="'nobody'"):
            store.get("nobody")
        with pytest.raises(TaskNotFound, match="'nobody'"):
            store.save(Task.new("Clean the logs", task_id="nobody"))

        assert store.list_by_state("pending") == []

    def test_a_save_returns_what_is_stored(
        self, store: TaskStore, clock: FakeClock
    ) -> None:
        """One version on, the time of the write, the time of creation kept."""
        task = stored(store)
        clock.advance(5)

        saved = store.save(task.replace(state="running", created_at=0))

        assert (saved.version, saved.created_at, saved.updated_at) == (2, 1_000, 1_005)
        assert store.get(task.id) == saved

    def test_a_late_writer_is_refused(self, store: TaskStore) -> None:
        """Whoever writes on an old version learns of it, and changes nothing."""
        old = stored(store)
        new = store.save(old.replace(state="running"))

        with pytest.raises(VersionConflict) as caught:
            store.save(old.replace(state="cancelled"))

        assert (caught.value.expected, caught.value.found) == (1, 2)
        assert store.get(old.id) == new

    @pytest.mark.parametrize("old", list(TaskState))
    @pytest.mark.parametrize("new", list(TaskState))
    def test_the_stored_state_rules(
        self, store: TaskStore, old: TaskState, new: TaskState
    ) -> None:
        """A save passes if the table has the transition; else it is refused by name."""
        task = stored(store, "k", *PATHS[old])
        # A writer that skips `replace` must not get past the store either.
        forged = task.model_copy(update={"state": new})

        if new in TRANSITIONS[old]:
            assert store.save(forged).state is new
        else:
            with pytest.raises(IllegalTransition) as caught:
                store.save(forged)
            assert (caught.value.old, caught.value.new) == (old, new)
            assert store.get(task.id) == task

    def test_what_was_asked_cannot_be_changed_by_a_save(self, store: TaskStore) -> None:
        """The input belongs to the id for good."""
        task = stored(store)
        forged = task.model_copy(update={"user_input": "Drop the database"})

        with pytest.raises(KeyReused):
            store.save(forged)

        assert store.get(task.id) == task

    def test_a_list_is_ordered_and_limited(
        self, store: TaskStore, clock: FakeClock
    ) -> None:
        """Oldest first, ids where the age is the same, and no more than asked for."""
        tasks = []
        for key in ("a", "b", "c", "d"):
            tasks.append(stored(store, key))
            clock.advance(1 if key != "b" else 0)
        tasks.sort(key=lambda task: (task.created_at, task.id))
        stored(store, "other", "running")

        assert store.list_by_state("pending") == tasks
        assert store.list_by_state(TaskState.PENDING, limit=2) == tasks[:2]
        assert store.list_by_state("dead") == []

    @pytest.mark.parametrize("limit", [0, -1, 1.5, True, "3", None])
    def test_a_limit_that_is_no_count_is_refused(
        self, store: TaskStore, limit: Any
    ) -> None:
        """Nobody gets everything by asking for minus one."""
        with pytest.raises(InvalidValue, match="limit"):
            store.list_by_state("pending", limit=limit)

    def test_a_state_that_does_not_exist_is_refused(self, store: TaskStore) -> None:
        """A misspelt state must not look like an empty list."""
        with pytest.raises(InvalidValue, match="'done' is none of pending"):
            store.list_by_state("done")

    @pytest.mark.parametrize("text", ODD_TEXTS)
    def test_odd_text_comes_back_as_it_was(self, store: TaskStore, text: str) -> None:
        """What JSON can carry is kept to the letter."""
        asked = Task.new(text, key="odd")

        task = store.submit(asked).task
        task = store.save(task.replace(state="running", error=text))

        assert (store.get(task.id).user_input, store.get(task.id).error) == (text, text)

    @pytest.mark.parametrize("value", ODD_VALUES)
    def test_odd_values_are_refused_and_nothing_is_lost(
        self, store: TaskStore, value: Any
    ) -> None:
        """What would come back changed is refused before it is stored."""
        task = stored(store, "k", "running")
        try:
            odd = Fact(key="odd", value=value)
            operations = (UpsertFact(fact=odd),)
            patch = StatePatch(id="p", base_version=2, operations=operations)
            changed = task.apply(patch)
        except ValueError:
            return  # refused even earlier, by the model

        with pytest.raises(InvalidValue, match="cannot"):
            store.save(changed)

        assert store.get(task.id) == task

    @pytest.mark.parametrize("task_id", HOSTILE_IDS)
    def test_ids_are_data(self, store: TaskStore, task_id: str) -> None:
        """An id is neither a path nor a query."""
        task = store.submit(Task.new("Clean the logs", task_id=task_id)).task

        assert store.get(task_id) == task

    def test_a_stored_task_shares_nothing_with_its_reader(
        self, store: TaskStore
    ) -> None:
        """Changing what was read does not change what is stored."""
        state = AgentState(goal="g", known_facts=(Fact(key="k", value={"n": 1}),))
        task = store.submit(Task.new("g", key="k", agent_state=state)).task
        value = store.get(task.id).agent_state.known_facts[0].value
        assert isinstance(value, dict)

        value["n"] = 2

        assert store.get(task.id).agent_state.fact("k") == {"n": 1}

    def test_closing_twice_does_no_harm(self, store: TaskStore) -> None:
        """Clean-up code may run more than once."""
        store.close()
        store.close()

    def test_a_step_runs_again_on_what_the_others_wrote(self, store: TaskStore) -> None:
        """`execute_step` loses the race once, reads anew, and both changes stay."""
        task = stored(store, "k", "running")
        seen: list[int] = []

        def step(current: Task) -> Task:
            seen.append(current.version)
            if len(seen) == 1:  # somebody else writes while the step runs
                store.save(current.replace(error="from the other"))
            return current.replace(result="from the step")

        done = execute_step(store, task.id, step)

        assert seen == [2, 3]
        assert (done.error, done.result) == ("from the other", "from the step")

    def test_threads_lose_no_update(self, store: TaskStore) -> None:
        """Eight threads count to 80 together."""
        task = stored(store, "k", "running")

        def once(current: Task) -> Task:
            return current.replace(attempt=current.attempt + 1)

        run_threads(lambda: [execute_step(store, task.id, once) for _ in range(10)])

        assert store.get(task.id).attempt == 80


class DurableContract(StoreMaker):
    """What a store promises that outlives its process."""

    def test_a_new_store_finds_what_the_old_one_kept(
        self, store: TaskStore, tmp_path: Path, clock: FakeClock
    ) -> None:
        """Closing and opening again changes nothing."""
        task = stored(store, "k", "running", "completed")
        store.close()

        again = self.make_store(tmp_path, clock)

        assert again.get(task.id) == task
        assert again.list_by_state("completed") == [task]
        again.close()

    def test_two_open_stores_see_each_other(
        self, store: TaskStore, tmp_path: Path, clock: FakeClock
    ) -> None:
        """What one writes the other reads, and a late save is refused between them."""
        other = self.make_store(tmp_path, clock)
        old = stored(store)

        new = other.save(other.get(old.id).replace(state="running"))

        assert store.get(old.id) == new
        with pytest.raises(VersionConflict):
            store.save(old.replace(state="cancelled"))
        other.close()

    def test_a_patch_applied_before_a_restart_is_known_after_it(
        self, store: TaskStore, tmp_path: Path, clock: FakeClock
    ) -> None:
        """The ids of applied patches are part of what is stored."""
        task = stored(store, "k", "running")
        fact = UpsertFact(fact=Fact(key="region", value="eu"))
        patch = StatePatch(id="look", base_version=2, operations=(fact,))
        done = store.save(task.apply(patch))
        store.close()

        again = self.make_store(tmp_path, clock)

        assert again.get(task.id).apply(patch) == done
        again.close()
