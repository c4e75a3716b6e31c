"""
The window of notebook 03: the moments between an intent and its result.

`what_happens_in_the_window` kills agents at each moment of one step, runs each
again, and draws what the world counted. The step is `clean-logs` of the job `disk`:
one effect, and small enough to be killed thirty times while somebody watches.

The picture compares choices about an unknown outcome, so everything else in the
agents is the same. Nothing is drawn that was not counted.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.crash import Agent, Rig, Row
from agentstate_lab.lab.show import Cell, Tone, figure, grid, times

STEP = "clean-logs"

# Where it is killed, told in the order in which it happens.
MOMENTS = (
    ("write.after", f"started:{STEP}", "intent\nrecorded"),
    ("effect.before", STEP, "about\nto send"),
    ("effect.inside", STEP, "done, reply\non its way"),
    ("effect.after", STEP, "reply\narrived"),
    ("write.before", f"done:{STEP}", "about to\nrecord"),
    ("write.inside", f"done:{STEP}", "half\nrecorded"),
    ("write.after", f"done:{STEP}", "result\nrecorded"),
)

TONES: dict[str, Tone] = {"once": "", "waits": "open"}


def window_of(agents: Mapping[str, Agent]) -> dict[str, list[str]]:
    """
    Kill each agent at each moment of the step, run it again, and count.

    Args:
        agents: By the name that the picture gives them.

    Returns:
        For each agent, what became of the step at each of `MOMENTS`: "once", "waits",
        "twice", or nothing for a moment that the agent does not have (it records no
        intent).

    Raises:
        InvalidValue: There is none, or one never reaches the step.
    """
    if not agents:
        raise InvalidValue("agents", "at least one is needed")
    return {name: _killed(name, agent) for name, agent in agents.items()}


def _killed(name: str, agent: Agent) -> list[str]:
    """What became of the step of one agent, killed at each of its moments."""
    with Rig(agent, "disk", "json") as rig:
        points = {
            (point.rpartition(":")[0], what): point
            for point, what in rig.rehearse().items()
        }
        reached = [points.get((when, what)) for when, what, _ in MOMENTS]
        if not any(reached):
            raise InvalidValue("agents", f"{name!r} never reaches the step {STEP}")
        return [_word(rig.row(point, STEP)) if point else "" for point in reached]


def _word(row: Row) -> str:
    """What a death led to, in a word."""
    return "waits" if row.waits else times(row.effects.get(STEP, 0))


def what_happens_in_the_window(window: Mapping[str, Sequence[str]]) -> None:
    """
    Draw what a crash at each moment of the step leads to, agent by agent.

    Args:
        window: From `window_of`.
    """
    labels = [label for _, _, label in MOMENTS]
    rows, told, counted = [], [], []
    for agent, words in window.items():
        rows.append((agent, *map(_cell, words)))
        moments = [f"{label} {word}" for label, word in zip(labels, words, strict=True)]
        said = [moment for moment, word in zip(moments, words, strict=True) if word]
        told.append(f"{agent}: {', '.join(said)}".replace("\n", " "))
        counts = Counter(filter(None, words)).items()
        counted.append(f"{agent}: {', '.join(f'{n} x {word}' for word, n in counts)}")
    figure(
        grid(labels, rows, width=9.2),
        alt=f"Agents as rows, moments of one step as columns. {'; '.join(told)}.",
        number="; ".join(counted),
    )


def _cell(word: str) -> str:
    """The word; its colour repeats it."""
    return Cell(word, tone=TONES.get(word, "harm"))
