"""
Widgets, and what stands there where no widget runs.

A widget lives in the kernel. In a stored notebook, on a page for reading and in a
notebook that nobody has run, it is dead, so each widget comes with a static twin: a
table with the same content in the same output. The notebook shows the widget when
it is alive and the twin when it is not; the freeze command stores only the twin.

The views are worked out before they are shown. A slider that computes while it is
moved would show what no stored output can, and could fail in the reader's hand.
"""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from agentstate_lab.errors import InvalidValue

from .show import Table

_STYLE = (
    "white-space:pre-wrap;margin:.4em 0;color:var(--jp-content-font-color1,inherit)"
)


class Twin(Protocol):
    """What stands where no widget runs: words, and the same for a page."""

    def __str__(self) -> str: ...

    def _repr_html_(self) -> str: ...


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
    publish(slider_box(name, views, start=start), twin)


def publish(widget: Any, twin: Twin) -> None:
    """Show *widget*, or *twin* where no widget runs, in one output."""
    from IPython.display import display

    bundle = dict(widget._repr_mimebundle_())
    bundle["text/plain"] = str(twin)
    bundle["text/html"] = twin._repr_html_()
    display(bundle, raw=True)  # type: ignore[no-untyped-call]


def slider_box(name: str, views: Sequence[View], *, start: int = 0) -> Any:
    """The slider with the view below it, as a widget of ipywidgets."""
    import ipywidgets as widgets

    if len(views) < 2 or not 0 <= start < len(views):
        raise InvalidValue(
            "views",
            f"a slider needs two views at least and begins at one of them; there are"
            f" {len(views)}, and it was to begin at {start}",
        )
    chosen = widgets.SelectionSlider(
        options=[(view.label, place) for place, view in enumerate(views)],
        value=start,
        description=name,
        continuous_update=True,
        style={"description_width": "initial"},
        layout={"width": "30em"},
    )
    shown = widgets.HTML(_html(views[start]))

    def show(change: dict[str, Any]) -> None:
        shown.value = _html(views[change["new"]])

    chosen.observe(show, names="value")
    return widgets.VBox([chosen, shown])


def _html(view: View) -> str:
    return f'<pre style="{_STYLE}">{html.escape(view.text)}</pre>'
