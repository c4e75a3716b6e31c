"""Mistakes in exercise 06 that are more than one thing changed in the right answer."""

import contextlib
import sqlite3
import threading
import time

from answers.sql_store_styles import FREE, OLDEST, TAKE, claim, finish, right, writing

LOCK = threading.Lock()


# Other ways to claim: each returns the id and the input of a task, or None.


def look(db, now):
    """The oldest task that may be claimed, at this moment."""
    return db.execute(
        f"SELECT id, input FROM tasks WHERE id = ({OLDEST})", {"now": now}
    ).fetchone()


def take_it(db, now, lease, token, row, only="1"):
    """Take a task, whatever has become of it; how many were taken."""
    values = {"token": token, "expires": now + lease, "id": row[0], "now": now}
    return db.execute(f"{TAKE} WHERE id = :id AND {only}", values).rowcount


def looks_then_takes(db, now, lease, token):
    """Two statements, and room for somebody else in between."""
    if row := look(db, now):
        take_it(db, now, lease, token, row)
    return row


def begins_by_reading(db, now, lease, token):
    """A plain BEGIN takes no lock."""
    db.execute("BEGIN")
    try:
        row = looks_then_takes(db, now, lease, token)
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise
    return row


def gives_up_a_race(db, now, lease, token):
    """Takes the row only if it is as it was, and does not look again."""
    row = look(db, now)
    return row if row and take_it(db, now, lease, token, row, FREE) else None


def if_the_state_is_as_it_was(db, now, lease, token):
    """Running before and running now: by another worker."""
    while found := db.execute(
        f"SELECT id, input, state FROM tasks WHERE {FREE} ORDER BY created LIMIT 1",
        {"now": now},
    ).fetchone():
        if take_it(db, now, lease, token, found, f"state = '{found[2]}'"):
            return found[:2]
    return None


def leaves_it_open(db, now, lease, token):
    """Returns from the middle of its transaction when there is nothing to do."""
    db.execute("BEGIN IMMEDIATE")
    row = look(db, now)
    if row is None:
        return None
    take_it(db, now, lease, token, row)
    db.execute("COMMIT")
    return row


def never_rolls_back(db, now, lease, token):
    """Ends its transaction in every case but an error."""
    db.execute("BEGIN IMMEDIATE")
    row = looks_then_takes(db, now, lease, token)
    db.execute("COMMIT")
    return row


def claims_them_all(db, now, lease, token):
    """No LIMIT: it works on one, and has claimed all of them."""
    values = {"now": now, "expires": now + lease, "token": token}
    rows = db.execute(
        f"{TAKE} WHERE {FREE} RETURNING created, id, input", values
    ).fetchall()
    return min(rows)[1:] if rows else None


# Other ways to store a result: each says whether it was stored.


def blindly(db, task_id, token, result):
    """Whoever comes last is right."""
    db.execute(
        "UPDATE tasks SET state = 'completed', result = ? WHERE id = ?",
        (result, task_id),
    )
    return True


def reads_the_token_first(db, task_id, token, result):
    """Compares in Python, and writes when that is old."""
    row = db.execute("SELECT token FROM tasks WHERE id = ?", (task_id,)).fetchone()
    return row == (token,) and blindly(db, task_id, token, result)


def formats_its_sql(db, task_id, token, result):
    """Quotes by hand."""
    done = db.execute(
        f"UPDATE tasks SET state = 'completed', result = '{result}'"
        f" WHERE id = '{task_id}' AND token = '{token}'"
    )
    return done.rowcount == 1


# Other turns.


def locks_its_threads(db, work, now, lease):
    """A lock in this process stops no other process."""
    with LOCK:
        if row := looks_then_takes(db, now, lease, "mine"):
            return row[0], finish(db, row[0], "mine", work(row[1]))
        return None


def works_in_the_transaction(db, work, now, lease):
    """All of it in one transaction: nobody can interfere, or do anything else."""
    with writing(db):
        return right(db, work, now, lease)


def works_before_it_claims(db, work, now, lease):
    """The claim protects the result, and not the work."""
    row = look(db, now)
    if row is None:
        return None
    result = work(row[1])
    mine = claim(db, now, lease, "mine")
    return row[0], mine == row and finish(db, row[0], "mine", result)


def closes_the_connection(db, work, now, lease):
    """It is not its own."""
    with contextlib.closing(db):
        return right(db, work, now, lease)


def own_clock(db, work, now, lease):
    """The time of this machine."""
    return right(db, work, time.time(), lease)


def waits_for_a_task(db, work, now, lease):
    """The caller wanted to know, and not to wait."""
    for _ in range(120):
        if pair := right(db, work, now, lease):
            return pair
        time.sleep(0.01)
    return None


def swallows_the_lock(db, work, now, lease):
    """A busy database looks like an empty one."""
    try:
        return right(db, work, now, lease)
    except sqlite3.OperationalError:
        return None


def swallows_the_work(db, work, now, lease):
    """The error becomes the result."""

    def careful(text):
        try:
            return work(text)
        except Exception as error:  # noqa: BLE001 - that is the mistake
            return f"failed: {error}"

    return right(db, careful, now, lease)
