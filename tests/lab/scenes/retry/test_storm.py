"""A storm of retries in virtual time, and its picture."""

from itertools import count

import pytest

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.scenes.retry import (
    at_once,
    storm,
    strategies,
    typical,
    what_does_a_storm_cost,
)
from agentstate_lab.lab.scenes.retry.storm import ANSWER, Storm
from agentstate_lab.retry import RetryPolicy


def textbook(rng):
    """1, 2, 4, 8 s and so on."""
    return (2**n for n in count())


def test_one_client_is_answered_at_once():
    """Without others there is no storm."""
    alone = storm(1, textbook)

    assert (alone.calls, alone.answered, alone.over) == (1, 1, True)
    assert ANSWER < alone.seconds < 1


def test_the_same_seed_is_the_same_storm():
    """A lesson can be run again."""
    waits = RetryPolicy(max_attempts=1_000).waits

    assert storm(20, waits, seed=3) == storm(20, waits, seed=3)
    assert storm(20, waits, seed=3) != storm(20, waits, seed=4)


@pytest.mark.parametrize("clients", [0, 10**6])
def test_a_storm_that_makes_no_sense_is_refused(clients):
    """Or that would never end."""
    with pytest.raises(InvalidValue, match="clients"):
        storm(clients, at_once)


def test_a_typical_storm_is_a_median():
    """Of an odd number of them, so it is one that happened."""
    waits = strategies()["full jitter"]
    seen = [storm(20, waits, seed=seed) for seed in range(1, 22)]

    middle = typical(20, waits)

    assert middle.seconds == sorted(one.seconds for one in seen)[10]
    assert middle.calls == sorted(one.calls for one in seen)[10]


@pytest.mark.parametrize(
    "measured",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"a": []}, id="no-storm"),
        pytest.param(
            {"a": [Storm(1, 1, 1, 1.0)], "b": [Storm(2, 1, 1, 1.0)]}, id="unlike"
        ),
        pytest.param({str(n): [Storm(1, 1, 1, 1.0)] for n in range(6)}, id="too-many"),
    ],
)
def test_what_cannot_be_compared_is_not_drawn(measured):
    """It is refused by name."""
    with pytest.raises(InvalidValue, match="measured"):
        what_does_a_storm_cost(measured)
