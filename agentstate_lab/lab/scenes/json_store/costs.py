"""
What a file costs: the bytes that a save writes, counted and drawn.

A clock would measure the machine and its mood. Bytes are the same everywhere, so
they are what notebook 02 plots: how many go through the store's one way to the disk
when one task of many is saved. Seconds are for `benchmarks/json_store.py`.

Nothing here is kept: the stores that are counted stand in a temporary folder.
"""

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.clock import FakeClock
from agentstate_lab.lab.home import home
from agentstate_lab.lab.show import figure, lines
from agentstate_lab.state import Task
from agentstate_lab.stores import Content, JsonFileStore, task_line

MAX_TASKS = 100_000


class CountingStore(JsonFileStore):
    """
    A JSON store that counts the bytes it writes.

    Attributes:
        written: The bytes so far.
    """

    written = 0

    def _write_bytes(self, file: int, data: bytes) -> None:
        self.written += len(data)
        super()._write_bytes(file, data)


def bytes_per_save(counts: Iterable[int]) -> dict[int, int]:
    """
    The bytes that one save writes, for each number of tasks in the file.

    The tasks are alike to the byte, so that the figures can be calculated as well.

    Args:
        counts: Numbers of tasks, from 1.
    """
    with tempfile.TemporaryDirectory(dir=home()) as folder:
        return {count: _one_save(Path(folder), count) for count in counts}


def _one_save(folder: Path, count: int) -> int:
    """Fill a file with *count* tasks, save one of them, and count."""
    if not 1 <= count <= MAX_TASKS:
        raise InvalidValue("counts", f"a number from 1 to {MAX_TASKS}, not {count!r}")
    path = folder / f"{count}.json"
    one = _task(0)
    with JsonFileStore(path, clock=FakeClock()) as store:
        one = store.submit(one).task
        # One write for all of them: one for each would take the square of that.
        store._write(Content({one.id: task_line(one) for one in _stored(one, count)}))
    with CountingStore(path, clock=FakeClock()) as counting:
        counting.save(one)
        return counting.written


def _task(number: int) -> Task:
    return Task.new("Clean the logs of one host.", key=f"host/{number}")


def _stored(one: Task, count: int) -> list[Task]:
    """*one*, and its like under other ids."""
    ids = [_task(number).id for number in range(count)]
    return [one.model_copy(update={"id": task_id}) for task_id in ids]


def what_does_a_save_write(measured: Mapping[int, int]) -> None:
    """
    Draw what one save writes beside what has changed.

    Args:
        measured: From `bytes_per_save`.
    """
    most = max(measured)
    changed = one_line(measured)
    number = (
        f"with {most:,} tasks, saving one writes {measured[most]:,} bytes,"
        f" {measured[most] / changed:,.0f} times what changed"
    )
    counts = sorted(measured)
    fig, _ = lines(
        counts,
        ("what one save writes", [measured[count] for count in counts]),
        ("what changed", [changed] * len(counts)),
        x="tasks in the file",
        y="bytes",
    )
    figure(
        fig,
        alt=(
            "Two lines over the number of tasks in the file. What changed stays at"
            f" {changed:,} bytes. What one save writes rises with the number of"
            f" tasks: {number}."
        ),
        number=number,
    )


def one_line(measured: Mapping[int, int]) -> int:
    """The bytes of one task in the file: by how much each one more lengthens it."""
    few, many = min(measured), max(measured)
    if few == many:
        raise InvalidValue("measured", "two different numbers of tasks are needed")
    return (measured[many] - measured[few]) // (many - few)
