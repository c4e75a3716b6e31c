"""Progress, hints and reset: kept by the course's own store, whatever dies."""

import json
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from answers import nasty, state_answers

from agentstate_lab.errors import InvalidValue, StoreTorn
from agentstate_lab.lab.exercises import EXERCISES
from agentstate_lab.lab.home import repository_root
from agentstate_lab.lab.notebooks import stub_of
from agentstate_lab.lab.practice import check, hint, progress, reset
from agentstate_lab.lab.practice.fresh import reset as reset_in
from agentstate_lab.lab.practice.view import Reset, Row
from agentstate_lab.stores import JsonFileStore

pytestmark = pytest.mark.usefixtures("home_dir", "one_judge")


def row(name="state"):
    """What progress says of one exercise."""
    return next(one for one in progress().rows if one.exercise.name == name)


def test_nothing_is_started_at_first():
    """A row for every exercise, and no file before something happened."""
    rows = progress().rows

    assert [one.exercise for one in rows] == list(EXERCISES.values())
    assert {one.status for one in rows} == {"not started"}
    assert progress().passed == frozenset()


def test_attempts_are_counted_and_the_best_is_kept():
    """A worse attempt after a pass takes nothing away."""
    check("state", nasty.takes_one)
    assert (row().attempts, row().status, row().score) == (1, "tried", "0 of 13")

    check("state", state_answers.version_before_id)
    assert (row().attempts, row().status, row().score) == (2, "tried", "11 of 13")

    check("state", state_answers.right)
    check("state", state_answers.version_before_id)
    assert (row().attempts, row().status, row().score) == (4, "passed", "13 of 13")
    assert progress().passed == {"state"}


def test_an_untouched_stub_is_no_attempt():
    """Whoever runs all cells of a new exercise has not tried it."""
    report = check("state", state_answers.untouched)

    assert not report.started
    assert row() == Row(EXERCISES["state"])


def test_the_hints_come_one_by_one_and_the_last_one_stays():
    """A nudge, the place, the shape; asking again shows the shape again."""
    shown = [hint("state") for _ in range(5)]

    assert [one.number for one in shown] == [1, 2, 3, 3, 3]
    assert [one.text for one in shown[:3]] == list(EXERCISES["state"].load().HINTS)
    assert str(shown[0]).startswith("hint 1 of 3: ")
    assert max(map(len, str(shown[2]).splitlines())) <= 76
    assert row().hints == 3


def test_hints_of_one_exercise_are_not_those_of_another():
    """Each has its own ladder."""
    hint("state")

    assert hint("json_store").number == 1
    assert (row().hints, row("json_store").hints) == (1, 1)


def test_a_hint_is_escaped_in_the_notebook():
    """A hint may speak of code."""
    hint("state")

    assert "state[&#x27;applied&#x27;]" in hint("state").html()


@pytest.mark.usefixtures("process")
def test_progress_outlives_the_process(home_dir):
    """Another process finds what this one did."""
    check("state", state_answers.right)
    hint("state")

    said = subprocess.run(
        [sys.executable, "-m", "agentstate_lab", "progress"],
        capture_output=True,
        check=True,
        encoding="utf-8",
    ).stdout

    assert said.strip() == str(progress())


def test_progress_is_a_store_of_tasks(home_dir):
    """One task per exercise, in the store that notebook 02 teaches, mode 0600."""
    check("state", state_answers.right)

    file = home_dir / "progress.json"
    tasks = JsonFileStore(file).list_by_state("pending")
    assert [task.user_input for task in tasks] == ["solve exercise state"]
    assert tasks[0].agent_state.fact("passed") is True
    assert sys.platform == "win32" or file.stat().st_mode & 0o777 == 0o600


def test_progress_reads_well_as_text_and_as_a_table():
    """Verdict first; words in each cell; heads for a screen reader."""
    check("state", state_answers.right)

    verdict, _, *rows, _, guesses = str(progress()).splitlines()
    head, state, *others = (re.split(" {2,}", row) for row in rows)
    table = progress().html()
    assert verdict == f"exercises passed: 1 of {len(EXERCISES)}"
    assert head == ["exercise", "status", "best score", "attempts", "hints"]
    assert state == ["01 state", "passed", "13 of 13", "1", "0"]
    assert all(other[1:] == ["not started", "-", "0", "0"] for other in others)
    assert guesses.startswith("predictions: none yet")
    assert "<caption" in table
    assert table.count('scope="col"') == 5
    assert table.count('scope="row"') == len(EXERCISES)


def test_a_torn_file_is_named_and_keeps_no_hint_away(home_dir):
    """It is refused by name and never written over."""
    check("state", state_answers.right)
    file = home_dir / "progress.json"
    torn = file.read_bytes()[:-9]
    file.write_bytes(torn)

    with pytest.raises(StoreTorn, match=r"progress\.json"):
        progress()

    assert hint("state").number == 1
    assert file.read_bytes() == torn


def test_odd_values_in_the_file_count_as_nothing(home_dir):
    """Whoever edits the file by hand breaks no notebook."""
    hint("state")
    with JsonFileStore(home_dir / "progress.json") as store:
        task = store.list_by_state("pending")[0]
        facts = [{"key": "attempts", "value": "many"}, {"key": "passed", "value": 1}]
        state = task.agent_state.model_validate(
            {**task.agent_state.model_dump(), "known_facts": facts}
        )
        store.save(task.model_copy(update={"agent_state": state}))

    assert row() == Row(EXERCISES["state"])


@pytest.mark.parametrize("ask", [hint, reset])
def test_an_unknown_exercise_is_refused_by_name(ask):
    """With the names that there are."""
    with pytest.raises(InvalidValue, match="did you mean 'json_store'"):
        ask("json_stores")


@pytest.fixture
def course(tmp_path):
    """A copy of two exercises' sources."""
    solutions = tmp_path / "course" / "exercises" / "solutions"
    solutions.mkdir(parents=True)
    for name in ("01_state.ipynb", "03_idempotency.ipynb"):
        source = repository_root() / "exercises" / "solutions" / name
        (solutions / name).write_bytes(source.read_bytes())
    return tmp_path / "course"


def test_reset_keeps_the_learners_version(course, home_dir):
    """Nothing is lost: each version is kept under a number of its own."""
    path = course / "exercises" / "01_state.ipynb"
    fresh = stub_of(course / "exercises" / "solutions" / "01_state.ipynb")
    for version in ("my first try", "my second try"):
        path.write_text(version, "utf-8")

        done = reset_in("state", root=course)

        assert path.read_text("utf-8") == fresh
        assert done.kept.read_text("utf-8") == version
        assert f"your version is kept as {done.kept}. In" in str(done)
    kept = sorted(one.name for one in (home_dir / "answers").iterdir())
    assert kept == ["01_state.1.ipynb", "01_state.2.ipynb"]


def test_a_version_in_the_course_is_named_from_there():
    """As a learner finds it: the home of the course is in its repository."""
    root = repository_root()

    done = Reset(root / "exercises" / "01_state.ipynb", root / ".lab" / "answers" / "x")

    assert "your version is kept as .lab/answers/x. In" in str(done)


@pytest.mark.parametrize("name", ["idempotency", "run_once", "03_idempotency"])
def test_reset_of_a_notebook_with_two_exercises_says_so(course, home_dir, name):
    """Both are in one file: whoever resets one must know that it resets the other."""
    path = course / "exercises" / "03_idempotency.ipynb"
    path.write_text("my try at both", "utf-8")

    done = reset_in(name, root=course)

    assert done.stub == path
    assert done.kept.read_text("utf-8") == "my try at both"
    assert "untouched again, with idempotency and run_once;" in str(done)


def test_reset_of_an_untouched_stub_keeps_nothing(course, home_dir):
    """A missing stub is written, an untouched one is left."""
    path = course / "exercises" / "01_state.ipynb"

    assert reset_in("state", root=course).kept is None
    assert reset_in("state", root=course).kept is None

    assert nbformat.read(path, as_version=4).cells
    assert not (home_dir / "answers").exists()
    assert "nothing to keep" in str(reset_in("state", root=course))


def test_reset_without_a_repository_says_so(monkeypatch):
    """An installed package has no exercises to write."""
    from agentstate_lab.lab.practice import fresh as module

    monkeypatch.setattr(module, "repository_root", lambda: None)

    with pytest.raises(InvalidValue, match="needs the course's repository"):
        reset("state")


def test_a_reset_that_cannot_keep_leaves_the_version_alone(course, home_dir):
    """First the copy, then the stub."""
    path = course / "exercises" / "01_state.ipynb"
    path.write_text("my only try", "utf-8")
    home_dir.mkdir()
    (home_dir / "answers").write_text("in the way")

    with pytest.raises(OSError, match="answers"):
        reset_in("state", root=course)

    assert path.read_text("utf-8") == "my only try"


def test_the_stored_file_holds_no_answer(home_dir):
    """What the learner wrote stays in the notebook."""
    check("state", state_answers.right)

    line = Path(home_dir / "progress.json").read_text("utf-8").splitlines()[1]
    facts = json.loads(line.split(":", 1)[1])["agent_state"]["known_facts"]
    assert {fact["key"] for fact in facts} == {"attempts", "best", "total", "passed"}
