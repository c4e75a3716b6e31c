"""
How a result is shown: tables, pictures, widgets with a static twin, progress bars.
"""

from agentstate_lab.extras import need

need("lab", "matplotlib")

from .bar import NotebookBar
from .plots import EXTRA, FAINT, GOOD, HARM, INK, NEUTRAL, canvas, figure, html_figure
from .show import Counted, Table, compare, counted, steps
from .terminal import with_bar, with_options
from .widgets import View, publish, slider, slider_box
from .words import listed, outcome, plural, times

__all__ = [
    "EXTRA",
    "FAINT",
    "GOOD",
    "HARM",
    "INK",
    "NEUTRAL",
    "Counted",
    "NotebookBar",
    "Table",
    "View",
    "canvas",
    "compare",
    "counted",
    "figure",
    "html_figure",
    "listed",
    "outcome",
    "plural",
    "publish",
    "slider",
    "slider_box",
    "steps",
    "times",
    "with_bar",
    "with_options",
]
