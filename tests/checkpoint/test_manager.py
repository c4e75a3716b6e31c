"""Checkpoints: levels, what is checked before a run goes on, rotation, forks."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentstate_lab.checkpoint import CheckpointManager, repair
from agentstate_lab.checkpoint.pairing import UNKNOWN
from agentstate_lab.errors import (
    CheckpointExpired,
    CheckpointRefused,
    InvalidValue,
    KeyReused,
    StoreTooNew,
    TaskNotFound,
    VersionConflict,
)
from agentstate_lab.lab.contracts.store import stored
from agentstate_lab.state import (
    AgentState,
    AppendFacts,
    Budget,
    Checkpoint,
    Fact,
    History,
    StatePatch,
    Task,
    prunable,
    record_from_json,
    record_to_json,
)
from agentstate_lab.state.agent_state import Used
from agentstate_lab.stores import open_store

CALL = {"role": "assistant", "content": None, "tool_calls": [{"id": "a"}, {"id": "b"}]}


def tool(call_id, content="ok"):
    """A tool message."""
    return {"role": "tool", "tool_call_id": call_id, "content": content}


@pytest.fixture
def store(clock, tmp_path):
    """An empty store that keeps its history in rows."""
    with open_store(f"sqlite:{tmp_path / 'tasks'}", clock=clock) as opened:
        yield opened


def manager_of(store, clock, **options):
    """A manager on the store's own clock."""
    return CheckpointManager(store, clock=clock, **options)


def with_fact(task, number):
    """The task after a step that found something out."""
    state = AgentState(goal="g", known_facts=(Fact(key="n", value=number),))
    return task.replace(agent_state=state)


@pytest.mark.parametrize(
    ("strategy", "taken"),
    [
        pytest.param("every_step", 1 + 6 + 3 + 1, id="every-step"),
        pytest.param("every_iteration", 1 + 3 + 1, id="every-iteration"),
        pytest.param("on_state_change", 1 + 1, id="on-state-change"),
    ],
)
def test_strategies_are_levels(store, clock, strategy, taken):
    """Three turns of two steps each, then done: the end is saved under all of them."""
    manager = manager_of(store, clock, strategy=strategy)
    task = manager.save(stored(store).replace(state="running"))

    for turn in range(3):
        for step in range(2):
            task = manager.save(with_fact(task, 2 * turn + step), "step")
        task = manager.save(task, "iteration")
    task = manager.save(task.replace(state="completed", result="42"), "step")

    history = manager.history(task.id)
    assert len(history) == taken
    assert history[-1].state == store.get(task.id).state == "completed"
    assert history[-1].trigger == "state_change"


def test_what_is_no_snapshot_is_stored_all_the_same(store, clock):
    """A strategy decides about snapshots, never about steps, messages and the task."""
    manager = manager_of(store, clock, strategy="on_state_change")
    task = manager.save(stored(store).replace(state="running"))

    saved = manager.save(with_fact(task, 7), "step", messages=[{"role": "user"}])

    assert store.get(task.id) == saved
    assert saved.agent_state.fact("n") == 7
    assert store.messages(task.id) == [{"role": "user"}]
    assert len(manager.history(task.id)) == 1


def test_a_checkpoint_knows_its_moment(store, clock):
    """The number of the last message, the time, and the one before it."""
    manager = manager_of(store, clock)
    task = manager.save(stored(store).replace(state="running"))
    clock.advance(5)

    said = [{"role": "user", "content": "go"}, {"role": "assistant", "content": "hm"}]
    task = manager.save(with_fact(task, 1), messages=said)

    first, second = manager.history(task.id)
    assert (first.parent, second.parent) == (None, first.version)
    assert (first.messages, second.messages) == (0, 2)
    assert second.taken_at - first.taken_at == 5
    assert second.version == task.version


def test_a_refused_save_takes_no_checkpoint(store, clock):
    """And the next one still names the right parent."""
    manager = manager_of(store, clock)
    old = manager.save(stored(store).replace(state="running"))
    store.save(old)

    with pytest.raises(VersionConflict):
        manager.save(with_fact(old, 1))
    task = manager.save(with_fact(store.get(old.id), 1))

    first, second = manager.history(task.id)
    assert second.parent == first.version


def test_a_new_manager_goes_on_where_the_old_one_was(store, clock):
    """After a restart the chain of parents is unbroken."""
    task = manager_of(store, clock).save(stored(store).replace(state="running"))

    task = manager_of(store, clock).save(with_fact(task, 1))

    first, second = store.checkpoints(task.id)
    assert second.parent == first.version


def test_two_managers_in_turn_name_the_right_parents(store, clock):
    """Two processes each have a manager, and neither trusts what it remembers."""
    one, other = manager_of(store, clock), manager_of(store, clock)
    task = one.save(stored(store).replace(state="running"))

    task = other.save(with_fact(task, 1))
    task = one.save(with_fact(task, 2))

    parents = [checkpoint.parent for checkpoint in one.history(task.id)]
    assert parents == [None, task.version - 2, task.version - 1]


def test_a_change_of_state_by_somebody_else_is_noticed(store, clock):
    """The coarsest strategy takes a snapshot when another manager's waiting is over."""
    one, other = (manager_of(store, clock, strategy="on_state_change") for _ in "ab")
    task = one.save(stored(store).replace(state="running"))
    task = other.save(task.replace(state="waiting"))

    one.save(task.replace(state="running"))

    states = [checkpoint.state for checkpoint in one.history(task.id)]
    assert states == ["running", "waiting", "running"]


def test_an_altered_checkpoint_is_not_counted_on_from(store, clock):
    """Its number of messages may be what was altered."""
    task = stored(store, "k", "running")
    taken = Checkpoint.of(task, messages=7, trigger="step")
    forged = taken.model_copy(update={"messages": 99})
    task = store.save(task, messages=[{"role": "user"}], checkpoint=forged)

    manager_of(store, clock).save(task, messages=[{"role": "user"}])

    assert store.checkpoint(task.id).messages == 2


@pytest.mark.parametrize(
    ("options", "why"),
    [
        pytest.param({"strategy": "always"}, "none of every_step", id="strategy"),
        pytest.param({"keep": 0}, "keep", id="keep-none"),
        pytest.param({"keep": True}, "keep", id="keep-true"),
        pytest.param({"keep": 2.0}, "keep", id="keep-a-float"),
        pytest.param({"max_age": 0}, "max_age", id="zero-is-not-no-limit"),
        pytest.param({"max_age": -1.0}, "max_age", id="negative"),
        pytest.param({"max_age": math.nan}, "max_age", id="nan"),
        pytest.param({"max_age": math.inf}, "max_age", id="infinity"),
        pytest.param({"max_age": "1h"}, "max_age", id="text"),
    ],
)
def test_options_that_make_no_sense_are_refused(store, clock, options, why):
    """Zero must not expire everything in silence."""
    with pytest.raises(InvalidValue, match=why):
        manager_of(store, clock, **options)


def test_a_trigger_that_does_not_exist_is_refused(store, clock):
    """A misspelt trigger must not pass for "no snapshot"."""
    task = stored(store, "k", "running")

    with pytest.raises(InvalidValue, match="none of state_change"):
        manager_of(store, clock).save(task, "tool")

    assert store.get(task.id) == task


def test_what_became_of_its_checkpoints_does_not_matter_to_what_is_done(store, clock):
    """A caller that is refused would start a finished task over."""
    manager = manager_of(store, clock)
    task = manager.save(stored(store).replace(state="running"))
    done = task.replace(state="completed", result="42")
    taken = Checkpoint.of(done, messages=0, trigger="step")
    forged = taken.model_copy(update={"agent_state": AgentState(goal="drop it all")})
    done = store.save(done, messages=[CALL], checkpoint=forged)

    resumed = manager.resume(task.id)

    assert (resumed.task, resumed.checkpoint) == (done, None)
    assert (resumed.messages, resumed.unknown) == ([], [])


@pytest.mark.parametrize("state", ["completed", "waiting"])
def test_age_does_not_matter_to_what_is_done_or_waits(store, clock, state):
    """Completed stays completed, and a person may take a week."""
    manager = manager_of(store, clock, max_age=3600)
    task = manager.save(stored(store, "k", "running").replace(state=state))
    clock.advance(7 * 86_400)

    resumed = manager.resume(task.id)

    assert resumed.task == task


@pytest.mark.parametrize("state", ["pending", "running", "failed"])
def test_a_task_that_nobody_touched_expires(store, clock, state):
    """At the limit it may go on, past it not; and the error says by how much."""
    states = {"pending": [], "running": ["running"], "failed": ["running", "failed"]}
    task = stored(store, "k", *states[state])
    manager = manager_of(store, clock, max_age=3600)
    clock.advance(3600)
    assert manager.resume(task.id).task == task
    clock.advance(1)

    with pytest.raises(CheckpointExpired, match="3601 s ago") as caught:
        manager.resume(task.id)

    assert (caught.value.age, caught.value.max_age) == (3601, 3600)


@pytest.mark.parametrize("state", ["cancelled", "dead"])
def test_a_task_that_has_ended_badly_is_not_resumed(store, clock, state):
    """By its state and not by its age."""
    task = stored(store, "k", "running", state)

    with pytest.raises(CheckpointRefused, match=f"is {state}"):
        manager_of(store, clock).resume(task.id)


def test_an_altered_checkpoint_is_not_believed(store, clock):
    """The checksum covers the state; an older, whole one can still be forked."""
    manager = manager_of(store, clock)
    task = manager.save(stored(store).replace(state="running"))
    whole = manager.history(task.id)[0]
    taken = Checkpoint.of(task, messages=0, trigger="step")
    forged = taken.model_copy(update={"agent_state": AgentState(goal="drop it all")})
    store.save(task, checkpoint=forged)

    with pytest.raises(CheckpointRefused, match="was altered"):
        manager.resume(task.id)
    with pytest.raises(CheckpointRefused, match="was altered"):
        manager.fork(task.id, forged.version, new_id="fork")
    fork = manager.fork(task.id, whole.version, new_id="fork")

    assert fork.agent_state == whole.agent_state


def test_a_budget_that_is_used_up_stops_the_run_before_its_age(store, clock):
    """A restart must not grant the budget anew."""
    spent = Budget(max_steps=3, used=Used(steps=3))
    state = AgentState(goal="g", budget=spent)
    task = store.submit(Task.new("g", key="k", agent_state=state)).task
    task = store.save(task.replace(state="running"))
    clock.advance(7_200)

    with pytest.raises(CheckpointRefused, match="budget is used up"):
        manager_of(store, clock, max_age=3600).resume(task.id)


def test_a_call_without_a_result_is_told_to_be_unknown(store, clock):
    """A process died between the call and its result: it may have run."""
    task = stored(store, "k", "running")
    user = {"role": "user", "content": "go"}
    store.save(task, messages=[user, CALL, tool("b")])

    resumed = manager_of(store, clock).resume(task.id)

    assert resumed.unknown == ["a"]
    assert resumed.messages == [user, CALL, tool("a", UNKNOWN), tool("b")]


def test_an_unknown_task_is_named(store, clock):
    """Nothing is made up for an id that nobody has submitted."""
    with pytest.raises(TaskNotFound):
        manager_of(store, clock).resume("nobody")


def test_a_fork_begins_at_an_old_moment_and_leaves_the_original_alone(store, clock):
    """The state and the messages of then, under an id of its own."""
    manager = manager_of(store, clock)
    task = manager.save(stored(store).replace(state="running"))
    for number in range(3):
        said = {"role": "user", "content": str(number)}
        task = manager.save(with_fact(task, number), messages=[said])
    before = (store.get(task.id), store.messages(task.id), manager.history(task.id))
    old = before[2][2]

    fork = manager.fork(task.id, old.version, new_id="another-try")
    again = manager.fork(task.id, old.version, new_id="another-try")

    assert (fork.state, fork.agent_state.fact("n")) == ("pending", 1)
    assert [m["content"] for m in store.messages(fork.id)] == ["0", "1"]
    assert again == fork
    assert before == (
        store.get(task.id),
        store.messages(task.id),
        manager.history(task.id),
    )


def test_a_fork_that_was_cut_in_half_is_finished_by_the_next_call(store, clock):
    """The task is there, its messages are not: a crash between the two commits."""
    manager = manager_of(store, clock)
    task = manager.save(stored(store).replace(state="running"))
    task = manager.save(with_fact(task, 1), messages=[{"role": "user"}])
    half = Task.new(task.user_input, task_id="fork", agent_state=task.agent_state)
    store.submit(half)

    manager.fork(task.id, task.version, new_id="fork")

    assert store.messages("fork") == [{"role": "user"}]


def test_a_half_fork_is_not_finished_from_another_moment(store, clock):
    """Else it would have the state of one moment and the messages of another."""
    manager = manager_of(store, clock)
    task = manager.save(stored(store).replace(state="running"))
    early = manager.save(with_fact(task, 1), messages=[{"role": "user"}])
    late = manager.save(with_fact(early, 2), messages=[{"role": "user"}])
    half = Task.new(task.user_input, task_id="fork", agent_state=early.agent_state)
    store.submit(half)

    with pytest.raises(KeyReused):
        manager.fork(task.id, late.version, new_id="fork")
    manager.fork(task.id, early.version, new_id="fork")

    assert store.message_count("fork") == 1


def test_a_fork_under_the_id_of_another_task_is_refused(store, clock):
    """And so is one from a checkpoint that is not kept."""
    manager = manager_of(store, clock)
    task = manager.save(stored(store).replace(state="running"))
    store.submit(Task.new("something else", task_id="taken"))

    with pytest.raises(KeyReused):
        manager.fork(task.id, task.version, new_id="taken")
    with pytest.raises(CheckpointRefused, match="not kept"):
        manager.fork(task.id, 99, new_id="fork")


def test_rotation_goes_by_the_managers_options(store, clock):
    """Fresh surplus goes by number, and what is old by age, but for the newest."""
    manager = manager_of(store, clock, keep=3, max_age=10)
    task = manager.save(stored(store).replace(state="running"))
    for number in range(9):
        task = manager.save(with_fact(task, number))
    by_number = manager.prune(task.id)
    clock.advance(11)
    by_age = manager.prune(task.id)

    assert (by_number, by_age) == (7, 2)
    assert [one.version for one in manager.history(task.id)] == [task.version]


FIRST_FORM = (
    '{"schema_version":1,"task_id":"t","version":4,"parent":3,"state":"running",'
    '"agent_state":{"schema_version":1,"goal":"g",'
    '"known_facts":[{"key":"n","value":1}]},'
    '"messages":2,"trigger":"step","taken_at":5.0,'
    '"checksum":"2896aef1d3a3ef528dd012cde395ca956563161b2f90757fb1d8146b40e0ed37"}'
)


def test_a_checkpoint_of_the_first_form_is_read_for_ever():
    """
    Defaults are left out of it and covered by its checksum: one that is changed
    without a new schema makes this fail.
    """
    read = record_from_json(Checkpoint, FIRST_FORM, where="a row")

    assert read.is_whole
    assert read.agent_state.budget.max_steps == 20
    assert record_to_json(read, "checkpoint") == FIRST_FORM


def test_a_default_that_is_not_the_usual_is_stored():
    """What was spent of the budget comes back, and nothing else has to be written."""
    state = AgentState(goal="g", budget=Budget(used=Used(steps=3)))
    task = Task.new("g", key="k", agent_state=state)
    taken = Checkpoint.of(task, messages=0, trigger="step")

    line = record_to_json(taken, "checkpoint")

    assert record_from_json(Checkpoint, line, where="a row") == taken
    assert taken.agent_state.budget.used.steps == 3
    assert "max_steps" not in line


def test_the_patches_of_a_task_stay_with_it():
    """A snapshot of step 400 does not carry the names of 256 patches."""
    learned = AppendFacts(facts=(Fact(key="n", value=1),))
    patch = StatePatch(id="step-1", base_version=0, operations=(learned,))
    task = Task.new("g", key="k").apply(patch)

    taken = Checkpoint.of(task, messages=0, trigger="step")

    assert task.agent_state.applied_patches == ("step-1",)
    assert taken.agent_state.applied_patches == ()
    assert taken.agent_state.fact("n") == 1


@pytest.mark.parametrize("place", ["", '"agent_state":{'])
def test_a_newer_checkpoint_is_told_from_a_torn_one(store, clock, place):
    """Also as one of many in a history: a newer program wrote it, and may read it."""
    task = manager_of(store, clock).save(stored(store).replace(state="running"))
    history = History(checkpoints=tuple(store.checkpoints(task.id)))
    whole = record_to_json(history, "history")
    checkpoint = record_to_json(store.checkpoint(task.id), "checkpoint")
    now, then = f'{place}"schema_version":1', f'{place}"schema_version":2'

    newer = checkpoint.replace(now, then, 1)

    with pytest.raises(StoreTooNew):
        record_from_json(Checkpoint, newer, where="a row")
    with pytest.raises(StoreTooNew):
        record_from_json(History, whole.replace(checkpoint, newer), where="a file")


def test_rotation_drops_nothing_while_the_newest_is_altered(store, clock):
    """The last whole one is what a fork can begin from."""
    manager = manager_of(store, clock, keep=1)
    task = manager.save(stored(store).replace(state="running"))
    whole = manager.history(task.id)[0]
    taken = Checkpoint.of(task, messages=0, trigger="step")
    forged = taken.model_copy(update={"agent_state": AgentState(goal="drop it all")})
    store.save(task, checkpoint=forged)

    dropped = manager.prune(task.id)

    assert dropped == 0
    assert manager.fork(task.id, whole.version, new_id="fork").state == "pending"


times = st.lists(st.integers(0, 50), max_size=20).map(sorted)


def checkpoints_at(instants):
    """Checkpoints that were taken then."""
    task = Task.new("g", key="k")
    return [
        Checkpoint.of(
            task.model_copy(update={"version": n}),
            messages=0,
            trigger="step",
            taken_at=float(at),
        )
        for n, at in enumerate(instants)
    ]


@given(times, st.none() | st.integers(1, 25), st.none() | st.floats(-1, 60))
def test_rotation_keeps_its_two_rules_for_any_history(instants, keep, before):
    """The newest stays, what both rules keep stays, what one rule drops goes."""
    taken = checkpoints_at(instants)

    gone = set(prunable(taken, keep=keep, before=before))

    for place, one in enumerate(taken):
        among_newest = keep is None or place >= len(taken) - keep
        fresh = before is None or one.taken_at >= before
        newest = place == len(taken) - 1
        assert (one.version in gone) == (not newest and not (among_newest and fresh))


call_names = st.sampled_from(["a", "b", "c"])
messages = st.lists(
    st.one_of(
        st.just({"role": "user", "content": "go"}),
        st.lists(call_names, max_size=3).map(
            lambda ids: {"role": "assistant", "tool_calls": [{"id": i} for i in ids]}
        ),
        call_names.map(tool),
    ),
    max_size=12,
)


@given(messages)
def test_after_a_repair_each_call_has_one_result_behind_its_turn(said):
    """For any conversation, however torn, and nothing but results is touched."""
    repaired = repair(said)

    expected = []
    for message in repaired.messages:
        if message["role"] == "tool":
            assert message["tool_call_id"] == expected.pop(0)
        else:
            assert expected == []
            calls = [call["id"] for call in message.get("tool_calls", [])]
            expected = list(dict.fromkeys(calls))
    assert expected == []
    others = [m for m in said if m["role"] != "tool"]
    assert [m for m in repaired.messages if m["role"] != "tool"] == others
    assert repair(repaired.messages) == (repaired.messages, [])


@pytest.mark.parametrize(
    ("said", "added", "kept"),
    [
        pytest.param([], [], 0, id="nothing"),
        pytest.param([CALL], ["a", "b"], 0, id="no-result"),
        pytest.param([CALL, tool("a"), tool("b")], [], 2, id="whole"),
        pytest.param([CALL, tool("b"), tool("a")], [], 2, id="another-order"),
        pytest.param([CALL, tool("a"), tool("a"), tool("b")], [], 2, id="twice"),
        pytest.param([tool("a"), CALL], ["a", "b"], 0, id="before-its-call"),
        pytest.param([CALL, tool("z")], ["a", "b"], 0, id="of-nobody"),
    ],
)
def test_what_a_repair_adds_and_keeps(said, added, kept):
    """It says what it put in; of the results that were there, some stay."""
    repaired = repair(said)

    stayed = [one for one in repaired.messages if one in said and one["role"] == "tool"]
    assert (repaired.added, len(stayed)) == (added, kept)
