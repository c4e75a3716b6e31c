"""
The picture of the README: the same two runs, and the same deaths, before and after.

    python book/picture.py [--measure]      `make picture` measures

With `--measure` two agents are really killed, at 32 named moments: the one that
everyone writes first, and the one of lesson 10. What the ledger counted is kept in
`picture.json`; the picture is drawn from that, once for light pages and once for dark
ones. It shows who did what again and counts nothing: the lessons ask for the counts.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from agentstate_lab.lab.agents import run_job
from agentstate_lab.lab.crash import crash_at, crash_matrix
from agentstate_lab.lab.show import GOOD, HARM, INK, canvas, counted, name_rows

BOOK = Path(__file__).resolve().parent
KEPT = BOOK / "picture.json"
DEATH = "effect.inside:5"  # the world has done it, and the agent was not told
MOMENTS = ("inside", "after")
AGENTS = {
    "naive": "The agent that everyone writes first",
    "durable": "The agent of lesson 10, killed at the same moments",
}
NIGHT, MOON = "#14181c", "#dfe6ea"
BRIGHT = {GOOD: "#2f8fcf", HARM: "#e8752c"}  # on a dark page
KILLED, MATRIX = 5.6, 16.2  # where on the time line the first run ends, and the rest

# For each agent: the effects of its first and its second run, in their order, and
# for each moment of the matrix whether all effects had happened once in the end.
Record = dict[str, Any]


def measure(agent: str, ordinals: range = range(1, 9)) -> Record:
    """Kill *agent* and run it again: once in sight, then in and after each effect."""
    with tempfile.TemporaryDirectory() as folder:
        store = f"json:{Path(folder) / 'tasks.json'}"
        death = crash_at(agent, DEATH, store=store)
        before = counted(death.task_id)
        run_job("deploy", death.task_id, agent, store_url=store, on_event=len)
        after = counted(death.task_id)
    second = [
        name for name, n in after.counts.items() if n > before.counts.get(name, 0)
    ]
    return {"first": [*before.steps], "second": second, "once": deaths(agent, ordinals)}


def deaths(agent: str, ordinals: range) -> dict[str, bool]:
    """Whether *agent* does everything once when it is killed in and after these."""
    points = [f"effect.{moment}:{n}" for n in ordinals for moment in MOMENTS]
    matrix = crash_matrix(agent, points=points)
    return {row.point: row.survived for row in matrix.rows}


def draw(records: dict[str, Record], path: Path, *, dark: bool = False) -> None:
    """Draw both agents, one above the other, into the file *path*."""
    paper, ink = (NIGHT, MOON) if dark else ("white", INK)
    fig, _ = canvas(9.2, 5.6)
    fig.clear()
    for axes, (agent, title) in zip(fig.subplots(2), AGENTS.items(), strict=True):
        axes.set_facecolor(paper)
        axes.set_title(title, color=ink, fontweight="bold", pad=20)
        axes.tick_params(colors=ink, length=0)
        axes.spines[:].set_visible(False)
        _agent(axes, records[agent], ink, dark)
    fig.savefig(path, facecolor=paper, metadata={"Software": None})


def _agent(axes: Any, record: Record, ink: str, dark: bool) -> None:
    """One agent: its two runs on a line of time, and its deaths as a matrix."""
    steps = [*dict.fromkeys((*record["first"], *record["second"]))]
    bars = [(n, name, False) for n, name in enumerate(record["first"])]
    bars += [
        (KILLED + 1 + n, name, name in record["first"])
        for n, name in enumerate(record["second"])
    ]
    for start, name, again in bars:
        word = "again" if again else "done"
        _box(axes, start, steps.index(name), 0.94, word, not again, dark)
    for point, once in record["once"].items():
        moment, _, ordinal = point.partition(".")[2].partition(":")
        at = MATRIX + 2 * MOMENTS.index(moment)
        word = "once" if once else "again"
        _box(axes, at, int(ordinal) - 1, 1.9, word, once, dark)
    heads = {0: "first run", KILLED + 1: "second run, the same task"}
    heads |= {MATRIX: "killed in it", MATRIX + 2: "after it"}
    for at, head in heads.items():
        axes.text(at, -0.75, head, color=ink, fontsize=8.5)
    axes.axvline(KILLED, ymax=0.97, color=ink, linestyle="--", linewidth=1.3)
    axes.text(KILLED + 0.12, len(steps) - 0.7, "killed", color=ink, fontsize=8.5)
    name_rows(axes, steps)
    axes.set_ylim(len(steps) - 0.4, -0.6)
    axes.set_xlim(-0.1, MATRIX + 4)
    axes.set_xticks([])
    axes.grid(visible=False)


def _box(
    axes: Any, left: float, row: int, width: float, word: str, good: bool, dark: bool
) -> None:
    """One effect in one run, or one death: its colour, and the same as a word."""
    colour = GOOD if good else HARM
    fill = BRIGHT[colour] if dark else colour
    axes.barh(row, width, left=left, height=0.82, color=fill)
    middle: Any = {"ha": "center", "va": "center", "fontsize": 7.5}
    axes.text(left + width / 2, row, word, color="white", **middle)


def main() -> int:
    """Measure when asked to, and draw both pictures."""
    if "--measure" in sys.argv[1:]:
        records = {agent: measure(agent) for agent in AGENTS}
        KEPT.write_text(json.dumps(records, indent=1) + "\n", "utf-8")
    records = json.loads(KEPT.read_text("utf-8"))
    for theme in ("light", "dark"):
        path = BOOK / "_static" / f"survives-{theme}.png"
        draw(records, path, dark=theme == "dark")
        print(path.relative_to(BOOK.parent))
    return 0


if __name__ == "__main__":
    sys.exit(main())
