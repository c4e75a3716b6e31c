"""
What a budget does to a briefing: what falls out of it, and how it stays as it is.

- `what_falls_out` is a slider over budgets, with the text that the model would read
  at each of them and what it would not;
- `what_does_a_turn_send` draws the bytes of one turn while a run goes on: of a
  briefing that tells everything, and of one with a budget.

Both count what `filter_relevant_state` returns; nothing here asks a model.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from agentstate_lab.context import ContextSlice, filter_relevant_state
from agentstate_lab.errors import ContextTooSmall, InvalidValue
from agentstate_lab.lab.show import (
    NEUTRAL,
    Cell,
    Table,
    figure,
    lines,
    plural,
    slider,
)
from agentstate_lab.lab.world.chat import SMALL_MODEL, WINDOWS
from agentstate_lab.state import AgentState, Artifact, Budget, Fact

BYTES_PER_TOKEN = 4  # as the world counts them
EVERYTHING = 10**9
MAX_TURNS = 1_000


def what_falls_out(
    state: AgentState, step: str, budgets: Sequence[int], keep: Collection[str] = ()
) -> None:
    """
    Show what the model reads of *state* under each of *budgets*, behind a slider.

    Args:
        state: All that is known.

        step: The step that comes next.

        budgets: Bytes, from left to right.

        keep: Keys of facts that must be shown.
    """
    texts, rows = {}, []
    for budget in budgets:
        text, row = _at(state, step, budget, keep)
        texts[f"{budget:,} bytes"] = text
        rows.append((f"{budget:,}", *row))
    head = ("budget", "the text has", "shown", "left out")
    caption = f"What the model reads before {step}"
    slider("budget", texts, twin=Table(caption, head, tuple(rows)))


def _at(
    state: AgentState, step: str, budget: int, keep: Collection[str]
) -> tuple[str, tuple[str, str, str]]:
    """The text under one budget, and the row that says the same in short."""
    try:
        made = filter_relevant_state(state, step, budget, keep=keep)
    except ContextTooSmall as error:
        why = f"refused: at least {error.needed} bytes are needed"
        return why, ("nothing", "nothing", Cell(why, tone="harm"))
    gone = left_out(made)
    text = f"{made.render()}\n\n{made.size:,} of {budget:,} bytes; left out: {gone}"
    return text, (f"{made.size:,} bytes", _shown(made), gone)


def _shown(made: ContextSlice) -> str:
    """What is in a slice, in short."""
    plan = ["the plan"] if made.plan else []
    parts = [(len(made.facts), "fact"), (len(made.artifacts), "artifact")]
    return ", ".join([*plan, *(plural(*part) for part in parts if part[0])])


def left_out(made: ContextSlice) -> str:
    """
    What is not in a slice, and why, in short.

    >>> state = AgentState(goal="g", known_facts=[Fact(key="log", value="x" * 99)])
    >>> left_out(filter_relevant_state(state, "", 50))
    '1 fact (no room)'
    """
    groups = Counter((one.kind, one.why) for one in made.left_out)
    said = [
        f"the plan ({why})" if kind == "plan" else f"{plural(count, kind)} ({why})"
        for (kind, why), count in groups.items()
    ]
    return ", ".join(said) or "nothing"


def bytes_per_turn(turns: int, budget: int) -> dict[int, tuple[int, int]]:
    """
    The bytes that each turn of a run tells the model: everything, and a slice.

    Each turn of it leaves three facts and an artifact behind.

    Args:
        turns: How long the run is, from 2.

        budget: The bytes of the slice.
    """
    if not 2 <= turns <= MAX_TURNS:
        raise InvalidValue("turns", f"a number from 2 to {MAX_TURNS}, not {turns!r}")
    state = AgentState(
        goal="Move the shop, host by host.",
        budget=Budget(max_artifact_bytes_in_context=EVERYTHING),
    )
    measured = {}
    for turn in range(1, turns + 1):
        state = _after(state, turn)
        whole = filter_relevant_state(state, "", EVERYTHING).size
        measured[turn] = (whole, filter_relevant_state(state, "", budget).size)
    return measured


def _after(state: AgentState, turn: int) -> AgentState:
    """*state* after one more turn."""
    host = f"web-{turn:04}"
    facts = [
        Fact(key=f"{name}:{host}", value=value, source="check_status")
        for name, value in (("moved", True), ("health", "ok"), ("release", "4.2"))
    ]
    log = Artifact(
        artifact_id=f"log_{turn:04}",
        type="tool_result.logs",
        summary=f"start of {host}",
        bytes=48_231,
    )
    return state.model_copy(
        update={
            "known_facts": (*state.known_facts, *facts),
            "artifacts": (*state.artifacts, log),
        }
    )


def what_does_a_turn_send(measured: Mapping[int, tuple[int, int]]) -> None:
    """
    Draw what each turn tells the model, with and without a budget.

    Args:
        measured: From `bytes_per_turn`.
    """
    last = max(measured)
    whole, some = measured[last]
    window = int(WINDOWS[SMALL_MODEL]) * BYTES_PER_TOKEN
    over = next((turn for turn, (size, _) in measured.items() if size > window), None)
    sums = [sum(pair[which] for pair in measured.values()) for which in (0, 1)]
    passed = f", and passes the model's limit in turn {over}" if over else ""
    number = (
        f"turn {last:,} tells {whole:,} bytes, or {some:,} with a budget;"
        f" all turns together {sums[0]:,}, or {sums[1]:,}, a factor of"
        f" {sums[0] / sums[1]:.1f}"
    )
    turns = sorted(measured)
    fig, axes = lines(
        turns,
        ("everything", [measured[turn][0] for turn in turns]),
        ("a slice", [measured[turn][1] for turn in turns]),
        x="turn",
        y="bytes told in this turn",
    )
    axes.axhline(window, color=NEUTRAL, linewidth=1.2, linestyle=":")
    axes.text(turns[0], window, "the small model's limit", va="bottom", color=NEUTRAL)
    axes.set_ylim(top=max(*map(max, measured.values()), window) * 1.12)
    axes.yaxis.set_major_formatter("{x:,.0f}")
    figure(
        fig,
        alt=(
            "Two lines over the turns of a run, in bytes told in that turn. The one"
            f" that tells everything rises steadily{passed}. The one with a budget"
            f" rises to it and stays there: {number}."
        ),
        number=number,
    )
