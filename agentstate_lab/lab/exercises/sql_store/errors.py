"""
The stages of exercise 06 about locks that are left behind and errors that get lost.

One forgotten transaction stops every worker: SQLite has one lock for writing. And an
error that is taken for "nothing to do" stops the queue in silence.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from agentstate_lab.lab.exercises.judge import (
    Subject,
    Unmet,
    carried,
    doing,
    named,
    require,
    stage,
)

from .desk import Desk, Turn
from .tasks import LEASE, NOW, TASK, Row, result_of, told

LATE = "UPDATE tasks SET token = 'of another', expires = 9e9 WHERE id = 't-7'"
REFUSED = "the table refuses this"


def refusing(state: str) -> str:
    """Triggers that refuse every row that would get this state."""
    return "".join(
        f"CREATE TRIGGER refuse_{verb} BEFORE {verb} ON tasks"
        f" WHEN NEW.state = '{state}'"
        f" BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END;"
        for verb in ("insert", "update")
    )


RUNNING, COMPLETED = refusing("running"), refusing("completed")


class WorkFailed(Exception):
    """What the work raises."""


def fails(text: str) -> NoReturn:
    """Work that raises."""
    raise WorkFailed("the service said no")


def is_interrupted(text: str) -> NoReturn:
    """Work that a person stops."""
    raise KeyboardInterrupt


@stage("holds no lock while it works, and leaves none behind")
def lets_go(answer: Subject) -> None:
    """The work may take minutes, and the others must be able to write."""
    with doing(
        "let another connection add a task while the work ran, and come back",
        "a write at once, and the result stored: its id and True",
    ):
        desk = Desk(answer, TASK)

        def add_one(text: str) -> str:
            require(desk.is_free(), "another connection could not write")
            desk.put(Row("t-8", 20.0, "count to 5"))
            return result_of(text)

        desk.returned(desk.turn(add_one), TASK.id, stored=True)
    for case in _endings():
        with doing(
            f"looked for open transactions {case.words}",
            "none, so that another connection can write at once",
        ):
            left = case.turn(answer).left
            require(not left, left)


@dataclass(frozen=True, slots=True)
class Ending:
    """One way in which a call can end."""

    words: str
    rows: tuple[Row, ...] = (TASK,)
    setting: str = ""
    work: Callable[[str], str] = result_of
    meanwhile: str = ""

    def turn(self, answer: Subject) -> Turn:
        """Let a call end in this way."""
        desk = Desk(answer, *self.rows)
        if self.setting:
            desk.outside.executescript(self.setting)

        def work(text: str) -> str:
            if self.meanwhile:
                desk.changed(self.meanwhile)
            return self.work(text)

        return desk.turn(work)


def _endings() -> tuple[Ending, ...]:
    """The ways in which a call can end."""
    return (
        Ending("after a completed task"),
        Ending("when there was nothing to claim", rows=()),
        Ending("when another worker had the only task", rows=(TASK.leased(NOW + 1),)),
        Ending("after a result that came too late", meanwhile=LATE),
        Ending("when the work had raised an error", work=fails),
        Ending("when the claim had been refused by the table", (TASK,), RUNNING),
        Ending("when the result had been refused by the table", (TASK,), COMPLETED),
    )


@stage("lets every error out")
def lets_errors_out(answer: Subject) -> None:
    """None says "nothing to do", and nobody looks into it."""
    _work_fails(answer)
    _busy(answer)
    for state, words in ((RUNNING, "the claim"), (COMPLETED, "the result")):
        with doing(f"let the table refuse {words}", f"an error: {REFUSED!r}"):
            desk = Desk(answer, TASK)
            desk.outside.executescript(state)
            turn = desk.turn()
            _came_out(turn, sqlite3.IntegrityError)
            require(state is COMPLETED or not turn.worked, "it worked without a claim")


def _work_fails(answer: Subject) -> None:
    """An error of the work comes out, and the task can be tried again."""
    for work, kind in ((fails, WorkFailed), (is_interrupted, KeyboardInterrupt)):
        with doing(
            f"called it with work that raises {kind.__name__}",
            "that error, and no result stored",
        ):
            desk = Desk(answer, TASK)
            _came_out(desk.turn(work), kind)
            desk.shows(TASK.id, result=None)
            state = desk.rows()[TASK.id].state
            require(state != "completed", "the task was completed without a result")
    with doing(
        "called it again when the lease had ended", "the task tried a second time"
    ):
        desk.returned(desk.turn(now=NOW + LEASE), TASK.id, stored=True)
        desk.shows(TASK.id, state="completed", attempts=2)


def _busy(answer: Subject) -> None:
    """A lock that stays longer than the connection waits is an error, too."""
    expected = "sqlite3.OperationalError: database is locked"
    with doing("called it while another connection held the lock", expected):
        desk = Desk(answer, TASK)
        desk.outside.execute("BEGIN IMMEDIATE")
        turn = desk.turn(timeout=0)
        desk.outside.execute("ROLLBACK")
        require(not turn.worked, "it worked without a claim")
        _came_out(turn, sqlite3.OperationalError)
    with doing("took the lock while it worked, and kept it", expected):
        desk = Desk(answer, TASK)

        def lock(text: str) -> str:
            require(desk.is_free(), "its own lock was in the way")
            desk.outside.execute("BEGIN IMMEDIATE")
            return result_of(text)

        turn = desk.turn(lock, timeout=0)
        _came_out(turn, sqlite3.OperationalError)


def _came_out(turn: Turn, kind: type[BaseException]) -> None:
    """Fail unless this error came out, itself or as the cause of another."""
    error = turn.outcome.error
    if error is None:
        raise Unmet(f"it returned {told(turn.outcome.value)}")
    met = any(isinstance(one, kind) for one in carried(error))
    require(met, f"it raised {named(error)}")
