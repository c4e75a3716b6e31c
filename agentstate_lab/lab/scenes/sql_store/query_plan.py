"""
How a database finds rows: its plan for a statement, with and without an index.

`explain` fills the table of tasks with ten thousand rows, takes the plan, and
rolls all of it back, a dropped index included: in both databases even that is part
of a transaction. The plan is given without estimates of its cost, so that it is
the same text everywhere.

A plan says how the rows would be looked for. It runs nothing and measures nothing;
`benchmarks/` does.
"""

import contextlib
from typing import Final

from agentstate_lab.errors import InvalidValue
from agentstate_lab.stores.sql import Run, SqlStore

TASKS: Final = 10_000

# One task in a thousand is what somebody looks for.
_FILL = """
with recursive numbers (n) as (
    select 1 union all select n + 1 from numbers where n < :tasks
)
insert into tasks
    (id, agent_id, fingerprint, state, version, attempt, created_at, line)
select 'plan-' || n, 'agent', '',
    case when n / 1000 * 1000 = n then 'pending' else 'completed' end, 1, 1, n, ''
from numbers
"""

_ASK: Final = {"sqlite": "explain query plan ", "postgresql": "explain (costs off) "}


class _Undo(Exception):
    """Takes a transaction back."""


def explain(store: SqlStore, statement: str, *, without: str = "") -> str:
    """
    How the database of *store* would find the rows of *statement*.

    Args:
        store: An open store; nothing stays changed in it.

        statement: A query on its tables, with its values in it.

        without: The name of an index to do without.

    Raises:
        InvalidValue: *store* has no database.
        StoreError: The database refuses the statement.
    """
    if not isinstance(store, SqlStore):
        raise InvalidValue("store", "a store in a database is needed")
    kind = (
        "sqlite" if store.database.dialect.parameter.startswith(":") else "postgresql"
    )
    lines: list[str] = []
    with contextlib.suppress(_Undo), store.database.transaction() as run:
        if kind == "postgresql":  # whoever reads the statement knows it without schema
            schema = store.database.dialect.place.rstrip(".")
            run("select set_config('search_path', :schema, true)", schema=schema)
        _prepare(run, without)
        lines = [row[-1] for row in run(_ASK[kind] + statement)]
        raise _Undo
    return "\n".join(lines)


def _prepare(run: Run, without: str) -> None:
    """Many tasks, what the planner knows about them, and perhaps no index."""
    run(_FILL, tasks=TASKS)
    run("analyze tasks")
    if without:
        run(f"drop index {without}")
