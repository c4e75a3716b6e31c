"""
One save as one PostgreSQL statement.

    with saved as (update tasks … returning id)
    insert into {place}steps … select … from saved, (values …) as new

What is inserted depends on the row that was updated: no row, nothing. So the
compare-and-set of the task, its steps, messages and checkpoint are one round trip
and one commit, and the number of rows that the statement reports says whether it was
done.

Its text depends only on how many rows there are, so the server plans it once. Many
rows travel as arrays: a statement may have 65,535 parameters and no more.
"""

import functools

from .database import Moment, Values

MANY = 20  # rows of one save, beyond which they travel as arrays

_STEP = ("name", "line")
_MESSAGE = ("line",)
_CHECKPOINT = """
insert into {place}checkpoints (task_id, version, taken_at, line)
select saved.id, :version, cast(:taken_at as double precision), cast(:taken as text)
from saved
"""


def one_statement(moment: Moment) -> tuple[str, Values]:
    """The statement that writes all of *moment* or nothing, and its parameters."""
    text = _text(
        moment.ways[-1],
        min(len(moment.steps), MANY + 1),
        min(len(moment.messages), MANY + 1),
        bool(moment.checkpoints),
    )
    values = {
        **moment.values,
        **_values("step", _STEP, moment.steps),
        **_values("message", _MESSAGE, moment.messages),
    }
    for checkpoint in moment.checkpoints:
        values.update(taken_at=checkpoint["taken_at"], taken=checkpoint["line"])
    return text, values


@functools.lru_cache(500)
def _text(task: str, steps: int, messages: int, checkpoint: bool) -> str:
    """The statement for so many rows; `MANY` and one stand for any number."""
    inserts = []
    if steps:
        source = _source("step", _STEP, steps)
        inserts.append(f"""
            insert into {{place}}steps (task_id, name, version, nth, line)
            select saved.id, new.name, :version, new.nth, new.line
            from saved, {source}
            on conflict (task_id, name) do update set line = excluded.line
        """)
    if messages:
        source = _source("message", _MESSAGE, messages)
        inserts.append(f"""
            insert into {{place}}messages (task_id, version, nth, line)
            select saved.id, :version, new.nth, new.line
            from saved, {source}
        """)
    if checkpoint:
        inserts.append(_CHECKPOINT)
    update = f"{task} returning id"
    if not inserts:
        return update
    *others, last = inserts
    more = "".join(f", other_{n} as ({other})" for n, other in enumerate(others))
    return f"with saved as ({update}){more} {last}"


def _source(what: str, fields: tuple[str, ...], rows: int) -> str:
    """The new rows as a table."""
    head = f"as new ({', '.join(fields)}, nth)"
    if rows > MANY:
        arrays = ", ".join(f"cast(:{what}_{field} as text[])" for field in fields)
        return f"unnest({arrays}) with ordinality {head}"
    lines = []
    for n in range(rows):
        cells = [f"cast(:{what}_{field}_{n} as text)" for field in fields]
        lines.append(f"({', '.join(cells)}, {n})")
    return f"(values {', '.join(lines)}) {head}"


def _values(what: str, fields: tuple[str, ...], rows: list[Values]) -> Values:
    """The parameters of the new rows, by the names that `_source` gives them."""
    if len(rows) > MANY:
        return {f"{what}_{f}": [row[f] for row in rows] for f in fields}
    return {f"{what}_{f}_{n}": row[f] for n, row in enumerate(rows) for f in fields}
