"""Three ways to be told to end, and what a process makes of them."""

import signal
import threading

import pytest

from agentstate_lab.errors import InvalidValue
from agentstate_lab.idempotency import polite
from agentstate_lab.lab.crash.signals import (
    SIGNALS,
    died_by,
    fall,
    signal_named,
    strike,
)
from agentstate_lab.lab.processes import in_new_process

POLITE = [
    pytest.param("SIGTERM", SystemExit, id="term"),
    pytest.param("SIGINT", KeyboardInterrupt, id="int"),
]


@pytest.mark.parametrize(("name", "raised"), POLITE)
def test_inside_the_block_a_signal_is_an_exception(name, raised):
    """So `finally` runs; and the status is the one that a shell would report."""
    with pytest.raises(raised) as caught, polite():
        strike(name)

    assert getattr(caught.value, "code", 143) == 143


@pytest.mark.parametrize(("name", "raised"), POLITE)
def test_after_the_block_everything_is_as_it_was(name, raised):
    """Also when it was left by the signal itself."""
    number = getattr(signal, name)
    before = signal.getsignal(number)

    with polite():
        inside = signal.getsignal(number)
    with pytest.raises(raised), polite():
        strike(name)

    assert signal.getsignal(number) is before
    assert callable(inside)


def test_a_signal_that_was_ignored_is_heard_inside_the_block():
    """A shell starts background jobs with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with pytest.raises(KeyboardInterrupt), polite():
            strike("SIGINT")
        after = signal.getsignal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)

    assert after is signal.SIG_IGN


def test_in_another_thread_nothing_is_changed():
    """Signals belong to the main thread; the block works all the same."""
    before = signal.getsignal(signal.SIGTERM)
    seen = []

    def look():
        with polite():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()

    assert seen == [before]


@pytest.mark.usefixtures("process")
@pytest.mark.parametrize("name", SIGNALS)
def test_a_fall_is_a_death_by_that_signal(tmp_path, name):
    """No `finally` and no `atexit`, whatever was set up before."""
    note = tmp_path / "note"

    def falling():
        try:
            with polite():
                fall(name)
        finally:
            note.touch()

    ended = in_new_process(falling)

    assert ended.how == f"killed by {name}"
    assert not note.exists()


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_status_names_its_signal(name):
    """What `Popen` reports below zero, and what a shell reports above 128."""
    number = getattr(signal, name)

    assert [died_by(one, name) for one in (-number, 128 + number)] == [True, True]
    assert [died_by(one, name) for one in (-signal.SIGKILL, 0)] == [False, False]


@pytest.mark.parametrize(
    "name", ["", "SIGHUP", "sigterm", "9", "SIG_DFL", "x" * 10_000, 9, None, b"SIGINT"]
)
def test_a_signal_of_another_name_is_refused(name):
    """In words, with those that there are."""
    with pytest.raises(InvalidValue, match="SIGKILL, SIGTERM, SIGINT") as caught:
        signal_named(name)

    assert len(str(caught.value)) < 400
