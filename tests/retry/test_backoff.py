"""Waits grow up to a cap, and differ below it."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import policies

from agentstate_lab.errors import InvalidValue
from agentstate_lab.retry import RetryPolicy
from agentstate_lab.retry.backoff import LONGEST, WAIT_MAX

JITTERED = ("full", "equal", "decorrelated")


@pytest.mark.parametrize(
    ("policy", "waits"),
    [
        pytest.param({}, [1, 2, 4, 8, 16], id="as-in-every-textbook"),
        pytest.param({"wait_max": 5}, [1, 2, 4, 5, 5], id="up-to-the-cap"),
        pytest.param({"wait_initial": 0.5}, [0.5, 1, 2, 4, 8], id="from-a-half"),
        pytest.param({"wait_exp_base": 3}, [1, 3, 9, 27, 81], id="by-threes"),
        pytest.param({"wait_exp_base": 1}, [1, 1, 1, 1, 1], id="constant"),
    ],
)
def test_without_jitter_a_wait_is_its_ceiling(policy, waits):
    """What can be predicted can be taught."""
    policy = RetryPolicy(max_attempts=6, jitter="none", **policy)

    assert list(policy.waits()) == waits


def test_one_attempt_has_nothing_to_wait_for():
    """Waits lie between attempts."""
    assert list(RetryPolicy(max_attempts=1).waits()) == []


@pytest.mark.parametrize(
    ("jitter", "low", "high"),
    [
        pytest.param("none", 4, 4, id="none"),
        pytest.param("full", 0, 4, id="full"),
        pytest.param("equal", 2, 4, id="equal"),
        pytest.param("decorrelated", 1, 4.5, id="decorrelated-from-1.5"),
    ],
)
def test_each_jitter_has_its_span(jitter, low, high):
    """The third wait, after one of a second and a half."""
    policy = RetryPolicy(wait_max=5, jitter=jitter)

    assert policy.span(3, last=1.5) == (low, high)


@pytest.mark.parametrize("jitter", JITTERED)
def test_at_the_cap_the_waits_still_differ(jitter):
    """A hundred clients that failed ten times together do not come back together."""
    policy = RetryPolicy(max_attempts=11, wait_max=5, jitter=jitter)

    tenth = [list(policy.waits(random.Random(seed)))[-1] for seed in range(100)]

    assert len({round(wait, 3) for wait in tenth}) > 90
    assert max(tenth) - min(tenth) > policy.cap / 3


def test_a_cap_after_the_draw_loses_the_jitter():
    """
    The formula of stamina and of tenacity's `wait_exponential_jitter`, for
    comparison. `benchmarks/retry.py` asks the libraries themselves.
    """
    chance = random.Random(1)

    tenth = {min(5.0, 1.0 * 2**9 + chance.uniform(0, 1)) for _ in range(100)}

    assert tenth == {5.0}


@given(policy=policies(), seed=st.integers())
def test_every_wait_lies_between_nothing_and_the_cap(policy, seed):
    """Whatever the policy and the luck: one wait fewer than attempts, none too long."""
    waits = list(policy.waits(random.Random(seed)))

    assert len(waits) == policy.max_attempts - 1
    assert all(0 <= wait <= policy.cap for wait in waits)


@given(policy=policies(), attempt=st.integers(1, 1_000))
def test_ceilings_never_fall_and_never_overflow(policy, attempt):
    """A shift by 55 places is no wait at all in some languages."""
    ceiling, following = policy.ceiling(attempt), policy.ceiling(attempt + 1)

    assert 0 < ceiling <= following <= policy.cap < math.inf


@pytest.mark.parametrize(
    ("policy", "cap"),
    [
        pytest.param(RetryPolicy(), WAIT_MAX, id="a-minute"),
        pytest.param(RetryPolicy(wait_initial=90), 90, id="not-below-the-first"),
        pytest.param(RetryPolicy(wait_max=5), 5, id="as-said"),
        pytest.param(RetryPolicy(jitter="none"), LONGEST, id="predictable-waits"),
        pytest.param(RetryPolicy(jitter="none", wait_max=5), 5, id="both"),
    ],
)
def test_there_is_a_cap_unless_the_waits_are_to_be_predictable(policy, cap):
    """The dangerous value must be typed out."""
    assert policy.cap == cap


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param(name, value, id=f"{name}-{value!r:.12}")
        for name, values in {
            "max_attempts": (0, -1, 1.0, True, "3", math.nan, 10**9, None, [3]),
            "wait_initial": (0, -1, math.nan, math.inf, "1", True, None, 1e300),
            "wait_max": (0, 0.5, -1, math.nan, math.inf, "9", True),
            "wait_exp_base": (0, 0.5, -2, math.nan, math.inf, "2", True, 10**400),
            "jitter": ("some", "", None, True, ["full"]),
            "retry_after_max": (-1, math.nan, math.inf, "9", None, True),
        }.items()
        for value in values
    ],
)
def test_what_makes_no_sense_is_refused_by_name(name, value):
    """Long before anybody waits for a NaN."""
    with pytest.raises(InvalidValue) as caught:
        RetryPolicy(**{name: value})

    assert caught.value.name == name
