"""A notebook file is checked without running any of it here."""

import json
import os

import pytest
from answers import state_answers

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.exercises import EXERCISES
from agentstate_lab.lab.exercises.judge import answer_cells, is_untouched
from agentstate_lab.lab.practice import check_notebook, progress
from agentstate_lab.lab.practice import practice as checks

RIGHT = """
import copy
from agentstate_lab.errors import VersionConflict

def apply_patch(state, patch):
    if patch["id"] in state["applied"]:
        return state
    if patch["base_version"] != state["version"]:
        expected, found = patch["base_version"], state["version"]
        raise VersionConflict("state", expected=expected, found=found)
    after = copy.deepcopy(state)
    for operation in patch["operations"]:
        helper(after, copy.deepcopy(operation))
    after["applied"].append(patch["id"])
    after["version"] += 1
    return after
"""
HELPER = """
def helper(state, operation):
    match operation["op"]:
        case "append_facts": state["facts"] += operation["facts"]
        case "upsert_fact":
            fact = operation["fact"]
            kept = [one for one in state["facts"] if one["key"] != fact["key"]]
            state["facts"] = [*kept, fact]
        case "replace_plan": state["plan"] = operation["plan"]
        case "add_questions": state["questions"] += operation["questions"]
        case "close_question":
            closed = operation["question"]
            state["questions"] = [q for q in state["questions"] if q != closed]
"""
CHECK = 'from agentstate_lab.lab.practice import check\ncheck("state", apply_patch)'
STUB = """
def apply_patch(state, patch):
    raise NotImplementedError("Exercise 01 (state) is not written yet.")
"""


@pytest.fixture
def notebook(home_dir, tmp_path):
    """Write a notebook of these code cells, as JupyterLab would."""

    def write(*sources, name="01_state.ipynb"):
        cells = [{"cell_type": "markdown", "source": ["# A question?"], "metadata": {}}]
        cells += [
            {"cell_type": "code", "source": source.splitlines(keepends=True)}
            for source in sources
        ]
        path = tmp_path / name
        path.write_text(json.dumps({"nbformat": 4, "cells": cells}), "utf-8")
        return path

    return write


@pytest.mark.usefixtures("one_judge")
@pytest.mark.parametrize(
    "cells",
    [
        pytest.param((HELPER, RIGHT, CHECK), id="plain"),
        pytest.param((RIGHT, HELPER, CHECK), id="helper-after"),
        pytest.param((CHECK, HELPER, RIGHT, CHECK), id="check-first"),
        pytest.param((HELPER, RIGHT), id="no-check"),
        pytest.param((HELPER, RIGHT, CHECK, "1 / 0"), id="trouble-after"),
        pytest.param(
            ("%matplotlib inline\nx = 1\n!ls", "%%bash\nrm -r x", HELPER, RIGHT, CHECK),
            id="magic",
        ),
        pytest.param(
            (
                'display("x")\nprint("from the notebook")',
                HELPER,
                RIGHT,
                'hint("state")',
                CHECK,
            ),
            id="display",
        ),
        pytest.param(
            (HELPER, RIGHT.replace("apply_patch", "mine"), "apply_patch = mine", CHECK),
            id="another-name",
        ),
    ],
)
def test_an_answer_is_found_in_its_notebook(notebook, capfd, cells):
    """With the helpers of other cells, whatever stands around it; prints stay there."""
    # JupyterLab calls a copy so.
    report = check_notebook(notebook(*cells, name="01_state-Copy1.ipynb"))

    assert report.passed, str(report)
    assert "from the notebook" not in "".join(capfd.readouterr())


@pytest.mark.usefixtures("one_judge")
@pytest.mark.parametrize(
    ("cells", "happened"),
    [
        pytest.param((), "defines no apply_patch", id="empty"),
        pytest.param(("x = 1", CHECK), "defines no apply_patch", id="no-function"),
        pytest.param(("1 / 0", RIGHT, CHECK), "the line `1 / 0` of", id="raises"),
        pytest.param(("def apply_patch(", CHECK), "SyntaxError", id="syntax"),
        pytest.param(("apply_patch = 3", CHECK), "not a function but an int", id="int"),
        pytest.param(("import os\nos._exit(3)", RIGHT), "exit status 3", id="exit"),
        pytest.param(("raise SystemExit", RIGHT), "SystemExit", id="sys-exit"),
        pytest.param(("while True: pass", RIGHT), "did not come back", id="loop"),
    ],
)
def test_a_notebook_without_a_usable_answer_is_a_named_failure(
    notebook, cells, happened
):
    """Its cells run in the check's process, so they harm nobody."""
    seconds = 1.0 if "come back" in happened else 30.0

    report = check_notebook(notebook(*cells), seconds=seconds)

    assert report.score == "0 of 13"
    assert not report.passed
    assert happened in report.cases[0].happened


def test_an_untouched_notebook_is_not_started(notebook):
    """As when its cells are run."""
    report = check_notebook(notebook(STUB, CHECK))

    assert not report.started


TASK = """
from agentstate_lab.idempotency import execute_task

def execute_task_if_not_done(store, task_id, work):
    return execute_task(store, task_id, work)
"""
EFFECT = """
from agentstate_lab import idempotency

def run_once(store, task_id, step, ask):
    return idempotency.run_once(store, task_id, step, ask, if_unknown="resend")
"""
STUB_EFFECT = """
def run_once(store, task_id, step, ask):
    '''Return the result of the step.'''
    # TODO: record, ask, record
    raise NotImplementedError("Exercise 03 (run_once) is not written yet.")
"""
CHECK_TASK = 'check("idempotency", execute_task_if_not_done)'
CHECK_EFFECT = 'check("run_once", run_once)'
LOOK = """
report = check("idempotency", execute_task_if_not_done)
failed = [case.name for case in report.cases if not case.passed]
for name in failed:
    print(name)
print(len(failed))
"""


@pytest.mark.usefixtures("one_judge")
@pytest.mark.parametrize(
    ("cells", "passes"),
    [
        pytest.param((TASK, CHECK_TASK, EFFECT, CHECK_EFFECT), "both", id="plain"),
        pytest.param(
            (TASK, LOOK, EFFECT, CHECK_EFFECT),
            "both",
            id="look-at-reports",
            marks=pytest.mark.soak,
        ),
        pytest.param(
            (EFFECT, TASK, CHECK_TASK, CHECK_EFFECT),
            "both",
            id="other-way",
            marks=pytest.mark.soak,
        ),
        pytest.param(
            (TASK, CHECK_TASK, "1 / 0", CHECK_EFFECT),
            "first",
            id="trouble",
            marks=pytest.mark.soak,
        ),
    ],
)
def test_two_exercises_in_one_notebook_are_told_apart(notebook, cells, passes):
    """Each is checked on its own; the first is meant when nobody says which."""
    path = notebook(*cells, name="03_idempotency.ipynb")

    first, second = check_notebook(path), check_notebook(path, "run_once")

    assert (first.name, second.name) == ("idempotency", "run_once")
    assert first.passed, str(first)
    assert second.passed == (passes == "both"), str(second)


def test_a_report_is_not_looked_at_and_a_new_name_is_no_report(notebook):
    """What reads a report goes with it; a name that was given again stays."""
    path = notebook(
        'report = check("idempotency", 1)\nx = report.passed\ny = x',
        "report = 3",
        "def later():\n    return report",
        "print(report, y)",
        "z = report",
        EFFECT,
        CHECK_EFFECT,
        name="03_idempotency.ipynb",
    )

    _, cells = answer_cells(path, "run_once")

    sources = [source for _, source in json.loads(cells)]
    assert sources[:5] == [
        "\n\n",
        "report = 3",
        "def later():\n    return report",
        "",
        "z = report",
    ]


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param("def execute_task_if_not_done(", id="syntax"),
        pytest.param("1 / 0", id="raises"),
        pytest.param("while True: pass", id="loop"),
        pytest.param("import os\nos._exit(3)", id="exit"),
    ],
)
def test_trouble_in_the_first_part_is_no_attempt_at_the_second(notebook, trouble):
    """An untouched part has not been tried, whatever stands above it."""
    path = notebook(
        trouble, CHECK_TASK, STUB_EFFECT, CHECK_EFFECT, name="03_idempotency.ipynb"
    )

    report = check_notebook(path, "run_once", seconds=1.0)

    attempts = {row.exercise.name: row.attempts for row in progress().rows}
    assert not report.started
    assert attempts["run_once"] == 0


@pytest.mark.parametrize(
    "cell",
    [
        pytest.param("run_once = None", id="another-value"),
        pytest.param(EFFECT, id="an-answer"),
        pytest.param("if True:\n    def run_once(): pass", id="inside-an-if"),
        pytest.param(STUB_EFFECT.replace("raise", "print()\n    raise"), id="half-way"),
        pytest.param(STUB_EFFECT.replace("Exercise", "My"), id="an-error-of-its-own"),
        pytest.param(STUB_EFFECT.replace("def", "async def"), id="async"),
    ],
)
def test_a_stub_that_somebody_has_touched_is_an_attempt(cell):
    """Only what is as it came counts as not started."""
    exercise = EXERCISES["run_once"]
    payload = json.dumps([(1, STUB_EFFECT), (2, cell)]).encode()

    assert is_untouched(exercise, json.dumps([(1, STUB_EFFECT)]).encode())
    assert not is_untouched(exercise, payload)


@pytest.mark.usefixtures("one_judge")
@pytest.mark.parametrize(
    ("cell", "happened"),
    [
        pytest.param(
            "x = 1\ndef apply_patch(state patch):\n    pass",
            "the line `def apply_patch(state patch):` of the notebook is not Python"
            " (SyntaxError: ",
            id="syntax",
        ),
        pytest.param(
            "def helper():\n    return 1 / 0\n\n\nhelper()",
            "the line `helper()` of the notebook comes before the check, and it"
            " raised ZeroDivisionError: division by zero",
            id="raises-deeper",
        ),
        pytest.param(
            "import json\njson.loads('{')",
            "the line `json.loads('{')` of the notebook comes before the check",
            id="raises-elsewhere",
        ),
        pytest.param(
            "x = 1\nif x:",
            "the line `if x:` of the notebook is not Python (IndentationError: ",
            id="at-the-end",
        ),
    ],
)
def test_trouble_in_a_cell_is_shown_with_its_line(notebook, cell, happened):
    """Nobody can count code cells; a line can be looked for."""
    report = check_notebook(notebook(cell, CHECK))

    assert happened in report.cases[0].happened
    assert "<cell" not in report.cases[0].happened


@pytest.mark.parametrize("name", ["state", "moon", ""])
def test_an_exercise_of_another_notebook_is_refused(notebook, name):
    """With the names of those that are in it."""
    path = notebook(TASK, name="03_idempotency.ipynb")

    with pytest.raises(InvalidValue, match="only idempotency, run_once"):
        check_notebook(path, name)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "not JSON", id="empty"),
        pytest.param(b'{"nbformat": 4, "cells": [', "not JSON", id="torn"),
        pytest.param(b"\xff\xfe\x00", "not JSON", id="bytes"),
        pytest.param(b"[" * 100_000, "not JSON", id="deep"),
        pytest.param(b"[1, 2]", "no notebook", id="list"),
        pytest.param(b'{"cells": {}}', "no notebook", id="foreign"),
        pytest.param(b'{"nbformat": 3, "cells": []}', "format 3", id="old"),
        pytest.param(b'{"cells": []}', "format None", id="no-format"),
        pytest.param(
            b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": 3}]}',
            "not text",
            id="source",
        ),
        pytest.param(b" " * 20_000_001, "the limit is", id="huge"),
    ],
)
def test_a_file_that_is_no_notebook_is_refused(home_dir, tmp_path, content, message):
    """By the reason, and with what to do."""
    path = tmp_path / "01_state.ipynb"
    path.write_bytes(content)

    with pytest.raises(InvalidValue, match=message) as caught:
        check_notebook(path)

    assert "01_state.ipynb" in str(caught.value)


def test_a_notebook_that_cannot_be_read_is_refused(home_dir, tmp_path):
    """Missing, a folder, or of no exercise."""
    (tmp_path / "02_json_store.ipynb").mkdir()

    with pytest.raises(InvalidValue, match="No such file"):
        check_notebook(tmp_path / "01_state.ipynb")
    with pytest.raises(InvalidValue, match="is not a file"):
        check_notebook(tmp_path / "02_json_store.ipynb")
    with pytest.raises(InvalidValue, match=r"there are 01_state\.ipynb"):
        check_notebook("00_start_here.ipynb")


@pytest.mark.usefixtures("process")
@pytest.mark.skipif(os.name == "nt", reason="the module is found by another path")
def test_a_helper_module_beside_the_notebook_is_found(home_dir, tmp_path, monkeypatch):
    """A function may come from a file of the learner's own."""
    (tmp_path / "my_helpers.py").write_text(
        "from answers.state_answers import right\n"
        "def apply_patch(state, patch):\n"
        "    return right(state, patch)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    import my_helpers

    assert checks.check("state", my_helpers.apply_patch).passed
    assert my_helpers.right is state_answers.right
