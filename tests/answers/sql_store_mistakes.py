"""Mistakes in exercise 06; what is said of each stands in `sql_store_answers`."""

import contextlib
import os
import secrets
import sqlite3
import threading
import time

from answers.sql_store_styles import (
    FINISH,
    FREE,
    OLDEST,
    TAKE,
    claim,
    finish,
    right,
    writing,
)

LOCK = threading.Lock()


def token():
    """A new token."""
    return secrets.token_hex(8)


def turn(db, work, now, lease, *, take=claim, end=finish, secret=None):
    """A turn with one of its parts replaced."""
    secret = secret or token()
    row = take(db, now, lease, secret)
    if row is None:
        return None
    return row[0], end(db, row[0], secret, work(row[1]))


def taking(statement, **more):
    """A claim by another statement."""

    def take(db, now, lease, secret):
        values = {"now": now, "expires": now + lease, "token": secret, **more}
        return db.execute(f"{statement} RETURNING id, input", values).fetchone()

    return take


def look(db, now):
    """The oldest task that may be claimed, at this moment."""
    return db.execute(
        f"SELECT id, input FROM tasks WHERE id = ({OLDEST})", {"now": now}
    ).fetchone()


def take_it(db, now, lease, secret, row):
    """Take a task, whatever has become of it."""
    values = {"token": secret, "expires": now + lease, "id": row[0]}
    db.execute(f"{TAKE} WHERE id = :id", values)


def returns_nothing(db, work, now, lease):
    """Not begun."""


def claims_only(db, work, now, lease):
    """Half of it."""
    row = claim(db, now, lease, token())
    return row and (row[0], True)


def selects_then_updates(db, work, now, lease):
    """Two statements, and room for somebody else in between."""

    def take(db, now, lease, secret):
        if row := look(db, now):
            take_it(db, now, lease, secret, row)
        return row

    return turn(db, work, now, lease, take=take)


def locks_its_threads(db, work, now, lease):
    """A lock in this process stops no other process."""
    with LOCK:
        return selects_then_updates(db, work, now, lease)


def begins_by_reading(db, work, now, lease):
    """A plain BEGIN takes no lock."""

    def take(db, now, lease, secret):
        db.execute("BEGIN")
        try:
            if row := look(db, now):
                take_it(db, now, lease, secret, row)
            db.execute("COMMIT")
        except BaseException:
            db.execute("ROLLBACK")
            raise
        return row

    return turn(db, work, now, lease, take=take)


def gives_up_a_race(db, work, now, lease):
    """Takes the row only if it is as it was, and does not look again."""
    row = look(db, now)
    if row is None:
        return None
    secret = token()
    taken = db.execute(
        f"{TAKE} WHERE id = :id AND {FREE}",
        {"token": secret, "expires": now + lease, "now": now, "id": row[0]},
    )
    if taken.rowcount == 0:
        return None
    return row[0], finish(db, row[0], secret, work(row[1]))


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
    secret = token()
    mine = claim(db, now, lease, secret)
    return row[0], mine == row and finish(db, row[0], secret, result)


def forgets_to_commit(db, work, now, lease):
    """The result is in a transaction that nobody ends."""

    def end(db, task_id, secret, result):
        db.execute("BEGIN")
        return finish(db, task_id, secret, result)

    return turn(db, work, now, lease, end=end)


def leaves_it_open(db, work, now, lease):
    """Returns from the middle of its transaction when there is nothing to do."""

    def take(db, now, lease, secret):
        db.execute("BEGIN IMMEDIATE")
        row = look(db, now)
        if row is None:
            return None
        take_it(db, now, lease, secret, row)
        db.execute("COMMIT")
        return row

    return turn(db, work, now, lease, take=take)


def never_rolls_back(db, work, now, lease):
    """Ends its transaction in every case but an error."""

    def take(db, now, lease, secret):
        db.execute("BEGIN IMMEDIATE")
        row = look(db, now)
        if row:
            take_it(db, now, lease, secret, row)
        db.execute("COMMIT")
        return row

    return turn(db, work, now, lease, take=take)


def closes_the_connection(db, work, now, lease):
    """It is not its own."""
    with contextlib.closing(db):
        return right(db, work, now, lease)


def token_of_the_process(db, work, now, lease):
    """A worker's name tells two workers apart, and not two claims."""
    return turn(db, work, now, lease, secret=f"worker-{os.getpid()}")


def token_of_the_instant(db, work, now, lease):
    """Two claims at one instant."""
    return turn(db, work, now, lease, secret=f"claimed at {now}")


def token_stays(db, work, now, lease):
    """Whoever takes over takes the old token over, too."""
    statement = TAKE.replace("token = :token", "token = coalesce(token, :token)")

    def take(db, now, lease, secret):
        row = taking(f"{statement} WHERE id = ({OLDEST})")(db, now, lease, secret)
        return row and (*row, secret)

    def end(db, task_id, secret, result):
        db.execute(
            "UPDATE tasks SET state = 'completed', result = ? WHERE id = ?"
            " AND token IS NOT NULL",
            (result, task_id),
        )
        return True

    return turn(db, work, now, lease, take=take, end=end)


def ignores_leases(db, work, now, lease):
    """Running or not: takes it."""
    oldest = OLDEST.replace("expires <= :now", ":now = :now")
    take = taking(f"{TAKE} WHERE id = ({oldest})")
    return turn(db, work, now, lease, take=take)


def never_takes_over(db, work, now, lease):
    """A task whose worker died runs for ever."""
    oldest = OLDEST.replace(FREE, "state = 'pending'")
    take = taking(f"{TAKE} WHERE id = ({oldest})")
    return turn(db, work, now, lease, take=take)


def pending_first(db, work, now, lease):
    """Takes over only when nothing is pending."""
    oldest = OLDEST.replace("BY created", "BY state = 'running', created")
    take = taking(f"{TAKE} WHERE id = ({oldest})")
    return turn(db, work, now, lease, take=take)


def a_moment_too_late(db, work, now, lease):
    """At the instant of its end the lease still counts."""
    take = taking(f"{TAKE} WHERE id = ({OLDEST.replace('<=', '<')})")
    return turn(db, work, now, lease, take=take)


def no_end(db, work, now, lease):
    """A claim that ends at once."""
    return turn(db, work, now, 0.0)


def own_clock(db, work, now, lease):
    """The time of this machine."""
    return right(db, work, time.time(), lease)


def clock_of_the_database(db, work, now, lease):
    """The time of SQLite."""
    clock = "CAST(strftime('%s', 'now') AS REAL)"
    oldest = OLDEST.replace(":now", clock)
    statement = TAKE.replace(":expires", f"{clock} + :lease")
    take = taking(f"{statement} WHERE id = ({oldest})", lease=lease)
    return turn(db, work, now, lease, take=take)


def no_order(db, work, now, lease):
    """Whichever comes."""
    take = taking(f"{TAKE} WHERE id = ({OLDEST.replace('ORDER BY created', '')})")
    return turn(db, work, now, lease, take=take)


def newest_first(db, work, now, lease):
    """The last in is the first out."""
    take = taking(f"{TAKE} WHERE id = ({OLDEST.replace('created', 'created DESC')})")
    return turn(db, work, now, lease, take=take)


def order_of_ids(db, work, now, lease):
    """As if ids grew with time."""
    take = taking(f"{TAKE} WHERE id = ({OLDEST.replace('created', 'id')})")
    return turn(db, work, now, lease, take=take)


def claims_them_all(db, work, now, lease):
    """No LIMIT: it works on one, and has claimed all of them."""

    def take(db, now, lease, secret):
        values = {"now": now, "expires": now + lease, "token": secret}
        rows = db.execute(
            f"{TAKE} WHERE {FREE} RETURNING created, id, input", values
        ).fetchall()
        return min(rows)[1:] if rows else None

    return turn(db, work, now, lease, take=take)


def claims_if_the_state_is_as_it_was(db, work, now, lease):
    """Running before and running now: by another worker."""
    while found := db.execute(
        f"SELECT id, input, state FROM tasks WHERE {FREE} ORDER BY created LIMIT 1",
        {"now": now},
    ).fetchone():
        task_id, text, state = found
        secret = token()
        values = {"token": secret, "expires": now + lease, "id": task_id}
        taken = db.execute(
            f"{TAKE} WHERE id = :id AND state = :state", {**values, "state": state}
        )
        if taken.rowcount:
            return task_id, finish(db, task_id, secret, work(text))
    return None


def claims_if_the_token_is_as_it_was(db, work, now, lease):
    """No token before and none now: it is completed."""
    while found := db.execute(
        f"SELECT id, input, token FROM tasks WHERE {FREE} ORDER BY created LIMIT 1",
        {"now": now},
    ).fetchone():
        task_id, text, old = found
        secret = token()
        values = {"token": secret, "expires": now + lease, "id": task_id, "old": old}
        if db.execute(f"{TAKE} WHERE id = :id AND token IS :old", values).rowcount:
            return task_id, finish(db, task_id, secret, work(text))
    return None


def claims_all_of_one_age(db, work, now, lease):
    """Two tasks can be the oldest."""
    oldest = OLDEST.replace("id FROM", "min(created) FROM").replace("ORDER BY", "--")
    take = taking(f"{TAKE} WHERE created = ({oldest}\n) AND {FREE}")
    return turn(db, work, now, lease, take=take)


def hides_the_gap(db, work, now, lease):
    """A comment in front of it makes no statement atomic."""

    def take(db, now, lease, secret):
        if row := look(db, now):
            values = {"token": secret, "expires": now + lease, "id": row[0]}
            db.execute(f"-- atomic\n{TAKE} WHERE id = :id", values)
        return row

    return turn(db, work, now, lease, take=take)


def clears_the_lease_first(db, work, now, lease):
    """Tidies up before it asks whose row it is."""

    def end(db, task_id, secret, result):
        db.execute("UPDATE tasks SET expires = NULL WHERE id = ?", (task_id,))
        return finish(db, task_id, secret, result)

    return turn(db, work, now, lease, end=end)


def waits_for_a_task(db, work, now, lease):
    """The caller wanted to know, and not to wait."""
    for _ in range(120):
        if pair := right(db, work, now, lease):
            return pair
        time.sleep(0.01)
    return None


def runs_completed_ones(db, work, now, lease):
    """An old `expires` is left in the row, and then taken for a lease."""
    oldest = OLDEST.replace(FREE, "state = 'pending' OR expires <= :now")

    def end(db, task_id, secret, result):
        done = FINISH.replace(", token = NULL, expires = NULL", "")
        return db.execute(done, (result, task_id, secret)).rowcount == 1

    take = taking(f"{TAKE} WHERE id = ({oldest})")
    return turn(db, work, now, lease, take=take, end=end)


def counts_no_attempts(db, work, now, lease):
    """A task that kills its workers is tried for ever."""
    statement = TAKE.replace(", attempts = attempts + 1", "")
    take = taking(f"{statement} WHERE id = ({OLDEST})")
    return turn(db, work, now, lease, take=take)


def counts_at_the_end(db, work, now, lease):
    """A worker that is killed never gets that far."""
    statement = TAKE.replace(", attempts = attempts + 1", "")
    counted = FINISH.replace("SET", "SET attempts = attempts + 1,")

    def end(db, task_id, secret, result):
        return db.execute(counted, (result, task_id, secret)).rowcount == 1

    take = taking(f"{statement} WHERE id = ({OLDEST})")
    return turn(db, work, now, lease, take=take, end=end)


def blind_update(db, work, now, lease):
    """Whoever comes last is right."""

    def end(db, task_id, secret, result):
        db.execute(
            "UPDATE tasks SET state = 'completed', result = ? WHERE id = ?",
            (result, task_id),
        )
        return True

    return turn(db, work, now, lease, end=end)


def blind_upsert(db, work, now, lease):
    """INSERT OR REPLACE never says no."""

    def end(db, task_id, secret, result):
        row = db.execute(
            "SELECT created, input, attempts FROM tasks WHERE id = ?", (task_id,)
        ).fetchone()
        db.execute(
            "INSERT OR REPLACE INTO tasks (id, created, input, state, attempts, result)"
            " VALUES (?, ?, ?, 'completed', ?, ?)",
            (task_id, *row, result),
        )
        return True

    return turn(db, work, now, lease, end=end)


def compares_the_state(db, work, now, lease):
    """Running, but in whose hands?"""

    def end(db, task_id, secret, result):
        done = FINISH.replace("token = ?", "state = 'running'")
        return db.execute(done, (result, task_id)).rowcount == 1

    return turn(db, work, now, lease, end=end)


def compares_the_end_of_the_lease(db, work, now, lease):
    """Two claims can end at one instant."""

    def end(db, task_id, secret, result):
        done = FINISH.replace("token = ?", "expires = ?")
        return db.execute(done, (result, task_id, now + lease)).rowcount == 1

    return turn(db, work, now, lease, end=end)


def reads_the_token_first(db, work, now, lease):
    """Compares in Python, and writes when that is old."""

    def end(db, task_id, secret, result):
        row = db.execute("SELECT token FROM tasks WHERE id = ?", (task_id,)).fetchone()
        if row != (secret,):
            return False
        return finish(db, task_id, row[0], result) or blind(db, task_id, result)

    def blind(db, task_id, result):
        db.execute(
            "UPDATE tasks SET state = 'completed', result = ? WHERE id = ?",
            (result, task_id),
        )
        return True

    return turn(db, work, now, lease, end=end)


def always_says_true(db, work, now, lease):
    """The late result is refused, and nobody is told."""

    def end(db, task_id, secret, result):
        finish(db, task_id, secret, result)
        return True

    return turn(db, work, now, lease, end=end)


def returns_the_id(db, work, now, lease):
    """The caller cannot know whether the result was stored."""
    pair = right(db, work, now, lease)
    return pair and pair[0]


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


def completes_what_failed(db, work, now, lease):
    """`finally` runs after an error, too."""
    secret, result = token(), "none"
    row = claim(db, now, lease, secret)
    if row is None:
        return None
    try:
        result = work(row[1])
    finally:
        stored = finish(db, row[0], secret, result)
    return row[0], stored


def formats_its_sql(db, work, now, lease):
    """Quotes by hand."""

    def end(db, task_id, secret, result):
        done = db.execute(
            f"UPDATE tasks SET state = 'completed', result = '{result}'"
            f" WHERE id = '{task_id}' AND token = '{secret}'"
        )
        return done.rowcount == 1

    return turn(db, work, now, lease, end=end)


def releases_blindly(db, work, now, lease):
    """Gives back what is somebody else's by now."""
    secret = token()
    row = claim(db, now, lease, secret)
    if row is None:
        return None
    try:
        result = work(row[1])
    except BaseException:
        db.execute(
            "UPDATE tasks SET state = 'pending', token = NULL, expires = NULL"
            " WHERE id = ?",
            (row[0],),
        )
        raise
    return row[0], finish(db, row[0], secret, result)
