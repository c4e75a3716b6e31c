"""Our own rows hold what they promise, and the judge can say no."""

from dataclasses import asdict

import pytest

from agentstate_lab.lab.crash import Matrix
from agentstate_lab.lab.crash.matrix import judge
from agentstate_lab.lab.frameworks import (
    Effects,
    contender_named,
    effects_of,
    findings,
    forks_of,
    properties,
)

OURS = ("ours-json", "ours-sqlite", "ours-postgresql")
POINTS = ["effect.before:1", "effect.inside:4", "effect.after:8"]


@pytest.fixture(autouse=True)
def postgres_for_ours(request):
    """The row on PostgreSQL uses the session's server."""
    if "postgresql" in request.node.name:
        request.getfixturevalue("postgres")


@pytest.mark.usefixtures("process")
@pytest.mark.parametrize("name", OURS)
def test_our_agent_has_each_property(name):
    """Killed, torn, resumed by several at once: on every store."""
    seen = dict(findings(contender_named(name)))

    assert set(seen) == set(properties.PROPERTIES)
    assert [one for one in seen.values() if not one.holds] == []


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("name", OURS)
def test_two_forks_of_our_agent_go_the_same_way(name):
    """The run that they came from is as it was, and a person is asked again."""
    seen = forks_of(contender_named(name))

    assert (seen.holds, seen.said) == (
        True,
        "two forks alike, the original untouched; a fork asks a person again",
    )


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("name", "keyed", "counts"),
    [
        pytest.param("ours-json", True, (3, 0), id="keys"),
        pytest.param("ours-postgresql", False, (0, 3), id="no-keys-postgresql"),
    ],
)
def test_our_agent_does_no_harm(name, keyed, counts):
    """With keys each effect is once; without, a person is asked."""
    (seen,) = effects_of(contender_named(name), keyed=keyed, points=POINTS)

    assert (seen.once, seen.waits) == counts
    assert (seen.twice, seen.never, seen.false, seen.stuck) == (0, 0, 0, 0)


@pytest.mark.usefixtures("process")
def test_an_agent_that_keeps_nothing_is_found_out():
    """The judge can say no: three resume, and each does the rest."""
    seen = findings(contender_named("naive"), ["prefix continuation", "consume once"])

    assert [(one.holds, one.said) for _, one in seen] == [
        (False, "begins again"),
        (False, "one effect 3 times, of 3"),
    ]


def row(counted, **ended):
    """A row of a matrix about two effects."""
    return judge("effect.inside:1", "a", expected="ab", counted=counted, **ended)


@pytest.mark.parametrize(
    ("judged", "column"),
    [
        pytest.param(row({"a": 1, "b": 1}, completed=True), "once", id="once"),
        pytest.param(row({"a": 2, "b": 1}, completed=True), "twice", id="twice"),
        pytest.param(row({"a": 1}, completed=False, waiting=True), "waits", id="waits"),
        pytest.param(row({"a": 1, "b": 1}, completed=False), "stuck", id="stuck"),
    ],
)
def test_each_kind_of_outcome_has_its_column(judged, column):
    """What is counted once is counted in one place."""
    seen = asdict(Effects.of(Matrix("x", "deploy", "no", (judged,))))

    counts = ("once", "twice", "never", "false", "stuck", "waits")
    assert [name for name in counts if seen[name]] == [column]


def test_a_run_that_says_completed_and_is_not_is_told_from_one_that_is_stuck():
    """The worst row of all: nobody will look at it again."""
    rows = (row({"a": 1}, completed=True), row({"a": 1}, completed=False))

    seen = Effects.of(Matrix("x", "deploy", "no", rows))

    assert (seen.never, seen.false, seen.stuck) == (2, 1, 1)
    assert (seen.worst, seen.outcome) == ("effect.inside:1", "0 x b")
