"""Who may import whom: the contracts in pyproject.toml hold, and can fail."""

import graphlib
import runpy
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parents[1]
TOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]
CONTRACTS = [one["id"] for one in TOOLS["importlinter"]["contracts"]]

# For each contract, a module and a line that it must not hold.
FORBIDDEN = {
    "core": ("state/task.py", "import agentstate_lab.stores.rules"),
    "lab": ("lab/world/faults.py", "import agentstate_lab.lab.show.plots"),
    "scenes": ("lab/scenes/retry/herd.py", "import agentstate_lab.lab.scenes.state"),
    "exercises": ("lab/exercises/judge/waits.py", "from .. import retry"),
    "openai": ("retry/failure.py", "import openai"),
    "mcp": ("lab/show/words.py", "from mcp_types import Tool"),
    "psycopg": ("stores/lease.py", "import psycopg"),
    "dbos": ("lab/cli/runs.py", "from sqlalchemy import text"),
    "circles": ("stores/sql/database.py", "from .sqlite import SqliteDatabase"),
}


def linted(folder, *options):
    """The status of import-linter in *folder*, and what it said."""
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", *options],
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={"PYTHONUTF8": "1", "COLUMNS": "300", "PYTHONPATH": str(folder)},
    )
    return done.returncode, done.stdout + done.stderr


def circle(graph):
    """The modules of a circle of imports in *graph*, or nothing."""
    needs = {
        name: graph.find_modules_directly_imported_by(name) for name in graph.modules
    }
    try:
        graphlib.TopologicalSorter(needs).prepare()
    except graphlib.CycleError as error:
        return error.args[1]
    return []


@pytest.mark.usefixtures("process")
def test_every_room_stands_only_on_those_below_it():
    """Nothing is imported that a contract forbids."""
    status, said = linted(ROOT)

    assert status == 0, said
    assert f"Contracts: {len(CONTRACTS)} kept, 0 broken." in said


def test_no_module_is_in_a_circle_not_even_with_the_door_of_its_room():
    """A module that comes in by its own door would be loaded by what it loads."""
    assert circle(grimp.build_graph("agentstate_lab", cache_dir=None)) == []


def test_a_circle_is_found():
    """The search above can fail."""
    graph = grimp.build_graph("agentstate_lab", cache_dir=None)
    graph.add_import(
        importer="agentstate_lab.state.digest", imported="agentstate_lab.state"
    )

    assert "agentstate_lab.state.digest" in circle(graph)


@pytest.mark.usefixtures("process")
def test_a_module_that_breaks_a_contract_is_refused(tmp_path):
    """Each contract can fail: one planted import, and the tool says no and where."""
    package = shutil.copytree(ROOT / "agentstate_lab", tmp_path / "agentstate_lab")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for name, line in FORBIDDEN.values():
        module = package / name
        held = module.read_text("utf-8")
        module.write_text(f"{held}\n\ndef late():\n    {line}\n", encoding="utf-8")

    status, said = linted(tmp_path)

    assert [*FORBIDDEN] == CONTRACTS
    assert status == 1
    assert f"Contracts: 0 kept, {len(CONTRACTS)} broken." in said
    assert [n for n, _ in FORBIDDEN.values() if f".{Path(n).stem} " not in said] == []


@pytest.fixture(scope="module")
def house():
    """The script that draws the house."""
    return runpy.run_path(str(ROOT / ".ci" / "house.py"))


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "book/house.md"])
def test_the_house_on_a_page_is_the_one_that_stands(house, page):
    """Floors and words are those of today; `make house` draws them anew."""
    assert house["drawn"](ROOT / page) == (ROOT / page).read_text("utf-8")


def test_a_new_import_moves_a_room_to_a_higher_floor(house):
    """The drawing is of the imports: one more, and the picture is another."""
    graph = grimp.build_graph("agentstate_lab", cache_dir=None)
    before = house["House"](graph)

    graph.add_import(
        importer="agentstate_lab.context.parts", imported="agentstate_lab.stores.rules"
    )
    after = house["House"](graph)

    assert before.floor("context") < before.floor("stores")
    assert after.floor("context") == after.floor("stores") + 1
