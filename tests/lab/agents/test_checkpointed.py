"""The agent of notebook 07: it goes on behind its last word, and keeps its moments."""

import functools
from dataclasses import replace

import pytest
from runs import counts, stopping_after

from agentstate_lab.checkpoint import CheckpointManager
from agentstate_lab.errors import CheckpointRefused
from agentstate_lab.lab.agents import (
    SnapshotStore,
    checkpointed_agent,
    is_answer,
    unanswered,
)
from agentstate_lab.lab.crash import crash_matrix
from agentstate_lab.lab.scenes.checkpoint import at_once
from agentstate_lab.lab.world import SCENARIOS
from agentstate_lab.state import AgentState, Budget, Task
from agentstate_lab.state.agent_state import Used
from agentstate_lab.stores import MemoryStore

EACH_ONCE = {step.name: 1 for step in SCENARIOS["deploy"].effects}


@pytest.fixture
def task_id(request, world):
    """A task of this test's own."""
    name = request.node.nodeid.replace("[", "-").replace("]", "")
    yield name
    for left in (name, f"{name}-fork"):
        world.forget(left)


@pytest.mark.parametrize(
    ("strategy", "snapshots"),
    [
        pytest.param("every_step", 12, id="every-step"),
        pytest.param("every_iteration", 6, id="every-iteration"),
        pytest.param("on_state_change", 2, id="on-state-change"),
    ],
)
def test_a_strategy_decides_about_snapshots_and_nothing_else(
    world, job, strategy, snapshots
):
    """
    The same effects and the same saves, and the end is a snapshot under all of them.
    """
    task = at_once(functools.partial(checkpointed_agent, strategy=strategy))(job)

    history = CheckpointManager(job.store).history(task.id)
    assert counts(world, task.id) == EACH_ONCE
    assert (task.state, task.version) == ("completed", 36)
    assert len(history) == snapshots
    assert (history[-1].state, history[-1].version) == ("completed", 36)


@pytest.mark.parametrize("events", [1, 2, 5, 9])
def test_an_interrupted_run_goes_on_behind_its_last_word(world, job, events):
    """
    The conversation is read, not walked again: the model is asked for what is new.
    """
    with pytest.raises(KeyboardInterrupt):
        checkpointed_agent(replace(job, on_event=stopping_after(events)))
    said = len(job.store.messages(job.task_id))

    task = checkpointed_agent(job)

    assert task.state == "completed"
    assert counts(world, task.id) == EACH_ONCE
    messages = job.store.messages(task.id)
    assert said < len(messages) == 21
    assert [m["role"] for m in messages] == ["assistant", "tool"] * 10 + ["assistant"]


def test_a_run_that_dies_after_the_last_word_does_not_ask_for_it_again(job):
    """The answer was stored before the task was completed."""
    checkpointed_agent(job)
    store = MemoryStore()
    again = store.submit(Task.new(job.scenario.goal, task_id=job.task_id)).task
    store.save(again, messages=job.store.messages(job.task_id))

    task = checkpointed_agent(replace(job, store=store, client=None))

    assert task.state == "completed"
    assert len(store.messages(task.id)) == 21


def test_the_model_is_told_the_result_and_no_guess(world, job):
    """A call without a result is asked for again under its key."""
    with pytest.raises(KeyboardInterrupt):
        checkpointed_agent(replace(job, on_event=stopping_after(5)))
    unknown = CheckpointManager(job.store).resume(job.task_id).unknown

    checkpointed_agent(job)

    told = {
        m["tool_call_id"]: m["content"] for m in job.store.messages(job.task_id)[1::2]
    }
    assert unknown == ["call_deploy-api"]
    assert "done" in told["call_deploy-api"]
    assert [one for one in told.values() if one.startswith("error")] == []


def test_a_fork_does_what_comes_after_its_moment(world, job):
    """With keys of its own, in its own task, and the original stays as it was."""
    checkpointed_agent(job)
    manager = CheckpointManager(job.store)
    moments = manager.history(job.task_id)
    then = next(m for m in moments if m.agent_state.fact("done:deploy-api"))
    fork = manager.fork(job.task_id, then.version, new_id=f"{job.task_id}-fork")

    task = checkpointed_agent(replace(job, task_id=fork.id))

    later = ["deploy-worker", "deploy-web", "clean-logs", "report"]
    assert task.state == "completed"
    assert counts(world, fork.id) == dict.fromkeys(later, 1)
    assert counts(world, job.task_id) == EACH_ONCE
    assert manager.history(job.task_id) == moments


def test_what_may_not_go_on_is_not_claimed(job):
    """A budget that is used up is seen before an attempt is counted."""
    spent = AgentState(goal="g", budget=Budget(max_steps=1, used=Used(steps=1)))
    new = Task.new(job.scenario.goal, task_id=job.task_id, agent_state=spent)
    before = job.store.submit(new).task

    with pytest.raises(CheckpointRefused, match="budget"):
        checkpointed_agent(job)

    assert job.store.get(job.task_id) == before


@pytest.mark.usefixtures("world", "quick")
def test_a_kill_around_an_effect_does_no_harm():
    """Before, inside and after it; notebook 07 kills at each point on SQLite."""
    points = [f"effect.{moment}:1" for moment in ("before", "inside", "after")]

    matrix = crash_matrix(
        checkpointed_agent, scenario="disk", store="json", points=points
    )

    assert matrix.survived == matrix.total == len(points)


def test_a_task_saved_alone_is_a_snapshot_and_a_record_is_not(clock):
    """A claim and an end go through the manager; an intent does not."""
    store = MemoryStore(clock=clock)
    manager = CheckpointManager(store, strategy="on_state_change", clock=clock)
    kept = SnapshotStore(store, manager)
    task = kept.submit(Task.new("g", task_id="t")).task

    task = kept.save(task.replace(state="running"))
    kept.save(task, messages=[{"role": "user"}])

    assert [one.version for one in manager.history("t")] == [task.version]
    assert kept.messages("t") == [{"role": "user"}]


def test_only_calls_without_a_result_are_open():
    """In the order in which they were made."""
    turn = {"role": "assistant", "tool_calls": [{"id": "a"}, {"id": "b"}, {"id": "c"}]}
    told = {"role": "tool", "tool_call_id": "b", "content": "ok"}

    assert [call["id"] for call in unanswered([turn, told])] == ["a", "c"]
    assert unanswered([{"role": "user", "content": "go"}]) == []
    assert [is_answer(one) for one in (turn, told)] == [False, False]
    assert is_answer({"role": "assistant", "content": "done", "tool_calls": []})
