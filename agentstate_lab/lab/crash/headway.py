"""
How far a long piece of work is, for whoever watches it: "12 of 144".

A crash matrix takes minutes, and a screen on which nothing moves looks like a program
that hangs. What is shown is for the eye and stays nowhere:

    a terminal            one line on stderr, written over, erased at the end
    a notebook            one output, updated in place, empty at the end
    a file or a pipe      nothing
    a notebook that is    nothing, so that what is stored is the same every time;
    being frozen          it runs at the pace 0, which says that nobody watches

This module only shows numbers. `bar` shows what an agent tells.
"""

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

from agentstate_lab.lab.agents import pace

Show = Callable[[str], None]


@contextlib.contextmanager
def headway(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """
    Show that none of *total* is done yet; at the end of the block, show nothing.

    Args:
        what: What is being done, for example "naive agent, deploy".

        total: How many pieces the work has.

    Yields:
        What to call with the number of pieces that are done.
    """
    show = _screen()

    def done(count: int) -> None:
        show(f"{what}: {count} of {total}")

    done(0)
    try:
        yield done
    finally:
        show("")


def _screen() -> Show:
    """Where somebody may be watching."""
    if _in_notebook():
        return _Output() if pace() > 0 else _nowhere
    return _line if sys.stderr.isatty() else _nowhere


def _in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    return getattr(get_ipython(), "kernel", None) is not None


class _Output:
    """One output of the running cell."""

    def __init__(self) -> None:
        self._shown: Any = None

    def __call__(self, text: str) -> None:
        from IPython.display import display

        if self._shown is not None:
            self._shown.update({"text/plain": text}, raw=True)
        else:
            self._shown = display({"text/plain": text}, raw=True, display_id=True)  # type: ignore[no-untyped-call]


def _line(text: str) -> None:
    """The last line of a terminal, which is written over."""
    sys.stderr.write(f"\r\x1b[K{text}")
    sys.stderr.flush()


def _nowhere(text: str) -> None:
    """Nobody watches."""
