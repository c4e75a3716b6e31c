"""What the check of exercise 07 tries, and what it knows of it."""

import pytest

from agentstate_lab.lab.exercises.checkpoint.laws import MAX_SIZE, made_up
from agentstate_lab.lab.exercises.checkpoint.past import (
    WORDS,
    Past,
    altered,
    fits,
    taken,
)

PASTS = list(made_up())


def test_made_up_pasts_are_the_same_each_time():
    """A report that is read twice says the same."""
    assert list(made_up()) == PASTS


def test_made_up_pasts_reach_every_word_and_every_size():
    """A law that is never tried on a waiting task says nothing about it."""
    assert {past.verdict().because for past in PASTS} == set(WORDS)
    assert {len(past.checkpoints) for past in PASTS} == set(range(MAX_SIZE + 1))
    assert {bool(past.due()) for past in PASTS} == {True, False}


def test_small_ones_come_first():
    """The first failure is the one that a learner reads."""
    sizes = [len(past.checkpoints) for past in PASTS]

    assert sizes == sorted(sizes)


@pytest.mark.parametrize(
    "make", [pytest.param(taken, id="taken"), pytest.param(altered, id="altered")]
)
def test_only_what_was_altered_does_not_fit(make):
    """The checksum covers what lies deep inside."""
    assert fits(make(5)) == (make is taken)


def test_a_drop_that_differs_by_one_version_is_named():
    """Whatever is dropped or kept against the rules, there is a sentence for it."""
    for past in PASTS:
        due = set(past.due())
        assert past.unfair(due) == ""
        for one in past.checkpoints:
            version = one["version"]
            assert str(version) in past.unfair(due ^ {version})


def test_rotation_leaves_nothing_to_rotate_and_the_same_verdict():
    """The laws hold for the rules themselves."""
    for past in PASTS:
        rotated = past.without(past.due())
        assert rotated.verdict()[:2] == past.verdict()[:2]
        assert rotated.due() == []


def test_a_past_is_told_in_a_sentence():
    """A learner can build the failing case from what is said."""
    past = Past([altered(7, 10), taken(6, 90, schema=3)], state="failed", keep=1)

    assert str(past) == (
        "a failed task, saved 10 s ago, with the checkpoints 7 (10 s old, altered),"
        " 6 (90 s old, schema 3), keep=1 and max_age=60.0"
    )
