"""The line of a task that is saved as it was read, without writing it anew."""

import gc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import states, text

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.contracts.steps import begun
from agentstate_lab.lab.contracts.store import stored
from agentstate_lab.state import AgentState, Fact, Task, task_from_json, task_to_json
from agentstate_lab.stores.line_memo import LineMemo
from agentstate_lab.stores.sql import SqliteStore
from agentstate_lab.stores.sql import store as sql

TRICKY = ',"updated_at":1.0,"version":2,'


@pytest.fixture
def store(tmp_path, clock):
    """A store that counts how often it writes a line in full."""
    with SqliteStore(tmp_path / "tasks.db", clock=clock) as store:
        yield store


@pytest.fixture
def written(monkeypatch):
    """The versions of the tasks whose lines were written in full."""
    versions = []

    def write(task):
        versions.append(task.version)
        return task_to_json(task)

    monkeypatch.setattr(sql, "task_to_json", write)
    return versions


def known(task, later):
    """What a memo knows of *later* that was told of *task*."""
    memo = LineMemo()
    memo.keep(task, task_to_json(task), task.fingerprint)
    return memo.known(task, later)


@given(
    state=states,
    asked=text | st.just(TRICKY),
    error=st.none() | text | st.just(TRICKY),
    version=st.integers(0, 2**53),
    now=st.floats(0, 2**53) | st.integers(0, 2**53),
)
def test_the_line_says_what_the_task_says(state, asked, error, version, now):
    """Whatever the task holds: the line that was pieced together reads as that task."""
    task = Task.new(asked, key="k", agent_state=state).replace(error=error)
    later = task.model_copy(update={"version": version, "updated_at": now})

    found = known(task, later)

    changeable = any(isinstance(f.value, list | dict) for f in state.known_facts)
    assert (found is None) == changeable
    if found:
        assert task_from_json(found.line(later)) == later
        assert found.fingerprint == task.fingerprint


@pytest.mark.parametrize(
    "now", [float("nan"), float("inf"), -(2.0**60), True, "5", None, 2.0**60]
)
def test_a_time_that_no_line_can_hold_is_left_to_the_full_way(now):
    """There it is refused, or told apart by name."""
    task = Task.new("x", key="k")

    assert known(task, task.model_copy(update={"updated_at": now})) is None


def test_a_line_of_an_older_version_is_not_pieced_together():
    """It is upgraded when it is read, and must be written as a line of today."""
    memo, task = LineMemo(), Task.new("x", key="k")

    memo.keep(task, '{"id":"k","updated_at":1.0,"version":2,"a":1}', "f")

    assert memo.known(task, task) is None


def test_it_is_the_object_that_is_known():
    """An equal one may hold something else tomorrow, and a copy already does."""
    memo, task = LineMemo(), Task.new("x", key="k")
    memo.keep(task, task_to_json(task), task.fingerprint)

    for other in (task.model_copy(), task.replace(), task.replace(error="e")):
        assert memo.known(other, other) is None
    assert memo.known(task, task) is not None


def test_what_nobody_holds_is_forgotten():
    """A store that runs for months does not grow."""
    memo = LineMemo()
    for n in range(100):
        task = Task.new("x", key=f"k-{n}")
        memo.keep(task, task_to_json(task), task.fingerprint)

    del task
    gc.collect()

    assert memo._kept == {}


def test_a_step_of_an_unchanged_task_writes_no_line_in_full(store, clock, written):
    """Read and saved, or saved and saved again: the store has the line."""
    task = stored(store, "k", "running")
    written.clear()

    for n in range(3):
        clock.advance(1)
        task = store.save(task, steps=[begun(f"s-{n}")])
    task = store.save(store.get(task.id), steps=[begun("last")])

    assert written == []
    assert (task.version, task.updated_at) == (6, 3)
    assert store.get(task.id) == task
    assert store.save(task.replace(error="e")).version == 7
    assert written == [7]


def test_a_fact_that_was_changed_in_its_place_is_written_or_refused(store, written):
    """A map can be changed although the task cannot, so the task is not remembered."""
    facts = (Fact(key="k", value={"n": 1}),)
    state = AgentState(goal="g", known_facts=facts)
    store.submit(Task.new("g", key="k", agent_state=state))
    task = store.get(Task.new("g", key="k").id)
    value = task.agent_state.known_facts[0].value

    value["n"] = 2
    saved = store.save(task)
    value["n"] = float("nan")

    assert saved.version in written
    assert store.get(task.id).agent_state.fact("k") == {"n": 2}
    with pytest.raises(InvalidValue, match="cannot"):
        store.save(saved)


def test_a_task_of_another_store_is_written_in_full(store, tmp_path, written):
    """What one store knows is not asked of another."""
    task = stored(store, "k", "running")
    written.clear()

    with SqliteStore(tmp_path / "tasks.db") as other:
        other.save(task)

    assert written == [3]
