"""Right answers to exercise 06, in different styles."""

import contextlib
import secrets
import sqlite3
import time
import uuid

FREE = "(state = 'pending' OR (state = 'running' AND expires <= :now))"
OLDEST = f"SELECT id FROM tasks WHERE {FREE} ORDER BY created LIMIT 1"
TAKE = (
    "UPDATE tasks SET state = 'running', token = :token, expires = :expires,"
    " attempts = attempts + 1"
)
FINISH = (
    "UPDATE tasks SET state = 'completed', result = ?, token = NULL, expires = NULL"
    " WHERE id = ? AND token = ?"
)


def claim(db, now, lease, token):
    """The claim in one statement: its id and input, or None."""
    return db.execute(
        f"{TAKE} WHERE id = ({OLDEST}) RETURNING id, input",
        {"now": now, "expires": now + lease, "token": token},
    ).fetchone()


def finish(db, task_id, token, result):
    """The result, if the claim still stands; whether it was stored."""
    return db.execute(FINISH, (result, task_id, token)).rowcount == 1


def right(db, work, now, lease):
    """Two statements, each a compare-and-set."""
    token = secrets.token_hex(8)
    row = claim(db, now, lease, token)
    if row is None:
        return None
    return row[0], finish(db, row[0], token, work(row[1]))


@contextlib.contextmanager
def writing(db):
    """A short transaction that has the lock from its first statement."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def with_transactions(db, work, now, lease):
    """Looks, then takes, under one lock; the same at the end."""
    token = str(uuid.uuid4())
    values = {"now": now, "expires": now + lease, "token": token}
    with writing(db):
        found = db.execute(f"SELECT id, input FROM tasks WHERE id = ({OLDEST})", values)
        row = found.fetchone()
        if row:
            db.execute(f"{TAKE} WHERE id = :id", {**values, "id": row[0]})
    if not row:
        return None
    result = work(row[1])
    with writing(db):
        now_has = db.execute("SELECT token FROM tasks WHERE id = ?", row[:1])
        if stored := now_has.fetchone() == (token,):
            db.execute(
                "UPDATE tasks SET state = 'completed', result = ? WHERE id = ?",
                (result, row[0]),
            )
    return row[0], stored


def with_a_loop(db, work, now, lease):
    """Looks without a lock, takes only what is as it was, and looks again."""
    while True:
        row = db.execute(
            "SELECT id, input, attempts FROM tasks WHERE state = 'pending'"
            " OR (state = 'running' AND expires <= ?) ORDER BY created",
            (now,),
        ).fetchone()
        if row is None:
            return None
        task_id, text, attempts = row
        token = secrets.token_urlsafe()
        taken = db.execute(
            "UPDATE tasks SET state = 'running', token = ?, expires = ?,"
            " attempts = attempts + 1 WHERE id = ? AND attempts = ?",
            (token, now + lease, task_id, attempts),
        )
        if taken.rowcount:
            break
    return [task_id, finish(db, task_id, token, work(text))]


def with_attempts(db, work, now, lease):
    """The number of the attempt is the token: it only grows."""
    row = db.execute(
        "UPDATE tasks SET state = 'running', attempts = attempts + 1,"
        " token = attempts + 1, expires = ? + ? WHERE id = (SELECT id FROM tasks"
        " WHERE state <> 'completed' AND (expires IS NULL OR expires <= ?)"
        " ORDER BY created ASC LIMIT 1) RETURNING id, input, attempts",
        (now, lease, now),
    ).fetchone()
    if not row:
        return None
    task_id, text, attempt = row
    done = db.execute(
        "UPDATE tasks SET state = 'completed', result = ?"
        " WHERE id = ? AND attempts = ? AND state = 'running'",
        (work(text), task_id, attempt),
    )
    return task_id, bool(done.rowcount)


def with_retries(db, work, now, lease):
    """Begins by reading, and begins again when somebody has written since."""
    for attempt in range(10):
        token = secrets.token_hex(8)
        values = {"now": now, "expires": now + lease, "token": token}
        try:
            db.execute("BEGIN")
            row = db.execute(
                f"SELECT id, input FROM tasks WHERE id = ({OLDEST})", values
            ).fetchone()
            if row:
                db.execute(f"{TAKE} WHERE id = :id", {**values, "id": row[0]})
            db.commit()
            break
        except sqlite3.OperationalError:
            db.rollback()
            if attempt == 9:
                raise
            time.sleep(0.01 * attempt)
        except BaseException:
            db.rollback()
            raise
    return row and (row[0], finish(db, row[0], token, work(row[1])))


def with_a_sweep(db, work, now, lease):
    """First puts back what has no worker any more, then claims what is pending."""
    db.execute(
        "-- nobody is at these\nUPDATE tasks SET state = 'pending', token = NULL,"
        " expires = NULL WHERE state = 'running' AND expires <= ?",
        (now,),
    )
    token = secrets.token_hex(8)
    row = db.execute(
        """
        /* the oldest; ids are in the order of nothing */
        UPDATE tasks
        SET state = 'running', token = ?, expires = ?, attempts = attempts + 1
        WHERE rowid = (SELECT rowid FROM tasks WHERE state = 'pending'
                       ORDER BY created, id LIMIT 1)
        RETURNING id, input
        """,
        (token, now + lease),
    ).fetchone()
    return row and (row[0], finish(db, row[0], token, work(row[1])))
