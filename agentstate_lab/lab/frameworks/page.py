"""
The result for people: two tables, and beside each red row what to do about it.

Everything here is drawn from the record; nothing is measured.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from agentstate_lab.lab.show import markdown

from .contender import Contender
from .fork import FORK
from .picture import drawn
from .properties import PROPERTIES
from .record import Row, kept
from .rows import CONTENDERS

COLUMNS = ("once", "twice", "never", "false", "stuck", "waits")
SIX = (PROPERTIES[0], "effect once", FORK, *PROPERTIES[1:])
MEASURE = "bin/python -m agentstate_lab.lab.frameworks.measure"


def written(folder: Path) -> None:
    """Write the page and the two pictures into *folder*, from the record there."""
    rows = kept(folder)
    if not rows:
        return
    (folder / "FRAMEWORKS.md").write_text(page(rows), "utf-8")
    for theme in ("light", "dark"):
        figure = drawn(rows, dark=theme == "dark")
        figure.savefig(
            folder / f"frameworks-{theme}.png",
            facecolor=figure.get_facecolor(),
            metadata={"Software": None},
        )


def page(rows: dict[str, Row]) -> str:
    """The whole page."""
    known = {one.name: one for one in CONTENDERS}
    parts = [
        HEAD,
        markdown(EFFECTS_HEAD, _effects(rows)),
        SIX_HEAD,
        markdown(("row", *SIX), _six(rows)),
        REPAIRS_HEAD,
        *(_red(known[name], rows[name]) for name in rows if name in known),
        ABSENT + _unmeasured(rows),
        VERSIONS_HEAD,
        markdown(("row", "measured", "with"), _versions(rows)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _effects(rows: dict[str, Row]) -> Iterable[Sequence[str]]:
    """Two lines for each row: without keys, and with them."""
    for row in rows.values():
        for kind in ("without keys", "with keys"):
            tries = row[kind]
            title = f"**{row['title']}**" if kind == "without keys" else ""
            yield (title, kind, *(counted(tries, name) for name in COLUMNS))


def counted(tries: Sequence[dict[str, Any]], name: str) -> str:
    """One count, or all that were seen when the timing decides."""
    seen = sorted({one[name] for one in tries})
    return " or ".join(map(str, seen)) if seen != [0] else "·"


def _six(rows: dict[str, Row]) -> Iterable[Sequence[str]]:
    """One line for each row."""
    marks = {True: "✔", False: "✘", None: "–"}
    for row in rows.values():
        found = [row["properties"][name] for name in SIX]
        yield (
            f"**{row['title']}**",
            *(f"{marks[one['holds']]} {one['said']}" for one in found),
        )


def _red(one: Contender, row: Row) -> str:
    """What stands beside the red cells of a row, or nothing when it has none."""
    lines = [f"### {row['title']}", ""]
    command = f".venv/{one.environment}/{MEASURE}"
    for kind, more in (("without keys", ""), ("with keys", " --keys")):
        if worst := next((t for t in row[kind] if t["worst"]), None):
            lines.append(
                f"- {kind}, killed at `{worst['worst']}`: {worst['outcome']}."
                f" `{command} {one.name} --point {worst['worst']}{more}`"
            )
    for name in (*PROPERTIES, FORK):
        found = row["properties"][name]
        if found["holds"] is False:
            lines.append(
                f'- {name}: {found["said"]}. `{command} {one.name} --property "{name}"`'
            )
    if len(lines) == 2:
        return ""
    if one.page:
        lines.append(
            f"- The page that the adapter follows, <{one.page}>: {one.promise}."
        )
    if one.approval_page and row["properties"][FORK]["holds"] is False:
        lines.append(
            f"- The page about a yes, <{one.approval_page}>: {one.approval_promise}."
        )
    lines.append(f"- **What to do:** {one.repair}.")
    return "\n".join(lines)


def _unmeasured(rows: dict[str, Row]) -> str:
    """Which rows are built and were not yet tried on this machine."""
    names = [one.title for one in CONTENDERS if one.name not in rows]
    return f"\n- **Built, and not yet measured here**: {', '.join(names)}." * bool(
        names
    )


def _versions(rows: dict[str, Row]) -> Iterable[Sequence[str]]:
    for row in rows.values():
        said = ", ".join(
            f"{name} {version}" for name, version in row["versions"].items()
        )
        yield row["title"], row["date"], said or "this package"


EFFECTS_HEAD = (
    "row",
    "",
    "once",
    "twice",
    "never",
    "says completed, is not",
    "stuck",
    "waits for a person",
)

HEAD = """\
# What the frameworks survive

Written by `make frameworks`; the same as JSON: [`frameworks.json`](frameworks.json).

Every framework does the same job, `deploy`, as its own documentation builds an agent
with tools that is to survive, with its strongest setting that needs no further server.
A fresh process is killed (SIGKILL) before, inside and after each of the eight effects;
another process runs the task again, as the page says one resumes; the world's ledger,
which no agent can write to, counts. So a number is about 24 deaths.

**A checkpoint is a record of what the agent knows. It is not a record of an effect.**
Between the effect and the checkpoint there is an instant, and whoever dies in it
cannot know. So the second line of each row is the repair: the same code, and a key made
of task and step sent with every effect, to a receiver that honours it.

![At how many of 24 deaths each effect happened once](frameworks-light.png)

## Effects, over 24 deaths

A point can do two kinds of harm, so a line may add up to more than 24. Two numbers in
one cell ("2 or 3") were seen in different runs: there the timing decides, the row is
tried several times, and a property holds if it held each time."""

SIX_HEAD = """\
## Six properties of a resume

The names are those of Khan, *Resume Means Resume* (arXiv 2608.03836); what a person had
allowed and a fork used again is the question of *ACRFence* (arXiv 2603.20625). Each is
judged from outside, with keys; only *consume once* is asked without, since a key would
hide who else was at work. A dash: the framework has no such operation."""

REPAIRS_HEAD = """\
## Each red cell: what happened, and what to do

`make frameworks` has made the environments that the commands name."""

ABSENT = """\
## What is not a row

- **Temporal, Restate, Inngest, Hatchet**: they stand on a server that is downloaded or
  hosted, and this course uses no network once it is installed. With a server running on
  this machine, a row is one adapter of some 40 lines.
- **smolagents**: its memory lives in the process, and its documentation shows no way to
  store and load it.
- **Cloud sessions** (Vertex AI, Bedrock, OpenAI conversations): they need an account.
- **Google ADK, Agno, absurd** are pinned beside the others and have no adapter yet."""

VERSIONS_HEAD = "## Versions and dates"
