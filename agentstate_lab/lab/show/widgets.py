"""
Widgets, in one form: controls, and below them what they choose.

A widget lives in the kernel. In a stored notebook, on a page for reading and in a
notebook that nobody has run, it is dead, so each one is published with a static twin
that says the same: a table or a picture, in the same output. The freeze command
stores only the twin.

The texts of a `slider` are worked out before it is shown. One that computes while it
is moved would show what no stored output can, and could fail in the reader's hand.
"""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from agentstate_lab.errors import InvalidValue

from .shown import Shown, publish

_STYLE = (
    "white-space:pre-wrap;margin:.4em 0;color:var(--jp-content-font-color1,inherit)"
)


def slider(name: str, texts: Mapping[str, str], *, twin: Shown) -> None:
    """
    Show a slider over *texts*, or *twin* where no widget runs.

    Args:
        name: What is chosen, for example "budget".

        texts: What there is to see, from left to right, by what the slider says there.

        twin: The same, to be stored.

    Raises:
        InvalidValue: There is nothing to choose from.
    """
    if len(texts) < 2:
        raise InvalidValue("texts", f"a slider needs two at least, not {len(texts)}")
    shown = list(texts.values())
    controls = {name: stops(list(texts))}
    publish(twin, explorer(controls, lambda place: preformatted(shown[place])))


def stops(labels: Sequence[str]) -> Any:
    """A slider that stands at one of *labels*; its value is which, from 0."""
    import ipywidgets as widgets

    options = [(label, place) for place, label in enumerate(labels)]
    return widgets.SelectionSlider(options=options, value=0, layout={"width": "30em"})


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
    return f'<pre style="{_STYLE}">{escape(text)}</pre>'
