"""
What a save to the JSON file costs, beside the same bytes written bare.

Both are measured in turn in one run, so that a busy machine slows both. "Bare" is
the least that keeps the old content or the new: write a temporary file, fsync it,
replace, fsync the folder. Figure to reach: at most 2 × at 100 tasks.

    python benchmarks/json_store.py
"""

import statistics
import tempfile
import time
from pathlib import Path

from agentstate_lab.state import Task
from agentstate_lab.stores import JsonFileStore, atomic_write

ROUNDS = 200
LIMIT = 2.0


def measure(folder: Path, tasks: int) -> tuple[int, float, float]:
    """The bytes of the file, and the median seconds of a bare write and of a save."""
    store = JsonFileStore(folder / f"tasks-{tasks}.json")
    for number in range(tasks):
        task = store.submit(Task.new(f"Clean host {number}", key=str(number))).task
    data = store.path.read_bytes()
    bare, saves = [], []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        atomic_write(folder / "bare.json", data)
        between = time.perf_counter()
        task = store.save(task)
        bare.append(between - start)
        saves.append(time.perf_counter() - between)
    return len(data), statistics.median(bare), statistics.median(saves)


def main() -> None:
    """Print one row for each number of tasks; the figure is about 100."""
    print(f"{'tasks':>6} {'bytes':>9} {'bare ms':>9} {'save ms':>9} {'times':>6}")
    with tempfile.TemporaryDirectory(dir=".") as folder:
        for tasks in (1, 10, 100, 1_000):
            size, bare, save = measure(Path(folder), tasks)
            row = f"{tasks:>6} {size:>9} {bare * 1e3:>9.2f} {save * 1e3:>9.2f}"
            short = tasks == 100 and save > LIMIT * bare
            print(f"{row} {save / bare:>6.2f}{' falls short' if short else ''}")


if __name__ == "__main__":
    main()
