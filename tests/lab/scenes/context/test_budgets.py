from itertools import pairwise

import pytest

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.agents import next_step
from agentstate_lab.lab.scenes.context import (
    budgets,
    bytes_per_turn,
    minute_eight,
    watched,
    what_does_a_turn_send,
    what_falls_out,
)


@pytest.fixture
def given(monkeypatch):
    """What the slider was given."""
    told = {}
    monkeypatch.setattr(
        budgets, "slider", lambda name, views, twin: told.update(views=views, twin=twin)
    )
    return told


def test_the_slider_shows_the_text_and_the_twin_says_the_same(given):
    """
    For each budget what is read, what is not, and the refusal below the least.
    """
    state = watched(minute_eight(), 20)

    what_falls_out(state, next_step(state), [100, 1_000, 5_000], keep=["region"])

    refused, some, everything = given["views"]
    rows = given["twin"].rows
    assert refused.text.startswith("refused: at least")
    assert rows[0][1:3] == ("nothing", "nothing")
    assert rows[0][3].tone == "harm"
    assert "no room" in some.text
    assert rows[1][3] in some.text
    assert rows[2][2:] == ("the plan, 30 facts, 1 artifact", everything.text[-30:][1:])


def test_a_slice_stays_within_its_budget_while_the_run_goes_on():
    """
    Everything grows by the same each turn; the slice does not.
    """
    measured = bytes_per_turn(40, 1_000)

    whole = [size for size, _ in measured.values()]
    steps = {after - before for before, after in pairwise(whole)}
    assert max(size for _, size in measured.values()) <= 1_000
    assert len(steps) == 1
    assert measured[1][0] == measured[1][1]


@pytest.mark.parametrize("turns", [0, 1, -5, 1_001])
def test_a_run_of_no_length_is_refused(turns):
    """
    The answer names the limits.
    """
    with pytest.raises(InvalidValue, match="from 2 to"):
        bytes_per_turn(turns, 1_000)


@pytest.mark.parametrize(
    ("measured", "words"),
    [
        pytest.param(
            {1: (200, 200), 2: (40_000, 300)},
            "passes the window in turn 2",
            id="passes-the-window",
        ),
        pytest.param({1: (200, 200), 2: (400, 300)}, "rises steadily.", id="stays"),
    ],
)
def test_the_picture_says_whether_the_window_is_passed(shown, measured, words):
    """
    Whoever cannot see the line of the window reads where it is crossed.
    """
    what_does_a_turn_send(measured)

    assert words in shown[0]["text/plain"]
