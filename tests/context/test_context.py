"""The slice of a state: never over the budget, and nothing lost without a word."""

import copy
from collections import Counter

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import conversations, wide_states

from agentstate_lab.context import filter_relevant_state, utf8_bytes
from agentstate_lab.errors import ContextTooSmall, InvalidValue
from agentstate_lab.state import AgentState, Artifact, Budget, Constraints, Fact
from agentstate_lab.state.agent_state import HumanInTheLoop

PLENTY = 10**6
STEP = "deploy-web"

# What a text may be counted in. None but the first two can be added up by lines.
COUNTERS = {
    "bytes": utf8_bytes,
    "words": lambda text: len(text.split()),
    "quarters": lambda text: -(-utf8_bytes(text) // 4),
    "overhead": lambda text: utf8_bytes(text) + 7,
    "square": lambda text: len(text) ** 2,
    "up-and-down": lambda text: len(text) % 97,
    "different": lambda text: len(set(text)),
    "one": lambda text: 1,
}
counters = st.sampled_from(list(COUNTERS.values()))


def fact(key, value="ok", source=""):
    """A fact."""
    return Fact(key=key, value=value, source=source)


def artifact(name="log_123", summary="nginx error log", size=48_231):
    """An artifact, large outside and small in here."""
    return Artifact(
        artifact_id=name, type="tool_result.logs", summary=summary, bytes=size
    )


def state(*facts, **more):
    """A state that knows *facts*."""
    return AgentState(**{"goal": "Deploy the shop.", "known_facts": facts, **more})


def call(name="call_1", results=1):
    """A turn: one assistant message and its tool messages."""
    ids = [name] if results < 2 else [f"{name}_{i}" for i in range(results)]
    function = {"name": "deploy", "arguments": "{}"}
    calls = [{"id": one, "type": "function", "function": function} for one in ids]
    told = [
        {"role": "tool", "tool_call_id": one, "content": "done"}
        for one in ids[: results or None]
    ]
    asked = {"role": "assistant", "content": None, "tool_calls": calls}
    return [asked, *(told if results else [])]


def least(of, step=STEP, **more):
    """What must be shown counts, by the error that says so."""
    with pytest.raises(ContextTooSmall) as caught:
        filter_relevant_state(of, step, 0, **more)
    return caught.value.needed


def slice_or_none(of, limit, **more):
    """The slice, or None where the limit is below the least that must be shown."""
    try:
        return filter_relevant_state(of, STEP, limit, **more)
    except ContextTooSmall as error:
        return None if error.needed > limit else error


def keys(made):
    """The keys of the facts that are shown."""
    return [fact.key for fact in made.facts]


def reasons(made):
    """Why things were left out, by name."""
    return {one.name: one.why for one in made.left_out}


def test_a_state_reads_as_lines():
    """What limits the agent comes first, and an artifact is a line, not its content."""
    whole = state(
        fact("region", "eu", "user"),
        fact("replicas", 3),
        constraints=Constraints(
            human_in_the_loop=HumanInTheLoop(
                required_for_risk_levels=["external_action"]
            )
        ),
        plan=["deploy-web", "verify"],
        open_questions=["May I run report?"],
        artifacts=[artifact()],
        risk_flags=["budget_pressure"],
    )

    made = filter_relevant_state(whole, STEP, PLENTY)

    assert made.render().splitlines() == [
        "goal: Deploy the shop.",
        "step: deploy-web",
        "ask a person before: external_action",
        "risk: budget_pressure",
        "open question: May I run report?",
        "plan: deploy-web",
        "plan: verify",
        'fact region: "eu" (from user)',
        "fact replicas: 3",
        "artifact log_123: nginx error log (tool_result.logs, 48231 bytes)",
    ]
    assert (made.left_out, made.size) == ((), utf8_bytes(made.render()))


@given(
    whole=wide_states,
    said=conversations,
    room=st.integers(0, 400),
    count=counters,
    keep=st.sets(st.sampled_from(["region", "größe", "unknown"])),
)
def test_what_is_shown_never_passes_the_budget(whole, said, room, count, keep):
    """In any unit: the text itself is counted, and what is returned was counted."""
    asked = {"count": count, "keep": keep, "messages": said}
    most = count(filter_relevant_state(whole, STEP, PLENTY, **asked).render()) * 2
    for limit in {room, most // 3, most // 2, most}:
        made = slice_or_none(whole, limit, **asked)

        assert made is None or made.size == count(made.render()) <= limit


@given(whole=wide_states, said=conversations, room=st.integers(0, 400), count=counters)
def test_filtering_twice_is_filtering_once(whole, said, room, count):
    """A slice is a state, and everything in it fits."""
    once = slice_or_none(whole, room, count=count, messages=said)
    assume(once)

    again = filter_relevant_state(
        once.state, STEP, room, count=count, messages=once.messages
    )

    assert (again.render(), again.size) == (once.render(), once.size)
    assert (again.state, again.messages, again.left_out) == (
        once.state,
        once.messages,
        (),
    )


@given(whole=wide_states, said=conversations, room=st.integers(0, 400))
def test_everything_is_shown_or_said_to_be_left_out(whole, said, room):
    """Each part once: in the text, or in the list with its reason."""
    made = slice_or_none(whole, room, messages=said)
    assume(made)

    out = Counter(one.kind for one in made.left_out)
    turns = sum(message["role"] != "tool" for message in said)
    shown_turns = sum(message["role"] != "tool" for message in made.messages)
    assert out["fact"] + len(made.facts) == len(whole.known_facts)
    assert out["artifact"] + len(made.artifacts) == len(whole.artifacts)
    assert out["turn"] + shown_turns == turns
    assert out["plan"] + bool(made.plan) == bool(whole.plan)
    assert all(one.why for one in made.left_out)


@given(whole=wide_states, room=st.integers(0, 400))
def test_what_is_shown_does_not_contradict_itself(whole, room):
    """One fact for a key, and it is the newest that the state knows."""
    made = slice_or_none(whole, room)
    assume(made)

    assert len(set(keys(made))) == len(made.facts)
    assert all(one.value == whole.fact(one.key) for one in made.facts)


@given(whole=wide_states, room=st.integers(0, 400))
def test_what_was_left_out_for_want_of_room_would_not_have_fitted(whole, room):
    """The budget is used: nothing that is smaller than what is left waits outside."""
    made = slice_or_none(whole, room)
    assume(made)

    spare = room - made.size
    sizes = [one.size for one in made.left_out if one.why == "no room"]
    assert all(size > spare for size in sizes)


@given(whole=wide_states)
def test_no_text_passes_for_a_line_of_its_own(whole):
    """A tool's result cannot tell the model that a step is done."""
    made = filter_relevant_state(whole, STEP, PLENTY)

    labels = ("goal: ", "step: ", "ask ", "risk: ", "open ", "plan: ", "fact ")
    lines = made.render().splitlines()
    assert all(line.startswith((*labels, "artifact ")) for line in lines)
    assert sum(line.startswith("fact ") for line in lines) == len(made.facts)


@given(whole=wide_states, said=conversations)
def test_the_slice_shares_no_memory(whole, said):
    """Whoever edits what the model was shown has not edited what is known."""
    before, talk = whole.model_dump_json(), copy.deepcopy(said)

    made = filter_relevant_state(whole, STEP, PLENTY, messages=said)
    for one in made.facts:
        if isinstance(one.value, dict | list):
            one.value.clear()
    for message in made.messages:
        message.clear()

    assert (whole.model_dump_json(), said) == (before, talk)


@pytest.mark.parametrize(
    ("room", "shown"),
    [
        pytest.param(0, ["replicas", "region"], id="the-very-size"),
        pytest.param(-1, ["region"], id="one-byte-short"),
    ],
)
def test_the_budget_is_used_to_its_last_byte(room, shown):
    """Equal to the budget fits; one more does not."""
    whole = state(fact("replicas", 3), fact("region", "Zürich"))
    size = filter_relevant_state(whole, STEP, PLENTY).size

    made = filter_relevant_state(whole, STEP, size + room)

    assert keys(made) == shown


def test_an_older_value_does_not_take_the_place_of_one_that_does_not_fit():
    """No value is better than one that is known to be wrong."""
    whole = state(fact("status", "ok"), fact("status", "x" * 500))

    made = filter_relevant_state(whole, STEP, 200)

    assert made.facts == ()
    assert [one.why for one in made.left_out] == ["no room", "a newer one is known"]


def test_what_belongs_to_the_step_comes_before_what_is_newer():
    """By key, by source, or by an artifact's summary."""
    whole = state(
        fact("deploy-web:replicas", 3),
        fact("image", "web:4.2", source="deploy-web"),
        *[fact(f"host-{number}") for number in range(50)],
        artifacts=[artifact("a", "deploy-web: error log"), artifact("b")],
    )

    made = filter_relevant_state(whole, STEP, least(whole) + 140)

    assert keys(made) == ["deploy-web:replicas", "image"]
    assert [one.artifact_id for one in made.artifacts] == ["a"]


@pytest.mark.parametrize(
    "key", ["deploy-webshop", "redeploy-web", "deploy", "web", "a deploy-web"]
)
def test_a_step_is_named_whole(key):
    """A name that only begins like the step is another name."""
    whole = state(fact(key), fact("region", "eu"))

    made = filter_relevant_state(whole, STEP, least(whole) + 20)

    assert keys(made) == ["region"]


def test_without_a_step_nothing_belongs_to_it():
    """An empty name is no name, and it has no line."""
    whole = state(fact("::"), fact("region", "eu"))

    made = filter_relevant_state(whole, "", least(whole, "") + 20)

    assert keys(made) == ["region"]
    assert "step" not in made.render()


def test_the_allowance_of_the_state_bounds_the_lines_of_artifacts():
    """`max_artifact_bytes_in_context` is a limit like the others, and it is kept."""
    logs = [artifact(f"log_{number}") for number in range(3)]
    budget = Budget(max_artifact_bytes_in_context=140)

    made = filter_relevant_state(state(artifacts=logs, budget=budget), STEP, PLENTY)

    assert [one.artifact_id for one in made.artifacts] == ["log_1", "log_2"]
    assert reasons(made) == {"log_0": "max_artifact_bytes_in_context"}


def test_the_newer_of_two_artifacts_with_one_id_is_shown():
    """The older is not missed, and it is said so."""
    logs = [artifact(summary="1 error"), artifact(summary="2 errors")]

    made = filter_relevant_state(state(artifacts=logs), STEP, PLENTY)

    assert [one.summary for one in made.artifacts] == ["2 errors"]
    assert reasons(made) == {"log_123": "a newer one is known"}


def test_half_a_plan_is_not_shown():
    """Whoever reads half of it believes that it is all."""
    whole = state(plan=["deploy-web", "verify", "x" * 300])

    made = filter_relevant_state(whole, STEP, 200)

    assert made.plan == ()
    assert reasons(made) == {"plan": "no room"}


def test_what_is_kept_is_shown_before_everything_else():
    """The caller knows what the step cannot do without."""
    new = [fact(f"host-{number}") for number in range(50)]
    whole = state(fact("replicas", 1), fact("replicas", 3), *new, plan=["verify"])
    needed = least(whole, keep=["replicas", "unknown"])

    made = filter_relevant_state(whole, STEP, needed, keep=["replicas", "unknown"])

    assert [(one.key, one.value) for one in made.facts] == [("replicas", 3)]


def test_a_budget_for_less_than_the_least_is_refused():
    """The error says how much is needed, and that much is enough."""
    whole = state(fact("replicas", 3), open_questions=["Which region?"])
    with pytest.raises(ContextTooSmall, match="needs 68, and the limit is 67") as one:
        filter_relevant_state(whole, "", 67, keep=["replicas"])

    made = filter_relevant_state(whole, "", one.value.needed, keep=["replicas"])

    assert (one.value.needed, one.value.limit, one.value.effect) == (
        68,
        67,
        "not started",
    )
    assert made.size == 68


def test_a_call_and_its_results_stay_together():
    """A slice is a conversation that the chat API takes."""
    said = [*call("old", 3), *call("new", 2)]
    whole = state()
    last = filter_relevant_state(whole, STEP, PLENTY, messages=call("new", 2))

    made = filter_relevant_state(whole, STEP, last.size + 300, messages=said)

    assert list(made.messages) == said[4:]
    assert reasons(made) == {"1": "no room"}


def test_a_conversation_is_cut_and_has_no_holes():
    """Older turns go first, and behind one that does not fit, none is shown."""
    large = {"role": "assistant", "content": "x" * 500}
    said = [*call("oldest"), large, *call("new")]

    made = filter_relevant_state(state(), STEP, 800, messages=said)
    tight = filter_relevant_state(state(), STEP, 600, messages=said)

    assert list(made.messages) == said[2:]
    assert list(tight.messages) == said[3:]
    assert reasons(tight) == {"2": "no room", "1": "a later turn found no room"}


def test_the_last_turn_comes_before_facts_and_older_turns_after_them():
    """What was seen last is needed next; what was seen before is in the facts."""
    said = [*call("old"), *call("new")]
    whole = state(*[fact(f"host-{number}") for number in range(5)])
    all_but_one = filter_relevant_state(whole, STEP, PLENTY, messages=said).size - 1

    made = filter_relevant_state(whole, STEP, all_but_one, messages=said)

    assert len(made.facts) == 5
    assert list(made.messages) == said[2:]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        pytest.param(call(results=0), "no result is there for call_1", id="no-result"),
        pytest.param(call("c", 3)[:-1], "no result is there for c_2", id="one-missing"),
        pytest.param(
            [call(results=0)[0], {"role": "user", "content": "go on"}],
            "no result is there for call_1",
            id="interrupted",
        ),
        pytest.param(call()[1:], "'call_1' answers no open call", id="no-call"),
        pytest.param([*call(), call()[1]], "answers no open call", id="twice"),
        pytest.param(
            [{"role": "assistant", "tool_calls": [{}]}], "has no id", id="no-id"
        ),
        pytest.param(["hello"], "'hello' is not a message", id="no-message"),
        pytest.param(
            [{"role": "user", "content": {1, 2}}], "JSON cannot hold", id="no-json"
        ),
    ],
)
def test_a_conversation_that_no_api_takes_is_refused(said, why):
    """A call without its result may have run: leaving it out would hide that."""
    with pytest.raises(InvalidValue, match=why):
        filter_relevant_state(state(), STEP, PLENTY, messages=said)


def test_a_counter_that_adds_up_badly_still_gets_most_of_its_room():
    """Each line alone counts a little more than in the text; little room is lost."""
    count = COUNTERS["quarters"]
    whole = state(*[fact(f"host-{number}") for number in range(500)])

    made = filter_relevant_state(whole, STEP, 1_000, count=count)

    assert made.size > 900


@pytest.mark.parametrize("said", [-1, 1.5, "7", None, True, float("nan")])
def test_a_counter_that_does_not_count_is_refused(said):
    """The message shows what it returned."""
    with pytest.raises(InvalidValue, match="must return a whole number"):
        filter_relevant_state(state(), STEP, 100, count=lambda text: said)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        pytest.param({"state": {"goal": "x"}}, "state", id="a-dict"),
        pytest.param({"current_step": None}, "current_step", id="no-step"),
        pytest.param({"max_bytes": -1}, "max_bytes", id="negative"),
        pytest.param({"max_bytes": 99.5}, "max_bytes", id="half-a-byte"),
        pytest.param({"max_bytes": float("inf")}, "max_bytes", id="infinite"),
        pytest.param({"max_bytes": True}, "max_bytes", id="a-bool"),
        pytest.param({"max_bytes": "8000"}, "max_bytes", id="a-text"),
        pytest.param({"keep": "region"}, "keep", id="a-key-for-keys"),
        pytest.param({"keep": None}, "keep", id="no-keys"),
        pytest.param({"keep": [["region"]]}, "keep", id="keys-in-a-list"),
        pytest.param({"messages": "hello"}, "messages", id="a-text-for-messages"),
        pytest.param({"messages": 7}, "messages", id="a-number-for-messages"),
    ],
)
def test_an_argument_that_makes_no_sense_is_refused(arguments, name):
    """By name, before anything is counted."""
    asked = {"state": state(), "current_step": STEP, "max_bytes": 100, **arguments}

    with pytest.raises(InvalidValue) as caught:
        filter_relevant_state(**asked)

    assert caught.value.name == name


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("half a pair: \ud800", id="lone-surrogate"),
        pytest.param("\x00\x1b[31m", id="control-characters"),
        pytest.param(float("nan"), id="nan"),
        pytest.param("\u202e\u2029", id="direction-and-paragraph"),
    ],
)
def test_odd_values_are_one_line_that_can_be_sent(value):
    """What no wire carries is escaped, as JSON does it."""
    odd = Fact.model_construct(key="odd", value=value, source="")
    whole = state().model_copy(update={"known_facts": (odd,)})

    made = filter_relevant_state(whole, "", PLENTY)

    assert made.size == len(made.render().encode())
    assert len(made.render().splitlines()) == 2


def test_ten_thousand_of_each_take_linear_work():
    """Each part is counted once by itself, and the whole only a few times."""
    facts = [fact(f"key-{number}", f"value {number}") for number in range(10_000)]
    logs = [artifact(f"log_{number}") for number in range(10_000)]
    whole = state(*facts, artifacts=logs)
    calls, characters = 0, 0

    def count(text):
        nonlocal calls, characters
        calls, characters = calls + 1, characters + len(text)
        return -(-len(text) // 4)

    made = filter_relevant_state(whole, STEP, 200_000, count=count)

    everything = sum(one.size for one in made.left_out) * 4 + len(made.render())
    assert calls < 20_000 + 30
    assert characters < 5 * everything
    assert len(made.facts) == 10_000
