"""What a store said it made, another one finds: whatever becomes of the place."""

import os
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentstate_lab.state import Task
from agentstate_lab.stores import open_store

GONE, REPLACED = "the place is gone", "another is in its place"
POSIX = pytest.mark.skipif(
    os.name == "nt", reason="Windows removes no file that is open"
)
MOVES = st.lists(st.sampled_from(["a", "b", "c", GONE, REPLACED]), max_size=8)


def submitted(url, key):
    """Submit one task by a store that is opened for it."""
    with open_store(url) as store:
        return store.submit(Task.new("x", key=key))


def taken_away(url):
    """The place itself goes, as after `rm -rf` or `drop schema`."""
    kind, _, place = url.partition(":")
    if kind == "postgresql":
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("drop schema if exists agentstate cascade")
        return
    for path in Path(place).parent.iterdir():
        if path.suffix != ".lock":
            path.unlink()


@pytest.fixture(params=["json", pytest.param("sqlite", marks=POSIX), "postgresql"])
def place(request, tmp_path):
    """The address of a place that can go while a store is open."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgres")
    return f"{request.param}:{tmp_path / 'tasks'}"


@given(moves=MOVES)
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_submit_said_was_created_another_store_finds(place, moves):
    """In the place that is there at that moment; what went with its place is gone."""
    taken_away(place)
    there = {}
    with open_store(place) as store:
        for move in moves:
            if move in (GONE, REPLACED):
                taken_away(place)
                there = {}
            if move == REPLACED:
                there["other"] = submitted(place, "other").task
            if move not in (GONE, REPLACED):
                made = store.submit(Task.new("x", key=move))
                assert made.created == (move not in there)
                there[move] = made.task
            with open_store(place) as other:
                found = {one.id: one for one in other.list_by_state("pending")}
            assert found == {one.id: one for one in there.values()}
