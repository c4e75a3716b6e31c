"""
The window of notebook 03: the moments between an intent and its result.

`what_happens_in_the_window` kills agents at each moment of one step, runs each
again, and draws what the world counted. The step is `clean-logs` of the job `disk`:
one effect, and small enough to be killed thirty times while somebody watches.

The picture compares choices about an unknown outcome, so everything else in the
agents is the same. Nothing is drawn that was not counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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


@dataclass(frozen=True, slots=True)
class Window:
    """
    What was counted for each agent at each moment of the step.

    Attributes:
        rows: By the name of the agent, then by the label of the moment. A moment
            that the agent does not have (it records no intent) is missing.
    """

    rows: Mapping[str, Mapping[str, Row]]

    def word(self, agent: str, moment: str) -> str:
        """What became of it: "once", "waits", "twice", or nothing."""
        row = self.rows[agent].get(moment)
        if row is None:
            return ""
        if row.waits:
            return "waits"
        return times(row.effects.get(STEP, 0))

    def counts(self, agent: str) -> dict[str, int]:
        """How many moments ended in which way."""
        words = [self.word(agent, label) for _, _, label in MOMENTS]
        return {w: words.count(w) for w in dict.fromkeys(filter(None, words))}

    @property
    def verdict(self) -> str:
        """Each agent with its counts."""
        return "; ".join(
            f"{agent}: {', '.join(f'{n} x {w}' for w, n in self.counts(agent).items())}"
            for agent in self.rows
        )


def window_of(agents: Mapping[str, Agent]) -> Window:
    """
    Kill each agent at each moment of the step, run it again, and count.

    Args:
        agents: By the name that the picture gives them.

    Raises:
        InvalidValue: There is none, or one never reaches the step.
    """
    if not agents:
        raise InvalidValue("agents", "at least one is needed")
    return Window({name: _killed(name, agent) for name, agent in agents.items()})


def what_happens_in_the_window(window: Window) -> None:
    """Draw what a crash at each moment of the step leads to, agent by agent."""
    lines = [
        ", ".join(
            f"{label.replace(chr(10), ' ')} {word}"
            for _, _, label in MOMENTS
            if (word := window.word(agent, label))
        )
        for agent in window.rows
    ]
    said = "; ".join(f"{a}: {t}" for a, t in zip(window.rows, lines, strict=True))
    figure(
        _drawn(window),
        alt=f"Agents as rows, moments of one step as columns. {said}.",
        number=window.verdict,
    )


def _killed(name: str, agent: Agent) -> dict[str, Row]:
    """One agent, killed at each of its moments."""
    with Rig(agent, "disk", "json") as rig:
        reached = rig.rehearse()
        places = {
            label: point
            for when, what, label in MOMENTS
            for point, named in reached.items()
            if point.startswith(f"{when}:") and named == what
        }
        if not places:
            raise InvalidValue("agents", f"{name!r} never reaches the step {STEP}")
        return {label: rig.row(point, STEP) for label, point in places.items()}


def _drawn(window: Window) -> Any:
    """A grid of words; the colour repeats them."""
    labels = [label for _, _, label in MOMENTS]
    rows = [
        (agent, *(_cell(window.word(agent, label)) for label in labels))
        for agent in window.rows
    ]
    return grid(labels, rows, width=9.2)


def _cell(word: str) -> str:
    return Cell(word, tone=TONES.get(word, "harm"))
