"""The notebooks keep to the rules of the course, and each rule can complain."""

import shutil
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from notebook_rules import RULES, is_steady, uses_plain_words, was_run

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.notebooks import frozen, main, stub_of

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SOLUTIONS = sorted((ROOT / "exercises" / "solutions").glob("*.ipynb"))


def read(path):
    """The notebook as nbformat gives it."""
    return nbformat.read(path, as_version=4)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_keeps_to_the_rule(path, rule):
    """
    The complaints name the cell and what is wrong with it.
    """
    assert list(rule(read(path))) == []


@pytest.mark.parametrize(
    "rule", [uses_plain_words, is_steady, was_run], ids=lambda rule: rule.__name__
)
@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
def test_a_solution_keeps_to_the_rules_for_texts_and_outputs(path, rule):
    """
    Solutions are read as notebooks are.
    """
    assert list(rule(read(path))) == []


def bad_notebook():
    """A notebook that keeps to nothing."""
    figure = new_output("display_data", {"image/png": "", "text/html": "<img>"})
    path = new_output("stream", name="stdout", text="saved in /tmp/abc")
    listing = "def naive_agent(job):\n    return job"
    named = {"listing": "lab.agents.naive_agent"}
    return new_notebook(
        cells=[
            new_markdown_cell("# One\n# Two\nSimply run it.", id="title"),
            new_code_cell("import os\nimport sys\n" + "x = 1\n" * 30, id="long"),
            new_code_cell("y = '" + "y" * 80 + "'", id="wide", outputs=[figure, path]),
            new_code_cell(listing, id="listing", metadata=named),
            *(
                new_code_cell("z = 1", id=f"tagged-{n}", metadata={"tags": ["crash"]})
                for n in range(3)
            ),
        ]
    )


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_rule_can_complain(rule):
    """
    A check that no mistake can trip is not a check.
    """
    assert list(rule(bad_notebook())) != []


def written(folder, *cells):
    """A notebook file with these cells."""
    path = folder / "made.ipynb"
    nbformat.write(new_notebook(cells=list(cells)), path)
    return path


def test_freezing_stores_what_a_run_says_and_nothing_of_the_machine(tmp_path):
    """
    Frozen twice, the same bytes; the cell that would kill the kernel is left out.
    """
    path = written(
        tmp_path,
        new_code_cell("import os\nprint('home is new:', not os.listdir('.'))", id="a"),
        new_code_cell("os._exit(1)", id="b", metadata={"tags": ["crash"]}),
        new_code_cell("1 + 1", id="c"),
    )

    first = frozen(path)
    path.write_text(first, encoding="utf-8")

    assert frozen(path) == first
    cells = read(path).cells
    assert [cell.execution_count for cell in cells] == [1, None, 2]
    assert cells[2].outputs[0].data["text/plain"] == "2"
    assert set(read(path).metadata) == {"kernelspec", "language_info"}


@pytest.mark.parametrize(
    ("source", "said"),
    [
        pytest.param("1 / 0", "ZeroDivisionError", id="fails"),
        pytest.param("import os\nos._exit(1)", "killed its kernel", id="dies"),
        pytest.param("print('/tmp/x/y')", "a path", id="path"),
        pytest.param("print('127.0.0.1:8123')", "a port", id="port"),
        pytest.param("print(object())", "address of an object", id="object"),
        pytest.param("print('pid 4711')", "a process id", id="pid"),
        pytest.param("print('2026-01-02 03:04:05')", "a date and time", id="time"),
    ],
)
def test_freezing_refuses_what_would_differ_from_run_to_run(tmp_path, source, said):
    """
    By the name of the file and the number of the cell; the file stays as it was.
    """
    path = written(tmp_path, new_code_cell(source, id="a"))
    before = path.read_bytes()

    with pytest.raises(InvalidValue, match=said):
        frozen(path)

    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b'{"cells": [', id="cut-off"),
        pytest.param(b"\xff\xfe\x00", id="not-text"),
        pytest.param(b"[" * 100_000, id="brackets"),
        pytest.param(b'{"cells": 3, "nbformat": 4, "nbformat_minor": 5}', id="foreign"),
    ],
)
def test_a_file_that_is_no_notebook_is_refused_by_name(tmp_path, content, capsys):
    """
    No traceback, and the file is not touched.
    """
    path = tmp_path / "broken.ipynb"
    path.write_bytes(content)

    status = main(["freeze", str(path)])

    assert status == 2
    assert "broken.ipynb" in capsys.readouterr().err
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("source", "said"),
    [
        pytest.param("x = 1", "has no region", id="no-region"),
        pytest.param("# solution begin: a\nx = 1", "no '# solution end'", id="open"),
        pytest.param("x = 1\n# solution end", "never began", id="only-an-end"),
        pytest.param(
            "# solution begin: a\n# solution begin: b\n# solution end",
            "inside another",
            id="nested",
        ),
        pytest.param("# solution beginn: a", "not in its form", id="misspelt"),
        pytest.param("#solution begin", "not in its form", id="no-text"),
    ],
)
def test_marks_that_are_not_in_order_are_refused(tmp_path, source, said):
    """
    A solution must never slip into its stub.
    """
    made = written(tmp_path, new_code_cell(source, id="a"))
    path = made.rename(tmp_path / "01_state.ipynb")

    with pytest.raises(InvalidValue, match=said):
        stub_of(path)


def test_a_stub_holds_nothing_of_the_solution(tmp_path):
    """
    The region becomes a TODO and an error; cells for the solution alone are gone.
    """
    source = "def f():\n    # solution begin: think\n    return 42\n    # solution end"
    made = written(
        tmp_path,
        new_code_cell(source, id="a", execution_count=1),
        new_markdown_cell("Because", id="b", metadata={"tags": ["solution-only"]}),
    )
    path = shutil.move(made, tmp_path / "01_state.ipynb")

    stub = stub_of(Path(path))

    assert "42" not in stub
    assert "Because" not in stub
    assert "# TODO: think" in stub
    assert "Exercise 01 (state) is not written yet." in stub
