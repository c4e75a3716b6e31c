from itertools import pairwise

import pytest

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.scenes.context import (
    bytes_per_turn,
    what_does_a_turn_send,
)


def test_a_slice_stays_within_its_budget_while_the_run_goes_on():
    """Everything grows by the same each turn; the slice does not."""
    measured = bytes_per_turn(40, 1_000)

    whole = [size for size, _ in measured.values()]
    steps = {after - before for before, after in pairwise(whole)}
    assert max(size for _, size in measured.values()) <= 1_000
    assert len(steps) == 1
    assert measured[1][0] == measured[1][1]


@pytest.mark.parametrize("turns", [0, 1, -5, 1_001])
def test_a_run_of_no_length_is_refused(turns):
    """The answer names the limits."""
    with pytest.raises(InvalidValue, match="from 2 to"):
        bytes_per_turn(turns, 1_000)


@pytest.mark.parametrize(
    ("measured", "words"),
    [
        pytest.param(
            {1: (200, 200), 2: (40_000, 300)},
            "passes the model's limit in turn 2",
            id="passes-the-window",
        ),
        pytest.param({1: (200, 200), 2: (400, 300)}, "rises steadily.", id="stays"),
    ],
)
def test_the_picture_says_whether_the_window_is_passed(shown, measured, words):
    """Whoever cannot see the line of the model's limit reads where it is crossed."""
    what_does_a_turn_send(measured)

    assert words in shown[0]["text/plain"]
