"""
The stages of exercise 06 about other workers, who act at the worst moment.

Left to chance, two workers meet one night in a hundred. Here the other one acts
right before the first statement of the answer, the second, and so on, each time on
a fresh table. An answer that holds the lock at that moment keeps it out, and that
is right, too.
"""

from functools import partial
from typing import NoReturn

from ..judge import Subject, Unmet, doing, require, stage
from .desk import Desk, Turn
from .tasks import LEASE, NOW, Row, result_of, told

MAX_STATEMENTS = 12  # so many places are tried; a claim and a result need two to eight

OLD = Row("t-1", 10.0, "the old task")
ENDED = OLD.leased(NOW - 1)
TAKEN = OLD.leased(NOW + LEASE, "of the rival")
DONE = TAKEN.finished("of the rival")
YOUNG = Row("t-2", 20.0, "the young task")

CLAIM = (
    "UPDATE tasks SET state = 'running', token = 'of the rival', expires = ?,"
    " attempts = attempts + 1 WHERE id = ?"
    " AND (state = 'pending' OR (state = 'running' AND expires <= ?))"
)
TAKE_OVER = (
    "UPDATE tasks SET token = 'of the rival', expires = ?, attempts = attempts + 1"
    " WHERE id = ? AND state = 'running'"
)
COMPLETE = (
    "UPDATE tasks SET state = 'completed', token = NULL, expires = NULL,"
    " result = 'of the rival' WHERE id = ?"
)
PUT_BACK = "UPDATE tasks SET state = 'pending', token = NULL, expires = NULL"


class GaveUp(Exception):
    """Ends a turn in the middle."""


@stage("makes a new token for every claim")
def new_tokens(answer: Subject) -> None:
    """A token tells two claims apart, also those of one process at one instant."""
    for later, words in (
        (LEASE, "took it over when its lease had ended"),
        (0.0, "claimed it again at the same instant, since a person had put it back"),
    ):
        with doing(
            f"let it claim a task, and in the same process {words}", "two tokens"
        ):
            desk = Desk(answer, OLD)
            tokens = [_token(desk, NOW)]
            if not later:
                desk.changed(PUT_BACK)
            tokens.append(_token(desk, NOW + later))
            require(tokens[0] != tokens[1], f"both claims had the token {tokens[0]!r}")


def _token(desk: Desk, now: float) -> str | None:
    """The token of a claim whose work never comes to an end."""
    turn = desk.turn(_stop, now=now)
    if not turn.during:
        turn.outcome.result()
        raise Unmet("it never called work")
    token = turn.during[0][OLD.id].token
    require(token is not None, "there was no claim in the table while the work ran")
    return token


def _stop(text: str) -> NoReturn:
    raise GaveUp


@stage("never claims what another worker has claimed")
def claims_alone(answer: Subject) -> None:
    """To look and to take are one step, or somebody steps in between."""
    for old, words in ((OLD, "pending task"), (ENDED, "task whose lease has ended")):
        desk = Desk(answer, old, YOUNG)
        with doing(f"called it with a {words} and a younger one", "the old one first"):
            quiet = desk.turn()
            desk.returned(quiet, OLD.id, stored=True)
        for at in range(min(quiet.before_work, MAX_STATEMENTS)):
            where = f"right before statement {at + 1} of the answer, its"
            with doing(
                f"let another worker claim the old task {where} {quiet.verb(at)}",
                "the young task claimed instead",
            ):
                _claimed_before(Desk(answer, old, YOUNG), at, TAKEN)
            with doing(
                "let another worker claim and complete the only task"
                f" {where} {quiet.verb(at)}",
                "None, since nothing is left",
            ):
                _claimed_before(Desk(answer, old), at, DONE)


def _claimed_before(desk: Desk, at: int, left: Row) -> None:
    """Let another worker have the old task right before one statement."""
    before = desk.rows()

    def act() -> bool:
        claimed = desk.changed(CLAIM, NOW + LEASE, OLD.id, NOW)
        return claimed and (left is TAKEN or desk.changed(COMPLETE, OLD.id))

    turn = desk.turn(before=(at, act))
    if not turn.acted:
        desk.returned(turn, OLD.id, stored=True)
        return
    if OLD.input in turn.worked:
        raise Unmet("both claimed it, and two workers did one task's work")
    _not_locked(desk, turn)
    if YOUNG.id in before:
        desk.returned(turn, YOUNG.id, stored=True)
    else:
        found = turn.outcome.result()
        require(found is None, f"it returned {told(found)}")
    _is_untouched(desk, left)


@stage("refuses its own result when the task is not its own any more")
def refuses_late(answer: Subject) -> None:
    """A worker that was frozen does not know that it was."""
    for left, words in (
        (TAKEN, "taken it over and is at work"),
        (DONE, "taken it over and completed it"),
    ):
        with doing(
            f"let it come back late from its work: another worker has {words}",
            "its id and False, and the row as the other worker left it",
        ):
            desk = Desk(answer, OLD)
            turn = desk.turn(partial(_lose, desk, left))
            turn.worked_on(OLD.input)
            _is_untouched(desk, left)
            desk.returned(turn, OLD.id, stored=False)
    _fails_late(answer)
    _overtaken(answer)


def _fails_late(answer: Subject) -> None:
    """An answer that tidies up after an error looks whose row it is, too."""
    with doing(
        "let its work raise an error when another worker has taken the task over",
        "that error, and the row as the other worker left it",
    ):
        desk = Desk(answer, OLD)

        def fail(text: str) -> NoReturn:
            _lose(desk, TAKEN, text)
            raise GaveUp

        desk.turn(fail).worked_on(OLD.input)
        _is_untouched(desk, TAKEN)


def _overtaken(answer: Subject) -> None:
    """Between the end of the work and the result there is room, too."""
    desk = Desk(answer, OLD)
    quiet = desk.turn()
    desk.returned(quiet, OLD.id, stored=True)
    finish = range(quiet.before_work, len(quiet.statements))
    for number, at in enumerate(finish[:MAX_STATEMENTS], 1):
        with doing(
            "let another worker take the task over right before statement"
            f" {number} after the work, its {quiet.verb(at)}",
            "its id and False, and the row as the other worker left it",
        ):
            _overtaken_before(answer, at)


def _lose(desk: Desk, left: Row, text: str) -> str:
    """While the task is worked on, another worker takes it over."""
    require(desk.is_free(), "another worker could not write while the work ran")
    # At the same instant, and so until the same one: only the token differs.
    claimed = desk.changed(TAKE_OVER, NOW + LEASE, OLD.id)
    require(claimed, "there was no claim in the table while the work ran")
    if left is DONE:
        desk.changed(COMPLETE, OLD.id)
    return result_of(text)


def _overtaken_before(answer: Subject, at: int) -> None:
    """Let another worker take the task over right before one statement."""
    desk = Desk(answer, OLD)
    take_over = partial(desk.changed, TAKE_OVER, NOW + LEASE, OLD.id)
    turn = desk.turn(before=(at, take_over))
    if turn.acted:
        _not_locked(desk, turn)
        _is_untouched(desk, TAKEN)
    desk.returned(turn, OLD.id, stored=not turn.acted)


def _is_untouched(desk: Desk, left: Row) -> None:
    """Fail unless the row is as the other worker left it."""
    row = desk.rows()[OLD.id]
    if row.result == result_of(OLD.input):
        raise Unmet("the late result was stored, over the other worker's claim")
    if row.state != left.state:
        raise Unmet(f"it made the other worker's task {row.state}")
    # Another stage counts the attempts.
    same = row._replace(attempts=left.attempts) == left
    require(same, "it changed the other worker's row")


def _not_locked(desk: Desk, turn: Turn) -> None:
    """An old read that cannot become a write is worth a sentence of its own."""
    if "database is locked" in str(turn.outcome.error):
        raise Unmet(
            "it raised OperationalError (database is locked): it had begun by reading,"
            " and SQLite lets nobody write on what has changed since"
        )
    turn.outcome.result()
