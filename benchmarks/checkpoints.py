"""
What a history costs, in bytes and in seconds, beside LangGraph's SQLite checkpointer.

    python benchmarks/checkpoints.py

A run says 1 KB in each step and has a checkpoint in each. Ours on the two databases;
LangGraph in its `sync` mode, which is the one that survives a kill, once with the
whole conversation in each checkpoint (its default) and once with a `DeltaChannel`.
Figures to reach: at most twice the new bytes after 400 steps, as much time for step
1,000 as for step 10, and a run of 1,000 steps resumed in under 50 ms.

Bytes are what the run adds to an empty store: to the file, or to the tables with
their indexes. PostgreSQL packs its tables before they are measured (`vacuum full`),
since old versions of the task's one row, which it clears away in its own time, are no
history.
"""

import itertools
import operator
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypedDict

import psycopg

from agentstate_lab.checkpoint import CheckpointManager
from agentstate_lab.lab.databases import start_postgres
from agentstate_lab.state import (
    AppendFacts,
    Fact,
    Operation,
    StatePatch,
    Task,
    UpsertFact,
)
from agentstate_lab.stores.sql import PostgresStore, SqliteStore, SqlStore

try:
    from langgraph.channels.delta import DeltaChannel
    from langgraph.checkpoint.sqlite import SqliteSaver
    from langgraph.graph import END, START, StateGraph
except ImportError as missing:
    sys.exit(f"{missing}: `make bench` installs what the figures are compared with")

STEPS = 400  # the whole conversation in each checkpoint has 100 MB by then
LONG = 1_000
SAID = 1_024

TWICE = 2.0
FLAT = 1.5
RESUME = 0.050

Size = Callable[[], int]


@dataclass
class Run:
    """What one run cost: bytes after 400 steps, seconds of each step, of a resume."""

    name: str
    stored: int
    steps: list[float]
    resume: float

    def __str__(self) -> str:
        early, late = around(self.steps, 10), around(self.steps, len(self.steps))
        times = self.stored / (STEPS * SAID)
        return (
            f"{self.name:<34}{self.stored / 1e6:>8.2f}{times:>8.2f}{early * 1e3:>8.2f}"
            f"{late * 1e3:>8.2f}{len(self.steps):>7}{self.resume * 1e3:>8.1f}"
        )


HEAD = (
    f"{'':<34}{'MB':>8}{'x new':>8}{'step 10':>8}{'last':>8}{'steps':>7}{'resume':>8}"
)


def around(seconds: Sequence[float], step: int) -> float:
    """
    A step among the fifty that begin at *step*, or that end the run.

    It is the fifth quickest of them: what else is written to the disk meanwhile makes
    steps slower, and none of them quicker.
    """
    first = min(step, len(seconds) - 50)
    return sorted(seconds[first : first + 50])[4]


def message(step: int) -> dict[str, str]:
    """What is said in one step."""
    return {"role": "user", "content": f"host {step:04}: ".ljust(SAID, ".")}


def newest(step: int) -> Operation:
    """A state that stays small: it knows the last host."""
    return UpsertFact(fact=Fact(key="last", value=step))


def one_more(step: int) -> Operation:
    """A state that grows with the run: it knows every host."""
    return AppendFacts(facts=(Fact(key=f"host-{step:04}", value="healthy"),))


def ours(
    name: str,
    store: SqlStore,
    size: Size,
    *,
    steps: int = LONG,
    learns: Callable[[int], Operation] = newest,
    keep: int | None = None,
) -> Run:
    """A run on one of our stores, with a snapshot in each step."""
    empty = size()
    manager = CheckpointManager(store, keep=keep)
    task = store.submit(Task.new("Look at the hosts.", key=name)).task
    task = manager.save(task.replace(state="running"))
    seconds, stored = [], 0
    for step in range(steps):
        start = time.perf_counter()
        patch = StatePatch(
            id=f"host-{step:04}", base_version=task.version, operations=(learns(step),)
        )
        task = manager.save(task.apply(patch), "step", messages=[message(step)])
        if keep is not None:
            manager.prune(task.id)
        seconds.append(time.perf_counter() - start)
        if step + 1 == STEPS:
            stored = size() - empty
    start = time.perf_counter()
    resumed = CheckpointManager(store).resume(task.id)
    taken = time.perf_counter() - start
    assert len(resumed.messages) == steps
    store.close()
    return Run(name, stored, seconds, taken)


def on_sqlite(folder: Path, name: str, **options: Any) -> Run:
    """A run on SQLite: WAL and FULL, as always."""
    path = folder / f"{name}.db"
    return ours(name, SqliteStore(path), lambda: pages(path), **options)


def on_postgres(name: str) -> Run:
    """A run on PostgreSQL, in a database of its own."""
    server = start_postgres()
    url = server.database("bench_checkpoints")
    try:
        return ours(name, PostgresStore(url), lambda: packed(url))
    finally:
        server.drop("bench_checkpoints")


def packed(url: str) -> int:
    """The bytes of all tables, packed."""
    total = "select sum(pg_total_relation_size(relid)) from pg_stat_user_tables"
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("vacuum full")
        [(size,)] = db.execute(total)
    return int(size)


def pages(path: Path) -> int:
    """The bytes of a SQLite file, those that wait in its log included."""
    with sqlite3.connect(path) as db:
        [(count,)] = db.execute("pragma page_count")
        [(size,)] = db.execute("pragma page_size")
    db.close()
    return int(count * size)


def joined(said: list[Any], more: Sequence[list[Any]]) -> list[Any]:
    """The messages of several steps behind those that were there."""
    return [*said, *(one for part in more for one in part)]


class Whole(TypedDict):
    """LangGraph's usual channel: each checkpoint has all of it."""

    messages: Annotated[list, operator.add]


class Delta(TypedDict):
    """The channel that stores what is new, and all of it at every hundredth."""

    messages: Annotated[list, DeltaChannel(joined, snapshot_frequency=100)]


def langgraph(folder: Path, name: str, schema: type) -> Run:
    """A run on LangGraph: one node that says something, 400 times."""
    path = folder / f"{name}.db"
    began: list[float] = []

    def say(state: Any) -> dict[str, Any]:
        began.append(time.perf_counter())
        return {"messages": [message(len(began) - 1)]}

    def again(state: Any) -> str:
        return "say" if len(began) < STEPS else END

    graph = StateGraph(schema)
    graph.add_node("say", say)
    graph.add_edge(START, "say")
    graph.add_conditional_edges("say", again)
    config: Any = {"configurable": {"thread_id": "t"}, "recursion_limit": 2 * STEPS}
    with SqliteSaver.from_conn_string(str(path)) as saver:
        compiled = graph.compile(checkpointer=saver)
        compiled.invoke({"messages": []}, config, durability="sync")
        began.append(time.perf_counter())
        start = time.perf_counter()
        values = compiled.get_state(config).values
        taken = time.perf_counter() - start
        assert len(values["messages"]) == STEPS
    steps = [after - before for before, after in itertools.pairwise(began)]
    return Run(name, pages(path), steps, taken)


def shortfalls(run: Run) -> list[str]:
    """Which figures a run of ours does not reach."""
    early, late = around(run.steps, 10), around(run.steps, LONG)
    figures = {
        f"more than {TWICE:g} x new": run.stored <= TWICE * STEPS * SAID,
        f"the last step more than {FLAT:g} x": late <= FLAT * early,
        f"resume over {RESUME * 1e3:g} ms": run.resume < RESUME,
    }
    return [f" falls short: {what}" for what, reached in figures.items() if not reached]


def main() -> None:
    """Print one row for each; ours with what it does not reach."""
    with tempfile.TemporaryDirectory(dir=".") as place:
        folder = Path(place)
        runs = [on_sqlite(folder, "ours, SQLite"), on_postgres("ours, PostgreSQL")]
        others = [
            langgraph(folder, "LangGraph sync, full", Whole),
            langgraph(folder, "LangGraph sync, delta of 100", Delta),
        ]
        grow = {"steps": STEPS, "learns": one_more}
        growing = [
            on_sqlite(folder, "ours, a fact more in each step", **grow),
            on_sqlite(folder, "the same, the newest 20 kept", keep=20, **grow),
        ]
    print(f"{STEPS} steps of {SAID} bytes; ms for a step and for a resume\n\n{HEAD}")
    for run in runs:
        print(run, *shortfalls(run))
    for run in (*others, *growing):
        print(run)


if __name__ == "__main__":
    main()
