"""
Widgets, and what stands there where no widget runs.

A widget lives in the kernel. In a stored notebook, on a page for reading and in a
notebook that nobody has run, it is dead, so each widget comes with a static twin: a
table or a picture with the same content, in the same output. The notebook shows the
widget when it is alive and the twin when it is not; the freeze command stores only
the twin.

`explorer` is the one form of a widget here: controls, and below them what they choose.
`slider` has one control, over views that are worked out before they are shown, so it
cannot fail in the reader's hand.
"""

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentstate_lab.errors import InvalidValue

from .shown import publish
from .table import Table

_STYLE = (
    "white-space:pre-wrap;margin:.4em 0;color:var(--jp-content-font-color1,inherit)"
)


@dataclass(frozen=True, slots=True)
class View:
    """
    What is shown at one place of a slider.

    Attributes:
        label: What the slider says there, for example "1,000 bytes".

        text: What stands below it, line by line.
    """

    label: str
    text: str


def slider(name: str, views: Sequence[View], *, twin: Table, start: int = 0) -> None:
    """
    Show a slider over *views*, or *twin* where no widget runs.

    Args:
        name: What is chosen, for example "budget".

        views: What there is to see, from left to right.

        twin: The same as a table.

        start: Where the slider stands at first, counted from 0.

    Raises:
        InvalidValue: There is nothing to choose from, or *start* is none of it.
    """
    publish(twin, slider_box(name, views, start=start))


def slider_box(name: str, views: Sequence[View], *, start: int = 0) -> Any:
    """The slider with the view below it, as a widget of ipywidgets."""
    if len(views) < 2 or not 0 <= start < len(views):
        raise InvalidValue(
            "views",
            f"a slider needs two views at least and begins at one of them; there are"
            f" {len(views)}, and it was to begin at {start}",
        )
    control = stops([view.label for view in views], start=start)
    return explorer({name: control}, lambda place: preformatted(views[place].text))


def stops(labels: Sequence[str], *, start: int = 0) -> Any:
    """A slider that stands at one of *labels*; its value is which, from 0."""
    import ipywidgets as widgets

    options = [(label, place) for place, label in enumerate(labels)]
    return widgets.SelectionSlider(
        options=options, value=start, layout={"width": "30em"}
    )


def explorer(controls: Mapping[str, Any], draw: Callable[..., str]) -> Any:
    """
    Controls, and below them what *draw* makes of their values.

    Args:
        controls: Widgets with a value, by the names that a reader sees.

        draw: Gets the values in this order, and returns HTML.
    """
    import ipywidgets as widgets

    shown = widgets.HTML()

    def show(change: object = None) -> None:
        shown.value = draw(*(control.value for control in controls.values()))

    for name, control in controls.items():
        control.description, control.style.description_width = name, "6em"
        control.observe(show, names="value")
    show()
    return widgets.VBox([*controls.values(), shown])


def preformatted(text: str) -> str:
    """*text* as HTML, line by line."""
    return f'<pre style="{_STYLE}">{html.escape(text)}</pre>'
