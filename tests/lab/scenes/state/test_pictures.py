from itertools import permutations

import pytest

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.scenes.state import which_effects_happened, which_states_follow
from agentstate_lab.lab.scenes.state.night import WANTED, Night
from agentstate_lab.lab.show import Counted
from agentstate_lab.lab.world import scenario_named
from agentstate_lab.state import TRANSITIONS, TaskState

FOUR = ("pending", "running", "completed", "failed")


def test_a_night_counts_what_is_not_as_wanted():
    """The number of the picture is the night's own."""
    counts = {**WANTED, "clean-logs": 1, "announce": 0}

    night = Night("", {}, Counted("t", scenario_named("deploy"), counts), "t")

    assert night.wrong == 2


def test_the_four_states_have_the_arrows_of_the_table(shown):
    """The number under the drawing is counted from the table that the code obeys."""
    which_states_follow(*FOUR)

    four = [TaskState(name) for name in FOUR]
    allowed = [(a, b) for a, b in permutations(four, 2) if b in TRANSITIONS[a]]
    words = shown[0]["text/plain"]
    assert words.endswith(
        f"\n{len(allowed)} arrows between 4 states; no arrow leaves completed"
    )
    assert "running leads to pending, completed and failed" in words


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
def test_any_part_of_the_table_can_be_counted(shown, states, verdict):
    """Later lessons add their states, and the count follows."""
    which_states_follow(*states)

    assert shown[0]["text/plain"].endswith(f"\n{verdict}")


@pytest.mark.parametrize(
    "states",
    [
        pytest.param((), id="none"),
        pytest.param(("running", "asleep"), id="unknown"),
    ],
)
def test_a_drawing_of_no_state_is_refused(states):
    """A typo is named, with the states that there are."""
    with pytest.raises(InvalidValue, match="pending"):
        which_states_follow(*states)


def test_no_night_is_no_picture():
    """An empty grid would look like good news."""
    with pytest.raises(InvalidValue, match="at least one night"):
        which_effects_happened({})
