"""
What a durable step costs here, with DBOS, and with LangGraph's `sync` checkpointer.

    python benchmarks/scale_out.py

A step's work is nothing, and its result has 200 bytes, so what is left is the price of
not forgetting it. The four write different things:

- `save`: the task and the record of the step, in one commit;
- `run_once`: the intent before, the result after, so two commits, and who asks twice is
  answered;
- DBOS: the result, in one commit, in a workflow that is running;
- LangGraph: the whole (small) state as a checkpoint, and what the node returned.

All wait for the disk in each commit. On SQLite all have a write-ahead log: DBOS sets
none, so its file is switched to one here. Without it, its steps take half as long
again.

They take turns, so that a busy machine slows all of them; a figure is the median.
Figure to reach: DBOS and LangGraph take at least three times as long as a save, on each
database on which they are measured. (LangGraph's is measured on SQLite.)
"""

import argparse
import contextlib
import itertools
import json
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypedDict

from dbos import DBOS, DBOSPortableJSONSerializer

from agentstate_lab.idempotency import run_once
from agentstate_lab.lab.databases import start_postgres
from agentstate_lab.scale_out import database_url
from agentstate_lab.state import StepRecord, Task
from agentstate_lab.stores.sql import PostgresStore, SqliteStore, SqlStore

try:
    from langgraph.checkpoint.sqlite import SqliteSaver
    from langgraph.graph import START, StateGraph
except ImportError as missing:
    sys.exit(f"{missing}: `make bench` installs what the figures are compared with")

TIMES = 3.0
KEPT = Path(__file__).with_suffix(".json")
RESULT = {"receipt": "r" * 200}

Taken = Iterator[float]


def saves(store: SqlStore) -> Taken:
    """A save of a task with the record of a step."""
    task = store.submit(Task.new("Clean the logs", key="saves")).task
    task = store.save(task.replace(state="running"))
    for n in itertools.count():
        record = StepRecord(
            name=f"step-{n}",
            status="done",
            key=f"saves/step-{n}",
            fingerprint="f" * 64,
            result=RESULT,
        )
        start = time.perf_counter()
        task = store.save(task, steps=[record])
        yield time.perf_counter() - start


def run_onces(store: SqlStore) -> Taken:
    """A whole `run_once`."""
    task = store.submit(Task.new("Clean the logs", key="once")).task
    store.save(task.replace(state="running"))
    for n in itertools.count():
        start = time.perf_counter()
        run_once(store, task.id, f"step-{n}", lambda key: RESULT)
        yield time.perf_counter() - start


def dbos_steps(url: str) -> Taken:
    """Steps of one workflow of DBOS; some at a time, since a workflow is one call."""
    if url.startswith("sqlite:"):
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:"))) as file:
            file.execute("pragma journal_mode = wal")

    @DBOS.workflow()
    def several() -> list[float]:
        taken = []
        for _ in range(50):
            start = time.perf_counter()
            DBOS.run_step({"name": "step"}, lambda: RESULT)
            taken.append(time.perf_counter() - start)
        return taken

    DBOS(
        config={
            "name": "benchmark",
            "system_database_url": database_url(url),
            "application_version": "1",
            "executor_id": "benchmark",
            "serializer": DBOSPortableJSONSerializer(),
            "log_level": "CRITICAL",
        }
    )
    DBOS.launch()
    try:
        while True:
            yield from several()
    finally:
        DBOS.destroy(destroy_registry=True)


class Small(TypedDict):
    """A state that does not grow."""

    n: int
    receipt: str


def langgraph_steps(path: Path) -> Taken:
    """Steps of one graph; some at a time, since a run is one call."""
    began: list[float] = []

    def step(state: Any) -> dict[str, Any]:
        began.append(time.perf_counter())
        return {"n": state["n"] + 1, **RESULT}

    graph = StateGraph(Small)
    graph.add_node("step", step)
    graph.add_edge(START, "step")
    graph.add_conditional_edges("step", lambda s: "step" if s["n"] % 51 else "__end__")
    with SqliteSaver.from_conn_string(str(path)) as saver:
        compiled = graph.compile(checkpointer=saver)
        for thread in itertools.count():
            config: Any = {
                "configurable": {"thread_id": f"t{thread}"},
                "recursion_limit": 1_000,
            }
            began.clear()
            compiled.invoke({"n": 0, "receipt": ""}, config, durability="sync")
            yield from (after - before for before, after in itertools.pairwise(began))


@contextlib.contextmanager
def everybody(kind: str, folder: Path) -> Iterator[dict[str, Taken]]:
    """All that can be measured on one database, each in a place of its own."""
    if kind == "SQLite":
        with SqliteStore(folder / "ours.db") as store:
            yield {
                "save": saves(store),
                "run_once": run_onces(store),
                "DBOS": dbos_steps(f"sqlite:{folder / 'dbos.db'}"),
                "LangGraph sync": langgraph_steps(folder / "langgraph.db"),
            }
        return
    server = start_postgres()
    names = ("bench_ours", "bench_dbos")
    ours, theirs = (server.database(name, fresh=True) for name in names)
    try:
        with PostgresStore(ours) as store:
            yield {
                "save": saves(store),
                "run_once": run_onces(store),
                "DBOS": dbos_steps(theirs),
            }
    finally:
        for name in names:
            server.drop(name)


def measure(kind: str, folder: Path, rounds: int) -> dict[str, float]:
    """The median of each in milliseconds; fifty steps of one, then of the next."""
    with everybody(kind, folder) as runs, contextlib.ExitStack() as ended:
        for run in runs.values():
            ended.callback(run.close)  # type: ignore[attr-defined]
        taken: dict[str, list[float]] = {name: [] for name in runs}
        for turn in range(rounds + 1):  # the first turn warms up
            for name, run in runs.items():
                steps = list(itertools.islice(run, 50))
                taken[name] += steps if turn else []
    return {name: statistics.median(ms) * 1e3 for name, ms in taken.items()}


def main() -> None:
    """Print the table, keep the figures; a row says when it does not reach its own."""
    parser = argparse.ArgumentParser(description="A durable step, here and elsewhere.")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--keep", action="store_true", help=f"write {KEPT.name}")
    chosen = parser.parse_args()
    found: dict[str, dict[str, float]] = {}
    for kind in ("SQLite", "PostgreSQL"):
        with tempfile.TemporaryDirectory(dir=".") as folder:
            found[kind] = measure(kind, Path(folder).absolute(), chosen.rounds)
    print(f"\n{'median of a durable step':<34}{'ms':>8}{'x a save':>10}{'limit':>7}")
    for kind, figures in found.items():
        for name, ms in figures.items():
            times = ms / figures["save"]
            limited = name not in ("save", "run_once")
            limit = f">= {TIMES:g}" if limited else "-"
            short = " falls short" if limited and times < TIMES else ""
            print(f"{f'{kind}: {name}':<34}{ms:>8.2f}{times:>10.1f}{limit:>7}{short}")
    if chosen.keep:
        rounded = {
            kind: {name: round(ms, 2) for name, ms in figures.items()}
            for kind, figures in found.items()
        }
        KEPT.write_text(json.dumps(rounded, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
