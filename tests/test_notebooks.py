"""Notebooks keep the rules, listings are the package's code, and a rerun is steady."""

import json
from pathlib import Path

import nbformat
import notebook_rules as rules
import pytest
from nbformat.v4 import (
    new_code_cell,
    new_markdown_cell,
    new_notebook,
    new_output,
)

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.notebooks import notebooks, stub_of
from agentstate_lab.lab.notebooks.freeze import frozen
from agentstate_lab.lab.notebooks.notebooks import main

ROOT = Path(__file__).resolve().parents[1]
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SOLUTIONS = sorted((ROOT / "exercises" / "solutions").glob("*.ipynb"))


def cases(paths, all_rules):
    """Every rule on every notebook."""
    return [
        pytest.param(path, rule, id=f"{path.stem}-{rule.__name__}")
        for path in paths
        for rule in all_rules
    ]


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        *cases(LESSONS, rules.EVERY_LESSON),
        *cases(SOLUTIONS, rules.EVERY_NOTEBOOK),
    ],
)
def test_a_notebook_keeps_the_rules(path, rule):
    """Each rule alone, so that a failure has a name."""
    assert rule(nbformat.read(path, as_version=4)) == []


PICTURE = new_output(
    "display_data",
    data={
        "image/png": "aGVsbG8=",
        "text/html": '<figure><img alt="eight effects, six twice" src="x"></figure>',
        "text/plain": "eight effects",
    },
)


TEXT = "\n".join(
    [
        "**Predict** it. **Predict** it again.",
        *(f"## Section {number}" for number in range(4)),
        "**Spot the bug.**",
        *(["<details>", "An answer.", "</details>"] * 4),
        "**Next:** more.",
    ]
)


def good():
    """A made-up lesson that keeps every rule."""
    notebook = new_notebook(
        metadata={"kernelspec": rules.KERNEL, "language_info": {"name": "python"}}
    )
    cells = [new_markdown_cell(f"# A question?\n\n{TEXT}\n\n```python\n# just\n```")]
    cells.append(new_code_cell('from lab import begin\n\nlab = begin("x")'))
    cells.append(new_code_cell("picture()", outputs=[PICTURE]))
    claim = "crash_matrix(agent)\nassert claim"
    cells += [new_code_cell(claim) for _ in range(23)]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number:02}"
        if cell.cell_type == "code":
            cell.execution_count = number
    notebook.cells = cells
    return notebook


def said(text):
    """An output of a cell that printed *text*."""
    return [new_output("stream", name="stdout", text=text)]


def change(number, **changes):
    """Make a notebook worse in one cell."""

    def worse(notebook):
        for name, value in changes.items():
            notebook.cells[number][name] = value

    return worse


def tag_three(tag):
    """Make a notebook worse by three tags."""

    def worse(notebook):
        for cell in notebook.cells[5:8]:
            cell.metadata["tags"] = [tag, "nbval-skip"]
            cell.execution_count, cell.outputs = None, []

    return worse


def many(notebook):
    """Make a notebook longer than a lesson."""
    notebook.cells += notebook.cells


def short(notebook):
    """Make a notebook shorter than a lesson."""
    notebook.cells = notebook.cells[:24]


def all_large(notebook):
    """Make every cell six lines long."""
    for cell in notebook.cells[1:]:
        cell.source = "x = 1\n" * 6


def by_a_tool(notebook):
    """Leave the traces of a tool."""
    notebook.metadata["widgets"] = {"state": {}}


def another_python(notebook):
    """Leave the traces of a machine."""
    notebook.metadata["language_info"] = {"name": "python", "version": "3.11.7"}


def timed(notebook):
    """Leave the times of a run."""
    notebook.cells[3].metadata["execution"] = {"iopub.status.busy": "2026-11-23"}


def drifted(notebook):
    """Change one constant in a listing."""
    notebook.cells[3].metadata["listing"] = "state.task_id_for"
    notebook.cells[3].source = "def task_id_for(key):\n    return key"


def scenes(notebook):
    """Come to the scenes twice."""
    for number, name in ((4, "storm"), (5, "trial")):
        source = f"from agentstate_lab.lab.scenes.retry import {name}"
        notebook.cells[number].source = source


BARE_PICTURE = new_output("display_data", data={"image/png": "aGVsbG8="})
NO_ALT = new_output("display_data", data={"text/html": '<img src="x">'})
ERROR = new_output("error", ename="KeyError", evalue="x", traceback=[])


@pytest.mark.parametrize(
    ("rule", "worse"),
    [
        pytest.param(rules.one_title, change(4, source="x"), id="none"),
        pytest.param(rules.a_lesson_long, short, id="short"),
        pytest.param(rules.a_lesson_long, many, id="long"),
        pytest.param(rules.a_few_sections, change(0, source="# A"), id="sections"),
        pytest.param(rules.asks_before_it_tells, change(0, source="# A"), id="asks"),
        pytest.param(
            rules.no_answer_under_a_question,
            change(4, source='g = predict("?")\nassert f() == 8\ng.compare(8)'),
            id="answer",
        ),
        pytest.param(
            rules.no_answer_under_a_question,
            change(4, source='g = predict("?")'),
            id="never-compared",
        ),
        pytest.param(rules.a_figure, change(2, outputs=[]), id="figure"),
        pytest.param(rules.small_cells, all_large, id="small"),
        pytest.param(rules.short_cells, change(4, source="x = 1\n" * 26), id="cell"),
        pytest.param(rules.short_lines, change(4, source="x" * 77), id="line"),
        pytest.param(rules.honest_words, change(0, source="# Simply"), id="simply"),
        pytest.param(
            rules.honest_words, change(0, source="# It is just so"), id="just"
        ),
        pytest.param(
            rules.honest_words, change(0, source="Obviously, yes"), id="obviously"
        ),
        pytest.param(
            rules.honest_words, change(0, source="an exactly-once x"), id="once"
        ),
        pytest.param(
            rules.short_texts, change(0, source="# A\n\n" + "word " * 81), id="text"
        ),
        pytest.param(rules.few_crashes, tag_three("crash"), id="crashes"),
        pytest.param(
            rules.few_crashes,
            change(4, metadata={"tags": ["crash"]}),
            id="crash-not-skipped",
        ),
        pytest.param(
            rules.few_exceptions_to_comparing, tag_three("nbval-skip"), id="skips"
        ),
        pytest.param(
            rules.one_call_to_begin, change(1, source="import os"), id="no-call"
        ),
        pytest.param(
            rules.one_call_to_begin,
            change(1, source="from a import b\nx = 1"),
            id="no-call-but-a-value",
        ),
        pytest.param(rules.executed, change(4, execution_count=None), id="not-run"),
        pytest.param(rules.executed, change(4, execution_count=9), id="order"),
        pytest.param(rules.no_errors, change(4, outputs=[ERROR]), id="error"),
        pytest.param(
            rules.described_figures, change(2, outputs=[BARE_PICTURE]), id="bare"
        ),
        pytest.param(rules.described_figures, change(2, outputs=[NO_ALT]), id="alt"),
        pytest.param(
            rules.described_figures, change(0, source="# A\n![](x.png)"), id="prose"
        ),
        pytest.param(
            rules.steady_outputs, change(4, outputs=said("/tmp/x.json")), id="path"
        ),
        pytest.param(
            rules.steady_outputs, change(4, outputs=said("127.0.0.1:8080")), id="port"
        ),
        pytest.param(
            rules.steady_outputs,
            change(4, outputs=said("<object at 0x7f00aa11bb22>")),
            id="address",
        ),
        pytest.param(
            rules.steady_outputs,
            change(4, outputs=said("at 2026-11-23 10:00:00")),
            id="time",
        ),
        pytest.param(rules.steady_file, by_a_tool, id="widgets"),
        pytest.param(rules.steady_file, another_python, id="version"),
        pytest.param(rules.steady_file, timed, id="timing"),
        pytest.param(rules.steady_file, change(4, id="cell-03"), id="same-id"),
        pytest.param(rules.true_listings, drifted, id="listing"),
        pytest.param(rules.a_scene_once, scenes, id="scenes"),
        pytest.param(
            rules.whole_after_a_restart, change(4, id="restart-run"), id="restart"
        ),
        pytest.param(
            rules.by_the_door,
            change(4, source="from lab.effect import _intent"),
            id="private-name",
        ),
        pytest.param(
            rules.by_the_door, change(4, source="import lab._own"), id="private-module"
        ),
        pytest.param(
            rules.by_the_door,
            change(4, source="from agentstate_lab.state.task import Task"),
            id="inside-a-room",
        ),
        pytest.param(
            rules.by_the_door,
            change(4, source="import agentstate_lab.lab.show.counts"),
            id="by-its-path",
        ),
        pytest.param(
            rules.by_the_door,
            change(4, source="from agentstate_lab.state import codec"),
            id="not-handed-out",
        ),
    ],
)
def test_every_rule_can_fail(rule, worse):
    """A rule that nothing breaks is no rule."""
    notebook = good()
    if rule is rules.one_title:
        notebook.cells[0].source = "no title"
    kept_by_the_good_one = rule(good())

    worse(notebook)

    assert kept_by_the_good_one == []
    assert rule(notebook) != []


def test_no_rule_is_without_its_counterexample():
    """The table above has every rule."""
    marks = test_every_rule_can_fail.pytestmark
    shown = {case.values[0] for mark in marks for case in mark.args[1]}

    assert shown == set(rules.EVERY_LESSON)


def test_a_listing_may_drop_docstrings_and_nothing_else():
    """The reader sees what runs."""
    notebook = good()
    cell = notebook.cells[3]
    cell.metadata["listing"] = "state.task_id_for"

    import inspect

    from agentstate_lab.state import task_id_for

    source = inspect.getsource(task_id_for)
    cell.source = source
    assert rules.true_listings(notebook) == []

    cell.source = source.replace("[:24]", "[:23]")
    assert rules.true_listings(notebook) != []


@pytest.fixture
def write(home_dir, tmp_path):
    """Write a notebook with these code cells."""

    def notebook(*cells, name="made_up.ipynb"):
        made = new_notebook(cells=[new_markdown_cell("# A question?")])
        for number, cell in enumerate(cells):
            source, *marks = (cell,) if isinstance(cell, str) else cell
            added = new_code_cell(source, metadata={"tags": marks} if marks else {})
            added["id"] = f"code-{number}"
            made.cells.append(added)
        made.cells[0]["id"] = "title"
        path = tmp_path / name
        nbformat.write(made, path)
        return path

    return notebook


def outputs(text):
    """What the cells of a notebook have stored."""
    return [
        "".join(
            output.get("text") or output.get("data", {}).get("text/plain", "")
            for output in cell.outputs
        )
        for cell in nbformat.reads(text, as_version=4).cells
        if cell.cell_type == "code"
    ]


@pytest.mark.usefixtures("process")
def test_a_frozen_notebook_is_steady(write):
    """A home of its own, this Python, no trace of the machine; again the same bytes."""
    path = write(
        "import os, sys\nfrom pathlib import Path",
        'print(os.environ["AGENTSTATE_PACE"])',
        'home = Path(os.environ["AGENTSTATE_HOME"])\nprint(home.exists())',
        f"sys.executable == {json.dumps(str(notebooks.sys.executable))}",
        ("import signal\nos.kill(os.getpid(), signal.SIGKILL)", "crash", "nbval-skip"),
        "print('here\\rthere')",
        "import ipywidgets\nipywidgets.IntProgress(value=3)",
    )

    text = frozen(path)
    path.write_text(text, "utf-8")

    assert outputs(text) == [
        "",
        "0\n",
        "False\n",
        "True",
        "",
        "there\n",
        "(widget: run the cell to use it)",
    ]
    notebook = nbformat.reads(text, as_version=4)
    assert rules.steady_file(notebook) == []
    assert rules.executed(notebook) == []
    assert frozen(path) == text


@pytest.mark.usefixtures("process")
@pytest.mark.parametrize(
    ("cell", "message"),
    [
        pytest.param("print('pid 4711')", "holds a process id", id="unsteady"),
        pytest.param("1 / 0", "a cell failed: .*ZeroDivisionError", id="error"),
        pytest.param("import os; os._exit(1)", "killed its kernel", id="dead"),
    ],
)
def test_what_cannot_be_steady_is_refused(write, cell, message):
    """By the cell and the reason; nothing is stored."""
    path = write("x = 1", cell)

    with pytest.raises(InvalidValue, match=f"(?s)made_up.ipynb.*{message}"):
        frozen(path)


@pytest.mark.usefixtures("process")
def test_freeze_writes_and_check_only_says(write, capsys):
    """The command answers 1 for what is stale, and changes nothing then."""
    path = write("print(6 * 7)")
    before = path.read_text("utf-8")

    assert main(["freeze", "--check", str(path)]) == 1
    assert path.read_text("utf-8") == before
    assert main(["freeze", str(path)]) == 0
    assert main(["freeze", "--check", str(path)]) == 0
    assert "1 notebooks, 0 stale" in capsys.readouterr().out


def test_a_file_that_is_no_notebook_is_refused(tmp_path, capsys):
    """With a sentence and status 2, not with a traceback."""
    for content in (
        b"",
        b"hello",
        b'{"cells": [',
        b"[" * 100_000,
        b'{"cells": 3, "nbformat": 4, "nbformat_minor": 5}',
    ):
        path = tmp_path / "broken.ipynb"
        path.write_bytes(content)

        assert main(["freeze", str(path)]) == 2
        assert "broken.ipynb: cannot be read" in capsys.readouterr().err
        assert path.read_bytes() == content
    assert main(["freeze", str(tmp_path / "none.ipynb")]) == 2
    assert "there is no such notebook" in capsys.readouterr().err


SOLUTION = """
def apply_patch(state, patch):
    x = 1
    # solution begin: return the next state, or this one; and say so in a text
    # that is long enough to be wrapped in the stub
    return state
    # solution end
""".strip()


def test_a_stub_has_a_todo_where_the_solution_was(write):
    """Valid Python with an error of its own, short lines, and no outputs."""
    path = write(
        SOLUTION,
        ("print('only here')", "solution-only"),
        'check("state", apply_patch)',
        name="01_state.ipynb",
    )

    stub = nbformat.reads(stub_of(path), as_version=4)

    assert [cell["id"] for cell in stub.cells] == ["title", "code-0", "code-2"]
    assert stub.cells[1].source == (
        "def apply_patch(state, patch):\n"
        "    x = 1\n"
        "    # TODO: return the next state, or this one; and say so in a text\n"
        '    raise NotImplementedError("Exercise 01 (state) is not written yet.")'
    )
    assert rules.short_lines(stub) == []


def test_the_stubs_of_two_exercises_name_their_own(write):
    """The function in the cell says whose it is; a helper belongs to the first."""
    body = "    # solution begin: write it\n    return 1\n    # solution end"
    names = ("execute_task_if_not_done", "run_once", "helper")
    path = write(
        *(f"def {name}():\n{body}" for name in names), name="03_idempotency.ipynb"
    )

    stub = nbformat.reads(stub_of(path), as_version=4)

    named = [cell.source.partition("Exercise ")[2] for cell in stub.cells[1:]]
    assert [text[:17].partition(")")[0] for text in named] == [
        "03 (idempotency",
        "03 (run_once",
        "03 (idempotency",
    ]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        pytest.param("x = 1", "has no region", id="none"),
        pytest.param("# solution begin: a\nx = 1", "no '# solution end'", id="open"),
        pytest.param("# solution end", "never began", id="unopened"),
        pytest.param(
            "# solution begin: a\n# solution begin: b", "inside another", id="nested"
        ),
        pytest.param("# solution begin\n# solution end", "not in its form", id="form"),
        pytest.param("# solution beginn: a", "not in its form", id="misspelt"),
        pytest.param("#solution begin", "not in its form", id="no-text"),
    ],
)
def test_marks_out_of_order_are_refused(write, source, message):
    """A mark that is misread would give the solution away."""
    path = write(source, name="01_state.ipynb")

    with pytest.raises(InvalidValue, match=message):
        stub_of(path)


def test_only_exercises_have_stubs(write):
    """The name of the file says which exercise it is."""
    with pytest.raises(InvalidValue, match="the notebook of no exercise"):
        stub_of(write(SOLUTION, name="99_other.ipynb"))


def test_the_stubs_of_the_course_are_derived_by_command(capsys, monkeypatch, tmp_path):
    """All of them at once; a second time, there is nothing to write."""
    solutions = tmp_path / "exercises" / "solutions"
    solutions.mkdir(parents=True)
    for path in SOLUTIONS:
        (solutions / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(notebooks, "repository_root", lambda: tmp_path)

    assert main(["stubs", "--check"]) == 1
    assert main(["stubs"]) == 0
    assert main(["stubs", "--check"]) == 0
    assert f"{len(SOLUTIONS)} notebooks, 0 stale" in capsys.readouterr().out
    for path in SOLUTIONS:
        assert (tmp_path / "exercises" / path.name).read_text("utf-8") == stub_of(path)
