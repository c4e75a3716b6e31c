"""What the world has counted says itself in words."""

import re

import pytest

from agentstate_lab.lab.show import Counted, counted, steps
from agentstate_lab.lab.world import SCENARIOS

DEPLOY = SCENARIOS["deploy"]
EFFECTS = [step.name for step in DEPLOY.effects]


def count(*runs: int, task_id: str = "friday") -> Counted:
    """The count after runs that did their first so many effects."""
    counts: dict[str, int] = {}
    for done in runs:
        for step in EFFECTS[:done]:
            counts[step] = counts.get(step, 0) + 1
    return Counted(task_id, DEPLOY, counts)


@pytest.mark.parametrize(
    ("runs", "verdict"),
    [
        pytest.param((), "no effect yet", id="nothing-ran"),
        pytest.param((8,), "8 effects, each once", id="one-run"),
        pytest.param((6,), "6 of 8 effects so far, each once", id="died-early"),
        pytest.param((6, 8), "14 effects, 6 of them repeats", id="died-and-again"),
        pytest.param((8, 8), "16 effects, 8 of them repeats", id="two-whole-runs"),
        pytest.param(
            (6, 3),
            "9 effects, 3 of them repeats; 2 still to come",
            id="died-twice",
        ),
    ],
)
def test_a_count_says_how_many_effects_are_repeats(runs, verdict):
    """However often the learner ran and restarted, the sentence is true."""
    assert count(*runs).verdict == verdict


def test_a_count_lists_every_effect_of_the_job():
    """What has not happened is shown too, in words and not by a gap."""
    shown = str(count(2, 1))

    assert [line.split()[0] for line in shown.splitlines()[3:]] == EFFECTS
    assert re.search(r"open-ticket +open_ticket +twice$", shown, re.M)
    assert re.search(r"announce +send_mail +once$", shown, re.M)
    assert re.search(r"report +send_mail +not yet$", shown, re.M)


def test_a_count_comes_from_the_ledger(world):
    """The world is asked, and each way to ask for an effect is counted."""
    world.forget("show")
    for key in (None, None, "k"):
        world.effect("deploy", task_id="show", step="api", arguments={}, key=key)

    ledger = counted("show")

    assert ledger.counts == {"api": 3}
    assert (ledger.total, ledger.repeats) == (3, 2)
    world.forget("show")


def test_a_count_is_of_its_moment(world):
    """A later run does not change what was counted before it."""
    world.forget("show")
    before = counted("show")

    world.effect("deploy", task_id="show", step="deploy-api", arguments={})

    assert (before.total, counted("show").total) == (0, 1)
    world.forget("show")


def test_the_steps_of_a_job_fit_on_one_table():
    """Minute, step, call and what it changes, for each of the ten."""
    shown = steps()

    assert [row[1] for row in shown.rows] == [step.name for step in DEPLOY.steps]
    assert sum(row[3] == "nothing" for row in shown.rows) == 2
    assert max(map(len, str(shown).splitlines())) <= 76


def test_harm_is_coloured_and_said():
    """Colour repeats a word, so nothing is lost without it."""
    last = [row[-1] for row in count(1, 2).table().rows]

    assert [word for word in last if word.tone == "harm"] == ["twice"]
