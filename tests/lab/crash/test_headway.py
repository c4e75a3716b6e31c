"""Whoever watches sees how far it is; nothing of it is kept."""

import sys

import pytest

from agentstate_lab.lab.crash import headway as module
from agentstate_lab.lab.crash.headway import headway
from agentstate_lab.lab.processes import Kernel

LINE = "\r\x1b[K"
CELL = """
from agentstate_lab.lab.crash.headway import headway
print("before")
with headway("killed", 2) as done:
    done(1)
    done(2)
print("after")
"""


def work(fails: bool = False) -> None:
    """Two pieces of work, or one and an error."""
    with headway("naive agent, killed", 2) as done:
        done(1)
        if fails:
            raise ValueError("it fails")
        done(2)


def test_a_terminal_has_one_line_that_is_gone_at_the_end(monkeypatch, capsys):
    """
    It is written over, and stdout has nothing of it.
    """
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)

    work()

    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.split(LINE) == [
        "",
        "naive agent, killed: 0 of 2",
        "naive agent, killed: 1 of 2",
        "naive agent, killed: 2 of 2",
        "",
    ]


def test_an_error_finds_a_clean_line(monkeypatch, capsys):
    """
    What is said about it does not stand behind a number.
    """
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)

    with pytest.raises(ValueError, match="it fails"):
        work(fails=True)

    assert capsys.readouterr().err.endswith(f"1 of 2{LINE}")


def test_a_file_gets_nothing(capsys):
    """
    A log holds what was found, not how long it took.
    """
    work()

    assert "".join(capsys.readouterr()) == ""


@pytest.mark.parametrize(
    ("pace", "shown"),
    [
        pytest.param("0", ["before", "after"], id="frozen"),
        pytest.param("0.01", ["before", "killed: 0 of 2after"], id="watched"),
    ],
)
def test_a_notebook_shows_it_unless_it_is_being_frozen(
    home_dir, monkeypatch, pace, shown
):
    """
    A kernel sends the first number as an output; the others take its place.
    """
    monkeypatch.setenv("AGENTSTATE_PACE", pace)

    with Kernel() as kernel:
        said = kernel.run(CELL)

    assert said.splitlines() == shown


def test_the_output_of_a_notebook_is_empty_at_the_end(monkeypatch):
    """
    One output, updated in place.
    """
    shown: list[str] = []

    class Handle:
        def update(self, bundle: dict[str, str], *, raw: bool) -> None:
            shown.append(bundle["text/plain"])

    def display(bundle: dict[str, str], *, raw: bool, display_id: bool) -> Handle:
        shown.append(f"new {bundle['text/plain']}")
        return Handle()

    monkeypatch.setattr("IPython.display.display", display)
    monkeypatch.setattr(module, "_in_notebook", lambda: True)
    monkeypatch.setenv("AGENTSTATE_PACE", "1")

    work()

    assert shown == [
        "new naive agent, killed: 0 of 2",
        "naive agent, killed: 1 of 2",
        "naive agent, killed: 2 of 2",
        "",
    ]
