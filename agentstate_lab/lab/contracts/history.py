"""
What a store of history promises, as tests; see `store` for how to use them.

    class TestMyStore(TaskStoreContract, StepStoreContract, HistoryStoreContract):
        def make_store(self, folder, clock):
            return MyStore(folder / "tasks.db", clock=clock)
"""

from pathlib import Path
from typing import Any

import pytest

from agentstate_lab.errors import InvalidValue, TaskNotFound, VersionConflict
from agentstate_lab.lab.clock import FakeClock
from agentstate_lab.state import AgentState, Checkpoint, Fact, Task, text_in_line
from agentstate_lab.stores import HistoryStore, Page

from .steps import begun
from .store import StoreMaker, stored


def saved_with_checkpoints(
    store: HistoryStore, clock: FakeClock, count: int, key: str = "k"
) -> Task:
    """A task with a checkpoint of each second, the first at version 3."""
    task = stored(store, key, "running")
    for number in range(count):
        state = AgentState(goal="g", known_facts=(Fact(key="n", value=number),))
        task = task.replace(agent_state=state)
        taken = Checkpoint.of(
            task, messages=number + 1, trigger="step", taken_at=clock()
        )
        said = {"role": "user", "content": str(number)}
        task = store.save(task, messages=[said], checkpoint=taken)
        clock.advance(1)
    return task


class HistoryStoreContract(StoreMaker):
    """`HistoryStore`: checkpoints in the commit of their task, read, thinned out."""

    def test_a_checkpoint_is_stored_with_its_task(
        self, store: HistoryStore, clock: FakeClock
    ) -> None:
        """It comes back whole, by its version and as the newest."""
        task = saved_with_checkpoints(store, clock, 2)

        first, second = store.checkpoints(task.id)

        assert (first.version, second.version) == (3, 4)
        assert second.version == task.version
        assert store.checkpoint(task.id) == second
        assert store.checkpoint(task.id, 3) == first
        assert first.is_whole
        assert second.agent_state.fact("n") == 1

    def test_a_task_without_checkpoints_has_none(self, store: HistoryStore) -> None:
        """An empty history is no error; an unknown task is one."""
        task = stored(store)

        assert store.checkpoints(task.id) == []
        assert store.checkpoint(task.id) is None
        assert store.checkpoint(task.id, 99) is None
        for read in (store.checkpoints, store.checkpoint, store.message_count):
            with pytest.raises(TaskNotFound, match="'nobody'"):
                read("nobody")

    def test_messages_are_counted(self, store: HistoryStore, clock: FakeClock) -> None:
        """The number of the last message is what a checkpoint needs."""
        task = saved_with_checkpoints(store, clock, 3)

        assert store.message_count(task.id) == len(store.messages(task.id)) == 3
        for checkpoint in store.checkpoints(task.id):
            assert store.message_count(task.id, since=checkpoint) == 3
        task = store.save(task, messages=[{"role": "user"}, {"role": "user"}])
        newest = store.checkpoint(task.id)
        assert store.message_count(task.id, since=newest) == 5
        assert store.message_count(stored(store, "other").id) == 0

    def test_a_refused_save_keeps_its_checkpoint_out(
        self, store: HistoryStore, clock: FakeClock
    ) -> None:
        """A late writer leaves no moment behind that never was."""
        old = stored(store, "k", "running")
        store.save(old)
        taken = Checkpoint.of(old, messages=0, trigger="step")

        with pytest.raises(VersionConflict):
            store.save(old, checkpoint=taken)

        assert store.checkpoints(old.id) == []

    def test_a_checkpoint_of_another_moment_is_refused(
        self, store: HistoryStore
    ) -> None:
        """It must be of this task, and of the version that this save makes."""
        task, other = stored(store, "a", "running"), stored(store, "b", "running")
        late = Checkpoint.of(task, messages=0, trigger="step")
        late = late.model_copy(update={"version": 7})

        for wrong in (late, Checkpoint.of(other, messages=0, trigger="step")):
            with pytest.raises(InvalidValue, match="checkpoint"):
                store.save(task, checkpoint=wrong)

        assert store.get(task.id) == task
        assert store.checkpoints(task.id) == []

    @pytest.mark.parametrize(
        ("keep", "before", "left"),
        [
            pytest.param(None, None, [3, 4, 5, 6, 7], id="no-rule"),
            pytest.param(2, None, [6, 7], id="the-newest-two"),
            pytest.param(9, None, [3, 4, 5, 6, 7], id="fewer-than-kept"),
            pytest.param(None, 1_002.0, [5, 6, 7], id="what-is-not-old"),
            pytest.param(4, 1_002.0, [5, 6, 7], id="age-alone-is-enough"),
            pytest.param(1, 1_002.0, [7], id="number-alone-is-enough"),
            pytest.param(None, 9_999.0, [7], id="the-newest-stays-when-all-are-old"),
        ],
    )
    def test_rotation_has_two_rules_and_keeps_the_newest(
        self,
        store: HistoryStore,
        clock: FakeClock,
        keep: int | None,
        before: float | None,
        left: list[int],
    ) -> None:
        """Either rule drops a checkpoint; neither drops the last one."""
        task = saved_with_checkpoints(store, clock, 5)

        dropped = store.prune(task.id, keep=keep, before=before)

        assert dropped == 5 - len(left)
        assert [one.version for one in store.checkpoints(task.id)] == left
        assert store.message_count(task.id) == 5
        assert store.get(task.id) == task

    def test_rotation_leaves_other_tasks_alone(
        self, store: HistoryStore, clock: FakeClock
    ) -> None:
        """And of an unknown task it says so."""
        one = saved_with_checkpoints(store, clock, 2, "a")
        other = saved_with_checkpoints(store, clock, 2, "b")

        store.prune(one.id, keep=1, before=None)

        assert len(store.checkpoints(other.id)) == 2
        with pytest.raises(TaskNotFound):
            store.prune("nobody", keep=1, before=None)


class DurableHistoryContract(StoreMaker):
    """Checkpoints outlive the process that took them."""

    def test_the_next_store_finds_the_checkpoints(
        self, store: HistoryStore, tmp_path: Path, clock: FakeClock
    ) -> None:
        """Closing and opening again changes nothing."""
        task = saved_with_checkpoints(store, clock, 2)
        taken = store.checkpoints(task.id)
        store.close()

        again: Any = self.make_store(tmp_path, clock)

        assert again.checkpoints(task.id) == taken
        assert again.message_count(task.id) == 2
        again.close()

    def test_a_page_is_a_part_of_the_list(
        self, store: HistoryStore, clock: FakeClock
    ) -> None:
        """From either end, of messages, steps and checkpoints alike."""
        task = saved_with_checkpoints(store, clock, 7)
        names = [f"s{n}" for n in range(7)]
        task = store.save(task, steps=[begun(name) for name in names[:4]])
        store.save(task, steps=[begun(name) for name in names[4:]])

        for read in (store.messages, store.steps, store.checkpoints):
            whole: list[Any] = read(task.id)
            assert len(whole) == 7
            for after in (0, 3, 6, 7, 100):
                for page in (Page(after, 3), Page(after, 3, newest_first=True)):
                    assert read(task.id, page) == page.of(whole)
            with pytest.raises(TaskNotFound):
                read("nobody", Page(limit=1))

    def test_messages_are_found_by_their_text(self, store: HistoryStore) -> None:
        """As it is written, with its place, from either end."""
        task = stored(store, "k", "running")
        texts = ["one", 'a "quoted" ünï\n\0 line', "One", "one and one"]
        store.save(task, messages=[{"role": "user", "content": t} for t in texts])

        found = store.search(task.id, "one")
        newest = store.search(task.id, "one", Page(limit=1, newest_first=True))

        assert [place for place, _ in found] == [1, 4]
        assert found[0][1] == {"role": "user", "content": "one"}
        assert newest == found[1:]
        odd = store.search(task.id, text_in_line(texts[1]))
        assert odd == [(2, {"role": "user", "content": texts[1]})]
        assert len(store.search(task.id, '"role":"user"')) == 4
        for nothing in ("%o_", "\ud800", "\0", "x" * 10**6):
            assert store.search(task.id, nothing) == []
        with pytest.raises(TaskNotFound):
            store.search("nobody", "one")
