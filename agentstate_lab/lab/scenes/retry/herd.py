"""
Who calls when: the attempts of some clients that failed together, on one time line.

Each client is a row, each attempt a dot. Waits without jitter put the dots of all
clients into columns: a herd. The waits are drawn by the package's own `RetryPolicy`;
no call is made, and each client fails as often as it may.

In a live notebook the picture has controls. What is stored is the picture that they
begin with.
"""

import random
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from agentstate_lab.lab.show import GOOD, Picture, canvas, explorer, picture, publish
from agentstate_lab.retry import JITTERS, Jitter, RetryPolicy

CLIENTS = 12
TOGETHER = 0.1  # seconds


def attempts(policy: RetryPolicy) -> list[tuple[float, ...]]:
    """
    For each client the times of its attempts, if all fail, in seconds from the first.

    >>> attempts(RetryPolicy(max_attempts=3, jitter="none"))[0]
    (0.0, 1.0, 3.0)
    """
    chances = (random.Random(f"1/{client}") for client in range(CLIENTS))
    return [(0.0, *accumulate(policy.waits(chance))) for chance in chances]


def busiest(rows: Sequence[Sequence[float]]) -> int:
    """The most clients that call again within a tenth of a second."""
    again = [(at, n) for n, row in enumerate(rows) for at in row[1:]]
    groups = (
        {n for at, n in again if start <= at < start + TOGETHER} for start, _ in again
    )
    return max(map(len, groups), default=0)


def who_calls_when(
    *,
    max_attempts: int = 5,
    wait_initial: float = 1.0,
    wait_max: float = 10.0,
    jitter: Jitter = "full",
) -> None:
    """
    Draw who calls when, with controls for the four numbers of a policy.

    Args:
        max_attempts: Of each client.

        wait_initial: The ceiling of the first wait, in seconds.

        wait_max: The cap, in seconds.

        jitter: Where below its ceiling a wait lies.
    """
    policy = RetryPolicy(
        max_attempts=max_attempts,
        wait_initial=wait_initial,
        wait_max=wait_max,
        jitter=jitter,
    )
    publish(_shown(policy), explored(policy))


def _shown(policy: RetryPolicy) -> Picture:
    """Who calls when under *policy*."""
    rows = attempts(policy)
    said = (
        f"of {CLIENTS} clients, up to {busiest(rows)} call again within the same tenth"
        f" of a second; the last attempt is made after {max(map(max, rows)):.1f} s"
    )
    return picture(
        _drawn(rows),
        alt=(
            "A row of dots for each client and a dot for each attempt, over seconds."
            f" All begin together; {said}."
        ),
        number=said,
    )


def explored(policy: RetryPolicy) -> Any:
    """The controls, set to *policy*, and under them the picture that they draw."""
    import ipywidgets as widgets

    def draw(attempts: int, initial: float, cap: float, jitter: Jitter) -> str:
        return _shown(
            RetryPolicy(
                max_attempts=attempts,
                wait_initial=initial,
                wait_max=max(initial, cap),
                jitter=jitter,
            )
        ).html()

    controls = {
        "attempts": widgets.IntSlider(policy.max_attempts, 2, 8),
        "first, s": widgets.FloatSlider(policy.wait_initial, min=0.1, max=5, step=0.1),
        "cap, s": widgets.FloatSlider(policy.cap, min=1, max=60, step=1),
        "jitter": widgets.Dropdown(options=JITTERS, value=policy.jitter),
    }
    return explorer(controls, draw)


def _drawn(rows: Sequence[Sequence[float]]) -> Any:
    """The rows of dots."""
    fig, axes = canvas(8.4, 3.2)
    for client, row in enumerate(rows):
        axes.plot(row, [client] * len(row), "o", color=GOOD, markersize=6)
    axes.set_xlabel("seconds since all of them called together")
    axes.set_ylabel("client")
    axes.set_yticks([])
    axes.set_xlim(left=-0.2)
    axes.invert_yaxis()
    return fig
