"""The benchmark of the databases, on so little that it says nothing of time."""

import contextlib
import importlib.util
from pathlib import Path

import pytest

from agentstate_lab.stores.sql import PostgresStore

FILE = Path(__file__).parents[2] / "benchmarks" / "sql_stores.py"


@pytest.fixture
def benchmark(tmp_path, monkeypatch):
    """The benchmark as a module, with a folder of its own to work in."""
    spec = importlib.util.spec_from_file_location("sql_stores", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.chdir(tmp_path)
    return module


@pytest.mark.parametrize("kind", ["SQLite", "PostgreSQL"])
def test_every_figure_is_measured_on_each_database(benchmark, kind, request, tmp_path):
    """What the tables are filled with by hand is what the store takes for its own."""
    if kind == "PostgreSQL":
        dsn = request.getfixturevalue("postgres")
        stores = contextlib.nullcontext(lambda name: PostgresStore(dsn, schema=name))
        benchmark.KINDS[kind] = lambda folder: stores

    of_steps, of_growth = benchmark.measure(kind, tasks=300, rounds=3)

    names = [row.what.removeprefix(f"{kind}: ") for row in (*of_steps, *of_growth)]
    assert names == [
        "a save with a step",
        "the same, beside one insert",
        "run_once, beside two commits",
        *(["to ask for the disk"] if kind == "PostgreSQL" else []),
        *(["through a pooler"] if kind == "PostgreSQL" and benchmark.PROGRAM else []),
        "a save",
        "a claim",
        "a list of 100",
    ]
    assert all(row.base > 0 and row.measured > 0 for row in (*of_steps, *of_growth))
    benchmark.plot(of_steps, of_growth, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 1_000


@pytest.mark.parametrize(
    ("row", "reached"),
    [
        pytest.param(("x", 1.0, 1.5, 1.5), True, id="at-the-limit"),
        pytest.param(("x", 1.0, 1.6, 1.5), False, id="beyond"),
        pytest.param(("x", 1.0, 9.0, None), True, id="without-one"),
    ],
)
def test_a_figure_is_reached_up_to_its_limit(benchmark, row, reached):
    """What is beyond is marked in the table."""
    assert benchmark.Row(*row).reached is reached
