"""
How far something is, for whoever watches: `tqdm` draws it.

    progress         a loop that takes minutes, as a crash matrix does: one line of a
                     terminal or one widget of a notebook, gone at the end
    `TerminalBar`    what an agent tells, with a bar under it
    `NotebookBar`    the same as one output that is updated in place

Into a file go the events alone, line by line. A notebook that is being frozen runs at
the pace 0, which says that nobody watches: then `progress` shows nothing, so that what
is stored is the same every time. `NotebookBar` is no widget, since what it said last
has to be there still when its kernel is gone.

All of it shows what it is told and knows nothing of the run: after a crash, the next
run's first event says how far the last one came.
"""

import html
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TextIO, TypeVar

from agentstate_lab.agent import AgentEvent
from agentstate_lab.lab.agents import pace

T = TypeVar("T")

STEPS: dict[str, Any] = {
    "bar_format": "[{bar:24}] {n_fmt} of {total_fmt} steps",
    "ascii": ".#",
}


def progress(pieces: Iterable[T], what: str) -> Iterable[T]:
    """
    Hand *pieces* out one by one, and show how many are done.

    Args:
        pieces: What the work is done with.

        what: What is being done, for example "naive agent, killed".
    """
    from tqdm.auto import tqdm

    watched = pace() > 0 and (_in_notebook() or sys.stderr.isatty())
    shown: Iterable[T] = tqdm(pieces, desc=what, leave=False, disable=not watched)
    return shown


def _in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    return getattr(get_ipython(), "kernel", None) is not None


def bar_text(done: int, total: int) -> str:
    """
    The bar as text.

    >>> bar_text(3, 12)
    '[######..................] 3 of 12 steps'
    """
    from tqdm import tqdm

    return str(tqdm.format_meter(min(done, total), total, elapsed=0, **STEPS))


@dataclass
class TerminalBar:
    """
    Events as lines, with a bar under them where there is a terminal.

    Attributes:
        total: How many steps the job has.

        out: Where to write.
    """

    total: int
    out: TextIO = field(default_factory=lambda: sys.stdout)
    _bar: Any = None

    def __call__(self, event: AgentEvent) -> None:
        """
        Show one event.

        What the model wants, the line of the step will say, and how it ended, the
        command says for every agent.
        """
        from tqdm import tqdm

        if event.kind == "asked":
            return
        text = event.text if event.text.isprintable() else repr(event.text)[1:-1]
        if event.kind != "ended":
            tqdm.write(f"  {text}", file=self.out)
        if self._bar is None:
            form = {**STEPS, "leave": False, "disable": None}  # None: not into a file
            self._bar = tqdm(total=self.total, file=self.out, **form)
        self._bar.n = min(event.done, self.total)
        if event.kind in ("ended", "waiting"):
            self._bar.clear()
        else:
            self._bar.refresh()
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
