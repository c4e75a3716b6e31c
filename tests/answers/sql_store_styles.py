"""Right answers to exercise 06, in different styles."""

import contextlib
import secrets
import sqlite3
import threading
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


def with_a_stamp(db, work, now, lease):
    """Puts its token on a task, and asks which one that was."""
    token = secrets.token_bytes(8).hex()
    values = {"now": now, "expires": now + lease, "token": token}
    db.execute(f"{TAKE} WHERE id IN ({OLDEST})", values)
    for task_id, text in db.execute(
        "SELECT id, input FROM tasks WHERE token = ?", (token,)
    ).fetchall():
        return task_id, finish(db, task_id, token, work(text))
    return None


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


def with_a_connection_block(db, work, now, lease):
    """`with db:` commits, or rolls back what failed."""
    token = uuid.uuid4().hex
    with db:
        db.execute("BEGIN IMMEDIATE")
        rows = db.execute(
            "SELECT id, input, state, expires FROM tasks ORDER BY created"
        ).fetchall()
        free = (
            row
            for row in rows
            if row[2] == "pending" or (row[2] == "running" and row[3] <= now)
        )
        row = next(free, None)
        if row is None:
            return None
        db.execute(
            "UPDATE tasks SET state = ?, token = ?, expires = ?,"
            " attempts = attempts + 1 WHERE id = ?",
            ("running", token, now + lease, row[0]),
        )
    result = work(row[1])
    with db:
        return row[0], finish(db, row[0], token, result)


def with_isolation_level(db, work, now, lease):
    """The module begins by itself before a statement that writes."""
    db.isolation_level = "IMMEDIATE"
    token = secrets.token_hex(4)
    with db:
        row = claim(db, now, lease, token)
    if row is None:
        return None
    result = work(row[1])
    with db:
        stored = finish(db, row[0], token, result)
    return row[0], stored


class Worker:
    """Keeps its connection for a turn, and asks SQLite how many rows were changed."""

    def __call__(self, db, work, now, lease):
        """Take one turn."""
        self.db, self.token = db, secrets.token_hex()
        task = self._claim(now, lease)
        return task and (task["id"], self._finish(task["id"], work(task["input"])))

    def _claim(self, now, lease):
        cursor = self.db.cursor()
        cursor.row_factory = sqlite3.Row
        values = {"now": now, "expires": now + lease, "token": self.token}
        return cursor.execute(
            f"{TAKE} WHERE id = ({OLDEST}) RETURNING *", values
        ).fetchone()

    def _finish(self, task_id, result):
        self.db.execute(FINISH, (result, task_id, self.token))
        return self.db.execute("SELECT changes()").fetchone()[0]


worker = Worker()


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


def with_a_release(db, work, now, lease):
    """Gives the task back when the work fails, if it still has it."""
    token = secrets.token_hex(8)
    row = claim(db, now, lease, token)
    if row is None:
        return None
    try:
        result = work(row[1])
    except BaseException:
        db.execute(
            "UPDATE tasks SET state = 'pending', token = NULL, expires = NULL"
            " WHERE id = ? AND token = ?",
            (row[0], token),
        )
        raise
    return row[0], finish(db, row[0], token, result)


def with_a_thread(db, work, now, lease):
    """Works in a thread of its own, and wraps what went wrong there."""
    token = secrets.token_hex(8)
    row = claim(db, now, lease, token)
    if row is None:
        return None
    came = []

    def run():
        try:
            came.append((work(row[1]), None))
        except BaseException as error:  # noqa: BLE001 - raised again below
            came.append((None, error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    result, error = came[0]
    if error is not None:
        raise RuntimeError("the work failed") from error
    return row[0], finish(db, row[0], token, result)


def with_row_values(db, work, now, lease, *, name="worker"):
    """One statement with a common table expression; the token carries a name."""
    token = f"{name}-{uuid.uuid4()}"
    claimed = db.execute(
        """
        WITH free AS (
            SELECT id FROM tasks
            WHERE result IS NULL AND coalesce(expires, ?1) <= ?1
            ORDER BY created LIMIT 1
        )
        UPDATE tasks
        SET (state, token, expires, attempts) = ('running', ?2, ?1 + ?3, attempts + 1)
        WHERE id IN free
        RETURNING id, input
        """,
        (now, token, lease),
    ).fetchall()
    for task_id, text in claimed:
        return task_id, finish(db, task_id, token, work(text))
    return None


def with_replaced_rows(db, work, now, lease):
    """Whole rows are replaced, on the condition that the token is as it was."""
    token, row = secrets.token_hex(8), None
    while row is None:
        found = db.execute(
            f"SELECT id, input, token FROM tasks WHERE {FREE} ORDER BY created LIMIT 1",
            {"now": now},
        ).fetchone()
        if found is None:
            return None
        row = db.execute(
            "INSERT OR REPLACE INTO tasks SELECT id, created, input, 'running',"
            " attempts + 1, ?, ?, NULL FROM tasks WHERE id = ? AND token IS ?"
            " AND state <> 'completed' RETURNING id, input",
            (token, now + lease, found[0], found[2]),
        ).fetchone()
    done = db.execute(
        "REPLACE INTO tasks SELECT id, created, input, 'completed', attempts, NULL,"
        " NULL, ? FROM tasks WHERE (id, token) = (?, ?)",
        (work(row[1]), row[0], token),
    )
    return row[0], done.rowcount > 0


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
