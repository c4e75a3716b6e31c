"""The rows, their adapters and the record belong together."""

import ast
from pathlib import Path

import pytest

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.frameworks import CONTENDERS, contender_named, kept
from agentstate_lab.lab.frameworks.measure import main

ROOT = Path(__file__).resolve().parents[3]
ADAPTERS = ROOT / "agentstate_lab" / "lab" / "frameworks" / "adapters"

contenders = pytest.mark.parametrize(
    "contender", [pytest.param(one, id=one.name) for one in CONTENDERS]
)


def functions(adapter: str) -> dict[str, ast.FunctionDef]:
    """The functions at the top of an adapter, without importing its framework."""
    tree = ast.parse((ADAPTERS / f"{adapter}.py").read_text("utf-8"))
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_adapter_has_a_row_and_every_row_an_adapter():
    """No framework is written down and never tried."""
    there = {path.stem for path in ADAPTERS.glob("*.py")} - {"__init__"}

    used = {name for one in CONTENDERS for name in (one.adapter, one.approval)}
    assert used - {""} == there


@contenders
def test_an_adapter_runs_a_job_with_and_without_keys(contender):
    """Both lines of a row come from one function, with what the row's options name."""
    for adapter in filter(None, (contender.adapter, contender.approval)):
        run = functions(adapter)["run"]
        named = {argument.arg for argument in run.args.kwonlyargs}
        assert [argument.arg for argument in run.args.args] == ["job"]
        assert {"keyed", *contender.options} <= named


@contenders
def test_an_adapter_is_small_and_names_its_page(contender):
    """At most 60 lines, and the page of the documentation that it follows."""
    text = (ADAPTERS / f"{contender.adapter}.py").read_text("utf-8")

    assert len(text.splitlines()) <= 60
    assert contender.page.removeprefix("https://") in " ".join(text.split())


@contenders
def test_a_row_of_a_framework_says_what_its_page_promises_and_what_to_do(contender):
    """A red cell never stands alone."""
    foreign = bool(contender.packages)

    assert foreign == bool(contender.page) == bool(contender.promise)
    assert not foreign or contender.repair


@contenders
def test_a_row_of_a_framework_that_asks_says_what_is_promised_about_a_yes(contender):
    """Its second adapter names the page; without one, no page is named."""
    asks = bool(contender.packages and contender.approval)

    assert asks == bool(contender.approval_page) == bool(contender.approval_promise)
    if asks:
        text = (ADAPTERS / f"{contender.approval}.py").read_text("utf-8")
        assert len(text.splitlines()) <= 60
        assert contender.approval_page in " ".join(text.split())


def test_an_unknown_row_is_refused_with_the_known_ones():
    """A slip of the pen is answered with the list."""
    with pytest.raises(InvalidValue, match="langgraph-sync"):
        contender_named("langraph")


def test_a_row_that_is_not_installed_names_the_python_that_has_it(home_dir, capsys):
    """CrewAI is never in the course's own environment."""
    assert main(["crewai", "--point", "effect.inside:1"]) == 2

    assert "with .venv/crewai/bin/python" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param('{"rows": {"a"', id="truncated"),
        pytest.param("[]", id="no-mapping"),
        pytest.param('{"rows": {"a": []}}', id="no-row"),
        pytest.param('{"rows": {"a": {"title": "a"}}}', id="no-versions"),
    ],
)
def test_a_broken_record_is_refused_and_left(tmp_path, text):
    """What cannot be read is not written over: there may be an hour of work in it."""
    file = tmp_path / "frameworks.json"
    file.write_text(text, "utf-8")

    with pytest.raises(InvalidValue, match="left as it is"):
        kept(tmp_path)

    assert file.read_text("utf-8") == text


def test_a_folder_without_a_record_has_no_rows(tmp_path):
    """The first run begins with nothing."""
    assert kept(tmp_path) == {}
