"""The digest of what is finished: bounded, exact in its counts, and never believed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from script import Script, Tools, call, stopping

from agentstate_lab.agent import Finished
from agentstate_lab.agent.finished import (
    FAILURES,
    MAX_BYTES,
    MAX_TOOLS,
    NEWEST,
    bounded,
)
from agentstate_lab.state import AgentState, Fact, Task

names = st.text(min_size=1, max_size=180)
calls = st.tuples(names, names, st.text(), st.booleans())


def folded(some):
    """The digest of these calls."""
    made = Finished()
    for tool, step, said, failed in some:
        made = made.plus(tool, step, said, failed=failed)
    return made


@given(st.lists(calls, max_size=60))
def test_its_size_is_bounded_and_its_counts_are_exact(some):
    """However many calls, of whatever names and results."""
    made = folded(some)

    assert sum(made.done.values()) == sum(not failed for *_, failed in some)
    assert sum(made.failed.values()) == sum(failed for *_, failed in some)
    assert len(made.newest) <= NEWEST
    assert len(made.failures) <= FAILURES
    counts = len(json.dumps([made.done, made.failed], ensure_ascii=False).encode())
    assert made.size <= max(MAX_BYTES, counts + 100)


@given(st.lists(calls, max_size=20))
def test_a_state_carries_it_without_loss(some):
    """What is read from the state is what was put there."""
    made = folded(some)
    state = AgentState(goal="g", known_facts=(made.fact(),))

    again = AgentState.model_validate_json(state.model_dump_json())

    assert Finished.of(again) == made


def test_tools_beyond_thirty_share_one_name():
    """A run may have hundreds of tools, and a request has one size."""
    made = folded([(f"t{n}", f"s{n}", "ok", False) for n in range(100)])

    assert len(made.done) == MAX_TOOLS + 1
    assert made.done["others"] == 100 - MAX_TOOLS


def test_a_step_that_succeeds_later_is_no_failure_any_more():
    """The count of failed calls stays: that did happen."""
    made = Finished().plus("deploy", "api", "error: 503", failed=True)

    made = made.plus("deploy", "api", "ok")

    assert (made.done, made.failed) == ({"deploy": 1}, {"deploy": 1})
    assert (made.newest, made.failures) == ({"api": "ok"}, {})


@pytest.mark.parametrize(
    "value",
    [
        None,
        "text",
        [1, 2],
        {"done": 7, "newest": ["a"], "failed": {"a": "1"}, "failures": {"a": 1}},
    ],
    ids=["none", "text", "list", "wrong-parts"],
)
def test_a_fact_that_is_no_digest_is_an_empty_one(value):
    """Anybody may write facts into a state."""
    state = AgentState(goal="g", known_facts=(Fact(key="finished", value=value),))

    assert Finished.of(state) == Finished()


def test_an_older_state_becomes_a_bounded_one():
    """A fact for each step, and the ids of the run's own patches, are dropped."""
    old = [Fact(key=f"done:s{n}", value="ok", source="deploy") for n in range(400)]
    mine = Fact(key="region", value="eu")
    ids = ("note-1", "asked:1", "observed:2", "time:9")
    state = AgentState(goal="g", known_facts=(mine, *old), applied_patches=ids)
    task = Task.new("g", task_id="t", agent_state=state)

    after = bounded(task).agent_state

    assert [fact.key for fact in after.known_facts] == ["region", "finished"]
    assert Finished.of(after).done == {"deploy": 400}
    assert list(Finished.of(after).newest) == [f"s{n}" for n in range(390, 400)]
    assert after.applied_patches == ("note-1",)


def test_an_older_store_is_read_goes_on_and_is_bounded_from_then_on(run, store):
    """Its finished step is replayed from the record, and is counted."""
    tools = Tools()
    deploy = [tools.tool("deploy", risk_level="write_local", step_name=lambda *g: "go")]
    script = Script([call("deploy")], [call("deploy")], "Done.")
    with pytest.raises(KeyboardInterrupt):
        run(script, deploy, on_event=stopping(2))
    task = store.get("t")
    fact = Fact(key="done:go", value="ok", source="deploy")
    old = task.agent_state.model_copy(update={"known_facts": (fact,)})
    store.save(task.replace(agent_state=old))

    ended = run(script, deploy)

    assert (ended.state, tools.count("deploy")) == ("completed", 1)
    assert [fact.key for fact in ended.agent_state.known_facts] == ["finished"]
    assert Finished.of(ended.agent_state).done == {"deploy": 1}


@pytest.mark.parametrize("event", range(1, 8))
def test_the_digest_after_a_death_is_the_digest_of_a_run_without_one(run, event):
    """Wherever it ends: what is recorded is counted in the same commit."""
    script = [[call("go"), call("look", call_id="c2")], [call("no")], "Done."]
    whole, cut = Tools(), Tools()

    def both(tools):
        return [tools.tool("look"), tools.tool("go", risk_level="write_local")]

    expected = run(Script(*script), both(whole), task_id="u")
    with pytest.raises(KeyboardInterrupt):
        run(lines := Script(*script), both(cut), on_event=stopping(event))
    task = run(lines, both(cut))

    digest = Finished.of(expected.agent_state)
    assert Finished.of(task.agent_state) == digest
    assert (digest.done, digest.failed) == ({"go": 1, "look": 1}, {"others": 1})
