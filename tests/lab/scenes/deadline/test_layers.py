import pytest

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.scenes.deadline import Layers, who_runs_out_first


def three(timeout: float) -> Layers:
    """Three layers of work, 20 seconds each, for a caller who waits 30."""
    layers = Layers(patience=30)
    for who in ("model", "look", "pull"):
        layers.work(who, 20, timeout)
    return layers


def test_work_that_does_not_fit_takes_all_of_its_timeout():
    """The time is gone, and the error names who ran out of it."""
    layers = Layers(patience=30)

    with pytest.raises(TimeoutError, match="look: not done after 10 s"):
        layers.work("look", 20, 10)

    assert (layers.clock(), layers.shares[0].used, layers.late) == (10, 10, 0)
    assert layers.verdict == "work ends at 10 s, while the caller still waits"


@pytest.mark.parametrize(
    "seconds",
    [0, -1, float("nan"), float("inf"), 1e9, True, "20", None],
)
def test_a_story_has_lengths_that_can_be_drawn(seconds):
    """The argument is named."""
    layers = Layers(patience=30)

    with pytest.raises(InvalidValue, match="patience"):
        Layers(patience=seconds)
    with pytest.raises(InvalidValue, match="seconds"):
        layers.work("look", seconds, 30)
    with pytest.raises(InvalidValue, match="timeout"):
        layers.work("look", 20, seconds)
    assert layers.shares == []


def test_a_layer_that_was_never_reached_has_its_row(shown):
    """Two stories share their rows; the shorter one shows what did not start."""
    short = Layers(patience=30)
    short.work("model", 20, 30)

    who_runs_out_first({"long": three(30), "short": short, "empty": Layers(30)})

    words = shown[0]["text/plain"]
    assert "look starts at 20 s, is given 30 s and takes 20 s" in words
    assert "short: the caller waits 30 s; model starts" in words


def test_a_picture_of_nothing_is_refused():
    """It would say nothing."""
    with pytest.raises(InvalidValue, match="stories"):
        who_runs_out_first({})
