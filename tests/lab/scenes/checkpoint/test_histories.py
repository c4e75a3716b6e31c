"""Histories that notebook 07 makes, damages, looks back on and weighs."""

import pytest

from agentstate_lab.checkpoint import CheckpointManager
from agentstate_lab.errors import (
    CheckpointRefused,
    InvalidValue,
    StoreTooNew,
    StoreTorn,
)
from agentstate_lab.lab.scenes.checkpoint import (
    bytes_on_disk,
    damaged,
    growth,
    long_history,
    one_of_each,
)
from agentstate_lab.lab.scenes.checkpoint.time_travel import moment
from agentstate_lab.state import Fact
from agentstate_lab.stores import MemoryStore


@pytest.fixture
def past(tmp_path, clock):
    """A store with a task of five checkpoints."""
    with long_history(tmp_path / "past.db", clock, "watch", 5) as store:
        yield store


def test_a_long_history_has_a_checkpoint_for_each_second(past):
    """All of them whole, in one chain."""
    history = past.checkpoints("watch")

    assert [one.taken_at for one in history] == [1, 2, 3, 4, 5]
    assert [one.parent for one in history[1:]] == [one.version for one in history[:-1]]
    assert all(one.is_whole for one in history)


def test_a_history_that_was_thinned_out_is_filled_up(past, tmp_path, clock):
    """A cell can be run again."""
    past.prune("watch", keep=1, before=None)

    with long_history(tmp_path / "past.db", clock, "watch", 5) as again:
        assert len(again.checkpoints("watch")) == 5


def test_there_is_one_task_of_each_state(clock):
    """And a second call makes others."""
    store = MemoryStore(clock=clock)

    made, more = one_of_each(store), one_of_each(store)

    states = {state: str(store.get(one).state) for state, one in made.items()}
    assert states == {state: state for state in made}
    assert len(made) == 5
    assert set(made.values()).isdisjoint(more.values())


@pytest.mark.parametrize(
    ("how", "error"),
    [
        pytest.param("torn", StoreTorn, id="torn"),
        pytest.param("altered", CheckpointRefused, id="altered"),
        pytest.param("newer", StoreTooNew, id="newer"),
    ],
)
def test_a_damaged_checkpoint_is_refused_by_its_name(past, tmp_path, clock, how, error):
    """
    Nothing was touched, an older one can be forked, and it is put back at the end.
    """
    manager = CheckpointManager(past, clock=clock)
    before = past.checkpoints("watch")

    with damaged(tmp_path / "past.db", "watch", how):
        with pytest.raises(error) as caught:
            manager.resume("watch")
        fork = manager.fork("watch", before[-2].version, new_id="fork")

    assert caught.value.effect == "not started"
    assert fork.agent_state == before[-2].agent_state
    assert past.checkpoints("watch") == before


def test_damage_is_repaired_when_the_block_fails(past, tmp_path):
    """A cell that raises leaves no harm behind."""
    before = past.checkpoints("watch")

    with (
        pytest.raises(ZeroDivisionError),
        damaged(tmp_path / "past.db", "watch", "torn"),
    ):
        1 / 0  # noqa: B018 - it is meant to raise

    assert past.checkpoints("watch") == before


@pytest.mark.parametrize(
    ("task_id", "how", "why"),
    [
        pytest.param("watch", "burnt", "none of torn", id="unknown-damage"),
        pytest.param("nobody", "torn", "has no checkpoint", id="no-checkpoint"),
    ],
)
def test_nothing_is_damaged_by_mistake(past, tmp_path, task_id, how, why):
    """Refused before the file is touched."""
    with (
        pytest.raises(InvalidValue, match=why),
        damaged(tmp_path / "past.db", task_id, how),
    ):
        pass


def test_a_moment_says_what_was_known_and_said(past, clock):
    """As it was stored."""
    manager = CheckpointManager(past, clock=clock)
    task = past.get("watch")
    fact = Fact(key="done:look", value="x" * 100)
    knows = task.agent_state.model_copy(update={"known_facts": (fact,)})
    manager.save(task.replace(agent_state=knows), messages=[{"role": "user"}])
    last = past.checkpoint("watch")

    text = moment(last)

    assert f"saved as version {last.version}" in text
    assert f"the one before: {last.parent}" in text
    assert "messages so far: 1" in text
    assert text.endswith("done:look = " + "x" * 60)


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([], id="none"),
        pytest.param([0], id="zero"),
        pytest.param([10, growth.MAX_STEPS + 1], id="a-hundred-megabytes"),
    ],
)
def test_numbers_of_steps_that_make_no_sense_are_refused(steps):
    """Nothing was written."""
    with pytest.raises(InvalidValue, match="steps"):
        bytes_on_disk(steps)
