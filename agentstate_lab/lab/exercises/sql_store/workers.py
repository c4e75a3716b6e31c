"""
The stages of exercise 06 with real processes: many workers, a dead one, a frozen one.

Each process opens the file by itself and calls the answer there. What was worked on
is written to a file beside it, one line each, so that nothing an answer believes is
asked. Processes tell each other by marks in a folder where they are.
"""

import os
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from agentstate_lab.lab.crash import die
from agentstate_lab.lab.processes import until

from ..judge import Subject, Unmet, doing, require, run_apart, run_together, stage
from .desk import Desk
from .tasks import LEASE, NOW, TASK, Row, connect, result_of, told

WORKERS = 8
WITHOUT_FORK = 3  # each is a new Python then
TASKS = 40
MEETS_WITHIN = 10.0  # seconds; a new Python may take its time
LOCK_WAIT = 5.0  # seconds, in SQLite's own hands


def leave(folder: str, mark: str) -> None:
    """Leave a mark for the other processes."""
    (Path(folder) / mark).touch()


def wait_for(folder: str, *marks: str) -> None:
    """Wait until all of these marks are there, but not for ever."""
    wanted = [Path(folder) / mark for mark in marks]
    if not until(lambda: all(mark.exists() for mark in wanted), MEETS_WITHIN):
        raise Unmet("the other worker never came: it waited for a lock")


@stage(f"works on each of {TASKS} tasks once, with {WORKERS} processes")
def many_workers(answer: Subject) -> None:
    """Eight processes, one file, and a witness that counts."""
    workers = WORKERS if answer.fork else WITHOUT_FORK
    # Two by two of one age: whoever asks for the oldest `created` finds both.
    rows = [Row(f"t-{n}", float(n // 2), f"task {n}") for n in range(TASKS)]
    desk = Desk(answer, *rows)
    with doing(
        f"let {workers} processes take turns until each of them was told None",
        "each task worked on once, and every result stored",
    ):
        desk.outside.close()
        names = [f"ready-{n}" for n in range(workers)]
        folder = tempfile.mkdtemp(dir=".")
        jobs = [(str(desk.path), folder, name, names) for name in names]
        for ending in run_together(answer, _until_none, jobs):
            ending.result()
        _each_once(desk, folder)


def _until_none(
    answer: Subject, path: str, folder: str, me: str, everybody: list[str]
) -> None:
    """Take turns until there is nothing to claim."""
    witness = os.open(
        Path(folder) / "witness", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600
    )

    def work(text: str) -> str:
        os.write(witness, f"{text}\n".encode())
        return result_of(text)

    db = connect(Path(path), LOCK_WAIT)
    leave(folder, me)
    wait_for(folder, *everybody)
    for _ in range(TASKS + 1):
        if answer(db, work, NOW, LEASE) is None:
            return
    raise Unmet(f"it had not returned None after {TASKS + 1} turns of one process")


def _each_once(desk: Desk, folder: str) -> None:
    """Fail unless the witness has counted each task once and all are completed."""
    counted = Counter((Path(folder) / "witness").read_text("utf-8").splitlines())
    desk.outside = connect(desk.path, timeout=0)
    rows = desk.rows().values()
    twice = sum(n > 1 for n in counted.values())
    require(not twice, f"the work of {twice} of them was done more than once")
    missing = len(rows) - len(counted)
    require(not missing, f"the work of {missing} of them was never done")
    wrong = sum(
        (row.state, row.result) != ("completed", result_of(row.input)) for row in rows
    )
    require(not wrong, f"{wrong} of them were not completed, or had no right result")


@stage("outlives a worker that is killed, and one that is frozen")
def outlives(answer: Subject) -> None:
    """Nobody can tell the two apart; the lease and the token need not."""
    desk = Desk(answer, TASK)
    desk.outside.close()
    path = str(desk.path)
    with doing("killed a process in the middle of its work", "a claim in the table"):
        ending = run_apart(answer, _killed, path)
        require(ending.status is not None, f"it never called work; {ending.words}")
    for now, wanted, words in (
        (NOW + LEASE - 1, None, "None before its lease has ended"),
        (NOW + LEASE, [TASK.id, True], "the task taken over when its lease has ended"),
    ):
        with doing(f"called it at {now:g} in another process, after a kill", words):
            found = run_apart(answer, _one_turn, path, now).result()
            require(found == wanted, f"it returned {told(found)}")
    _frozen(answer)


def _frozen(answer: Subject) -> None:
    """The first worker comes back while the second one is at the same task."""
    desk = Desk(answer, TASK)
    desk.outside.close()
    folder = tempfile.mkdtemp(dir=".")
    with doing(
        "froze a process in its work until another one had taken the task over and"
        " was at work, and let it go on",
        "its id and False; then the other one's id and True",
    ):
        jobs = [(str(desk.path), folder, late) for late in (True, False)]
        endings = run_together(answer, _takes_part, jobs)
        first, second = (ending.result() for ending in endings)
        found = f"they returned {told(first)} and {told(second)}"
        require((first, second) == ([TASK.id, False], [TASK.id, True]), found)
        desk.outside = connect(desk.path, timeout=0)
        desk.shows(TASK.id, state="completed", result="second", attempts=2)


def _takes_part(answer: Subject, path: str, folder: str, late: bool) -> Any:
    """The first worker, which comes late, or the second one."""

    def work(text: str) -> str:
        leave(folder, "first works" if late else "second works")
        wait_for(folder, "second works" if late else "first ended")
        return "first" if late else "second"

    if not late:
        wait_for(folder, "first works")
    db = connect(Path(path), LOCK_WAIT)
    try:
        return answer(db, work, NOW if late else NOW + LEASE, LEASE)
    finally:
        if late:
            leave(folder, "first ended")


def _killed(answer: Subject, path: str) -> None:
    answer(connect(Path(path), LOCK_WAIT), lambda text: die(), NOW, LEASE)


def _one_turn(answer: Subject, path: str, now: float) -> Any:
    return answer(connect(Path(path), LOCK_WAIT), result_of, now, LEASE)
