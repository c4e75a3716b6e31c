"""
What a notebook shows, and what stands there where it cannot.

Everything that is shown has two forms that say the same: text, for terminals, logs
and whoever compares stored outputs, and HTML. A widget has neither, since it lives in
the kernel: so it is published together with a twin that has both.
"""

from typing import Any


class Shown:
    """What has words, its `str`, and the same as HTML."""

    __slots__ = ()

    def html(self) -> str:
        """The same for a page."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return str(self)

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, str]:
        return {"text/plain": str(self), "text/html": self.html()}


def publish(twin: Shown, live: Any = None) -> None:
    """
    Show *twin*, or a widget in its place as long as the kernel lives, in one output.

    Args:
        twin: What is stored.

        live: The widget.
    """
    from IPython.display import display

    widget = {} if live is None else live._repr_mimebundle_()
    shown = {**widget, **twin._repr_mimebundle_()}
    display(shown, raw=True)  # type: ignore[no-untyped-call]
