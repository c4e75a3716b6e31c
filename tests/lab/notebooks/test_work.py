"""The learner's copies: laid once, never written over, put back on request."""

import json
import re

import nbformat
import pytest

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.notebooks import WORK, lay, untouched, working_copy
from agentstate_lab.lab.practice.fresh import reset


def notebook(source, output="the answer"):
    """A notebook of one cell that was run."""
    cell = nbformat.v4.new_code_cell(source, id="one", execution_count=1)
    cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=output)]
    return nbformat.writes(nbformat.v4.new_notebook(cells=[cell]))


@pytest.fixture
def root(tmp_path):
    """A repository with one lesson and one exercise."""
    for place in ("notebooks/03_idempotency", "exercises/03_idempotency"):
        path = tmp_path / "course" / f"{place}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(notebook(place), "utf-8")
    return tmp_path / "course"


@pytest.fixture
def copy(root):
    """The learner's copy of the lesson."""
    lay(root)
    return root / WORK / "notebooks" / "03_idempotency.ipynb"


def test_a_copy_holds_no_answer(root, copy):
    """A prediction comes before its answer, so outputs stay behind."""
    assert "the answer" not in copy.read_text("utf-8")
    assert "notebooks/03_idempotency" in copy.read_text("utf-8")
    assert working_copy(root, "notebooks", "03_idempotency") == copy


def test_what_a_learner_has_is_never_written_over(root, copy):
    """Neither work, nor half a file, nor something else under that name."""
    copy.write_bytes(b"half a noteb")

    again = lay(root)

    assert copy.read_bytes() == b"half a noteb"
    assert again.new == ()


def test_running_a_copy_does_not_make_it_old(root, copy):
    """Only outputs have changed, and the course has not."""
    copy.write_text(notebook("notebooks/03_idempotency", "mine"), "utf-8")

    assert str(lay(root)) == ""


def test_a_newer_original_is_named_with_the_way_to_take_it(root, copy):
    """The learner decides; the command is one that can be typed."""
    (root / "notebooks" / copy.name).write_text(notebook("better"), "utf-8")

    said = str(lay(root))

    assert "work/notebooks/03_idempotency.ipynb: the course has a newer" in said
    assert "`agentstate-lab reset notebooks/03_idempotency`" in said
    assert "better" not in copy.read_text("utf-8")


@pytest.mark.parametrize("record", ["", "[]", "[" * 100_000, '{"a": 1}'])
def test_a_broken_record_costs_a_line_and_no_copy(root, copy, record):
    """What was laid is then told by comparing."""
    (root / WORK / ".laid.json").write_text(record, "utf-8")

    assert lay(root).newer == ()
    assert copy.is_file()


def test_reset_takes_the_newer_lesson_and_keeps_the_learners(root, copy, home_dir):
    """The lesson and its exercise share a name; the folder says which is meant."""
    mine = copy.read_bytes()
    (root / "notebooks" / copy.name).write_text(notebook("better"), "utf-8")

    done = reset("notebooks/03_idempotency", root=root)

    assert done.kept.read_bytes() == mine
    assert copy.read_text("utf-8") == untouched(root / "notebooks" / copy.name)
    assert str(lay(root)) == ""


def test_a_lesson_that_is_not_there_is_refused(root, home_dir):
    """By name, and nothing is made."""
    with pytest.raises(InvalidValue, match="there is no such notebook"):
        reset("notebooks/99_nothing", root=root)

    assert not (root / WORK).exists()


def test_a_folder_that_cannot_be_written_is_named(root):
    """A file where the folder should be, for example."""
    (root / WORK).write_text("in the way")

    with pytest.raises(InvalidValue, match="work/: cannot be written"):
        lay(root)


def test_the_course_can_be_laid_whole(tmp_path):
    """Every notebook and exercise has its copy, and its links still lead somewhere."""
    from agentstate_lab.lab.home import repository_root

    for folder in ("notebooks", "exercises"):
        (tmp_path / folder).mkdir()
        for path in (repository_root() / folder).glob("*.ipynb"):
            (tmp_path / folder / path.name).write_bytes(path.read_bytes())

    laid = lay(tmp_path)

    cells = [
        (tmp_path / one, cell)
        for one in laid.new
        for cell in json.loads((tmp_path / one).read_text("utf-8"))["cells"]
    ]
    assert len(laid.new) > 20
    links = [
        path.parent / target
        for path, cell in cells
        for target in re.findall(r"\]\(([\w./-]+\.ipynb)\)", "".join(cell["source"]))
    ]
    assert not any(cell.get("outputs") for _, cell in cells)
    assert len(links) > 10
    assert [link for link in links if not link.is_file()] == []
