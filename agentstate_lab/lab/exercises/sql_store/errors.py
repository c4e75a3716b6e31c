"""
The stages of exercise 06 about locks that are left behind and errors that get lost.

One forgotten transaction stops every worker: SQLite has one lock for writing. And an
error that is taken for "nothing to do" stops the queue in silence.
"""

import sqlite3
from functools import partial
from typing import NoReturn

from ..judge import Subject, Unmet, carried, doing, named, require, stage
from .desk import Desk, Turn
from .rivals import TAKE_OVER
from .tasks import LEASE, NOW, TASK, Row, result_of, told

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


def fails(*given: object) -> NoReturn:
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
    taken = TASK.leased(NOW + LEASE)
    for words, rows, setting, work in (
        ("after a completed task", (TASK,), "", _works),
        ("when there was nothing to claim", (), "", _works),
        ("when another worker had the only task", (taken,), "", _works),
        ("after a result that came too late", (TASK,), "", _is_late),
        ("when the work had raised an error", (TASK,), "", fails),
        ("when the claim had been refused by the table", (TASK,), RUNNING, _works),
        ("when the result had been refused by the table", (TASK,), COMPLETED, _works),
    ):
        with doing(
            f"looked for open transactions {words}",
            "none, so that another connection can write at once",
        ):
            desk = Desk(answer, *rows)
            desk.outside.executescript(setting)
            left = desk.turn(partial(work, desk)).left
            require(not left, left)


def _works(desk: Desk, text: str) -> str:
    return result_of(text)


def _is_late(desk: Desk, text: str) -> str:
    """Meanwhile, another worker has taken the task over."""
    desk.changed(TAKE_OVER, NOW + LEASE, TASK.id)
    return result_of(text)


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
