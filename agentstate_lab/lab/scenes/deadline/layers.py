"""
Who was given how much time, and who still worked when nobody waited any more.

A request goes down through layers: a caller waits for the agent, the agent for the
model, a tool for its service. `Layers.work` plays one piece of work under a timeout,
on a clock that costs nothing, and writes down what it was given and what it took.
`who_runs_out_first` draws these notes, so the picture cannot say anything that did
not happen.

The seconds are those of the story. Nothing here waits, and nothing here knows what
a deadline is: whoever calls says how long a layer may take.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.clock import FakeClock
from agentstate_lab.lab.show import FAINT, GOOD, HARM, INK, NEUTRAL, canvas, figure
from agentstate_lab.retry import check_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEAST, MOST = 0.001, 1_000_000.0  # seconds that can be told in a story


@dataclass(frozen=True, slots=True)
class Share:
    """
    One piece of work in one layer.

    Attributes:
        who: What was done.

        start: When it began.

        allowed: The timeout that it was given, in seconds.

        used: The seconds that it took.
    """

    who: str
    start: float
    allowed: float
    used: float

    @property
    def end(self) -> float:
        """When it came back."""
        return self.start + self.used


class Layers:
    """
    A request on its way down, and how long its caller waits for it.

    Args:
        patience: Seconds after which the caller is gone.

    Attributes:
        clock: The virtual time; pass it to whatever needs a clock.

        shares: What was done, in order.

    >>> layers = Layers(patience=30)
    >>> layers.work("ask the model", 20, timeout=30)
    >>> layers.work("look", 20, timeout=30)
    >>> layers.clock(), layers.late
    (40.0, 10.0)
    """

    def __init__(self, patience: float) -> None:
        check_number("patience", patience, LEAST, MOST)
        self.patience = float(patience)
        self.clock = FakeClock()
        self.shares: list[Share] = []

    def work(self, who: str, seconds: float, timeout: float) -> None:
        """
        Do something that takes *seconds*, if the *timeout* allows it.

        Raises:
            TimeoutError: It does not; the whole timeout has passed.
        """
        for name, number in (("seconds", seconds), ("timeout", timeout)):
            check_number(name, number, LEAST, MOST)
        share = Share(who, self.clock(), timeout, min(seconds, timeout))
        self.shares.append(share)
        self.clock.advance(share.used)
        if seconds > timeout:
            raise TimeoutError(f"{who}: not done after {timeout:g} s")

    @property
    def end(self) -> float:
        """When the last work ended."""
        return max((share.end for share in self.shares), default=0.0)

    @property
    def late(self) -> float:
        """For how long there was work that nobody waited for any more."""
        return max(0.0, self.end - self.patience)

    @property
    def verdict(self) -> str:
        """What became of the request, in words."""
        if self.late:
            return f"work goes on for {self.late:g} s after the caller has gone"
        return f"work ends at {self.end:g} s, while the caller still waits"


def who_runs_out_first(stories: Mapping[str, Layers]) -> None:
    """
    Draw what each layer was given and what it took, one story below the other.

    Raises:
        InvalidValue: There is no story.
    """
    if not stories:
        raise InvalidValue("stories", "at least one is needed")
    told = []
    for name, one in stories.items():
        parts = [
            f"{share.who} starts at {share.start:g} s, is given {share.allowed:g} s"
            f" and takes {share.used:g} s"
            for share in one.shares
        ]
        told.append(f"{name}: the caller waits {one.patience:g} s; {', '.join(parts)}")
    figure(
        _drawn(stories),
        alt=f"Bars over time, one row for each layer. {'. '.join(told)}.",
        number="; ".join(f"{name}: {one.verdict}" for name, one in stories.items()),
    )


def _drawn(stories: Mapping[str, Layers]) -> Any:
    """The caller's patience, and below it a row for each layer of any story."""
    names = list(
        dict.fromkeys(share.who for one in stories.values() for share in one.shares)
    )
    height = len(names) + 2.2
    fig, axes = canvas(8.2, 0.36 * height * len(stories) + 0.7)
    ticks: dict[float, str] = {}
    for number, (name, one) in enumerate(stories.items()):
        top = number * height
        axes.text(0, top - 0.8, name, fontweight="bold", va="center")
        axes.barh(top, one.patience, color=NEUTRAL, height=0.5)
        ticks[top] = "the caller waits"
        for row, who in enumerate(names, start=1):
            ticks[top + row] = who
            _draw_row(axes, top + row, one, who)
        ends = [top - 0.4, top + len(names) + 0.4]
        axes.plot([one.patience] * 2, ends, color=INK, linestyle="--", linewidth=1.2)
    axes.set_yticks(list(ticks), list(ticks.values()))
    axes.set_ylim(height * len(stories) - 1.4, -1.3)
    axes.set_xlabel("seconds   (pale: given, blue: at work, orange: for nobody)")
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    return fig


def _draw_row(axes: "Axes", row: float, one: Layers, who: str) -> None:
    """What one layer was given (pale) and took (dark; orange: for nobody)."""
    mine = [share for share in one.shares if share.who == who]
    for share in mine:
        axes.barh(row, share.allowed, left=share.start, color=FAINT, height=0.7)
        awaited = max(0.0, min(share.used, one.patience - share.start))
        axes.barh(row, awaited, left=share.start, color=GOOD, height=0.5)
        orphaned = share.used - awaited
        axes.barh(row, orphaned, left=share.start + awaited, color=HARM, height=0.5)
        said = f"given {share.allowed:g} s, took {share.used:g} s"
        clear = max(share.start + share.allowed, one.patience) + 0.6
        axes.text(clear, row, said, va="center", fontsize=8)
    if not mine:
        axes.text(0.6, row, "not started", va="center", fontsize=8)
