"""
What a death costs, shown: a picture for all deaths, and a widget for each of them.

- `what_does_a_death_cost` draws writes against effects that happen again;
- `what_is_lost` lets the reader choose an agent and a step, and shows the ledger of
  that death.

Both show what `lost_work` has counted, and nothing else.
"""

from typing import Any

from agentstate_lab.lab.show import (
    GOOD,
    HARM,
    Table,
    canvas,
    explorer,
    figure,
    preformatted,
    publish,
    stops,
)

from .lost_work import LostWork


def what_does_a_death_cost(lost: LostWork) -> None:
    """Draw, for each agent, its writes and the effects that a death repeats."""
    said = [
        f"{agent}: {lost.writes[agent]} writes, {lost.mean(agent):.1f} effects again,"
        f" {lost.worst(agent)} at worst"
        for agent in lost.writes
    ]
    number = "; ".join(said)
    fig, axes = canvas(7.2, 3.6)
    for agent, writes in lost.writes.items():
        mean, worst = lost.mean(agent), lost.worst(agent)
        color = HARM if worst else GOOD
        axes.plot([writes, writes], [mean, worst], "_-", color=color, linewidth=1.2)
        axes.plot(writes, mean, "o", color=color, markersize=8, clip_on=False)
        axes.annotate(agent, (writes, mean), (9, 4), textcoords="offset points")
    axes.set_xlim(0, max(lost.writes.values()) * 1.3)
    axes.set_ylim(0, max(map(lost.worst, lost.writes)) * 1.1)
    axes.set_xlabel("writes to the store in one run")
    axes.set_ylabel("effects again, mean to worst")
    figure(
        fig,
        alt=(
            "One point for each agent: to the right the writes of one run, upwards the"
            f" effects that a death repeats, from the mean to the worst. {number}."
        ),
        number=number,
    )


def what_is_lost(lost: LostWork) -> None:
    """Let the reader choose an agent and where it dies, or show it all as a table."""
    rows = [
        (step, *(_words(len(again[step])) for again in lost.again.values()))
        for step in lost.steps
    ]
    twin = Table(
        "Effects that happen again, by where it was killed and what it had saved",
        ("killed after", *lost.again),
        tuple(rows),
    )
    publish(twin, lost_box(lost))


def _words(count: int) -> str:
    return f"{count} again" if count else "none"


def lost_box(lost: LostWork) -> Any:
    """The widget: a choice of agents, and a slider over deaths."""
    import ipywidgets as widgets

    def draw(agent: str, death: int) -> str:
        return preformatted(_ledger(lost, agent, lost.steps[death]))

    agents = widgets.Dropdown(options=list(lost.again))
    return explorer({"saves": agents, "after": stops(lost.steps)}, draw)


def _ledger(lost: LostWork, agent: str, killed: str) -> str:
    """One line for each effect, twice those that happened again."""
    again = lost.again[agent][killed]
    lines = [
        f"{step:<16} {'twice' if step in again else 'once'}"
        + ("  <- killed here" if step == killed else "")
        for step in lost.steps
    ]
    return "\n".join([*lines, "", f"{_words(len(again))}, {agent}"])
