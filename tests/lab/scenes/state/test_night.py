import json

import pytest

from agentstate_lab.errors import LabError
from agentstate_lab.lab.processes import Ended
from agentstate_lab.lab.scenes.state import hand_over


@pytest.fixture(autouse=True)
def stage(world):
    """The world that the session's tests share."""


@pytest.fixture
def same_process(monkeypatch):
    """Shifts without the start of a Python; a note still goes through JSON."""

    def call(fn, *args):
        return Ended("returned", value=json.loads(json.dumps(fn(*args))))

    monkeypatch.setattr("agentstate_lab.lab.scenes.state.night.in_new_process", call)


def test_every_night_has_its_own_page_in_the_ledger(same_process):
    """A cell that is run twice counts from zero both times."""
    nights = [hand_over() for _ in range(2)]

    assert nights[0].task_id != nights[1].task_id
    assert all(one.task_id.startswith("01_state/") for one in nights)
    assert [one.wrong for one in nights] == [0, 0]


def test_a_note_that_is_none_is_named():
    """A learner's own change may return anything."""
    with pytest.raises(LabError, match="the shift raised ValidationError"):
        hand_over(lambda note: {"plna": []})
