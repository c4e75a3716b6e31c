"""
What a durable step costs on a database, and what it costs with a million tasks.

    python benchmarks/sql_stores.py

A step is measured beside bare commits of as many bytes through the raw driver: an
update of a task's line and an insert of a step's line, with no condition and nothing
checked; and, less than that, one insert of all the bytes. They are made in turn, so
that a busy machine slows all of them, and after the logs have found their size.

Figures to reach: at p50 a save of a task with a step costs at most 1.5 × as much as
the same rows bare; a save, a claim and a list among 1,000,000 tasks take at most
twice the time that they take among 1,000. On PostgreSQL nothing that matters is left
to a session, since a pooler hands sessions on: each commit settles for itself what
must hold, such as that the disk has it. What that costs is measured beside the same
save without it, and what a pooler costs (`pgbouncer`, by transactions) beside a store
without one, where there is one. A whole `run_once` is shown too: it commits
twice (the intent, the result) and reads three times between, which on PostgreSQL are
three more round trips, so it has no figure of its own.

What the store adds is time of the processor, some 0.05 ms here, which does not depend
on the disk: on a disk that commits in less than twice that, the first figure is not
reached.

The tasks are put into the tables by one statement, not by the store; the store finds
them there as its own.
"""

import argparse
import contextlib
import itertools
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg.conninfo import make_conninfo

from agentstate_lab.idempotency import run_once
from agentstate_lab.lab.databases import start_postgres
from agentstate_lab.lab.show import GOOD, HARM, NEUTRAL, canvas
from agentstate_lab.state import StepRecord, Task, task_to_json
from agentstate_lab.stores import working
from agentstate_lab.stores.sql import PostgresStore, SqliteStore, SqlLeaseStore

sys.path.append(str(Path(__file__).parent.parent / "tests"))
from pooler import PROGRAM, pooled

SMALL = 1_000
STEP_LIMIT = 1.5
GROWTH_LIMIT = 2.0

Act = Callable[[], object]


class Row(NamedTuple):
    """One line of the table: what, twice in milliseconds, and what to reach."""

    what: str
    base: float
    measured: float
    limit: float | None = None

    @property
    def times(self) -> float:
        """By how much the second is more than the first."""
        return self.measured / self.base

    @property
    def reached(self) -> bool:
        """Whether it is within its limit, if it has one."""
        return self.limit is None or self.times <= self.limit


@contextlib.contextmanager
def sqlite_stores(folder: Path) -> Iterator[Callable[[str], SqlLeaseStore]]:
    """Stores by name, each in a file of its own."""
    yield lambda name: SqliteStore(folder / f"{name}.db")


@contextlib.contextmanager
def postgres_stores(folder: Path) -> Iterator[Callable[[str], SqlLeaseStore]]:
    """Stores by name, each in a schema of its own."""
    server = start_postgres()
    dsn = server.database("benchmark", fresh=True)
    try:
        yield lambda name: PostgresStore(dsn, schema=name)
    finally:
        server.drop("benchmark")


KINDS = {"SQLite": sqlite_stores, "PostgreSQL": postgres_stores}


def in_turn(rounds: int, *acts: Act) -> list[float]:
    """The median of each act in milliseconds, when they are done in turn."""
    taken: list[list[float]] = [[] for _ in acts]
    for _ in range(rounds):
        for act, times in zip(acts, taken, strict=True):
            start = time.perf_counter()
            act()
            times.append(time.perf_counter() - start)
    return [statistics.median(times) * 1e3 for times in taken]


class Bare(NamedTuple):
    """Commits through the raw driver, of the bytes of a task and of a step."""

    least: Act
    same_rows: Act


@contextlib.contextmanager
def bare_commits(
    store: SqlLeaseStore, folder: Path, task: str, step: str
) -> Iterator[Bare]:
    """
    Commit as durably as *store* does, with nothing around it.

    The least is one insert of all bytes. The same rows are an update and an insert,
    as the store makes them, without its conditions and its columns.
    """
    sqlite = isinstance(store, SqliteStore)
    if sqlite:
        own: Any = sqlite3.connect(folder / "bare.db", isolation_level=None)
        own.execute("pragma journal_mode = wal")
        own.execute("pragma synchronous = full")
    else:
        with store.database.using() as connection:
            place = connection.info.dsn, connection.info.password
        own = psycopg.connect(place[0], password=place[1], autocommit=True)
    keys = itertools.count()

    def execute(statement: str, *values: object) -> None:
        own.execute(statement if sqlite else statement.replace("?", "%s"), values)

    def same_rows() -> None:
        n = next(keys)
        line = f"{task}{n % 10}"  # a page whose bytes stay the same is not written
        if sqlite:
            execute("begin immediate")
            execute("update bare_tasks set line = ? where id = ?", line, "t")
            execute("insert into bare_steps values (?, ?, ?)", "t", n, step)
            execute("commit")
        else:
            execute(
                "with saved as (update bare_tasks set line = ? where id = ?)"
                " insert into bare_steps values (?, ?, ?)",
                *(line, "t", "t", n, step),
            )

    def least() -> None:
        execute("insert into bare values (?, ?)", next(keys), task + step)

    with contextlib.closing(own):
        execute("create table bare (n bigint primary key, line text)")
        execute("create table bare_tasks (id text primary key, line text)")
        execute(
            "create table bare_steps"
            " (id text, n bigint, line text, primary key (id, n))"
        )
        execute("insert into bare_tasks values (?, ?)", "t", task)
        yield Bare(least, same_rows)


def done(n: int) -> StepRecord:
    """The record of a step with a result of some hundred bytes."""
    return StepRecord.model_validate(
        {
            "name": f"step-{n}",
            "status": "done",
            "key": f"task/step-{n}",
            "fingerprint": "f" * 64,
            "result": {"receipt": "r" * 200},
        }
    )


def steps(kind: str, store: SqlLeaseStore, folder: Path, rounds: int) -> list[Row]:
    """A save with one step record, and a whole `run_once`, beside bare commits."""
    task = store.submit(Task.new("Clean the logs", key="steps")).task
    task = store.save(task.replace(state="running"))
    value = task_to_json(task), done(0).model_dump_json()
    numbers = itertools.count()
    records = [done(n) for n in range(3 * rounds)]

    def save() -> None:
        nonlocal task
        task = store.save(task, steps=[records.pop()])

    def once() -> None:
        run_once(
            store, task.id, f"once-{next(numbers)}", lambda key: {"receipt": "r" * 200}
        )

    with bare_commits(store, folder, *value) as bare:
        in_turn(2 * rounds, bare.least, bare.same_rows, save)  # logs find their size
        least, rows, one = in_turn(rounds, bare.least, bare.same_rows, save)
        pair, whole = in_turn(
            rounds, lambda: (bare.same_rows(), bare.same_rows()), once
        )
    return [
        Row(f"{kind}: a save with a step", rows, one, STEP_LIMIT),
        Row(f"{kind}: the same, beside one insert", least, one),
        Row(f"{kind}: run_once, beside two commits", pair, whole),
    ]


FILL = {
    "SQLite": """
        with recursive seq (n) as (
            select 1 union all select n + 1 from seq where n < :tasks
        ) {insert} from seq
    """,
    "PostgreSQL": "{insert} from generate_series(1, cast(:tasks as int)) as seq (n)",
}
INSERT = """
    insert into {place}tasks
        (id, agent_id, fingerprint, state, version, attempt, created_at, line)
    select 'task-' || n, 'agent', :fingerprint,
        case when n / 2 * 2 = n then 'pending' else 'completed' end,
        1, 0, n,
        replace(replace(replace(:line, '"N"', cast(n as text)),
            'task-N', 'task-' || n),
            '"STATE"', case when n / 2 * 2 = n then '"pending"' else '"completed"' end)
"""


def fill(kind: str, store: SqlLeaseStore, tasks: int) -> None:
    """Put *tasks* into the tables, every second of them pending."""
    task = Task.new("Clean the logs", task_id="task-N").model_copy(
        update={"version": 1, "created_at": 7.0, "updated_at": 7.0}
    )
    line = task_to_json(task).replace("7.0", '"N"').replace('"pending"', '"STATE"')
    statement = FILL[kind].replace("{insert}", INSERT)
    with store.database.transaction() as run:
        run(statement, tasks=tasks, line=line, fingerprint=task.fingerprint)
    with store.database.using() as connection:
        connection.execute("analyze")
        if kind == "PostgreSQL":
            connection.execute(store.database.dialect.say("vacuum {place}tasks"))


def acts(store: SqlLeaseStore, tasks: int, owner: Any) -> dict[str, Act]:
    """What is done with a store of *tasks*, each act on another task."""
    chance = random.Random(7)
    later = iter(chance.sample(range(tasks // 2 + 2, tasks, 2), tasks // 8))

    def save() -> None:
        store.save(ready.pop())  # read before: only the save is measured

    def claim() -> None:
        assert store.claim_next(owner) is not None

    def listing() -> None:
        assert len(store.list_by_state("pending", limit=100)) == 100

    ready = [store.get(f"task-{n}") for n in itertools.islice(later, 200)]
    return {"save": save, "claim": claim, "list of 100": listing}


def growth(
    kind: str, make: Callable[[str], SqlLeaseStore], tasks: int, rounds: int
) -> list[Row]:
    """The same acts among few tasks and among many."""
    with make("few") as few, make("many") as many, working() as me:
        fill(kind, few, SMALL)
        fill(kind, many, tasks)
        rounds = min(rounds, SMALL // 8)
        pairs = zip(
            acts(few, SMALL, me).items(), acts(many, tasks, me).values(), strict=True
        )
        return [
            Row(f"{kind}: a {name}", *in_turn(rounds, act, other), GROWTH_LIMIT)
            for (name, act), other in pairs
        ]


def saves(store: SqlLeaseStore, count: int) -> Act:
    """Something that saves a task with a step, each time it is called."""
    task = store.save(
        store.submit(Task.new("x", key="s")).task.replace(state="running")
    )
    records = [done(n) for n in range(count)]

    def save() -> None:
        nonlocal task
        task = store.save(task, steps=[records.pop()])

    return save


def pooled_or_not(make: Callable[[str], SqlLeaseStore], rounds: int) -> Iterator[Row]:
    """What it costs that no session is relied on, and what a pooler costs."""
    with make("plain") as plain, make("trusting") as trusting:
        trusting.database.dialect = replace(trusting.database.dialect, settled="true")
        save = saves(plain, 2 * rounds)
        base, measured = in_turn(rounds, saves(trusting, rounds), save)
        yield Row("PostgreSQL: to ask for the disk", base, measured)
        if not PROGRAM:
            return
        with plain.database.using() as connection:
            there = connection.info
            dsn = make_conninfo(there.dsn, password=there.password)
        with pooled(dsn) as through, PostgresStore(through, schema="far") as far:
            base, measured = in_turn(rounds, save, saves(far, rounds))
            yield Row("PostgreSQL: through a pooler", base, measured)


def measure(kind: str, tasks: int, rounds: int) -> tuple[list[Row], list[Row]]:
    """Every figure of one database: of steps, and of growth."""
    with (
        tempfile.TemporaryDirectory(dir=".") as name,
        KINDS[kind](Path(name)) as make,
    ):
        with make("steps") as store:
            of_steps = steps(kind, store, Path(name), rounds)
        if kind == "PostgreSQL":
            of_steps += pooled_or_not(make, rounds)
        return of_steps, growth(kind, make, tasks, rounds)


def plot(of_steps: list[Row], of_growth: list[Row], path: Path) -> None:
    """How many times as much each row takes, with its limit and its milliseconds."""
    figure, _ = canvas(9.0, 3.4)
    figure.clear()
    heads = ("times a bare commit", "times 1,000 tasks")
    for axes, rows, head in zip(
        figure.subplots(1, 2), (of_steps, of_growth), heads, strict=True
    ):
        for n, row in enumerate(rows):
            axes.barh(n, row.times, 0.6, color=GOOD if row.reached else NEUTRAL)
            said = f" {row.measured:.2f} : {row.base:.2f} ms"
            axes.text(row.times, n, said, va="center", fontsize=7)
            if row.limit:
                axes.plot([row.limit] * 2, [n - 0.42, n + 0.42], color=HARM)
        axes.set_yticks(range(len(rows)), [row.what for row in rows], fontsize=7)
        axes.invert_yaxis()
        axes.set_xlim(0, 1.5 * max(max(row.times, row.limit or 0) for row in rows))
        axes.set_xlabel(f"{head} (p50; red: to reach)", fontsize=8)
    figure.savefig(path, metadata={"Software": None})


def main() -> None:
    """Print the tables; a row that does not reach its figure says so."""
    parser = argparse.ArgumentParser(description="Steps and growth of the databases.")
    parser.add_argument("--tasks", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--plot", type=Path, help="write a picture (PNG)")
    chosen = parser.parse_args()
    of_steps: list[Row] = []
    of_growth: list[Row] = []
    for kind in KINDS:
        for rows, more in zip(
            (of_steps, of_growth),
            measure(kind, chosen.tasks, chosen.rounds),
            strict=True,
        ):
            rows.extend(more)
    grown = f"{SMALL:,} tasks, {chosen.tasks:,} tasks"
    for head, rows in (("bare commits, store", of_steps), (grown, of_growth)):
        print(f"\n{f'median ms: {head}':<52}{'':>9}{'':>9}{'times':>7}{'limit':>7}")
        for row in rows:
            numbers = f"{row.base:>9.3f}{row.measured:>9.3f}{row.times:>7.2f}"
            short = "" if row.reached else " falls short"
            print(f"{row.what:<52}{numbers}{row.limit or '-':>7}{short}")
    if chosen.plot:
        plot(of_steps, of_growth, chosen.plot)


if __name__ == "__main__":
    main()
