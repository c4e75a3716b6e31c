"""What hypothesis may think of: facts, operations, patches, states and policies."""

from hypothesis import strategies as st

from agentstate_lab.retry import JITTERS, RetryPolicy
from agentstate_lab.state import (
    AddArtifacts,
    AddQuestions,
    AgentState,
    AppendFacts,
    Artifact,
    Budget,
    CloseQuestion,
    Constraints,
    Fact,
    RiskLevel,
    StatePatch,
    UpsertFact,
    UseBudget,
)
from agentstate_lab.state.agent_state import HumanInTheLoop, ReplacePlan

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


# Text that takes more bytes than characters, and characters that break a line.
wide = st.text(st.sampled_from('aü漢🚀":\\\n\u2028\x85 '), max_size=30)
wide_facts = st.builds(
    Fact,
    key=st.sampled_from(["region", "größe", "漢字", "done:deploy-web"]),
    value=st.recursive(
        st.none() | st.integers(0, 9) | wide,
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(wide, inner),
        max_leaves=3,
    ),
    source=wide | st.just("deploy-web"),
)
wide_artifacts = st.builds(
    Artifact,
    artifact_id=st.sampled_from(["log_1", "log_2", "größe"]),
    type=wide,
    summary=wide | st.just("deploy-web: error log"),
    bytes=st.integers(0, 10**6),
)
wide_states = st.builds(
    AgentState,
    goal=wide,
    constraints=st.builds(
        Constraints,
        human_in_the_loop=st.builds(
            HumanInTheLoop,
            required_for_risk_levels=st.lists(
                st.sampled_from(list(RiskLevel)), unique=True
            ).map(tuple),
        ),
    ),
    budget=st.builds(
        Budget, max_artifact_bytes_in_context=st.sampled_from([0, 60, 8_000])
    ),
    plan=st.lists(wide, max_size=3).map(tuple),
    known_facts=st.lists(wide_facts, max_size=8).map(tuple),
    open_questions=st.lists(wide, max_size=2).map(tuple),
    artifacts=st.lists(wide_artifacts, max_size=4).map(tuple),
    risk_flags=st.lists(wide, max_size=2).map(tuple),
)


def _turn(number: int, results: list[str] | None, said: str) -> list[dict[str, object]]:
    """One turn: words, or calls with their results."""
    if results is None:
        return [{"role": "assistant", "content": said}]
    ids = [f"call_{number}_{i}" for i in range(len(results))]
    function = {"name": "deploy", "arguments": "{}"}
    calls = [{"id": one, "type": "function", "function": function} for one in ids]
    return [
        {"role": "assistant", "content": None, "tool_calls": calls},
        *(
            {"role": "tool", "tool_call_id": one, "content": result}
            for one, result in zip(ids, results, strict=True)
        ),
    ]


conversations = st.lists(
    st.tuples(st.none() | st.lists(wide, min_size=1, max_size=3), wide), max_size=4
).map(
    lambda turns: [
        message
        for number, (results, said) in enumerate(turns)
        for message in _turn(number, results, said)
    ]
)
