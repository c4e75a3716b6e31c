"""What hypothesis may think of: facts, operations, patches, states and policies."""

from hypothesis import strategies as st

from agentstate_lab.backoff import JITTERS, RetryPolicy
from agentstate_lab.state import (
    AddArtifacts,
    AddQuestions,
    AgentState,
    AppendFacts,
    Artifact,
    CloseQuestion,
    Fact,
    ReplacePlan,
    StatePatch,
    UpsertFact,
    UseBudget,
)

# Few keys, so that operations meet each other.
keys = st.sampled_from(["region", "replicas", "version"])
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | text,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3)
    ),
    max_leaves=5,
)
facts = st.builds(Fact, key=keys, value=values, source=text)
artifacts = st.builds(
    Artifact,
    artifact_id=st.sampled_from(["a", "b", "c"]),
    type=text,
    summary=text,
    bytes=st.integers(0, 10**6),
)
counts = st.integers(0, 10**6)
operations = st.one_of(
    st.builds(AppendFacts, facts=st.lists(facts, max_size=3).map(tuple)),
    st.builds(UpsertFact, fact=facts),
    st.builds(ReplacePlan, plan=st.lists(text, max_size=3).map(tuple)),
    st.builds(AddQuestions, questions=st.lists(text, max_size=3).map(tuple)),
    st.builds(CloseQuestion, question=text),
    st.builds(AddArtifacts, artifacts=st.lists(artifacts, max_size=3).map(tuple)),
    st.builds(UseBudget, steps=counts, wall_time_ms=counts, llm_tokens=counts),
)


def patches(version: int = 1) -> st.SearchStrategy[StatePatch]:
    """Patches that were made for *version*."""
    return st.builds(
        StatePatch,
        id=st.sampled_from(["p1", "p2", "p3"]),
        base_version=st.just(version),
        operations=st.lists(operations, max_size=4).map(tuple),
    )


states = st.lists(patches(), max_size=4).map(
    lambda made: _after(AgentState(goal="Deploy the shop"), made)
)


def _after(state: AgentState, made: list[StatePatch]) -> AgentState:
    for patch in made:
        state = state.apply(patch, version=1)
    return state


@st.composite
def policies(draw: st.DrawFn) -> RetryPolicy:
    """Retry policies of every kind, from hasty to far too patient."""
    initial = draw(st.floats(0.001, 100.0))
    return RetryPolicy(
        max_attempts=draw(st.integers(1, 50)),
        wait_initial=initial,
        wait_max=draw(st.none() | st.floats(initial, 1e6)),
        wait_exp_base=draw(st.floats(1.0, 1_000.0)),
        jitter=draw(st.sampled_from(JITTERS)),
        retry_after_max=draw(st.floats(0.0, 1e6)),
    )
