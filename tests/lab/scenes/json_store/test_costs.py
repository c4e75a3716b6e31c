import pytest

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.scenes.json_store import (
    bytes_per_save,
    costs,
)
from agentstate_lab.lab.scenes.json_store.costs import one_line
from agentstate_lab.state import Task
from agentstate_lab.stores import JsonFileStore


def test_what_is_counted_is_what_the_file_has(home_dir):
    """A save writes the whole file, so its bytes are the bytes of the file."""
    path = home_dir / "tasks.json"
    home_dir.mkdir()
    with JsonFileStore(path, clock=lambda: 0.0) as store:
        for number in range(3):
            new = Task.new("Clean the logs of one host.", key=f"host/{number}")
            store.save(store.submit(new).task)
        size = path.stat().st_size

    assert bytes_per_save([3]) == {3: size}


def test_each_task_costs_the_same(home_dir):
    """The figures can be calculated: an envelope, and a line for each task."""
    measured = bytes_per_save([1, 2, 50])

    line = one_line(measured)
    envelope = measured[1] - line
    assert measured == {count: envelope + line * count for count in (1, 2, 50)}
    assert 0 < envelope < line


def test_the_stores_that_were_counted_are_gone(home_dir):
    """Nothing is left in the learner's home."""
    bytes_per_save([1])

    assert list(home_dir.iterdir()) == []


@pytest.mark.parametrize(
    "count",
    [
        pytest.param(0, id="none"),
        pytest.param(-1, id="negative"),
        pytest.param(costs.MAX_TASKS + 1, id="too-many"),
    ],
)
def test_a_count_that_makes_no_sense_is_refused(home_dir, count):
    """The answer names the limits."""
    with pytest.raises(InvalidValue, match="from 1 to"):
        bytes_per_save([count])


def test_one_number_of_tasks_makes_no_line():
    """What a task costs is a difference."""
    with pytest.raises(InvalidValue, match="two different numbers"):
        one_line({10: 5_000})
