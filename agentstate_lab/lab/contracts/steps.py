"""
What a store of steps promises, as tests; see `store` for how to use them.

    class TestMyStore(TaskStoreContract, StepStoreContract, DurableStepContract):
        def make_store(self, folder, clock):
            return MyStore(folder / "tasks.db", clock=clock)

The first group is about one store, the second about what is found by the next.
"""

import threading
from pathlib import Path
from typing import Any

import pytest
from pydantic import JsonValue

from agentstate_lab.errors import (
    InvalidValue,
    TaskInProgress,
    TaskNotFound,
    VersionConflict,
)
from agentstate_lab.idempotency import execute_task, run_once
from agentstate_lab.lab.clock import FakeClock
from agentstate_lab.state import Owner, StepRecord, StepStatus
from agentstate_lab.stores import StepStore, record_more, whereabouts

from .store import ODD_VALUES, StoreMaker, run_threads, stored

ME = Owner(boot_id="here 1 pid", pid=1, started_at=0.5, run_id="run-1")


def begun(name: str = "deploy-api", **changes: Any) -> StepRecord:
    """A step whose intent is recorded."""
    fields = {"key": f"k/{name}", "fingerprint": "f", "owner": ME, **changes}
    return StepRecord.model_validate({"name": name, "status": "started", **fields})


class StepStoreContract(StoreMaker):
    """`StepStore`: everything of one moment in one commit, read back in order."""

    def test_a_step_is_stored_with_its_task(self, store: StepStore) -> None:
        """One save, one version, and both are there."""
        task = stored(store, "k", "running")

        saved = store.save(task.replace(attempt=1), steps=[begun()])

        assert saved.version == task.version + 1
        assert store.get(task.id) == saved
        assert store.steps(task.id) == [begun()]

    def test_steps_come_in_the_order_in_which_they_were_begun(
        self, store: StepStore
    ) -> None:
        """A later record of a step takes the place of the earlier one."""
        task = stored(store, "k", "running")
        names = ["deploy-web", "announce", "deploy-api"]
        for name in names:
            task = store.save(task, steps=[begun(name)])
        done = begun("announce", status="done", result={"receipt": 1}, attempt=2)

        store.save(task, steps=[done])

        assert [one.name for one in store.steps(task.id)] == names
        assert store.steps(task.id)[1] == done

    def test_messages_are_added_at_the_end(self, store: StepStore) -> None:
        """What was said is never rewritten."""
        task = stored(store, "k", "running")
        first, second, third = ({"role": "user", "content": n} for n in "123")
        task = store.save(task, messages=[first, second])
        task = store.save(task)

        store.save(task, messages=[third])

        assert store.messages(task.id) == [first, second, third]

    def test_a_refused_save_keeps_all_of_it_out(self, store: StepStore) -> None:
        """Steps and messages of a late writer are as refused as its task."""
        old = stored(store, "k", "running")
        store.save(old, steps=[begun()])

        with pytest.raises(VersionConflict):
            store.save(old, steps=[begun("announce")], messages=[{"role": "user"}])

        assert [one.name for one in store.steps(old.id)] == ["deploy-api"]
        assert store.messages(old.id) == []

    @pytest.mark.parametrize("odd", ODD_VALUES)
    def test_a_result_that_would_come_back_changed_is_refused(
        self, store: StepStore, odd: JsonValue
    ) -> None:
        """Neither the step nor the task of that save is stored."""
        task = stored(store, "k", "running")
        step = begun().model_copy(update={"status": StepStatus.DONE, "result": odd})

        with pytest.raises(InvalidValue, match="cannot"):
            store.save(task.replace(attempt=1), steps=[step])

        assert store.get(task.id) == task
        assert store.steps(task.id) == []

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("a\0b", id="nul"),
            pytest.param("'; DROP TABLE steps; --\u2028\r\n", id="quotes"),
            pytest.param("\U0001f9ea" * 100_000, id="four-bytes-each"),
            pytest.param(",\n}},{", id="what-the-file-is-made-of"),
        ],
    )
    def test_odd_text_comes_back_as_it_was(self, store: StepStore, text: str) -> None:
        """In a result and in a message."""
        task = stored(store, "k", "running")
        step = begun(status="done", result=[text])

        store.save(task, steps=[step], messages=[{"role": "tool", "content": text}])

        assert store.steps(task.id) == [step]
        assert store.messages(task.id) == [{"role": "tool", "content": text}]

    def test_tasks_do_not_share_their_steps(self, store: StepStore) -> None:
        """The same step of two tasks is two steps."""
        one, other = stored(store, "a", "running"), stored(store, "b", "running")

        store.save(one, steps=[begun()])

        assert store.steps(other.id) == []

    def test_an_unknown_task_has_no_steps(self, store: StepStore) -> None:
        """A misspelt id must not look like a task that has done nothing."""
        for read in (store.steps, store.messages):
            with pytest.raises(TaskNotFound, match="'nobody'"):
                read("nobody")

    def test_what_was_read_shares_nothing_with_the_store(
        self, store: StepStore
    ) -> None:
        """Changing what was read does not change what is stored."""
        task = stored(store, "k", "running")
        message = {"role": "user", "content": "hello"}
        store.save(task, messages=[message])
        message["content"] = "changed after the save"

        store.messages(task.id)[0]["content"] = "changed after the read"

        assert store.messages(task.id) == [{"role": "user", "content": "hello"}]

    def test_who_is_running_has_an_owner_and_nobody_else_has(
        self, store: StepStore
    ) -> None:
        """Whoever saves a task as running is at work on it, named or not."""
        task = stored(store, "k", "running")
        assert whereabouts(store.get(task.id).owner) == "alive"

        mine = store.save(task.replace(owner=ME))
        assert store.get(task.id).owner == ME

        store.save(mine.replace(state="failed", error="no"))
        assert store.get(task.id).owner is None

    def test_of_eight_threads_one_runs_the_step(self, store: StepStore) -> None:
        """The others are told that somebody is at it, or get the result."""
        task = stored(store, "k", "running")
        barrier, ran, ends = threading.Barrier(8), [], []

        def effect(key: str) -> JsonValue:
            ran.append(key)
            return len(ran)

        def call() -> None:
            barrier.wait()
            try:
                ends.append(run_once(store, task.id, "deploy-api", effect))
            except TaskInProgress:
                ends.append("in progress")

        run_threads(call)

        assert len(ran) == 1
        assert set(ends) <= {1, "in progress"}
        assert len(ends) == 8

    def test_of_eight_threads_one_runs_the_task(self, store: StepStore) -> None:
        """The others are told so, or get the finished task."""
        task = stored(store)
        barrier, ran, ends = threading.Barrier(8), [], []

        def work(asked: str) -> str:
            ran.append(asked)
            return "done"

        def call() -> None:
            barrier.wait()
            try:
                ends.append(execute_task(store, task.id, work).result)
            except TaskInProgress:
                ends.append("in progress")

        run_threads(call)

        assert ran == ["Clean the logs"]
        assert set(ends) <= {"done", "in progress"}
        assert "done" in ends

    def test_threads_that_record_lose_nothing(self, store: StepStore) -> None:
        """Eight threads add ten steps each, beside each other."""
        task = stored(store, "k", "running")
        numbers = iter(range(8))

        def call() -> None:
            mine = next(numbers)
            for n in range(10):
                record_more(store, task.id, steps=[begun(f"s-{mine}-{n}")])

        run_threads(call)

        names = [one.name for one in store.steps(task.id)]
        assert len(names) == len(set(names)) == 80


class DurableStepContract(StoreMaker):
    """Steps and messages outlive the process that recorded them."""

    def test_the_next_store_finds_steps_and_messages(
        self, store: StepStore, tmp_path: Path, clock: FakeClock
    ) -> None:
        """Closing and opening again changes nothing."""
        task = stored(store, "k", "running")
        said = [{"role": "user", "content": "go"}]
        store.save(task, steps=[begun(), begun("announce")], messages=said)
        store.close()

        again: Any = self.make_store(tmp_path, clock)

        assert again.steps(task.id) == [begun(), begun("announce")]
        assert again.messages(task.id) == said
        again.close()

    def test_a_result_is_replayed_by_the_next_store(
        self, store: StepStore, tmp_path: Path, clock: FakeClock
    ) -> None:
        """The effect of a recorded step does not run again."""
        task = stored(store, "k", "running")
        run_once(store, task.id, "deploy-api", lambda key: {"asked with": key})
        store.close()
        again: Any = self.make_store(tmp_path, clock)

        found = run_once(again, task.id, "deploy-api", lambda key: 1 / 0)

        assert found == {"asked with": f"{task.id}/deploy-api"}
        again.close()
