"""A prediction: asked, kept, and put beside its outcome."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.practice import predict, progress
from agentstate_lab.lab.practice.prediction import LONGEST, Prediction

ASKED = Prediction("How many deployments will the ledger count?")
CHOSEN = Prediction("Who ends it?", ("the client", "nobody"))


@pytest.fixture(autouse=True)
def _home(home_dir):
    """A home of the test's own."""
    home_dir.mkdir()


def test_without_a_guess_the_outcome_stands_alone(capsys):
    """Run All goes past a question that nobody has answered."""
    ASKED.compare(8, "the ledger says")

    assert capsys.readouterr().out == "the ledger says 8\n"
    assert str(progress().guesses).startswith("predictions: none yet")


def test_guess_and_outcome_stand_side_by_side(capsys):
    """One line says what was thought and what happened."""
    ASKED.keep(2)

    ASKED.compare(8, "the ledger says")

    assert capsys.readouterr().out == "you said 2; the ledger says 8\n"
    assert str(progress().guesses) == "predictions: 0 of 1 right"


def test_a_guess_outlives_the_process_that_kept_it():
    """Restart is how the course is used; the question is the same one afterwards."""
    ASKED.keep(" two \n or three ")

    again = Prediction(ASKED.question)

    assert again.guess == "two or three"
    assert CHOSEN.guess is None


def test_a_second_comparison_counts_no_second_guess():
    """Cells are run again all the time."""
    CHOSEN.keep("nobody")

    for _ in range(3):
        CHOSEN.compare("nobody")

    assert str(progress().guesses) == "predictions: 1 of 1 right"


@pytest.mark.parametrize(
    ("guess", "outcome", "within", "right"),
    [
        pytest.param("1,000", 1_000, 0.0, True, id="as-people-write"),
        pytest.param("400 s", 512, 0.5, True, id="near-enough"),
        pytest.param("40", 512, 0.5, False, id="too-far-off"),
        pytest.param("many", 512, 0.5, False, id="no-number"),
        pytest.param("YES", True, 0.0, True, id="a-yes"),
        pytest.param("0", 0, 0.0, True, id="nothing"),
    ],
)
def test_a_guess_is_read_as_people_write_it(guess, outcome, within, right):
    """A number may have commas and a unit, a word may be in capitals."""
    asked = Prediction("How much?", within=within)
    asked.keep(guess)

    asked.compare(outcome)

    assert progress().guesses.right == int(right)


@given(st.text())
def test_no_guess_is_too_strange(guess):
    """Whatever is typed is kept in one short line, or is no guess."""
    kept = ASKED.keep(guess)

    assert len(kept) <= LONGEST
    assert "\n" not in kept


def test_a_torn_progress_file_keeps_nobody_from_the_experiment(home_dir, capsys):
    """The outcome is shown, and the file is left as it is."""
    (home_dir / "progress.json").write_bytes(b"torn")

    ASKED.compare(8)

    assert capsys.readouterr().out == "it is 8\n"
    assert (home_dir / "progress.json").read_bytes() == b"torn"


@pytest.mark.parametrize("asked", [("",), ("Which?", ("one",)), ("Which?", (), -1.0)])
def test_a_question_that_cannot_be_answered_is_refused(asked):
    """No question, one choice, or a share below nothing."""
    question, *more = asked
    with pytest.raises(InvalidValue, match="not started"):
        predict(question, *more[:1], within=more[1] if more[1:] else 0.0)


def test_the_widget_keeps_what_is_entered(monkeypatch):
    """Enter is enough, and the twin beside the widget names the choices in words."""
    shown = []
    monkeypatch.setattr(
        "agentstate_lab.lab.practice.prediction.publish", lambda *two: shown.append(two)
    )

    asked = predict(CHOSEN.question, CHOSEN.choices)
    (twin, box) = shown[0]
    box.children[1].value = "nobody"

    assert asked.guess == "nobody"
    assert "Kept: nobody" in box.children[2].value
    assert "( ) the client" in str(twin)
