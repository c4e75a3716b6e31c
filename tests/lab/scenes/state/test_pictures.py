import base64
from itertools import permutations

import pytest

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.scenes.state import which_effects_happened, which_states_follow
from agentstate_lab.lab.scenes.state.night import WANTED, Night
from agentstate_lab.lab.scenes.state.pictures import Life, Nights
from agentstate_lab.lab.show import Counted
from agentstate_lab.lab.world import scenario_named
from agentstate_lab.state import TRANSITIONS, TaskState

FOUR = ("pending", "running", "completed", "failed")


@pytest.fixture
def shown(monkeypatch):
    """What a drawing function displays, as the bundle that a notebook gets."""
    bundles = []
    monkeypatch.setattr(
        "IPython.display.display", lambda data, raw: bundles.append(data)
    )

    def show(draw, *arguments):
        draw(*arguments)
        return bundles.pop()

    return show


def night(**more):
    """A night whose ledger holds what was wanted, but for *more*."""
    counts = {step: n for step, n in {**WANTED, **more}.items() if n}
    scenario = scenario_named("deploy")
    return Night("", {}, Counted("01_state/x", scenario, counts), "01_state/x")


def test_the_four_states_have_the_arrows_of_the_table():
    """
    The number under the drawing is counted from the table that the code obeys.
    """
    four = [TaskState(name) for name in FOUR]

    life = Life(tuple(four))

    allowed = {(a, b) for a, b in permutations(four, 2) if b in TRANSITIONS[a]}
    assert set(life.arrows) == allowed
    assert life.verdict == "6 arrows between 4 states; no arrow leaves completed"


@pytest.mark.parametrize(
    ("states", "verdict"),
    [
        pytest.param(("pending", "running"), "2 arrows between 2 states", id="no-end"),
        pytest.param(
            ("completed", "dead"),
            "0 arrows between 2 states; no arrow leaves completed and dead",
            id="only-ends",
        ),
        pytest.param(
            tuple(TaskState),
            "17 arrows between 7 states; no arrow leaves completed, cancelled and dead",
            id="all-seven",
        ),
    ],
)
def test_any_part_of_the_table_can_be_drawn(shown, states, verdict):
    """
    Later lessons add their states, and the count follows.
    """
    text = shown(which_states_follow, *states)["text/plain"]

    assert text.endswith(verdict)


def test_the_states_are_told_in_words_too(shown):
    """
    Who cannot see the arrows can read where each state leads.
    """
    html = shown(which_states_follow, *FOUR)["text/html"]

    assert (
        'alt="States of a task as boxes with arrows: pending leads to running;' in html
    )
    assert "completed leads to no other state" in html


@pytest.mark.parametrize(
    "states",
    [
        pytest.param((), id="none"),
        pytest.param(("running", "asleep"), id="unknown"),
    ],
)
def test_a_drawing_of_no_state_is_refused(states):
    """
    A typo is named, with the states that there are.
    """
    with pytest.raises(InvalidValue, match="pending"):
        which_states_follow(*states)


def test_wrong_effects_are_counted_both_ways():
    """
    An effect too many and an effect too few are both wrong.
    """
    wanted = {"a": 1, "b": 0, "c": 1}

    nights = Nights({"bad": {"a": 2, "b": 1}, "good": {"a": 1, "c": 1}}, wanted)

    assert nights.verdict == "effects that nobody wanted: bad 3, good 0"
    assert nights.words == (
        "Nights as rows, effects as columns. bad: a 2 instead of 1, b 1 instead of 0,"
        " c 0 instead of 1; good: all as wanted."
    )


def test_the_picture_of_nights_says_its_number_and_what_is_wrong(shown):
    """
    The number is the night's own count, and the words name the effect.
    """
    nights = {"no plan": night(**{"clean-logs": 1}), "complete note": night()}

    bundle = shown(which_effects_happened, nights)

    assert bundle["text/plain"].endswith(
        "effects that nobody wanted: no plan 1, complete note 0"
    )
    assert "no plan: clean-logs 1 instead of 0" in bundle["text/html"]
    assert [one.wrong for one in nights.values()] == [1, 0]


def test_no_night_is_no_picture():
    """
    An empty grid would look like good news.
    """
    with pytest.raises(InvalidValue, match="at least one night"):
        which_effects_happened({})


@pytest.mark.parametrize(
    ("draw", "arguments"),
    [
        pytest.param(which_states_follow, FOUR, id="states"),
        pytest.param(which_effects_happened, ({"a": night()},), id="nights"),
    ],
)
def test_the_same_data_give_the_same_bytes(shown, draw, arguments):
    """
    A notebook that is run again changes no byte.
    """
    first, again = (shown(draw, *arguments)["image/png"] for _ in range(2))

    assert base64.b64decode(first).startswith(b"\x89PNG")
    assert first == again
