"""What notebook 00 shows of a job says itself in words."""

import re

import pytest

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.scenes.start_here import timeline
from agentstate_lab.lab.scenes.start_here.timeline import Timeline
from agentstate_lab.lab.show import Counted, Table, compare, counted, steps
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
    """
    However often the learner ran and restarted, the sentence is true.
    """
    assert count(*runs).verdict == verdict


def test_a_count_lists_every_effect_of_the_job():
    """
    What has not happened is shown too, in words and not by a gap.
    """
    shown = str(count(2, 1))

    assert [line.split()[0] for line in shown.splitlines()[3:]] == EFFECTS
    assert re.search(r"open-ticket +open_ticket +twice$", shown, re.M)
    assert re.search(r"announce +send_mail +once$", shown, re.M)
    assert re.search(r"report +send_mail +not yet$", shown, re.M)


def test_a_count_comes_from_the_ledger(world):
    """
    The world is asked, and each way to ask for an effect is counted.
    """
    world.forget("show")
    for key in (None, None, "k"):
        world.effect("deploy", task_id="show", step="api", arguments={}, key=key)

    ledger = counted("show")

    assert ledger.counts == {"api": 3}
    assert (ledger.total, ledger.repeats) == (3, 2)
    world.forget("show")


def test_a_count_is_of_its_moment(world):
    """
    A later run does not change what was counted before it.
    """
    world.forget("show")
    before = counted("show")

    world.effect("deploy", task_id="show", step="deploy-api", arguments={})

    assert (before.total, counted("show").total) == (0, 1)
    world.forget("show")


@pytest.mark.parametrize(
    ("guess", "said"),
    [
        pytest.param(None, "No count yet", id="no-guess"),
        pytest.param("six", "'six' is no count", id="a-word"),
        pytest.param(True, "True is no count", id="a-bool"),
        pytest.param(-1, "-1 is no count", id="negative"),
        pytest.param(6, "so does the ledger: 14 effects, 6 of them", id="right"),
        pytest.param(8, "the ledger says otherwise", id="wrong"),
    ],
)
def test_a_guess_is_held_against_the_ledger(guess, said):
    """
    The learner hears whether the number is right, or what to write.
    """
    assert said in compare(guess, count(6, 8))


def test_a_wrong_guess_does_not_give_the_number_away():
    """
    The learner can count again before the ledger is shown.
    """
    said = compare(8, count(6, 8))

    assert not {"6", "14"} & set(re.findall(r"\d+", said))


def test_a_guess_about_nothing_is_no_success():
    """
    Zero is right only when something ran.
    """
    assert "run the agent first" in compare(0, count())
    assert "so does the ledger" in compare(0, count(8))


def test_the_steps_of_a_job_fit_on_one_table():
    """
    Minute, step, call and what it changes, for each of the ten.
    """
    shown = steps()

    assert [row[1] for row in shown.rows] == [step.name for step in DEPLOY.steps]
    assert sum(row[3] == "nothing" for row in shown.rows) == 2
    assert max(map(len, str(shown).splitlines())) <= 76


def test_a_table_as_html_names_its_rows_and_columns():
    """
    A screen reader can say where it is, and text from outside stays text.
    """
    table = Table("<b>", ("step", "happened"), (("<i>", "twice"), ("x", "once")))

    shown = table._repr_html_()

    assert "&lt;b&gt;</caption>" in shown
    assert "&lt;i&gt;</th>" in shown
    assert shown.count('scope="col"') == shown.count('scope="row"') == 2


def test_harm_is_coloured_and_said():
    """
    Colour repeats a word, so nothing is lost without it.
    """
    shown = count(1, 2)._repr_html_()

    assert re.findall(r"background-color:[^>]+>([^<]+)<", shown) == ["twice"]


def test_the_timeline_tells_the_two_runs_apart():
    """
    Each step of the second run is again, new, or only a look.
    """
    shown = Timeline(count(7), count(7, 8))

    words = [bar.word for bar in shown.bars()]

    assert words == ["looks", *["done"] * 7, "looks", *["again"] * 7, "done", "looks"]
    assert shown.verdict == (
        "killed at minute 8, run again: 7 of 8 effects happened twice"
    )


def test_the_timeline_of_an_agent_that_goes_on_repeats_nothing():
    """
    The same picture, after the repair, has no step twice.
    """
    shown = Timeline(count(7), count(8))

    assert shown.again == ()
    assert [bar.word for bar in shown.bars()][8:] == ["looks", "done", "looks"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(count(), count(8), id="nothing-before-the-kill"),
        pytest.param(count(7), count(8, task_id="monday"), id="two-tasks"),
    ],
)
def test_a_timeline_of_what_is_no_death_is_refused(before, after):
    """
    A picture of two jobs would look right and mean nothing.
    """
    with pytest.raises(InvalidValue, match="two counts of one task"):
        timeline(before, after)
