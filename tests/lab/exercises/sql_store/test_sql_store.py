"""The check of exercise 06: its table, its words, and a machine without fork."""

import sqlite3
from pathlib import Path

import nbformat
import pytest
from answers import sql_store_answers, sql_store_mistakes, sql_store_styles

from agentstate_lab.lab.exercises import exercise_named
from agentstate_lab.lab.exercises.judge import runner
from agentstate_lab.lab.exercises.sql_store.desk import Turn
from agentstate_lab.lab.exercises.sql_store.tasks import TABLE, Row, told
from agentstate_lab.lab.practice import practice as checks

pytestmark = pytest.mark.usefixtures("home_dir", "one_judge")
SOLUTION = (
    Path(__file__).resolve().parents[4] / "exercises/solutions/06_sql_store.ipynb"
)


def test_the_learner_sees_the_table_that_is_checked():
    """The notebook shows its own copy, so that nobody has to look for it."""
    notebook = nbformat.read(SOLUTION, as_version=4)
    (cell,) = (cell for cell in notebook.cells if cell.id == "table")
    shown = {}

    exec(cell.source, shown)

    assert shown["TABLE"] == TABLE


def test_a_row_has_the_columns_of_the_table():
    """Rows are read and put by position."""
    db = sqlite3.connect(":memory:")
    db.execute(TABLE)

    columns = [column[1] for column in db.execute("PRAGMA table_info(tasks)")]
    db.close()

    assert columns == list(Row._fields)


@pytest.mark.parametrize(
    ("statement", "verb"),
    [
        pytest.param("update tasks", "UPDATE", id="plain"),
        pytest.param("-- look\n  SELECT 1", "SELECT", id="comment-line"),
        pytest.param("/* a\n b */ BEGIN", "BEGIN", id="comment-block"),
    ],
)
def test_a_statement_is_named_by_its_verb(statement, verb):
    """
    A comment in front of a statement hides it neither from the check nor the reader.
    """
    turn = Turn(dict)

    turn.heard(statement)

    assert turn.verb(0) == verb


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(("t-1", True), "('t-1', True)", id="pair"),
        pytest.param(["t-1", {}], "('t-1', a dict)", id="list"),
        pytest.param(object(), "an object", id="object"),
    ],
)
def test_what_was_returned_is_told_the_same_each_time(value, text):
    """A report holds no address of an object."""
    assert told(value) == text


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(sql_store_mistakes.works_in_the_transaction, id="open"),
        pytest.param(sql_store_mistakes.works_before_it_claims, id="claims-late"),
    ],
)
def test_a_claim_that_nobody_can_read_is_not_taken_for_a_wrong_clock(answer):
    """
    The stage about the clock names the commit that is missing, not an old instant.
    """
    exercise = exercise_named("sql_store")

    report = checks._tried(exercise, runner.packed(answer), 10.0, fork=True)

    (case,) = (one for one in report.cases if "reads no clock" in one.name)
    assert "nothing was committed before work" in case.happened
    assert "claimed until" not in case.happened


@pytest.mark.soak
@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        pytest.param(sql_store_styles.right, 0, id="right"),
        pytest.param(
            sql_store_answers.WRONG["compares-the-state"].answer, 2, id="by-state"
        ),
    ],
)
def test_the_check_works_without_fork(answer, failed):
    """As on Windows: a new Python for every stage and for every worker."""
    exercise = exercise_named("sql_store")

    report = checks._tried(exercise, runner.packed(answer), 10.0, fork=False)

    assert sum(not case.passed for case in report.cases) == failed, str(report)
