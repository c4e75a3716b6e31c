"""The page and the pictures are drawn from the record, and say what is in it."""

import json

import pytest

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.frameworks import CONTENDERS, contender_named, findings_of
from agentstate_lab.lab.frameworks.page import MEASURE, page, written
from agentstate_lab.lab.frameworks.record import is_fresh, keep, kept


def counts(**some):
    """The counts of one matrix, as they are kept."""
    nothing = dict.fromkeys(("once", "twice", "never", "false", "stuck", "waits"), 0)
    return {"points": 24, **nothing, "worst": "", "outcome": "", **some}


def kept_row(name, **properties):
    """A row as it is kept, with what is wrong in it."""
    six = (
        "prefix continuation",
        "effect once",
        "fork determinism",
        "checkpoint validity",
        "consume once",
        "recovery determinism",
    )
    red = counts(once=8, twice=16, worst="effect.inside:1", outcome="2 x open-ticket")
    fine = {"holds": True, "said": "fine"}
    return {
        "title": contender_named(name).title,
        "versions": {},
        "date": "2026-11-29",
        "without keys": [red],
        "with keys": [counts(once=24)],
        "properties": {one: properties.get(one.replace(" ", "_"), fine) for one in six},
    }


def test_every_red_cell_has_a_command_its_page_and_what_to_do():
    """Whoever doubts it can see it happen."""
    red = {"holds": False, "said": "one effect 3 times, of 3"}

    said = page({"dbos": kept_row("dbos", consume_once=red)})

    assert f"`.venv/frameworks/{MEASURE} dbos --point effect.inside:1`" in said
    assert f'`.venv/frameworks/{MEASURE} dbos --property "consume once"`' in said
    assert contender_named("dbos").page in said
    assert contender_named("dbos").repair in said


@pytest.mark.parametrize(
    "name", [one.name for one in CONTENDERS if one.packages and one.approval]
)
def test_a_fork_under_an_old_yes_stands_beside_what_was_promised_of_it(name):
    """Where the fork is as it should be, nothing has to be said of a yes."""
    one = contender_named(name)
    red = {"holds": False, "said": "a fork acts under the old yes: open-ticket"}
    promise = f"<{one.approval_page}>: {one.approval_promise}."

    assert promise in page({name: kept_row(name, fork_determinism=red)})
    assert promise not in page({name: kept_row(name)})


def test_two_runs_that_differ_are_both_said():
    """A cell that depends on timing shows what was seen, not an average."""
    row = kept_row("langgraph-async")
    row["with keys"] = [counts(once=14), counts(once=16)]

    assert "| with keys | 14 or 16 |" in page({"langgraph-async": row})


def test_a_row_joins_the_others_in_the_order_of_the_table(tmp_path):
    """What was measured before is still there, whatever was measured first."""
    order = [one.name for one in CONTENDERS]

    for name in ("dbos", "naive"):
        keep(tmp_path, name, kept_row(name), order)

    assert list(kept(tmp_path)) == ["naive", "dbos"]
    assert kept(tmp_path)["dbos"] == kept_row("dbos")


def test_page_and_pictures_are_written_together(tmp_path):
    """One for light pages, one for dark ones, and the same bytes each time."""
    keep(tmp_path, "dbos", kept_row("dbos"), ["dbos"])

    written(tmp_path)

    light, dark = (tmp_path / f"frameworks-{t}.png" for t in ("light", "dark"))
    first = light.read_bytes(), dark.read_bytes()
    written(tmp_path)
    assert (light.read_bytes(), dark.read_bytes()) == first
    assert first[0] != first[1]
    assert "8" in (tmp_path / "FRAMEWORKS.md").read_text("utf-8")


def test_a_row_of_another_version_is_measured_again():
    """The record is about what is installed."""
    ours = contender_named("ours-json")

    assert is_fresh(ours, {"versions": {}})
    assert not is_fresh(ours, {"versions": {"ours": "0"}})
    assert not is_fresh(ours, None)


def test_the_page_in_the_repository_is_that_of_the_record():
    """Nobody has written into it by hand."""
    from agentstate_lab.lab.home import repository_root

    folder = repository_root() / "benchmarks"

    assert (folder / "FRAMEWORKS.md").read_text("utf-8") == page(kept(folder))
    assert json.loads((folder / "frameworks.json").read_bytes())["rows"]


def test_a_row_that_was_not_measured_cannot_be_shown():
    """A slip of the pen in a notebook is named."""
    with pytest.raises(InvalidValue, match="'nobody' was not measured"):
        findings_of("nobody")
