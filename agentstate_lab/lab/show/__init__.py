"""
How a result is shown: tables, pictures, widgets with a static twin, progress bars.
"""

from agentstate_lab.extras import need

need("lab", "matplotlib")

from .charts import grid, lines, name_rows, span
from .counts import Counted, counted, steps
from .listing import listing
from .plots import (
    EXTRA,
    FAINT,
    GOOD,
    HARM,
    INK,
    NEUTRAL,
    Picture,
    canvas,
    figure,
    picture,
)
from .progress import NotebookBar, progress
from .shown import Shown, publish
from .table import Cell, Row, Table, Tabled, Tone, markdown
from .terminal import with_bar, with_options
from .widgets import explorer, preformatted, slider, stops
from .words import listed, outcome, plural, times

__all__ = [
    "EXTRA",
    "FAINT",
    "GOOD",
    "HARM",
    "INK",
    "NEUTRAL",
    "Cell",
    "Counted",
    "NotebookBar",
    "Picture",
    "Row",
    "Shown",
    "Table",
    "Tabled",
    "Tone",
    "canvas",
    "counted",
    "explorer",
    "figure",
    "grid",
    "lines",
    "listed",
    "listing",
    "markdown",
    "name_rows",
    "outcome",
    "picture",
    "plural",
    "preformatted",
    "progress",
    "publish",
    "slider",
    "span",
    "steps",
    "stops",
    "times",
    "with_bar",
    "with_options",
]
