"""
What a storm costs, drawn: calls and time over the number of clients.

The figures come from `storm`; nothing is simulated here. A storm that was not over
when nobody looked on any more is drawn hollow, at the top of its panel.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.show import EXTRA, GOOD, HARM, INK, NEUTRAL, canvas, figure

from .storm import TEN_MINUTES, Storm

# Brightness, dash and marker say the same as the colour.
LOOKS = (
    {"color": INK, "linestyle": ":", "marker": "v"},
    {"color": HARM, "linestyle": "--", "marker": "s"},
    {"color": EXTRA, "linestyle": "-", "marker": "D"},
    {"color": NEUTRAL, "linestyle": "-", "marker": "^"},
    {"color": GOOD, "linestyle": "-", "marker": "o"},
)


def what_does_a_storm_cost(measured: Mapping[str, Sequence[Storm]]) -> None:
    """
    Draw calls and time of each strategy's storms.

    Args:
        measured: The storms by strategy, each with the same numbers of clients.

    Raises:
        InvalidValue: There is nothing to compare, or there are too many.
    """
    sizes = {tuple(one.clients for one in storms) for storms in measured.values()}
    if len(sizes) != 1 or not all(sizes) or len(measured) > len(LOOKS):
        raise InvalidValue(
            "measured",
            f"1 to {len(LOOKS)} strategies with the same clients are needed",
        )
    ends = {name: storms[-1] for name, storms in measured.items()}
    costs = {name: (f"{one.calls:,} calls", _time(one)) for name, one in ends.items()}
    longest = max(ends, key=lambda name: (ends[name].seconds, ends[name].calls))
    quickest = min(ends, key=lambda name: ends[name].seconds)
    most = ends[longest].clients
    said = "; ".join(f"{name} {', '.join(cost)}" for name, cost in costs.items())
    figure(
        _drawn(measured),
        alt=(
            "Two panels over the number of clients, all axes in powers: on the left the"
            " calls, on the right the seconds until the last client is answered. With"
            f" {most} clients, {longest} is at the top with"
            f" {' and '.join(costs[longest])}, {quickest} at the bottom of the right"
            f" panel with {' and '.join(costs[quickest])}."
        ),
        number=f"{most} clients: {said}",
    )


def _time(one: Storm) -> str:
    return f"{one.seconds:.0f} s" if one.over else f"not over after {one.seconds:.0f} s"


def _drawn(measured: Mapping[str, Sequence[Storm]]) -> Any:
    """Both panels, with one legend."""
    fig, axes = canvas(9.0, 3.9)
    axes.remove()
    calls, seconds = fig.subplots(1, 2)
    for look, (name, storms) in zip(LOOKS, measured.items(), strict=False):
        sizes = [one.clients for one in storms]
        calls.loglog(sizes, [one.calls for one in storms], label=name, **look)
        seconds.loglog(sizes, [one.seconds for one in storms], **look)
        for one in storms:
            if not one.over:
                hollow = {**look, "markerfacecolor": "white", "zorder": 5}
                seconds.plot([one.clients], [one.seconds], **hollow)
    for panel, title in ((calls, "calls"), (seconds, "seconds until all are answered")):
        panel.set_title(title)
        panel.set_xlabel("clients")
        panel.set_xticks(sizes, [str(size) for size in sizes])
        panel.minorticks_off()
    seconds.axhline(TEN_MINUTES, color=INK, linewidth=0.8)
    seconds.text(sizes[0], TEN_MINUTES * 1.1, "hollow: not over after ten minutes")
    seconds.set_ylim(top=TEN_MINUTES * 2)
    fig.legend(loc="outside lower center", ncols=len(measured))
    return fig
