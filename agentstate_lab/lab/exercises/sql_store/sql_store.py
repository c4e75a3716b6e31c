"""
The check of exercise 06: one turn of a worker on a table that many workers share.

A turn is a claim, the work, and a result. The stages here call the answer alone and
look at the table through a second connection (`desk`). Those in `rivals`
let another worker act between two of its statements; those in `workers` start
real processes, and kill and freeze them. The time is what the answer is told.
"""

import re
from collections.abc import Collection
from typing import Any

from ..judge import Subject, Unmet, doing, real_time, require, stage
from .desk import Desk, Turn
from .errors import lets_errors_out, lets_go
from .rivals import claims_alone, new_tokens, refuses_late
from .tasks import LEASE, NOW, TASK, Row, result_of, told
from .workers import many_workers, outlives

HINTS = (
    "Two workers look at the table at the same moment and see the same task. Between"
    " which two of your statements can the other one claim it, and which single"
    " statement both looks and takes? And when the work is done, minutes later: how"
    " does the database know that the task is still yours?",
    "The claim is one UPDATE whose WHERE picks the id in a subquery, with ORDER BY"
    " created LIMIT 1, and whose RETURNING gives you the row; or BEGIN IMMEDIATE"
    " before the SELECT, and COMMIT before work. The result is an UPDATE that has id"
    " and token in its WHERE: its rowcount tells you whether it is still your task.",
    "The shape: token = secrets.token_hex(); row = db.execute('UPDATE tasks SET state ="
    " ..., token = ..., expires = ..., attempts = attempts + 1 WHERE id = (SELECT id"
    " ... WHERE pending, or running and expires <= now ... LIMIT 1) RETURNING id,"
    " input', values).fetchone(). If row is None, return None. Call work. Then done ="
    " db.execute('UPDATE ... WHERE id = ? AND token = ?', values), and return the id"
    " and done.rowcount == 1.",
)

# Old by `created`, and neither by id nor by the order in which they are put.
QUEUE = (
    Row("b", 30.0, "third"),
    Row("d", 10.0, "first"),
    Row("a", 40.0, "fourth"),
    Row("c", 20.0, "second"),
)
OTHER = Row("t-2", 20.0, "count to 5")

ODD = (
    ("o'brien", 'it\'s "quoted"', "isn't it?"),
    ("x'; DROP TABLE tasks; --", "100 %s :id ?", "%d {token} \\"),
    ("007", "1.50", "0"),
    ("ünï/☃", "two\nlines", "with \x00 in it"),
    (" ", "", ""),
    ("null", "x" * 100_000, "NULL"),
)

_SQL_CLOCK = re.compile(r"'now'|current_time|unixepoch|julianday", re.IGNORECASE)


@stage("works on a pending task and stores its result")
def works(answer: Subject) -> None:
    """The whole turn, undisturbed."""
    desk = Desk(answer, OTHER, TASK)
    with doing(
        "called it with two pending tasks in the table",
        "work called once, with the older one's input; its id and True returned",
    ):
        turn = desk.turn()
        turn.outcome.result()
        turn.worked_on(TASK.input)
        desk.returned(turn, TASK.id, stored=True)
    with doing(
        "read the task's row through another connection, after the call",
        "state 'completed', and what work returned as its result",
    ):
        desk.shows(TASK.id, state="completed", result=result_of(TASK.input))
    with doing("read the other task's row", "nothing changed"):
        desk.shows(OTHER.id, **OTHER._asdict())


@stage("takes the oldest first")
def oldest_first(answer: Subject) -> None:
    """By `created`: neither the ids nor the places in the table tell."""
    with doing(
        "called it once for each of four pending tasks",
        "first, second, third, fourth, as created says",
    ):
        desk = Desk(answer, *QUEUE)
        found = _worked_on([desk.turn() for _ in QUEUE])
        wanted = [row.input for row in sorted(QUEUE, key=lambda row: row.created)]
        require(found == wanted, f"it worked on {', '.join(found) or 'nothing'}")


@stage("returns None when nothing can be claimed")
def nothing(answer: Subject) -> None:
    """No work, no change: completed tasks and those of others are left alone."""
    done, live = TASK.finished("3"), OTHER.leased(NOW + 1)
    for rows, words in (
        ((), "an empty table"),
        ((done,), "a table with one completed task"),
        ((live,), "a table with one task, which another worker has"),
        ((done, live), "both of them in the table"),
    ):
        with doing(f"called it with {words}", "None, and work not called"):
            desk = Desk(answer, *rows)
            _left_alone(desk, desk.turn(), *rows)
    with doing(
        "let it complete a task, and called it again when every lease has ended",
        "None, and work not called: a completed task is not run again",
    ):
        desk = Desk(answer, TASK)
        desk.returned(desk.turn(), TASK.id, stored=True)
        _left_alone(desk, desk.turn(now=NOW + 100 * LEASE))


@stage("has its claim in the table while it works")
def claim_is_seen(answer: Subject) -> None:
    """What others cannot read protects nothing."""
    for task, now, lease, words in (
        (TASK, NOW, LEASE, "a task for the first time"),
        (TASK._replace(attempts=2), NOW, LEASE, "a task that was claimed twice before"),
        (TASK, NOW + 0.5, 0.25, "a task (seconds have fractions)"),
    ):
        with doing(
            f"let it claim {words} at {now:g}, with a lease of {lease:g} s, and read"
            " the row from inside work, through another connection",
            f"state 'running', a token, expires {now + lease:g}, and one attempt more",
        ):
            turn = Desk(answer, task).turn(now=now, lease=lease)
            turn.outcome.result()
            require(bool(turn.during), "it never called work")
            _is_claim(turn.during[0][TASK.id], task, now + lease)


@stage("leaves a task alone until its lease has ended, and then takes it over")
def keeps_leases(answer: Subject) -> None:
    """The lease ends at the instant in `expires`; who is older goes first."""
    for end, words in ((NOW + LEASE, "later"), (NOW + 0.001, "a moment later")):
        with doing(
            f"called it at {NOW:g}, when another worker's lease ends {words}",
            "None, and work not called",
        ):
            desk = Desk(answer, TASK.leased(end))
            _left_alone(desk, desk.turn(), TASK.leased(end))
    for end, words in ((NOW - LEASE, "has ended"), (NOW, "ends at this instant")):
        with doing(
            f"called it when another worker's lease {words}",
            "the task taken over and completed, at the second attempt",
        ):
            desk = Desk(answer, TASK.leased(end))
            desk.returned(desk.turn(), TASK.id, stored=True)
            desk.shows(TASK.id, state="completed", attempts=2)
    _by_age(answer)


def _by_age(answer: Subject) -> None:
    """A task to take over and a pending one: `created` decides."""
    for rows, words in (
        ((TASK.leased(NOW - 1), OTHER), "is older than a pending task"),
        ((TASK, OTHER.leased(NOW - 1)), "is younger than a pending task"),
    ):
        with doing(
            f"called it when a task whose lease has ended {words}", "the older of them"
        ):
            desk = Desk(answer, *rows)
            desk.returned(desk.turn(), TASK.id, stored=True)


@stage("reads no clock but the one it is given")
def given_time(answer: Subject) -> None:
    """In a test it is any time that the test says."""
    for now, words in ((5.0, "1970"), (9e9, "2255")):
        with doing(
            f"called it at {now:g}, which is in {words}: a task whose lease ended a"
            " second ago, and one whose lease ends in a second",
            f"the first one claimed until {now + LEASE:g}, and the second one not",
        ):
            desk = Desk(answer, TASK.leased(now - 1), OTHER.leased(now + 1))
            with real_time(answer.answer) as asked:
                turns = [desk.turn(now=now) for _ in range(2)]
            found = _worked_on(turns)
            if any(_SQL_CLOCK.search(one) for one in turns[0].statements):
                asked.append("a clock of SQLite")
            said = f"; it read {', '.join(sorted(set(asked)))}" if asked else ""
            require(found == [TASK.input], f"it worked on {_listed(found)}{said}")
            seen = turns[0].during[0][TASK.id]
            if seen == TASK.leased(now - 1):
                raise Unmet(
                    "another connection still read the old claim while it worked:"
                    " nothing was committed before work (is a transaction open?)"
                )
            end = seen.expires
            require(end == now + LEASE, f"it was claimed until {end}{said}")


@stage("takes ids, inputs and results as data")
def odd_texts(answer: Subject) -> None:
    """A quote ends a text in SQL, unless the text is handed over beside it."""
    for task_id, text, result in ODD:
        with doing(
            f"gave it the id {task_id!r}, the input {text!r:.20} and the result"
            f" {result!r}",
            "the input handed to work and the result stored, as they are",
        ):
            desk = Desk(answer, Row(task_id, 10.0, text))
            turn = desk.turn(lambda _, result=result: result)  # type: ignore[misc]
            turn.outcome.result()
            turn.worked_on(text)
            desk.returned(turn, task_id, stored=True)
            desk.shows(task_id, state="completed", result=result)


STAGES = (
    works,
    oldest_first,
    nothing,
    claim_is_seen,
    keeps_leases,
    given_time,
    new_tokens,
    claims_alone,
    refuses_late,
    lets_go,
    lets_errors_out,
    odd_texts,
    many_workers,
    outlives,
)


def _worked_on(turns: Collection[Turn]) -> list[Any]:
    """What was worked on, turn by turn, if no error came out."""
    for turn in turns:
        turn.outcome.result()
    return [text for turn in turns for text in turn.worked]


def _left_alone(desk: Desk, turn: Turn, *rows: Row) -> None:
    """Fail unless the answer found nothing to claim and changed none of *rows*."""
    found = turn.outcome.result()
    if turn.worked:
        raise Unmet(f"it worked on {_listed(turn.worked)}")
    require(found is None, f"it returned {told(found)}")
    for row in rows:
        desk.shows(row.id, **row._asdict())


def _is_claim(row: Row, before: Row, expires: float) -> None:
    """Fail unless the row shows a claim as it should."""
    if row.state == "pending":
        raise Unmet("another connection still read 'pending': nothing was committed")
    require(row.state == "running", f"the state was {row.state!r}")
    require(bool(row.token), f"the token was {row.token!r}")
    require(row.expires == expires, f"expires was {row.expires}")
    tried = row.attempts - before.attempts
    require(tried == 1, f"attempts was {row.attempts} after {before.attempts}")


def _listed(texts: list[str]) -> str:
    return " and ".join(repr(text) for text in texts) or "nothing"
