"""
The exercises: right answers pass, stubs wait, known mistakes are caught by name.

All checks share the home of the session, and so one world.
"""

import doctest
import json
import subprocess
import sys
from pathlib import Path

import answers.checkpoint_answers
import answers.context_answers
import answers.deadline_answers
import answers.durable_agent_answers
import answers.idempotency_answers
import answers.json_store_answers
import answers.mcp_answers
import answers.retry_answers
import answers.run_once_answers
import answers.sql_store_answers
import answers.state_answers
import nbformat
import pytest

from agentstate_lab.lab.exercises import EXERCISES, exercises_in
from agentstate_lab.lab.exercises.judge import answer_cells
from agentstate_lab.lab.notebooks import stub_of
from agentstate_lab.lab.notebooks.notebook_file import SOLUTION_ONLY, tags
from agentstate_lab.lab.practice import check, check_notebook

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "exercises"
ANSWERS = {
    "state": answers.state_answers,
    "json_store": answers.json_store_answers,
    "retry": answers.retry_answers,
    "deadline": answers.deadline_answers,
    "sql_store": answers.sql_store_answers,
    "checkpoint": answers.checkpoint_answers,
    "idempotency": answers.idempotency_answers,
    "run_once": answers.run_once_answers,
    "context": answers.context_answers,
    "durable_agent": answers.durable_agent_answers,
    "mcp": answers.mcp_answers,
}

pytestmark = pytest.mark.usefixtures("one_judge")

# Of each exercise, besides its plain answer, which is as its solution, and that is run
# by `make notebooks`. `make soak` tries all.
STYLES = 2

every_exercise = pytest.mark.parametrize(
    "exercise",
    [pytest.param(exercise, id=name) for name, exercise in EXERCISES.items()],
)


def solution_of(exercise):
    """The source of an exercise."""
    return FOLDER / "solutions" / f"{exercise.stem}.ipynb"


def code(path, exercise):
    """The code of the cells that lead to the exercise's own function, as one text."""
    _, cells = answer_cells(path, exercise.name)
    return "\n\n".join(source for _, source in json.loads(cells))


@pytest.fixture
def copy(tmp_path):
    """Write a notebook where a learner would have one."""

    def write(name, text):
        path = tmp_path / name
        path.write_text(text, "utf-8")
        return path

    return write


def changed(path):
    """Whether git knows a difference between the file and the last commit."""
    done = subprocess.run(
        ["git", "-C", str(ROOT), "diff", "--quiet", "HEAD", "--", str(path)],
        capture_output=True,
        check=False,
    )
    return done.returncode != 0


def test_every_exercise_has_answers_to_be_tried():
    """At least five named mistakes, and at least two right answers in another style."""
    assert set(ANSWERS) == set(EXERCISES)
    for module in ANSWERS.values():
        assert len(module.WRONG) >= 5
        assert len(module.RIGHT) >= 3


@pytest.mark.soak
@every_exercise
def test_the_solution_passes(exercise, copy):
    """From its file; `make notebooks` runs its cells, and compares the verdict."""
    path = copy(f"{exercise.stem}.ipynb", solution_of(exercise).read_text("utf-8"))

    report = check_notebook(path, exercise.name)

    assert report.passed, str(report)


@every_exercise
def test_the_stub_is_not_started(exercise, copy):
    """An untouched exercise is no failure: it says what to do."""
    path = copy(f"{exercise.stem}.ipynb", stub_of(solution_of(exercise)))

    report = check_notebook(path, exercise.name)

    assert not report.started
    assert not report.passed
    assert report.cases == ()
    assert exercise.function in str(report)


@every_exercise
def test_the_stub_raises_an_error_that_names_the_exercise(exercise, copy):
    """Whoever runs it too early reads a sentence."""
    path = copy(f"{exercise.stem}.ipynb", stub_of(solution_of(exercise)))
    space = {}
    exec(code(path, exercise), space)

    with pytest.raises(NotImplementedError, match="is not written yet") as caught:
        space[exercise.function](
            *exercise.parameters, **dict.fromkeys(exercise.keywords)
        )

    assert str(caught.value).startswith(exercise.title)


@every_exercise
def test_the_stub_asks_and_does_not_tell(exercise):
    """It has a TODO, a card and the check, and nothing of the solution."""
    text = stub_of(solution_of(exercise))
    notebook = nbformat.reads(text, as_version=4)
    source = "\n".join(cell.source for cell in notebook.cells)

    assert source.count("# TODO: ") == len(exercises_in(f"{exercise.stem}.ipynb"))
    assert f'check("{exercise.name}", {exercise.function})' in source
    assert f'hint("{exercise.name}")' in source
    for word in ("**Difficulty** ●", "**importance** ●", "minutes**", "read hint 2"):
        assert word in notebook.cells[0].source
    assert not any(SOLUTION_ONLY in tags(cell) for cell in notebook.cells)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    assert "solution begin" not in source


def test_the_stubs_are_clean_code(copy, tmp_path):
    """The learner's copy is theirs, and no tool looks at it; this is its start."""
    for exercise in EXERCISES.values():
        copy(f"{exercise.stem}.ipynb", stub_of(solution_of(exercise)))
    config = ["--config", str(FOLDER / "solutions" / "ruff.toml"), str(tmp_path)]

    for command in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, *config],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout


@every_exercise
def test_the_stub_on_disk_is_the_derived_one(exercise):
    """The two cannot drift apart; a learner's own version is left in peace."""
    path = FOLDER / f"{exercise.stem}.ipynb"
    if changed(path):
        pytest.skip(f"{path.name} was changed here: it is the learner's now")

    assert path.read_text("utf-8") == stub_of(solution_of(exercise))


@every_exercise
def test_the_worked_example_is_true(exercise, tmp_path, monkeypatch):
    """What the docstring of the stub shows is what the solution does."""
    monkeypatch.chdir(tmp_path)
    space = {}
    exec(code(solution_of(exercise), exercise), space)
    found = doctest.DocTestFinder().find(
        space[exercise.function], exercise.function, globs=space
    )
    runner = doctest.DocTestRunner(verbose=False)

    for example in found:
        runner.run(example)

    assert runner.summarize(verbose=False).attempted >= 3
    assert runner.summarize(verbose=False).failed == 0


@every_exercise
def test_the_solution_shows_that_it_passes_and_a_wrong_answer_that_fails(exercise):
    """The two verdicts are stored there, and what is stored is run again."""
    notebook = nbformat.read(solution_of(exercise), as_version=4)
    shown = [
        (SOLUTION_ONLY in tags(cell), output.data["text/plain"])
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "text/plain" in output.get("data", {})
    ]

    passed = f"exercise {exercise.number} {exercise.name}: passed, "
    assert any(text.startswith(passed) for _, text in shown)
    assert any(alone and "failed  " in text for alone, text in shown)


@every_exercise
def test_the_hints_are_a_ladder(exercise):
    """A nudge that asks, a place, and the shape: three steps."""
    hints = exercise.load().HINTS

    assert len(hints) == 3
    assert "?" in hints[0]
    assert "shape" in hints[2].lower()


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        pytest.param(
            name,
            answer,
            id=f"{name}-{style}",
            marks=[] if 0 < place <= STYLES else [pytest.mark.soak],
        )
        for name, module in ANSWERS.items()
        for place, (style, answer) in enumerate(module.RIGHT.items())
    ],
)
def test_a_right_answer_in_any_style_passes(name, answer):
    """The check judges what a function does, never how it is written."""
    report = check(name, answer)

    assert report.passed, str(report)


every_mistake = pytest.mark.parametrize(
    ("name", "wrong"),
    [
        pytest.param(name, wrong, id=f"{name}-{mistake}")
        for name, module in ANSWERS.items()
        for mistake, wrong in module.WRONG.items()
    ],
)


@every_mistake
def test_a_wrong_answer_fails_by_name(name, wrong):
    """The stage that is about the mistake says what happened."""
    stages = [stage.name for stage in EXERCISES[name].load().STAGES]
    only = [wrong.stage] if wrong.stage in stages else []

    report = check(name, wrong.answer, only=only, seconds=wrong.seconds)

    case = next(case for case in report.cases if case.name == wrong.stage)
    assert not case.passed
    assert wrong.says in case.message, str(report)


@pytest.mark.soak
@every_mistake
def test_a_wrong_answer_fails_among_all_stages(name, wrong):
    """As a learner tries it: the other stages do not get in the way."""
    report = check(name, wrong.answer)

    case = next(case for case in report.cases if case.name == wrong.stage)
    assert not case.passed
    assert wrong.says in case.message, str(report)
