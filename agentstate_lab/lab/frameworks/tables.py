"""
The record as it is shown in notebook 12: two tables and one picture.

What is shown was measured by `make frameworks`, on the versions that stand beside it.
"""

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.show import Table, figure

from .page import COLUMNS, SIX, counted
from .picture import drawn, plain
from .record import kept

MARKS = {True: "yes", False: "NO", None: "–"}


def effects_table() -> Table:
    """At how many of 24 deaths what was counted, without keys and with them."""
    rows = [
        (plain(row["title"]), kind, *(counted(row[kind], name) for name in COLUMNS))
        for row in kept().values()
        for kind in ("without keys", "with keys")
    ]
    head = ("framework", "", "once", "twice", "never", "false", "stuck", "waits")
    return Table("Of 24 deaths", head, tuple(rows))


def six_table() -> Table:
    """The six properties, row by row; a dash where there is no such operation."""
    rows = tuple(
        (
            plain(row["title"]),
            *(MARKS[row["properties"][name]["holds"]] for name in SIX),
        )
        for row in kept().values()
    )
    return Table("What a resume should mean", ("framework", *SIX), rows)


def findings_of(name: str) -> Table:
    """
    What was seen of each property in one row.

    Raises:
        InvalidValue: This row was not measured.
    """
    if (row := kept().get(name)) is None:
        raise InvalidValue("row", f"{name!r:.100} was not measured")
    seen = ((one, row["properties"][one]["said"]) for one in SIX)
    return Table(plain(row["title"]), ("property", "seen"), tuple(seen))


def what_they_survive() -> None:
    """Draw at how many of 24 deaths each effect happened once."""
    rows = kept()
    said = "; ".join(
        f"{plain(row['title'])} {counted(row['without keys'], 'once')} and"
        f" {counted(row['with keys'], 'once')}"
        for row in rows.values()
    )
    figure(
        drawn(rows),
        alt=f"Two bars for each row, without keys and with them: {said}.",
        number=f"of 24 deaths, each effect once, without and with keys: {said}",
    )
