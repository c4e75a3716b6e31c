"""
The cube: what is in it, what it lets pass, and the part of it that is always run.

All kill points of a run on SQLite with `every_step`, and a sample of every other
store and strategy. The rest is for `make cube`.
"""

import json
import random
from pathlib import Path

import pytest

from agentstate_lab.errors import InvalidValue, KillMissed
from agentstate_lab.lab.crash import MOMENTS, crash_at, crash_matrix
from agentstate_lab.lab.crash.cube import whole_cube
from agentstate_lab.lab.crash.cube.cube import (
    CASES,
    STORES,
    STRATEGIES,
    Case,
    Cell,
    tried,
)
from agentstate_lab.lab.crash.cube.random_kills import Toll, kill_at_random
from agentstate_lab.lab.crash.cube.report import Result
from agentstate_lab.lab.crash.cube.resumes import Resumed
from agentstate_lab.lab.crash.matrix import Matrix, judge
from agentstate_lab.lab.crash.signals import SIGNALS
from agentstate_lab.lab.show import with_options
from agentstate_lab.stores import open_store

KEPT = Path(__file__).parents[4] / "benchmarks"
KEYED, WAITS, REPEATS, TERM, INT = CASES
DISK = Case("the disk", "disk")
AROUND_AN_EFFECT = [f"effect.{moment}:1" for moment in MOMENTS]
AROUND_THREE = [f"effect.{moment}:{n}" for n in (1, 4, 8) for moment in MOMENTS]
POINTS_OF_DISK = 39  # three moments of one effect and of twelve writes
SAMPLE = ["effect.inside:1", "write.inside:7", "write.after:12"]


@pytest.fixture
def on_postgres(postgres_server, monkeypatch):
    """The crash lab uses the session's PostgreSQL, and starts none of its own."""
    monkeypatch.setattr(
        "agentstate_lab.lab.crash.rig.start_postgres", lambda: postgres_server
    )


# What is really killed.


@pytest.mark.usefixtures("world", "quick")
@pytest.mark.parametrize(
    ("scenario", "points", "total"),
    [
        pytest.param("disk", None, POINTS_OF_DISK, id="every-point-of-a-run"),
        pytest.param("deploy", AROUND_THREE, 9, id="around-three-effects"),
    ],
)
def test_on_sqlite_with_every_step_it_can_be_killed_anywhere(scenario, points, total):
    """
    Each effect once and the task completed, wherever the first run died.

    Notebook 10 kills the deployment around all eight, on JSON files.
    """
    matrix = crash_matrix(
        KEYED.agent("every_step"), scenario=scenario, store="sqlite", points=points
    )

    assert (matrix.survived, matrix.total) == (total, total), str(matrix)


@pytest.mark.usefixtures("world", "quick", "on_postgres")
@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("store", STORES)
def test_a_sample_of_every_store_and_strategy_survives(store, strategy):
    """One death around an effect, one in the middle of a write, one at the very end."""
    cell = tried(DISK, store, strategy, points=SAMPLE)

    assert (str(cell), cell.passed) == ("3 once", True), str(cell.matrix)


@pytest.mark.usefixtures("world", "quick", "on_postgres")
@pytest.mark.parametrize(
    ("case", "store"),
    [
        pytest.param(TERM, "postgresql", id="term"),
        pytest.param(INT, "sqlite", id="int"),
    ],
)
def test_a_sample_of_the_polite_deaths_survives(case, store):
    """The last one comes when the end is stored already, and must not be swallowed."""
    points = ["effect.inside:1", "write.inside:7", "write.inside:12"]

    cell = tried(case, store, "every_step", points=points)

    assert (str(cell), cell.passed) == ("3 once", True), str(cell.matrix)


@pytest.mark.usefixtures("world", "quick")
@pytest.mark.parametrize(
    ("case", "points", "outcomes"),
    [
        pytest.param(
            WAITS,
            [*AROUND_AN_EFFECT, "write.inside:6", "write.after:6", "write.before:7"],
            ["waits for a person"] * 3 + ["once"] + ["waits for a person"] * 2,
            id="wait",
        ),
        pytest.param(
            REPEATS,
            [*AROUND_AN_EFFECT, "write.inside:6", "write.after:6"],
            ["once", "2 x clean-logs", "2 x clean-logs", "2 x clean-logs", "once"],
            id="repeat",
        ),
    ],
)
def test_without_a_key_it_waits_or_repeats_and_the_table_says_so(
    case, points, outcomes
):
    """Between the two records of a step nobody knows; outside of them, all is once."""
    cell = tried(case, "sqlite", "every_step", points=points)

    assert [row.outcome for row in cell.matrix.rows] == outcomes
    assert cell.passed
    assert list(cell.to_json()["not_once"]) == [
        point for point, said in zip(points, outcomes, strict=True) if said != "once"
    ]


@pytest.mark.usefixtures("world", "quick")
@pytest.mark.parametrize(
    ("signal", "state", "owned"),
    [
        pytest.param("SIGKILL", "running", True, id="kill"),
        pytest.param("SIGTERM", "pending", False, id="term"),
        pytest.param("SIGINT", "pending", False, id="int"),
    ],
)
def test_only_a_polite_death_lets_go_of_the_task(tmp_path, signal, state, owned):
    """
    After the other the claim stands, and the next run proves that nobody is there.
    """
    url = f"sqlite:{tmp_path / 'tasks.db'}"

    death = crash_at(
        with_options("durable", strategy="every_iteration"),
        "effect.after:1",
        scenario="disk",
        store=url,
        signal=signal,
    )

    store = open_store(url)
    task = store.get(death.task_id)
    assert (task.state, task.owner is not None) == (state, owned)
    store.close()


@pytest.mark.usefixtures("world", "quick")
def test_kills_at_random_instants_do_no_harm():
    """As many as were asked for have hit; each task was completed, each effect once."""
    toll = kill_at_random(
        "sqlite", 2, random.Random(1), strategies=STRATEGIES[:2], scenario="disk"
    )

    assert toll.kills == sum(toll.seen.values()) == 2
    assert [row.outcome for row in toll.rows] == ["once"] * len(toll.rows)
    assert toll.passed


@pytest.mark.parametrize(
    ("kills", "strategies"),
    [(0, STRATEGIES), (-1, STRATEGIES), (2, STRATEGIES), (9, ())],
)
def test_fewer_kills_than_strategies_are_refused(kills, strategies):
    """Else a strategy would go untried without a word."""
    with pytest.raises(InvalidValue, match="at least one a strategy"):
        kill_at_random("json", kills, random.Random(1), strategies=strategies)


# What is counted as harm, without a death.


def row(counted, *, point="effect.after:1", name="a", completed=True, waiting=False):
    """What the world counted of two effects, a and b."""
    return judge(
        point,
        name,
        expected="ab",
        counted=counted,
        completed=completed,
        waiting=waiting,
    )


ONCE = {"a": 1, "b": 1}
ASKS = row({"a": 1}, completed=False, waiting=True)
TWICE = row({"a": 2, "b": 1})


def cell_of(case, *rows):
    """A cell with these rows."""
    matrix = Matrix("durable", case.scenario, "json", rows, case.signal)
    return Cell(case, "json", "every_step", matrix)


@pytest.mark.parametrize(
    ("case", "more", "harmful"),
    [
        pytest.param(KEYED, TWICE, True, id="twice"),
        pytest.param(KEYED, ASKS, True, id="nobody-need-be-asked"),
        pytest.param(KEYED, row({"a": 1}), True, id="lost"),
        pytest.param(KEYED, row(ONCE, completed=False), True, id="stuck"),
        pytest.param(TERM, TWICE, True, id="twice-after-a-polite-death"),
        pytest.param(WAITS, row(ONCE), False, id="wait-once"),
        pytest.param(WAITS, TWICE, True, id="wait-twice"),
        pytest.param(
            WAITS,
            row({}, point="write.after:2", name="running", waiting=True),
            True,
            id="asked-without-need",
        ),
        pytest.param(
            WAITS,
            row({}, point="write.after:6", name="started:a", waiting=True),
            False,
            id="asked-with-need",
        ),
        pytest.param(REPEATS, row(ONCE), False, id="repeat-once"),
        pytest.param(REPEATS, row({"a": 2, "b": 2}), True, id="all-repeated"),
        pytest.param(REPEATS, row({"a": 3, "b": 1}), True, id="thrice"),
        pytest.param(REPEATS, row({"a": 2}), True, id="repeated-and-lost"),
        pytest.param(
            REPEATS, row({"a": 2, "b": 1}, completed=False), True, id="twice-and-stuck"
        ),
        pytest.param(REPEATS, ASKS, True, id="repeat-asks"),
    ],
)
def test_whatever_a_case_does_not_allow_is_harm(case, more, harmful):
    """Beside what the case is about, one row more."""
    usual = {"once": row(ONCE), "wait": ASKS, "repeat": TWICE}[case.may]

    cell = cell_of(case, usual, more)

    assert cell_of(case, usual).passed
    assert (bool(cell.harm), cell.passed) == (harmful, not harmful)
    assert ("1 HARM" in str(cell)) == harmful


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_table_in_which_nothing_was_at_stake_proves_nothing(case):
    """No points at all, or none at which the case could be seen."""
    assert not cell_of(case).passed
    assert cell_of(case, row(ONCE)).passed == (case.may == "once")


# What is written down.


def toll_of(*rows):
    """Two kills on JSON files."""
    toll = Toll("json", kills=2, unrecorded=1, rows=list(rows))
    toll.seen.update([0, 5])
    return toll


RESUMED = Resumed("json", 0.5, 0.6, 0.9, state="running, claimed", once=True)
GOOD = {
    "cells": [cell_of(KEYED, row(ONCE)), cell_of(WAITS, row(ONCE), ASKS)],
    "tolls": [toll_of(row(ONCE))],
    "seed": 7,
    "resumes": [RESUMED],
}


def test_the_page_has_a_table_for_each_part():
    """Stores down, strategies across; words and numbers in each cell."""
    page = str(Result(**GOOD))

    assert (
        "**3 deaths at named points: 2 with each effect once, 1 wait for a person,"
        " 0 repeat what was declared safe to repeat, 0 did harm; 2 kills at random"
        " instants: 0 did harm.**" in page
    )
    assert "| store | `every_step` |\n| --- | --- |\n| json | 1 once |" in page
    assert "| json | 1 once, 1 wait |" in page
    assert "seed 7;" in page
    assert "| json | 2 | 1 | 1 | 0 | 1 | 0 to 5 |" in page
    assert "| json | running, claimed | 0.50 s | 0.60 s | 0.90 s | yes |" in page


def test_the_result_is_json():
    """The counts, and what each death led to where it was not "once"."""
    said = json.loads(json.dumps(Result(**GOOD).to_json()))

    assert said["passed"] is True
    assert [cell["points"] for cell in said["cube"]] == [1, 2]
    assert said["cube"][1]["not_once"] == {"effect.after:1": "a: waits for a person"}
    assert said["random"]["seed"] == 7
    assert said["random"]["stores"][0]["killed_after_so_many_effects"] == {
        "0": 1,
        "5": 1,
    }
    assert said["resume"][0]["found_task_ms"] == 500


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"cells": [cell_of(KEYED, TWICE)]}, id="twice-in-the-cube"),
        pytest.param({"tolls": [toll_of(TWICE)]}, id="twice-at-random"),
        pytest.param({"tolls": [toll_of(row({"a": 1}))]}, id="lost-at-random"),
        pytest.param(
            {"resumes": [Resumed("json", 1, 1, 1, state="pending, free", once=True)]},
            id="nothing-to-take-over",
        ),
        pytest.param(
            {
                "resumes": [
                    Resumed("json", 1, 1, 1, state="running, claimed", once=False)
                ]
            },
            id="resumed-and-repeated",
        ),
        pytest.param({"broken": ["KillMissed: it lived"]}, id="broken"),
        pytest.param({"cells": [], "tolls": [], "resumes": []}, id="nothing-tried"),
    ],
)
def test_one_thing_that_is_not_so_and_the_whole_has_failed(changes):
    """And without it, the whole has passed."""
    assert Result(**GOOD).passed
    assert not Result(**{**GOOD, **changes}).passed


def test_the_result_that_is_kept_is_of_the_whole_cube_and_has_passed():
    """As many points as the agent has today; else `make cube` has to be run again."""
    kept = json.loads((KEPT / "cube.json").read_text("utf-8"))

    signals = {cell["signal"] for cell in kept["cube"]}
    points = {c["points"] for c in kept["cube"] if c["case"] == WAITS.name}
    assert kept["passed"]
    assert (len(kept["cube"]), signals) == (45, set(SIGNALS))
    assert points == {POINTS_OF_DISK}
    assert sum(toll["kills"] for toll in kept["random"]["stores"]) == 200
    assert [resume["store"] for resume in kept["resume"]] == list(STORES)
    assert f"**{kept['verdict']}.**" in (KEPT / "CUBE.md").read_text("utf-8")
    assert f"[{kept['verdict']}]" in (KEPT.parent / "README.md").read_text("utf-8")


@pytest.mark.usefixtures("world", "quick")
def test_the_command_writes_both_files(tmp_path, monkeypatch, capsys):
    """One matrix and three kills of it; the status says that nothing was harmed."""
    monkeypatch.setattr(whole_cube, "CASES", [DISK])
    monkeypatch.setattr(whole_cube, "STRATEGIES", STRATEGIES[:1])
    less = ["--stores", "json", "--points", "effect.inside:1", "--tries", "0"]

    status = whole_cube.main([*less, "--kills", "1", "--into", str(tmp_path)])

    said = json.loads((tmp_path / "cube.json").read_text("utf-8"))
    verdict = (
        "1 deaths at named points: 1 with each effect once, 0 wait for a person, 0"
        " repeat what was declared safe to repeat, 0 did harm; 1 kills at random"
        " instants: 0 did harm"
    )
    assert (status, said["verdict"], said["broken"]) == (0, verdict, [])
    assert verdict in (tmp_path / "CUBE.md").read_text("utf-8")
    assert capsys.readouterr().out.endswith(f"{verdict}\n")


def test_what_cannot_be_tried_is_said_and_is_a_failure(monkeypatch, capsys):
    """The other matrices of the 45 are made all the same, whole, with every signal."""
    asked = []

    def made(case, store, strategy, *, points):
        asked.append((case, store, strategy))
        assert points is None
        if store == "json":
            raise KillMissed("it lived", effect="unknown")
        return cell_of(KEYED, row(ONCE))

    monkeypatch.setattr(whole_cube, "tried", made)

    status = whole_cube.main(["--kills", "0", "--tries", "0"])

    said = capsys.readouterr()
    assert len(asked) == len(set(asked)) == 45
    assert {case.signal for case, _, _ in asked} == set(SIGNALS)
    assert KEYED.scenario == "deploy"
    assert status == 1
    assert "15 tables could not be made" in said.out
    assert said.err.count("KillMissed: it lived") == 15
