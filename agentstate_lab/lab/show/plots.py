"""
Pictures that answer a question, in one style, with their number in words.

`figure` shows a matplotlib figure together with what it says: a text for those who
cannot see it, and its number printed under it. The picture is opaque and light, so
that it reads in a dark theme too, and the same data give the same bytes.

The colours differ in brightness and are safe for colour-blind readers (after Okabe
and Ito, "Color Universal Design"). A plot must not rely on them alone.
"""

import base64
import html
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agentstate_lab.errors import InvalidValue

from .shown import Shown, publish

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAPER = "#fbfaf7"
INK = "#26323a"
FAINT = "#d9d6cf"
GOOD = "#0072b2"
HARM = "#d55e00"
NEUTRAL = "#7f7f7f"
EXTRA = "#e69f00"

DPI = 110

STYLE: Any = {
    "figure.facecolor": PAPER,
    "axes.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same everywhere
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "lines.linewidth": 2.0,
    "lines.markersize": 5,
}


def canvas(width: float = 7.2, height: float = 3.2) -> "tuple[Figure, Axes]":
    """
    A figure with one pair of axes in the course's style.

    It does not come from `pyplot`, so a notebook shows it once, when `figure` does.

    Args:
        width: Inches from left to right.

        height: Inches from top to bottom.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.rcParams.update(STYLE)  # for what is drawn into it later, too
    made = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    return made, made.subplots()


@dataclass(frozen=True, slots=True, repr=False)
class Picture(Shown):
    """
    A picture with what it says.

    Attributes:
        data: The PNG, as Base64.

        alt: What a reader who cannot see it should know, in a sentence.

        number: The number that the picture is about, in words; printed under it.
    """

    data: str
    alt: str
    number: str

    def __str__(self) -> str:
        return f"{self.alt}\n{self.number}"

    def html(self) -> str:
        """The picture as one piece of HTML, with its description and its number."""
        return (
            f'<figure style="margin:0"><img alt="{html.escape(self.alt)}"'
            f' src="data:image/png;base64,{self.data}" style="max-width:100%">'
            f"<figcaption>{html.escape(self.number)}</figcaption></figure>"
        )

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, str]:
        return {**Shown._repr_mimebundle_(self), "image/png": self.data}


def picture(fig: "Figure", *, alt: str, number: str) -> Picture:
    """
    *fig* with its words.

    Raises:
        InvalidValue: One of the texts is missing.
    """
    for name, text in (("alt", alt), ("number", number)):
        if not isinstance(text, str) or not text.strip():
            raise InvalidValue(name, "a figure needs a text for it")
    png = io.BytesIO()
    # Without the version of the program, the same data are the same bytes.
    fig.savefig(png, format="png", dpi=DPI, metadata={"Software": None})
    return Picture(base64.b64encode(png.getvalue()).decode(), alt, number)


def figure(fig: "Figure", *, alt: str, number: str) -> None:
    """Show *fig* with its words, as `picture` makes it."""
    publish(picture(fig, alt=alt, number=number))
