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
    A figure with what it says.

    Attributes:
        fig: The figure.

        alt: What a reader who cannot see it should know, in a sentence.

        number: The number that the picture is about, in words; printed under it.

    Raises:
        InvalidValue: One of the texts is missing.
    """

    fig: "Figure"
    alt: str
    number: str

    def __post_init__(self) -> None:
        for name in ("alt", "number"):
            text = getattr(self, name)
            if not isinstance(text, str) or not text.strip():
                raise InvalidValue(name, "a figure needs a text for it")

    def __str__(self) -> str:
        return f"{self.alt}\n{self.number}"

    def html(self) -> str:
        """The figure as one piece of HTML, with its description and its number."""
        return self._html(self._data())

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, str]:
        data = self._data()  # drawn once for both
        words = {"text/plain": str(self), "text/html": self._html(data)}
        return {**words, "image/png": data}

    def _data(self) -> str:
        return base64.b64encode(png(self.fig)).decode()

    def _html(self, data: str) -> str:
        return (
            f'<figure style="margin:0"><img alt="{html.escape(self.alt)}"'
            f' src="data:image/png;base64,{data}" style="max-width:100%">'
            f"<figcaption>{html.escape(self.number)}</figcaption></figure>"
        )


def figure(fig: "Figure", *, alt: str, number: str, live: Any = None) -> None:
    """
    Show *fig* with its words, or a widget in its place as long as the kernel lives.

    Raises:
        InvalidValue: One of the texts is missing.
    """
    publish(Picture(fig, alt, number), live)


def png(fig: "Figure") -> bytes:
    """The figure as PNG, without the date and the version of the program."""
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    return buffer.getvalue()
