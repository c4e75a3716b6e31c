"""Answers to exercise 06, right and wrong."""

import os
from typing import Any

from answers import ALL, EXPLAINS, Wrong, but
from answers import sql_store_mistakes as mistakes
from answers import sql_store_styles as styles
from answers.sql_store_styles import FINISH, FREE, OLDEST, TAKE, right

WORKS = "works on a pending task and stores its result"
ORDER = "takes the oldest first"
NONE = "returns None when nothing can be claimed"
SEEN = "has its claim in the table while it works"
LEASE = "leaves a task alone until its lease has ended, and then takes it over"
CLOCK = "reads no clock but the one it is given"
TOKEN = "makes a new token for every claim"
ALONE = "never claims what another worker has claimed"
LATE = "refuses its own result when the task is not its own any more"
HOLDS = "holds no lock while it works, and leaves none behind"
ERRORS = "lets every error out"
DATA = "takes ids, inputs and results as data"
MANY = "works on each of 40 tasks once, with 8 processes"
DEAD = "outlives a worker that is killed, and one that is frozen"

RIGHT = {
    "one-statement": right,
    "begin-immediate": styles.with_transactions,
    "conditional-update": styles.with_a_loop,
    "retries": styles.with_retries,
    "attempts-as-token": styles.with_attempts,
    "sweep": styles.with_a_sweep,
}

STORES = "return row[0], finish(db, row[0], token, work(row[1]))"
CLOCK_OF_SQLITE = "CAST(strftime('%s', 'now') AS REAL)"
CLEARS = "UPDATE tasks SET expires = NULL WHERE id = ?"
RELEASES = (
    "UPDATE tasks SET state = 'pending', token = NULL, expires = NULL WHERE id = ?"
)


def claiming(*lines: tuple[str, str], **names: str) -> Any:
    """The right answer, with something replaced in how it claims."""
    return but(right, claim=but(styles.claim, *lines, **names))


def oldest(old: str, new: str) -> Any:
    """The right answer, with another idea of the task that comes next."""
    return claiming(OLDEST=OLDEST.replace(old, new))


def finishing(*lines: tuple[str, str], **names: str) -> Any:
    """The right answer, with something replaced in how it stores a result."""
    return but(right, finish=but(styles.finish, *lines, **names))


def ending(*statements: str) -> Any:
    """The right answer, with something else that follows its claim."""
    return but(right, (STORES, "\n    ".join(statements)))


WRONG = {
    "returns-nothing": Wrong(
        lambda db, work, now, lease: None, WORKS, "it never called work"
    ),
    "selects-then-updates": Wrong(
        but(right, claim=mistakes.looks_then_takes),
        ALONE,
        "right before statement 2 of the answer",
    ),
    "locks-its-threads": Wrong(
        mistakes.locks_its_threads, ALONE, "two workers did one task's work"
    ),
    "begins-by-reading": Wrong(
        but(right, claim=mistakes.begins_by_reading), ALONE, "it had begun by reading"
    ),
    "gives-up-a-race": Wrong(
        but(right, claim=mistakes.gives_up_a_race), ALONE, "it returned None"
    ),
    "claims-if-the-state-is-as-it-was": Wrong(
        but(right, claim=mistakes.if_the_state_is_as_it_was),
        ALONE,
        "two workers did one task's work",
    ),
    "claims-all-of-one-age": Wrong(
        claiming(
            ("id = ({OLDEST})", "created = ({OLDEST}) AND {FREE}"),
            OLDEST=f"SELECT min(created) FROM tasks WHERE {FREE}",
        ),
        MANY,
        "of them was never done",
    ),
    "works-in-the-transaction": Wrong(
        mistakes.works_in_the_transaction,
        HOLDS,
        "another connection could not write",
        (SEEN,),
    ),
    "works-before-it-claims": Wrong(
        mistakes.works_before_it_claims, SEEN, "another connection still read 'pending'"
    ),
    "forgets-to-commit": Wrong(
        finishing(("return", 'db.execute("BEGIN")\n    return')),
        HOLDS,
        "its transaction was still open",
    ),
    "leaves-it-open": Wrong(
        but(right, claim=mistakes.leaves_it_open),
        HOLDS,
        "when there was nothing to claim",
    ),
    "never-rolls-back": Wrong(
        but(right, claim=mistakes.never_rolls_back),
        HOLDS,
        "when the claim had been refused by the table",
    ),
    "closes-the-connection": Wrong(
        mistakes.closes_the_connection, HOLDS, "which is not its own"
    ),
    "token-of-the-process": Wrong(
        but(right, ("secrets.token_hex(8)", 'f"worker-{os.getpid()}"'), os=os),
        TOKEN,
        "both claims had the token 'worker-",
    ),
    "token-of-the-instant": Wrong(
        but(right, ("secrets.token_hex(8)", 'f"claimed at {now}"')),
        TOKEN,
        "both claims had the token 'claimed at 1000",
    ),
    "ignores-leases": Wrong(
        oldest("expires <= :now", ":now = :now"), LEASE, "it worked on 'count to 3'"
    ),
    "never-takes-over": Wrong(
        oldest(FREE, "state = 'pending'"), LEASE, "it returned None"
    ),
    "pending-first": Wrong(
        oldest("BY created", "BY state = 'running', created"),
        LEASE,
        "it returned ('t-2', True)",
    ),
    "a-moment-too-late": Wrong(oldest("<=", "<"), LEASE, "lease ends at this instant"),
    "no-end": Wrong(
        but(right, ("now, lease, token", "now, 0.0, token")), SEEN, "expires was 1000.0"
    ),
    "own-clock": Wrong(mistakes.own_clock, CLOCK, "it read time.time", ALL),
    "clock-of-the-database": Wrong(
        claiming(
            OLDEST=OLDEST.replace(":now", CLOCK_OF_SQLITE),
            TAKE=TAKE.replace(":expires", f"{CLOCK_OF_SQLITE} + :expires - :now"),
        ),
        CLOCK,
        "it read a clock of SQLite",
        ALL,
    ),
    "no-order": Wrong(
        oldest("ORDER BY created", ""),
        ORDER,
        "it worked on third, first, fourth, second",
    ),
    "newest-first": Wrong(
        oldest("created", "created DESC"),
        ORDER,
        "it worked on fourth, third, second, first",
    ),
    "order-of-ids": Wrong(
        oldest("created", "id"),
        ORDER,
        "it worked on fourth, third, second, first",
        (WORKS,),
    ),
    "claims-them-all": Wrong(
        but(right, claim=mistakes.claims_them_all), WORKS, "the row had state 'running'"
    ),
    "waits-for-a-task": Wrong(
        mistakes.waits_for_a_task,
        NONE,
        "it waited more than 100 times, with time.sleep",
    ),
    "runs-completed-ones": Wrong(
        but(
            right,
            claim=but(
                styles.claim,
                OLDEST=OLDEST.replace(FREE, "state = 'pending' OR expires <= :now"),
            ),
            finish=but(
                styles.finish,
                FINISH=FINISH.replace(", token = NULL, expires = NULL", ""),
            ),
        ),
        NONE,
        "it worked on 'count to 3'",
    ),
    "counts-at-the-end": Wrong(
        but(
            right,
            claim=but(styles.claim, TAKE=TAKE.replace(", attempts = attempts + 1", "")),
            finish=but(
                styles.finish,
                FINISH=FINISH.replace("SET", "SET attempts = attempts + 1,"),
            ),
        ),
        SEEN,
        "attempts was 0 after 0",
    ),
    "blind-update": Wrong(
        but(right, finish=mistakes.blindly), LATE, "over the other worker's claim"
    ),
    "compares-the-state": Wrong(
        finishing(
            ("(result, task_id, token)", "(result, task_id)"),
            FINISH=FINISH.replace("token = ?", "state = 'running'"),
        ),
        DEAD,
        "they returned ('t-7', True) and ('t-7', False)",
    ),
    "compares-the-end-of-the-lease": Wrong(
        but(
            right,
            (STORES, STORES.replace("token", "now + lease")),
            finish=but(
                styles.finish, FINISH=FINISH.replace("token = ?", "expires = ?")
            ),
        ),
        LATE,
        "over the other worker's claim",
    ),
    "reads-the-token-first": Wrong(
        but(right, finish=mistakes.reads_the_token_first),
        LATE,
        "right before statement 2 after the work",
    ),
    "clears-the-lease-first": Wrong(
        finishing(("return", f'db.execute("{CLEARS}", (task_id,))\n    return')),
        LATE,
        "it changed the other worker's row",
    ),
    "releases-blindly": Wrong(
        ending(
            "try:",
            "    result = work(row[1])",
            "except BaseException:",
            f'    db.execute("{RELEASES}", row[:1])',
            "    raise",
            "return row[0], finish(db, row[0], token, result)",
        ),
        LATE,
        "it made the other worker's task pending",
    ),
    "always-says-true": Wrong(
        finishing((".rowcount == 1", " is not None")), LATE, "it returned ('t-1', True)"
    ),
    "returns-the-id": Wrong(
        ending(STORES.replace("return", "pair ="), "return pair[0]"),
        WORKS,
        "it returned 't-7'",
        ALL,
    ),
    "swallows-the-lock": Wrong(mistakes.swallows_the_lock, ERRORS, "it returned None"),
    "swallows-the-work": Wrong(
        mistakes.swallows_the_work, ERRORS, "it returned ('t-7', True)"
    ),
    "completes-what-failed": Wrong(
        ending(
            'result = "none"',
            "try:",
            "    result = work(row[1])",
            "finally:",
            "    stored = finish(db, row[0], token, result)",
            "return row[0], stored",
        ),
        ERRORS,
        "the row had result 'none'",
        (TOKEN,),
    ),
    "formats-its-sql": Wrong(
        but(right, finish=mistakes.formats_its_sql), DATA, "syntax error"
    ),
    "hands-over-the-id": Wrong(
        but(right, ("work(row[1])", "work(row[0])")), WORKS, "work", ALL
    ),
    "loses-the-result": Wrong(
        but(right, ("work(row[1])", 'work(row[1]) and ""')), WORKS, "result"
    ),
    "whole-seconds": Wrong(
        but(right, ("now, lease, token", "int(now), int(lease), token")),
        SEEN,
        "expires was 1000",
    ),
}

CARD = {
    "is one turn of a worker": EXPLAINS,
    "**Claim** the oldest task": ["order-of-ids", "no-order", "newest-first"],
    "may be claimed: it is `'pending'`": ["runs-completed-ones"],
    "its lease has ended": [
        "a-moment-too-late",
        "ignores-leases",
        "never-takes-over",
        "pending-first",
    ],
    "`state` is `'running'`": ["works-before-it-claims"],
    "`token` is a new one": [
        "token-of-the-process",
        "token-of-the-instant",
    ],
    "`expires` is `now + lease`": ["whole-seconds", "no-end"],
    "`attempts` is one more": ["counts-at-the-end"],
    "When there is nothing to claim": ["waits-for-a-task"],
    "Call **`work(input)`**": ["hands-over-the-id"],
    "It returns a text": EXPLAINS,
    "**Store** that text as `result`": ["loses-the-result"],
    "if your token is still in the row": [
        "compares-the-end-of-the-lease",
        "reads-the-token-first",
        "compares-the-state",
    ],
    "and return `(id, True)`": ["returns-the-id"],
    "change nothing and return": [
        "releases-blindly",
        "clears-the-lease-first",
        "always-says-true",
        "blind-update",
    ],
    "It keeps these promises": EXPLAINS,
    "Of several processes, one claims": [
        "claims-if-the-state-is-as-it-was",
        "selects-then-updates",
        "locks-its-threads",
    ],
    "The others take the next one": ["gives-up-a-race", "claims-all-of-one-age"],
    "it holds no lock": ["works-in-the-transaction"],
    "it leaves no transaction open": [
        "leaves-it-open",
        "never-rolls-back",
        "forgets-to-commit",
    ],
    "`now` is the time": ["own-clock"],
    "No other time is taken": ["clock-of-the-database"],
    "What `work` or the database raises": ["swallows-the-lock", "swallows-the-work"],
    "may stay as it is": ["completes-what-failed"],
    "quotes included": ["formats-its-sql"],
    "`db` is a connection": ["closes-the-connection"],
    "has set how long it waits": EXPLAINS,
    "A plain `BEGIN`": EXPLAINS,
    "takes it at once": EXPLAINS,
    "neither token nor": EXPLAINS,
    "nobody looks at them": EXPLAINS,
}
