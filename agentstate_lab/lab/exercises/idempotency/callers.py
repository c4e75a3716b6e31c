"""
Two callers at once, for the check of exercise 03: two threads, or two processes.

Left to chance, two callers meet one night in a hundred. So each is held where it
hurts: after each look at the task until the other has looked too, or at the door
until the other is at work. The work of one lasts until the other has ended.

An answer may keep the others out by a lock, and then the other one cannot come. So
nobody is held for longer than *patience*, and what counts is how often the work ran.

Callers tell each other by marks in a folder: that works between threads and between
processes alike.
"""

import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from agentstate_lab.errors import Conflict
from agentstate_lab.state import StepRecord, Task, task_from_json, task_to_json
from agentstate_lab.stores import JsonFileStore, StepStore

from ..judge import Outcome, Subject, Unmet, require, run_together
from .bench import RESULT, TASK_ID, is_completed, is_stored, put

BOTH_LOOK = "both read the task before one of them saves"
ONE_WORKS = "the second comes while the first is at work"
HOWS = (BOTH_LOOK, ONE_WORKS)
APART = "a lock or a variable in one process does not stop another process"

CALLERS = ("first", "second")
READY_WITHIN = 10.0  # seconds; a new Python may take its time
PATIENCE = 1.0
COMES_BACK_WITHIN = 20.0
POLLS = 4  # whoever has read the task so often is waiting politely

Told = dict[str, Any]


class Caller:
    """
    One of two callers.

    Args:
        me: Its name.

        how: When the two meet.

        folder: Where they leave their marks.
    """

    def __init__(self, me: str, how: str, folder: Path) -> None:
        self.me = me
        self.other = CALLERS[me == CALLERS[0]]
        self.how = how
        self.folder = folder
        self.reads = 0
        self.alone = False

    def call(self, answer: Subject, store: StepStore, *args: Any) -> Told:
        """Call the answer, and tell what came of it."""
        self.leave("ready")
        self.wait_for("ready", patience=READY_WITHIN)
        if self.how == ONE_WORKS and self.me == CALLERS[1]:
            self.wait_for("works", "ended", patience=READY_WITHIN)
        try:
            view = View(store, self.has_read)
            outcome = answer.outcome(view, *(args or (TASK_ID, self.work)))
        finally:
            self.leave("ended")
        return _told(outcome)

    def has_read(self) -> None:
        """The answer has read the task."""
        self.reads += 1
        if self.reads == POLLS:
            self.leave("polls")
        elif self.reads < POLLS and self.how == BOTH_LOOK:
            self.leave(f"read-{self.reads}")
            self.wait_for(f"read-{self.reads}", "works", "ended")

    def work(self, *args: Any, **kwargs: Any) -> str:
        """What the answer is to run once."""
        self.leave("works")
        self.wait_for("ended", "polls", "works")
        return RESULT

    def leave(self, mark: str) -> None:
        """Leave a mark of mine; one of the work for each time that it ran."""
        with (self.folder / f"{mark}-{self.me}").open("a") as file:
            file.write("x")

    def wait_for(self, *marks: str, patience: float = PATIENCE) -> None:
        """Wait until the other one has left one of *marks*; in vain only once."""
        end = monotonic() + patience
        wanted = [self.folder / f"{mark}-{self.other}" for mark in marks]
        while not self.alone and not any(mark.exists() for mark in wanted):
            self.alone = monotonic() > end
            sleep(0.002)


class View:
    """A store that tells when a task was read."""

    def __init__(self, store: StepStore, has_read: Callable[[], None]) -> None:
        self._store = store
        self._has_read = has_read

    def get(self, task_id: str) -> Task:
        """Read, and tell."""
        task = self._store.get(task_id)
        self._has_read()
        return task

    def steps(self, task_id: str) -> list[StepRecord]:
        """Read, and tell."""
        records = self._store.steps(task_id)
        self._has_read()
        return records

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def two_threads(answer: Subject, store: StepStore, how: str) -> None:
    """Let two threads call the answer for one task, and judge what came of it."""
    folder = Path(tempfile.mkdtemp(dir="."))
    put(store)
    pool = ThreadPoolExecutor(len(CALLERS))
    calls = {
        me: pool.submit(Caller(me, how, folder).call, answer, store) for me in CALLERS
    }
    late = wait(calls.values(), COMES_BACK_WITHIN).not_done
    in_vain = f"one of the two had not come back after {COMES_BACK_WITHIN:g} s"
    require(not late, in_vain)
    _judge(store, folder, {me: call.result() for me, call in calls.items()})


def two_processes(answer: Subject, store: JsonFileStore, how: str) -> None:
    """The same with two processes, each with the store's file open."""
    folder = Path(tempfile.mkdtemp(dir="."))
    put(store)
    jobs = [(me, how, str(folder), str(store.path)) for me in CALLERS]
    ends = run_together(answer, _in_a_process, jobs)
    told = {me: end.result() for me, end in zip(CALLERS, ends, strict=True)}
    _judge(store, folder, told, why=f": {APART}")


def _in_a_process(answer: Subject, me: str, how: str, folder: str, path: str) -> Told:
    return Caller(me, how, Path(folder)).call(answer, JsonFileStore(path))


def _told(outcome: Outcome) -> Told:
    """What came of a call, as it can travel between processes."""
    if outcome.error is not None:
        conflict = isinstance(outcome.error, Conflict)
        return {"error": outcome.words, "conflict": conflict}
    if isinstance(outcome.value, Task):
        return {"task": task_to_json(outcome.value)}
    return {"value": type(outcome.value).__name__}


def _judge(
    store: StepStore, folder: Path, told: dict[str, Told], why: str = ""
) -> None:
    """Fail unless the work ran once and everybody was told the truth."""
    ran = {me: _times(folder / f"works-{me}") for me in CALLERS}
    times = sum(ran.values())
    if times != 1:
        known = {0: "neither of the two ran the work", 2: f"the work ran twice{why}"}
        raise Unmet(known.get(times, f"the work ran {times} times"))
    winner = max(CALLERS, key=ran.__getitem__)
    loser = min(CALLERS, key=ran.__getitem__)
    if store.get(TASK_ID).state == "failed":
        raise Unmet(
            "the work went well, and the stored task is failed: the one that lost the"
            " race took that for a failure of the task"
        )
    if words := told[winner].get("error"):
        raise Unmet(f"the work ran once, and in the one that ran it, {words}")
    stored = is_completed(store)
    is_stored(_value(told[winner]), stored)
    _judge_loser(told[loser], stored)


def _judge_loser(told: Told, stored: Task) -> None:
    """The one that did not run the work says so, or returns the stored task."""
    if words := told.get("error"):
        require(
            told["conflict"],
            f"in the one that left the work alone, {words}, which is no conflict",
        )
        return
    found = _value(told)
    if not isinstance(found, Task) or found.state not in ("running", "completed"):
        state = f" ({found.state})" if isinstance(found, Task) else ""
        raise Unmet(
            "the one that left the work alone returned"
            f" {type(found).__name__}{state}, which is not the stored task"
        )
    if found.state == stored.state:
        is_stored(found, stored)


def _value(told: Told) -> object:
    """What a call returned: the task, or None for whatever is no task."""
    return task_from_json(told["task"]) if "task" in told else None


def _times(mark: Path) -> int:
    return len(mark.read_text()) if mark.exists() else 0
