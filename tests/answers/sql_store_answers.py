"""Answers to exercise 06, right and wrong."""

from answers import ALL, EXPLAINS, Wrong, but, sql_store_mistakes, sql_store_styles

_WORKS = "works on a pending task and stores its result"
_OLDEST = "takes the oldest first"
_NONE = "returns None when nothing can be claimed"
_SEEN = "has its claim in the table while it works"
_LEASE = "leaves a task alone until its lease has ended, and then takes it over"
_CLOCK = "reads no clock but the one it is given"
_TOKEN = "makes a new token for every claim"
_ALONE = "never claims what another worker has claimed"
_LATE = "refuses its own result when the task is not its own any more"
_OPEN = "holds no lock while it works, and leaves none behind"
_ERRORS = "lets every error out"
_DATA = "takes ids, inputs and results as data"
_MANY = "works on each of 40 tasks once, with 8 processes"
_DEAD = "outlives a worker that is killed, and one that is frozen"

RIGHT = {
    "one-statement": sql_store_styles.right,
    "begin-immediate": sql_store_styles.with_transactions,
    "conditional-update": sql_store_styles.with_a_loop,
    "stamp-and-ask": sql_store_styles.with_a_stamp,
    "attempts-as-token": sql_store_styles.with_attempts,
    "connection-block": sql_store_styles.with_a_connection_block,
    "isolation-level": sql_store_styles.with_isolation_level,
    "class": sql_store_styles.worker,
    "retries": sql_store_styles.with_retries,
    "release": sql_store_styles.with_a_release,
    "thread": sql_store_styles.with_a_thread,
    "row-values": sql_store_styles.with_row_values,
    "sweep": sql_store_styles.with_a_sweep,
    "replaced-rows": sql_store_styles.with_replaced_rows,
}

_SAID = {
    "returns_nothing": (_WORKS, "it never called work"),
    "claims_only": (_WORKS, "it never called work"),
    "selects_then_updates": (_ALONE, "right before statement 2 of the answer"),
    "locks_its_threads": (_ALONE, "two workers did one task's work"),
    "begins_by_reading": (_ALONE, "it had begun by reading"),
    "gives_up_a_race": (_ALONE, "it returned None"),
    "claims_if_the_state_is_as_it_was": (_ALONE, "two workers did one task's work"),
    "claims_if_the_token_is_as_it_was": (_ALONE, "two workers did one task's work"),
    "hides_the_gap": (_ALONE, "right before statement 2 of the answer, its UPDATE"),
    "claims_all_of_one_age": (_MANY, "of them was never done"),
    "works_in_the_transaction": (_OPEN, "another connection could not write", (_SEEN,)),
    "works_before_it_claims": (_SEEN, "another connection still read 'pending'"),
    "forgets_to_commit": (_OPEN, "its transaction was still open"),
    "leaves_it_open": (_OPEN, "when there was nothing to claim"),
    "never_rolls_back": (_OPEN, "when the claim had been refused by the table"),
    "closes_the_connection": (_OPEN, "which is not its own"),
    "token_of_the_process": (_TOKEN, "both claims had the token 'worker-"),
    "token_of_the_instant": (_TOKEN, "both claims had the token 'claimed at 1000"),
    "token_stays": (_TOKEN, "both claims had the token"),
    "ignores_leases": (_LEASE, "it worked on 'count to 3'"),
    "never_takes_over": (_LEASE, "it returned None"),
    "pending_first": (_LEASE, "it returned ('t-2', True)"),
    "a_moment_too_late": (_LEASE, "lease ends at this instant"),
    "no_end": (_SEEN, "expires was 1000.0"),
    "own_clock": (_CLOCK, "it read time.time", ALL),
    "clock_of_the_database": (_CLOCK, "it read a clock of SQLite", ALL),
    "no_order": (_OLDEST, "it worked on third, first, fourth, second"),
    "newest_first": (_OLDEST, "it worked on fourth, third, second, first"),
    "order_of_ids": (_OLDEST, "it worked on fourth, third, second, first", (_WORKS,)),
    "claims_them_all": (_WORKS, "the row had state 'running'"),
    "waits_for_a_task": (_NONE, "it waited more than 100 times, with time.sleep"),
    "runs_completed_ones": (_NONE, "it worked on 'count to 3'"),
    "counts_no_attempts": (_SEEN, "attempts was 0 after 0"),
    "counts_at_the_end": (_SEEN, "attempts was 0 after 0"),
    "blind_update": (_LATE, "over the other worker's claim"),
    "blind_upsert": (_LATE, "over the other worker's claim"),
    "compares_the_state": (_DEAD, "they returned ('t-7', True) and ('t-7', False)"),
    "compares_the_end_of_the_lease": (_LATE, "over the other worker's claim"),
    "reads_the_token_first": (_LATE, "right before statement 2 after the work"),
    "clears_the_lease_first": (_LATE, "it changed the other worker's row"),
    "releases_blindly": (_LATE, "it made the other worker's task pending"),
    "always_says_true": (_LATE, "it returned ('t-1', True)"),
    "returns_the_id": (_WORKS, "it returned 't-7'", ALL),
    "swallows_the_lock": (_ERRORS, "it returned None"),
    "swallows_the_work": (_ERRORS, "it returned ('t-7', True)"),
    "completes_what_failed": (_ERRORS, "the row had result 'none'", (_TOKEN,)),
    "formats_its_sql": (_DATA, "syntax error"),
}

WRONG = {
    name.replace("_", "-"): Wrong(getattr(sql_store_mistakes, name), *said)
    for name, said in _SAID.items()
}

_RIGHT = sql_store_styles.right
WRONG |= {
    "hands-over-the-id": Wrong(
        but(_RIGHT, ("work(row[1])", "work(row[0])")), _WORKS, "work", ALL
    ),
    "loses-the-result": Wrong(
        but(_RIGHT, ("work(row[1])", 'work(row[1]) and ""')), _WORKS, "result"
    ),
    "whole-seconds": Wrong(
        but(_RIGHT, ("claim(db, now, lease", "claim(db, int(now), int(lease)")),
        _SEEN,
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
        "token-stays",
    ],
    "`expires` is `now + lease`": ["whole-seconds", "no-end"],
    "`attempts` is one more": ["counts-at-the-end", "counts-no-attempts"],
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
