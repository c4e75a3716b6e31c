"""
What a history costs: the bytes on the disk while a run goes on.

`bytes_on_disk` lets a run say 1,000 bytes in each step, and keeps its checkpoints in
two SQLite files: the way everyone does it first, with the whole conversation in each
checkpoint, and the way of the package, with each message once and a snapshot that
knows how many there were. What is counted is by how much the files grow.

Seconds are for `benchmarks/checkpoints.py`.
"""

import contextlib
import json
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from agentstate_lab.checkpoint import CheckpointManager
from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.agents import user_says
from agentstate_lab.lab.home import home
from agentstate_lab.lab.show import figure, lines
from agentstate_lab.state import Task
from agentstate_lab.stores.sql import SqliteStore

SAID = 1_000  # bytes in each step
MAX_STEPS = 400  # the naive file has 80 MB by then


def bytes_on_disk(steps: Iterable[int]) -> dict[int, tuple[int, int]]:
    """
    By how many bytes both files have grown after so many steps: naive, and ours.

    Args:
        steps: Numbers of steps, from 1.

    Raises:
        InvalidValue: There are none, or one is out of range.
    """
    wanted = sorted(set(steps))
    if not wanted or not 1 <= wanted[0] <= wanted[-1] <= MAX_STEPS:
        raise InvalidValue("steps", f"numbers from 1 to {MAX_STEPS} are needed")
    with tempfile.TemporaryDirectory(dir=home()) as folder:
        sizes = zip(
            _whole(Path(folder) / "whole.db", wanted[-1]),
            _appended(Path(folder) / "appended.db", wanted[-1]),
            strict=True,
        )
        return {n: pair for n, pair in enumerate(sizes, 1) if n in wanted}


def _message(step: int) -> dict[str, Any]:
    """What is said in one step."""
    return user_says(f"host {step:04}: ".ljust(SAID, "."))


def _whole(path: Path, steps: int) -> Iterator[int]:
    """The growth of the file after each step, with the whole conversation in each."""
    said = []
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("pragma synchronous = off")  # the file is for counting alone
        db.execute("create table checkpoints (step integer primary key, line text)")
        empty = _size(db)
        for step in range(1, steps + 1):
            said.append(_message(step))
            line = json.dumps({"goal": "Look at the hosts.", "messages": said})
            with db:
                db.execute("insert into checkpoints values (?, ?)", (step, line))
            yield _size(db) - empty


def _appended(path: Path, steps: int) -> Iterator[int]:
    """The growth of the store's file after each step, with a snapshot in each."""
    with (
        SqliteStore(path, synchronous="NORMAL") as store,
        contextlib.closing(sqlite3.connect(path)) as db,
    ):
        empty = _size(db)
        manager = CheckpointManager(store)
        task = store.submit(Task.new("Look at the hosts.", key="hosts")).task
        task = manager.save(task.replace(state="running"))
        for step in range(1, steps + 1):
            task = manager.save(task, "step", messages=[_message(step)])
            yield _size(db) - empty


def _size(db: sqlite3.Connection) -> int:
    """The bytes of all pages, those in the log included."""
    [(pages,)] = db.execute("pragma page_count")
    [(size,)] = db.execute("pragma page_size")
    return int(pages * size)


def how_do_the_bytes_grow(measured: Mapping[int, tuple[int, int]]) -> None:
    """
    Draw the bytes of both files over the steps.

    Args:
        measured: From `bytes_on_disk`.
    """
    last = max(measured)
    most, least = measured[last]
    new = last * SAID
    number = (
        f"after {last} steps with {new:,} new bytes: {most:,} on the disk, or"
        f" {least:,}; that is {most / new:.0f} times the new, or"
        f" {least / new:.1f} times"
    )
    steps = sorted(measured)
    sizes = zip(*(measured[step] for step in steps), strict=True)
    whole, appended = ([size / 1e6 for size in both] for both in sizes)
    fig, axes = lines(
        steps,
        ("the whole conversation\nin each checkpoint", whole),
        ("each message once,\nand a snapshot", appended),
        x="steps",
        y="megabytes on the disk",
    )
    axes.set_xlim(left=0)
    axes.set_xticks([0, *steps])
    figure(
        fig,
        alt=(
            "Two lines over the steps of a run, in megabytes on the disk. With the"
            " whole conversation in each checkpoint it bends upwards like a square;"
            f" with each message once it stays close to zero: {number}."
        ),
        number=number,
    )
