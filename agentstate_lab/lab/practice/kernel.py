"""
What a check can know of the notebook that it is called in.

Two things. The cells that were run, for an answer that cannot travel as an object. And
whether pytest runs the notebook (`pytest --nbval-lax`): then nobody reads a report,
so a check that did not pass has to fail its cell. In JupyterLab it never does.
"""

import os
import sys
from typing import Any

from agentstate_lab.lab.exercises import Exercise
from agentstate_lab.lab.exercises.judge import Report, leading_cells

_passed: set[str] = set()


class NotPassed(AssertionError):
    """A check did not pass, and pytest runs the notebook; the message is the report."""


def told(report: Report, *, asked_for: bool) -> Report:
    """
    Return *report*, or raise it where pytest runs the notebook and nothing passed yet.

    A notebook that shows wrong answers beside its own, as the solutions do, is not
    failed by them: they have other names, or come after it.

    Args:
        report: What the check found.

        asked_for: Whether the answer has the name that the exercise asks for.

    Raises:
        NotPassed: The report did not pass.
    """
    if report.passed:
        _passed.add(report.name)
    elif asked_for and _under_pytest() and report.name not in _passed:
        raise NotPassed(f"\n{report}")
    return report


def typed(exercise: Exercise, answer: object) -> bytes:
    """
    The cells that define *answer* in this kernel; empty where it was made otherwise.

    A cell that was run twice counts where it was run last.
    """
    space = _namespace()
    if space.get(exercise.function) is not answer:
        return b""
    cells = [cell for cell in space.get("In", []) if isinstance(cell, str)]
    last = dict.fromkeys(reversed(cells[:-1]))  # the last one asks for this check
    return leading_cells(list(reversed(last)), exercise, to_the_end=True)


def _namespace() -> dict[str, Any]:
    """The names of the notebook that runs here; none outside of a kernel."""
    shell = sys.modules.get("ipykernel.zmqshell")
    made = shell and shell.ZMQInteractiveShell.initialized()
    return shell.ZMQInteractiveShell.instance().user_ns if shell and made else {}


def _under_pytest() -> bool:
    """A kernel that nbval starts inherits the name of the test."""
    return "PYTEST_CURRENT_TEST" in os.environ and bool(_namespace())
