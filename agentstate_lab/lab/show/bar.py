"""
A progress bar that is fed with the events of an agent.

In a terminal the bar stays in its line and the events scroll above it; into a file,
and into anything else that is no terminal, only the events go, line by line. In a
notebook it is one output that is updated in place, so what is stored is the end.

It shows what the events say and knows nothing of the run: after a crash, the next
run's first event says how far the last one came.
"""

import html
import sys
from dataclasses import dataclass, field
from typing import Any, TextIO

from agentstate_lab.agent import AgentEvent

WIDTH = 24


def bar_text(done: int, total: int) -> str:
    """
    The bar as text.

    >>> bar_text(3, 12)
    '[######..................] 3 of 12 steps'
    """
    share = min(1.0, done / total) if total > 0 else 0.0
    full = round(share * WIDTH)
    return f"[{'#' * full}{'.' * (WIDTH - full)}] {done} of {total} steps"


@dataclass
class TerminalBar:
    """
    Events as lines, with a bar under them where there is a terminal.

    Attributes:
        total: How many steps the job has.

        out: Where to write.

        says_end: Whether the end is a line, too, or somebody else tells it.
    """

    total: int
    out: TextIO = field(default_factory=lambda: sys.stdout)
    says_end: bool = True

    def __call__(self, event: AgentEvent) -> None:
        """Show one event. What the model wants, the line of the step will say."""
        if event.kind == "asked":
            return
        live = self.out.isatty()
        clear = "\r\x1b[K" if live else ""
        text = event.text if event.text.isprintable() else repr(event.text)[1:-1]
        told = self.says_end or event.kind != "ended"
        self.out.write(f"{clear}  {text}\n" if told else clear)
        if live and event.kind not in ("ended", "waiting"):
            self.out.write(bar_text(event.done, self.total))
        self.out.flush()


@dataclass
class NotebookBar:
    """
    One output that is updated in place: the bar, and the last event under it.

    Attributes:
        total: How many steps the job has.
    """

    total: int
    _shown: Any = None

    def __call__(self, event: AgentEvent) -> None:
        """Show one event."""
        from IPython.display import display

        said = f"{bar_text(event.done, self.total)}\n{event.text}"
        bundle = {"text/plain": said, "text/html": _html(event, self.total)}
        if self._shown is None:
            self._shown = display(bundle, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._shown.update(bundle, raw=True)


def _html(event: AgentEvent, total: int) -> str:
    """The bar for a browser and for a screen reader."""
    said = html.escape(event.text)
    label = f"{event.done} of {total} steps"
    return (
        f'<div><progress value="{event.done}" max="{total}" aria-label="{label}"'
        f' style="width:20em"></progress> {label}<br>{said}</div>'
    )
