"""
Figures that can be read in any theme, by anyone, and that are the same every time.

A figure in this course answers a question, so it never comes without two things:
its number, printed below it, and a description in words for whoever cannot see it.
The picture has a background of its own, so that it reads in a light and in a dark
theme alike, and its bytes depend on nothing but what was drawn: no date, no
version, no size of a window.

This module draws nothing itself. Each picture of the course is a function named
for the question that it answers, and hands its figure to `figure`.
"""

import base64
import io
from html import escape
from typing import Any

BACKGROUND = "#f6f5f1"
DPI = 96

_STYLE: dict[str, Any] = {
    "figure.facecolor": BACKGROUND,
    "axes.facecolor": BACKGROUND,
    "savefig.facecolor": BACKGROUND,
    "font.family": "DejaVu Sans",  # comes with matplotlib, so it is everywhere
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.edgecolor": "#6b6f76",
    "axes.labelcolor": "#1f2430",
    "text.color": "#1f2430",
    "xtick.color": "#1f2430",
    "ytick.color": "#1f2430",
}


def use_style() -> None:
    """Give all figures of this process the look of the course."""
    from matplotlib import style

    style.use(_STYLE)


def figure(fig: Any, *, alt: str, number: str) -> None:
    """
    Show *fig* with its description, and print its number below it.

    Args:
        fig: A matplotlib figure. It is closed: it has been shown.

        alt: What is to be seen, in words, for screen readers and text outputs.

        number: What the figure says, as one sentence with the number in it.
    """
    from IPython.display import display
    from matplotlib import pyplot as plt

    image = base64.b64encode(png(fig)).decode()
    plt.close(fig)
    data = {
        "text/plain": f"[figure] {alt}",
        "text/html": (
            f'<img alt="{escape(alt, quote=True)}" style="max-width:100%;"'
            f' src="data:image/png;base64,{image}">'
        ),
        "image/png": image,
    }
    display(data, raw=True)  # type: ignore[no-untyped-call]
    print(number)


def png(fig: Any) -> bytes:
    """The picture of *fig*: the same figure gives the same bytes."""
    target = io.BytesIO()
    # The name of the software and its version would change with every upgrade.
    fig.savefig(target, format="png", dpi=DPI, metadata={"Software": None})
    return target.getvalue()
