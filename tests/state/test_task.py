"""A task's life, its id, and the line that a store keeps of it."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import states

from agentstate_lab.errors import (
    IllegalTransition,
    InvalidValue,
    StoreTooNew,
    StoreTorn,
    VersionConflict,
)
from agentstate_lab.state import (
    TRANSITIONS,
    AgentState,
    Fact,
    StatePatch,
    Task,
    TaskState,
    UpsertFact,
    check_transition,
    task_from_json,
    task_id_for,
    task_to_json,
)
from agentstate_lab.state.agent_state import ReplacePlan
from agentstate_lab.state.codec import MAX_BYTES

TASK = Task.new("Clean the logs", key="ops/42")
LEGAL = {
    "pending": "pending running cancelled dead",
    "running": "running pending completed failed waiting cancelled dead",
    "waiting": "waiting pending running failed cancelled",
    "failed": "pending running cancelled dead",
    "completed": "",
    "cancelled": "",
    "dead": "",
}


@pytest.mark.parametrize("old", list(TaskState))
@pytest.mark.parametrize("new", list(TaskState))
def test_the_table_has_every_transition_and_no_other(old, new):
    """All 49 pairs: 20 pass, 29 are refused with both states by name."""
    if new in LEGAL[old].split():
        check_transition(old, new, "t")
    else:
        said = f"is {old}: nothing" if old == new else f"from {old} to {new}"
        with pytest.raises(IllegalTransition, match=said):
            check_transition(old, new, "t")


def test_every_state_can_be_reached_from_pending():
    """A state that nothing leads to would be a misprint in the table."""
    reached, frontier = {TaskState.PENDING}, [TaskState.PENDING]
    while frontier:
        new = TRANSITIONS[frontier.pop()] - reached
        reached |= new
        frontier.extend(new)

    assert reached == set(TaskState)


def test_replace_refuses_an_illegal_transition():
    """The mistake shows where it is made, not only at the store."""
    with pytest.raises(IllegalTransition, match="from pending to completed"):
        TASK.replace(state="completed")


@pytest.mark.parametrize("name", ["id", "agent_id", "user_input"])
def test_what_was_asked_is_fixed(name):
    """A task cannot be turned into another one."""
    with pytest.raises(InvalidValue, match=f"task.{name}: is fixed"):
        TASK.replace(**{name: "other"})


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"stat": "running"}, id="unknown-field"),
        pytest.param({"state": "done"}, id="unknown-state"),
        pytest.param({"version": -1}, id="negative"),
        pytest.param({"attempt": 2**60}, id="huge"),
        pytest.param({"deadline": float("nan")}, id="nan"),
        pytest.param({"deadline": float("inf")}, id="infinity"),
        pytest.param({"result": 42}, id="wrong-type"),
        pytest.param({"owner": {"pid": 1}}, id="half-an-owner"),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_field(changes):
    """The message names the field, and the task is as it was."""
    field = next(iter(changes))

    with pytest.raises(InvalidValue, match=field):
        TASK.replace(**changes)


def test_the_id_follows_from_the_key():
    """The same key is the same id today, after a restart, and on another machine."""
    assert task_id_for("ops/42") == "task-e0c7026a52ff5aae68ec345a"
    assert Task.new("Clean the logs", key="ops/42").id == task_id_for("ops/42")


@pytest.mark.parametrize("key", ["", None, 42, b"k"])
def test_a_key_must_name_something(key):
    """An empty name would make one task of all requests."""
    with pytest.raises(InvalidValue, match="key"):
        task_id_for(key)


@given(st.text(min_size=1), st.text(min_size=1))
def test_two_keys_are_two_tasks(one, other):
    """Also for keys that no database would like."""
    assert (task_id_for(one) == task_id_for(other)) == (one == other)


@pytest.mark.parametrize(
    "named", [{}, {"key": "k", "task_id": "t"}], ids=["neither", "both"]
)
def test_a_new_task_has_one_name(named):
    """Without a key there is nothing to find it by again."""
    with pytest.raises(InvalidValue, match="only one of them"):
        Task.new("Clean the logs", **named)


@pytest.mark.parametrize(
    "task_id",
    [
        pytest.param("", id="empty"),
        pytest.param("x" * 201, id="too-long"),
        pytest.param("a\0b", id="nul"),
        pytest.param("a\nb", id="line-end"),
        pytest.param(" a", id="space-before"),
        pytest.param("\ud800", id="lone-surrogate"),
        pytest.param("\u202eevil", id="right-to-left-mark"),
    ],
)
def test_an_id_that_some_store_would_lose_is_refused_by_all(task_id):
    """Refused where it enters, so that every store behaves the same."""
    with pytest.raises(InvalidValue, match="id"):
        Task.new("Clean the logs", task_id=task_id)


def test_the_fingerprint_is_of_what_was_asked_alone():
    """Progress does not change it; another input or another agent does."""
    running = TASK.replace(state="running", error="later")
    others = [
        Task.new("Drop the logs", key="ops/42"),
        Task.new("Clean the logs", key="ops/42", agent_id="other"),
    ]

    assert running.fingerprint == TASK.fingerprint
    assert TASK.fingerprint not in [other.fingerprint for other in others]


def test_a_task_starts_with_its_input_as_the_goal():
    """Nobody has to say it twice."""
    assert TASK.agent_state == AgentState(goal="Clean the logs")


def test_a_patch_is_checked_against_the_version_of_the_task():
    """There is one counter for the task, and the patch names it."""
    task = TASK.model_copy(update={"version": 4})
    plan = ReplacePlan(plan=("look",))
    good = StatePatch(id="p", base_version=4, operations=(plan,))
    late = StatePatch(id="q", base_version=3, operations=(plan,))

    assert task.apply(good).agent_state.plan == ("look",)
    with pytest.raises(VersionConflict):
        task.apply(late)


@given(state=states)
def test_the_stored_line_is_the_task(state):
    """One line, and it reads back as what it was."""
    task = Task.new("g", key="k", agent_state=state)

    line = task_to_json(task)

    assert "\n" not in line
    assert task_from_json(line) == task


def test_the_record_everyone_starts_with_is_upgraded():
    """Seven fields, times as text, no version: still a task years later."""
    old = {
        "id": "task-1",
        "user_input": "Clean the logs",
        "state": "failed",
        "error": "disk gone",
        "created_at": "2026-01-02T03:04:05+00:00",
        "updated_at": "2026-01-02T03:04:06.5Z",
    }

    task = task_from_json(json.dumps(old))

    assert (task.state, task.error, task.version) == ("failed", "disk gone", 1)
    assert task.updated_at - task.created_at == 1.5
    assert task.agent_state.goal == "Clean the logs"


@pytest.mark.parametrize(
    "newer",
    [
        pytest.param({"schema_version": 2}, id="task"),
        pytest.param({"agent_state": {"schema_version": 9}}, id="state"),
    ],
)
def test_a_newer_line_is_refused_with_both_versions(newer):
    """Reading it would drop what the newer version added."""
    line = json.dumps({**json.loads(task_to_json(TASK)), **newer})

    with pytest.raises(StoreTooNew, match=r"tasks.json: .* up to 1; update"):
        task_from_json(line, where="tasks.json")


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("", id="empty"),
        pytest.param(task_to_json(TASK)[:-9], id="cut-off"),
        pytest.param("null", id="null"),
        pytest.param("[1]", id="a-list"),
        pytest.param("{}", id="nothing-in-it"),
        pytest.param('{"schema_version": "1"}', id="version-as-text"),
        pytest.param('{"schema_version": -1}', id="negative-version"),
        pytest.param('{"schema_version": null}', id="no-version"),
        pytest.param('{"schema_version": 1, "agent_state": 3}', id="state-a-number"),
        pytest.param("[" * 100_000, id="too-deep"),
        pytest.param("9" * 10_000, id="too-many-digits"),
        pytest.param(b"\xff\xfe{", id="not-utf-8"),
    ],
)
def test_a_line_that_is_no_task_is_refused(line):
    """The error names the place; nothing else comes out."""
    with pytest.raises(StoreTorn, match=r"no readable task: .* put a copy back"):
        task_from_json(line, where="tasks.json")


def test_a_line_that_is_cut_off_is_called_so():
    """Whoever reads it has a file to mend, and no parser: its words would be noise."""
    with pytest.raises(StoreTorn, match="it is cut off or altered") as caught:
        task_from_json(task_to_json(TASK)[:-9], where="tasks.json")

    assert "JSON" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        pytest.param(float("nan"), "cannot carry", id="nan"),
        pytest.param("\ud800", "cannot be stored", id="lone-surrogate"),
        pytest.param("x" * (MAX_BYTES + 1), "the limit is", id="too-large"),
    ],
)
def test_what_would_not_come_back_is_refused(value, why):
    """On the way in, where somebody can still do something about it."""
    fact = UpsertFact(fact=Fact(key="odd", value=value))
    task = TASK.apply(StatePatch(id="p", base_version=0, operations=(fact,)))

    with pytest.raises(InvalidValue, match=why):
        task_to_json(task)


def test_a_value_that_is_too_deep_is_refused():
    """JSON readers stop at some depth; the store must not write beyond it."""
    deep = []
    for _ in range(220):
        deep = [deep]
    fact = UpsertFact(fact=Fact(key="odd", value=deep))
    task = TASK.apply(StatePatch(id="p", base_version=0, operations=(fact,)))

    with pytest.raises(InvalidValue, match="cannot be stored"):
        task_to_json(task)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "America/Lima"])
def test_an_old_time_without_a_zone_is_one_instant_everywhere(zone, monkeypatch):
    """The zone of the machine that reads a record must not change what it says."""
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    line = '{"id": "k", "user_input": "x", "created_at": "2024-05-01T12:00"}'

    try:
        assert task_from_json(line).created_at == 1_714_564_800.0
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_time_before_1970_is_a_time():
    """A clock was wrong, or a record is old: that is no reason to lose it."""
    line = '{"id": "k", "user_input": "x", "created_at": "1969-07-20T20:17Z"}'

    task = task_from_json(line)

    assert task.created_at == -14_182_980.0
    assert task_from_json(task_to_json(task)) == task
