"""What an agent knows, and how a patch changes it."""

import json

import pytest
from hypothesis import given
from pydantic import ValidationError
from strategies import patches, states

from agentstate_lab.errors import InvalidValue, VersionConflict
from agentstate_lab.state import (
    AddArtifacts,
    AddQuestions,
    AgentState,
    AppendFacts,
    Artifact,
    Budget,
    CloseQuestion,
    Fact,
    StatePatch,
    UpsertFact,
    UseBudget,
)
from agentstate_lab.state.agent_state import REMEMBERED_PATCHES, ReplacePlan, Used

# The shape that agents in the field write down; the field names are a contract.
SAMPLE = """
{
  "goal": "Deploy service X to staging",
  "constraints": {
    "human_in_the_loop": {
      "required_for_risk_levels": ["write_local", "external_action"]
    }
  },
  "budget": {
    "max_steps": 20,
    "max_wall_time_ms": 300000,
    "max_llm_tokens": 200000,
    "max_artifact_bytes_in_context": 8000
  },
  "plan": ["Check current status", "Collect config", "Apply changes", "Verify again"],
  "known_facts": [{ "key": "service", "value": "X", "source": "user" }],
  "open_questions": ["Which namespace should we deploy to?"],
  "artifacts": [{ "artifact_id": "log_123", "type": "tool_result.logs",
                  "summary": "nginx error log", "bytes": 48231 }],
  "risk_flags": ["budget_pressure"]
}
"""
GOAL = AgentState(goal="Deploy the shop")


def patch(*operations, id="p", base_version=1):  # noqa: A002 - the field is called id
    """A patch of these operations."""
    return StatePatch(id=id, base_version=base_version, operations=operations)


def fact(key, value):
    """A fact from nowhere in particular."""
    return Fact(key=key, value=value)


def test_the_sample_loads_unchanged():
    """Every field of the sample is there, with the value that it had."""
    sample = json.loads(SAMPLE)

    state = AgentState.model_validate_json(SAMPLE)

    stored = json.loads(state.model_dump_json())
    stored["budget"].pop("used")
    assert {name: stored[name] for name in sample} == sample


EU = fact("region", "eu")
OLD_LOG = Artifact(artifact_id="a", type="logs", summary="old", bytes=1)
NEW_LOG = Artifact(artifact_id="a", type="logs", summary="new", bytes=2)


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        pytest.param(
            AppendFacts(facts=(fact("region", "us"), fact("replicas", 3))),
            {"known_facts": (EU, fact("region", "us"), fact("replicas", 3))},
            id="append-keeps-all",
        ),
        pytest.param(
            UpsertFact(fact=fact("region", "us")),
            {"known_facts": (fact("region", "us"),)},
            id="upsert-keeps-one",
        ),
        pytest.param(ReplacePlan(plan=("wait",)), {"plan": ("wait",)}, id="plan"),
        pytest.param(
            AddQuestions(questions=("which?", "when?")),
            {"open_questions": ("which?", "when?")},
            id="open-questions-are-not-doubled",
        ),
        pytest.param(
            CloseQuestion(question="which?"), {"open_questions": ()}, id="close"
        ),
        pytest.param(
            CloseQuestion(question="why?"),
            {"open_questions": ("which?",)},
            id="close-an-unknown-one",
        ),
        pytest.param(
            AddArtifacts(artifacts=(NEW_LOG,)),
            {"artifacts": (NEW_LOG,)},
            id="artifact-of-the-same-id",
        ),
        pytest.param(
            UseBudget(steps=3, llm_tokens=50),
            {"budget": Budget(used=Used(steps=3, llm_tokens=50))},
            id="budget",
        ),
    ],
)
def test_an_operation_changes_what_it_says_and_nothing_else(operation, expected):
    """One operation, one field."""
    state = GOAL.model_copy(
        update={
            "plan": ("look", "deploy"),
            "known_facts": (EU,),
            "open_questions": ("which?",),
            "artifacts": (OLD_LOG,),
        }
    )

    after = state.apply(patch(operation), version=1)

    assert after == state.model_copy(update={**expected, "applied_patches": ("p",)})


def test_a_patch_for_another_version_is_refused_by_name():
    """The writer learns both versions, and the state is as it was."""
    late = patch(ReplacePlan(plan=("undo",)), id="late", base_version=3)

    with pytest.raises(VersionConflict, match="'patch late' is at version 5") as caught:
        GOAL.apply(late, version=5)

    assert (caught.value.expected, caught.value.found) == (3, 5)
    assert caught.value.effect == "not started"


def test_a_forgotten_repeat_is_refused_by_its_version():
    """The memory for patch ids is bounded; beyond it, the base version protects."""
    state = GOAL
    for number in range(REMEMBERED_PATCHES + 1):
        state = state.apply(patch(id=f"p{number}"), version=1)

    assert len(state.applied_patches) == REMEMBERED_PATCHES
    with pytest.raises(VersionConflict):
        state.apply(patch(id="p0"), version=2)


@pytest.mark.parametrize(
    ("used", "flags"),
    [
        pytest.param({"steps": 15}, (), id="three-quarters"),
        pytest.param({"steps": 16}, ("budget_pressure",), id="at-80-percent"),
        pytest.param({"llm_tokens": 160_000}, ("budget_pressure",), id="tokens"),
        pytest.param({"wall_time_ms": 240_000}, ("budget_pressure",), id="time"),
        pytest.param(
            {"steps": 20}, ("budget_exhausted", "budget_pressure"), id="all-of-it"
        ),
    ],
)
def test_risk_flags_follow_the_budget(used, flags):
    """Nobody has to remember to raise the flag."""
    after = GOAL.apply(patch(UseBudget(**used)), version=1)

    assert after.risk_flags == flags


def test_flags_of_others_stay_when_the_budget_moves():
    """Only the budget's own flags are derived from it."""
    state = GOAL.model_copy(update={"risk_flags": ("budget_pressure", "on_call")})

    after = state.apply(patch(UseBudget(steps=1)), version=1)

    assert after.risk_flags == ("on_call",)


def test_a_budget_of_nothing_is_used_up():
    """Zero is a limit, not "unlimited"."""
    assert Budget(max_steps=0).flags() == {"budget_exhausted", "budget_pressure"}


@pytest.mark.parametrize(
    ("level", "asks"),
    [("read_only", False), ("write_local", True), ("external_action", True)],
)
def test_a_person_is_asked_by_risk_level(level, asks):
    """The policy is in the state, so a replacement keeps to it."""
    assert AgentState.model_validate_json(SAMPLE).needs_approval(level) is asks


def test_an_unknown_risk_level_is_refused():
    """A misspelt level must not mean "no approval needed"."""
    with pytest.raises(InvalidValue, match="'external' is none of read_only"):
        GOAL.needs_approval("external")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param(SAMPLE[:300], id="cut-off"),
        pytest.param("[" * 100_000, id="too-deep"),
        pytest.param('{"goal": "g", "gaol": 1}', id="unknown-field"),
        pytest.param('{"goal": null}', id="no-goal"),
        pytest.param('{"goal": "g", "schema_version": 2}', id="newer"),
        pytest.param('{"goal": "g", "budget": {"max_steps": -1}}', id="negative"),
        pytest.param('{"goal": "g", "budget": {"max_steps": 1e99}}', id="huge"),
        pytest.param(
            '{"goal": "g", "constraints": {"human_in_the_loop":'
            ' {"required_for_risk_levels": ["extern_action"]}}}',
            id="policy-with-a-typo",
        ),
        pytest.param('{"goal": "g", "known_facts": [{"key": ""}]}', id="empty-key"),
    ],
)
def test_text_that_is_no_state_is_refused(text):
    """Nothing is guessed, and no field is dropped in silence."""
    with pytest.raises(ValidationError):
        AgentState.model_validate_json(text)


def test_a_state_cannot_be_edited():
    """The only way to change it is a patch."""
    with pytest.raises(ValidationError, match="frozen"):
        GOAL.goal = "something else"


@given(state=states, change=patches(version=7))
def test_applying_twice_is_applying_once(state, change):
    """The law behind every resume."""
    once = state.apply(change, version=7)

    assert once.apply(change, version=8) == once


@given(state=states, change=patches(version=7))
def test_a_patch_never_changes_the_state_it_is_applied_to(state, change):
    """Whoever holds the old state still has it."""
    before = state.model_dump_json()

    state.apply(change, version=7)

    assert state.model_dump_json() == before
