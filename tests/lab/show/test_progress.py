"""Whoever watches sees how far it is; nothing of it is kept."""

import contextlib
import io
import sys

import pytest

from agentstate_lab.agent import AgentEvent
from agentstate_lab.lab.processes import Kernel
from agentstate_lab.lab.show import progress
from agentstate_lab.lab.show.progress import TerminalBar

CELL = """
import os
from agentstate_lab.lab.show import progress
for pace in ("0", "0.01"):
    os.environ["AGENTSTATE_PACE"] = pace
    print("at", pace)
    for piece in progress([1, 2], "killed"):
        pass
"""


def work(fails: bool = False) -> None:
    """Two pieces of work, or one and an error."""
    for piece in progress([1, 2], "naive agent, killed"):
        if fails and piece == 2:
            raise ValueError("it fails")


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(contextlib.nullcontext(), id="all-goes-well"),
        pytest.param(pytest.raises(ValueError, match="it fails"), id="it-fails"),
    ],
)
def test_a_terminal_has_one_line_that_is_gone_at_the_end(monkeypatch, capsys, trouble):
    """It is written over, stdout has nothing of it, and an error finds a clean line."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("AGENTSTATE_PACE", "1")

    with trouble as expected:
        work(fails=expected is not None)

    said = capsys.readouterr()
    lines = [line for line in said.err.split("\r") if line]
    assert said.out == ""
    assert "naive agent, killed:   0%" in lines[0]
    assert "\n" not in said.err
    assert (lines[-1].strip(), said.err[-1]) == ("", "\r")


def test_a_file_gets_nothing(capsys, monkeypatch):
    """A log holds what was found, not how long it took."""
    monkeypatch.setenv("AGENTSTATE_PACE", "1")

    work()

    assert "".join(capsys.readouterr()) == ""


@pytest.mark.usefixtures("process")
def test_a_notebook_shows_it_unless_it_is_being_frozen(home_dir):
    """At the pace 0 nobody watches, and nothing would be the same twice."""
    with Kernel() as kernel:
        said = kernel.run(CELL)

    frozen, watched = said.split("at 0.01")
    assert frozen == "at 0\n"
    assert watched.strip().startswith("killed:   0%")


class Terminal(io.StringIO):
    """A terminal that keeps what it is sent."""

    def isatty(self) -> bool:
        """Of course."""
        return True


def test_events_scroll_above_the_bar_and_the_end_leaves_none():
    """What was reached is under the last event; when all is told, it is gone."""
    out = Terminal()
    bar = TerminalBar(4, out)
    for kind, done in (("step", 1), ("asked", 1), ("step", 2), ("ended", 2)):
        bar(AgentEvent(kind, f"{kind} {done}\x1b[2J", done=done))

    lines = [line.strip() for line in out.getvalue().replace("\r", "\n").split("\n")]
    kept = [line for line in lines if line]
    assert [line for line in kept if "steps" not in line] == [
        r"step 1\x1b[2J",
        r"step 2\x1b[2J",
    ]
    assert kept[-1] == "[############............] 2 of 4 steps"
    assert lines[-1] == ""
