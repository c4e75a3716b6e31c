"""Who calls when, and the controls of the picture."""

import pytest

from agentstate_lab.lab.scenes.retry import who_calls_when
from agentstate_lab.lab.scenes.retry.herd import attempts, busiest, explored
from agentstate_lab.retry import RetryPolicy


def test_with_jitter_only_a_few_meet():
    """Without it, twelve clients come back together at 1, 3 and 7 seconds."""
    rows = attempts(RetryPolicy(max_attempts=4))
    together = attempts(RetryPolicy(max_attempts=4, jitter="none"))

    assert busiest(rows) < 6
    assert len({row[-1] for row in rows}) == 12
    assert set(together) == {(0.0, 1.0, 3.0, 7.0)}
    assert busiest(together) == 12


def test_a_client_that_tries_once_never_comes_back():
    """There is nothing to count then."""
    rows = attempts(RetryPolicy(max_attempts=1))

    assert (busiest(rows), set(rows)) == (0, {(0.0,)})


def test_the_picture_begins_as_it_was_asked_for(shown):
    """What is stored is what the widget shows before anybody touches it."""
    who_calls_when(jitter="equal", wait_max=20.0)

    policy = RetryPolicy(max_attempts=5, wait_max=20.0, jitter="equal")
    [bundle] = shown
    assert bundle["text/html"] == explored(policy).children[-1].value
    assert f"up to {busiest(attempts(policy))} call" in bundle["text/plain"]
    assert "application/vnd.jupyter.widget-view+json" in bundle


@pytest.mark.parametrize(
    ("control", "value", "changed"),
    [
        pytest.param(0, 3, {"max_attempts": 3}, id="attempts"),
        pytest.param(1, 2.0, {"wait_initial": 2.0}, id="first-wait"),
        pytest.param(2, 3.0, {"wait_max": 3.0}, id="cap"),
        pytest.param(3, "none", {"jitter": "none"}, id="jitter"),
    ],
)
def test_each_control_changes_the_picture(control, value, changed):
    """Into the one that this policy makes."""
    asked = {"max_attempts": 5, "wait_max": 10.0}
    box = explored(RetryPolicy(**asked))

    box.children[control].value = value

    expected = attempts(RetryPolicy(**{**asked, **changed}))
    assert f"up to {busiest(expected)} call" in box.children[-1].value
    assert f"after {max(map(max, expected)):.1f} s</fig" in box.children[-1].value


def test_a_cap_below_the_first_wait_is_lifted_to_it():
    """Two sliders may be set to what no policy can be."""
    box = explored(RetryPolicy(wait_max=10.0))

    box.children[1].value = 5.0
    box.children[2].value = 1.0

    assert "<img" in box.children[-1].value
