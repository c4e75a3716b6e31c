import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.crash import die
from agentstate_lab.lab.processes import (
    CUT_OFF,
    Ended,
    alive,
    all_at_once,
    cut_at_each_byte,
    in_new_process,
    until,
)
from agentstate_lab.system import HAS_FORK

COUNT = {"calls": 0}

needs_signals = pytest.mark.skipif(os.name == "nt", reason="no signals here")


@pytest.mark.usefixtures("process")
def test_nothing_that_the_function_changes_is_changed_here():
    """A fresh process gets a copy of what the function uses."""

    def count():
        COUNT["calls"] += 1
        return [os.getpid(), COUNT["calls"]]

    first, second = in_new_process(count), in_new_process(count)

    assert COUNT == {"calls": 0}
    assert len({os.getpid(), first.value[0], second.value[0]}) == 3
    assert (first.value[1], second.value[1]) == (1, 1)


def end_politely():
    """Leave by an exception."""
    sys.exit(3)


def end_at_once():
    """Leave by none."""
    os._exit(4)


def kill_myself():
    """Die as by a power cut, after the last words."""
    print("half way")
    die()


def terminate_myself():
    """Die as by a service manager."""
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(60)


def fail():
    """Fail with a text."""
    raise LookupError("no such key")


def give_back_a_set():
    """Return what JSON has no form for."""
    return {1}


@pytest.mark.usefixtures("process")
@pytest.mark.parametrize(
    ("fn", "how"),
    [
        pytest.param(dict, "returned", id="returns"),
        pytest.param(fail, "raised LookupError", id="raises"),
        pytest.param(give_back_a_set, "raised TypeError", id="no-json"),
        pytest.param(end_politely, "raised SystemExit", id="sys-exit"),
        pytest.param(end_at_once, "ended itself with exit status 4", id="os-exit"),
        pytest.param(
            kill_myself, "killed by SIGKILL", id="sigkill", marks=needs_signals
        ),
        pytest.param(
            terminate_myself, "killed by SIGTERM", id="sigterm", marks=needs_signals
        ),
    ],
)
def test_the_end_is_said_in_words(fn, how):
    """How a process ended can be printed in a notebook and is the same in every run."""
    ended = in_new_process(fn)

    assert str(ended) == ended.how == how
    assert ended.returned == (how == "returned")
    # A text may hold a path, so it is kept apart from the words.
    assert ended.error == "no such key" or fn is not fail
    assert ended.output == ("half way\n" if fn is kill_myself else "")


@pytest.mark.usefixtures("process")
def test_what_it_prints_is_kept_up_to_a_limit():
    """A flood of output neither fills the memory nor the notebook."""

    def flood():
        print("first words")
        os.write(2, b"x" * 1_000_000)

    ended = in_new_process(flood)

    assert ended.output.startswith("first words")
    assert (len(ended.output), str(ended)) == (10_000, "returned")


@pytest.mark.usefixtures("process")
def test_who_is_late_is_ended_with_all_that_it_started(tmp_path):
    """Nothing is left running, not even a process that the function started."""
    pids = tmp_path / "pids"

    def hang():
        sleeper = [sys.executable, "-c", "import time; time.sleep(600)"]
        child = subprocess.Popen(sleeper)
        pids.write_text(f"{os.getpid()} {child.pid}")
        time.sleep(600)

    ended = in_new_process(hang, limit=1)

    own, child = map(int, pids.read_text().split())
    assert str(ended) == "ran longer than 1 s and was ended"
    assert not psutil.pid_exists(own)
    if hasattr(os, "killpg"):
        assert until(lambda: not alive(child), 10)


@pytest.mark.usefixtures("process")
def test_each_byte_has_its_death(tmp_path):
    """The caller sees what each death has left, and the last process returns."""
    path = tmp_path / "file"
    left = []

    for ended in cut_at_each_byte(path.write_bytes, b"0123"):
        left.append((str(ended), path.read_bytes()))

    if HAS_FORK:
        cut = [(f"{CUT_OFF} {n}", b"0123"[:n]) for n in range(4)]
        assert left == [*cut, ("returned", b"0123")]
    assert left[-1] == ("returned", b"0123")


@pytest.mark.usefixtures("process")
def test_a_function_that_fails_is_tried_once(tmp_path):
    """A series of deaths ends with the first process that was not cut."""
    assert [str(ended) for ended in cut_at_each_byte(fail)] == ["raised LookupError"]


@pytest.mark.usefixtures("process")
def test_the_barrier_lets_nobody_through_alone(tmp_path):
    """Each has read before any of them writes, so both write the same number."""
    path = tmp_path / "count"
    path.write_text("0")

    def add(step, barrier):
        count = json.loads(path.read_text())
        barrier()
        path.write_text(json.dumps(count + step))
        return count

    ends = all_at_once(add, [1, 1, 1])

    assert [ended.value for ended in ends] == [0, 0, 0]
    assert path.read_text() == "1"


@pytest.mark.usefixtures("process")
@needs_signals
def test_a_process_that_died_is_not_waited_for():
    """A barrier is for those who are still there."""

    def meet(name, barrier):
        barrier()
        if name == "dies":
            die()
        barrier()
        return name

    ends = all_at_once(meet, ["a", "dies", "b"])

    assert list(map(repr, ends)) == [
        "returned 'a'",
        "killed by SIGKILL",
        "returned 'b'",
    ]


@pytest.mark.parametrize(
    "cut_at",
    [
        pytest.param(-1, id="negative"),
        pytest.param(True, id="a-bool"),
        pytest.param("7", id="text"),
    ],
)
def test_a_byte_that_is_none_is_refused(cut_at):
    """Nothing is started for it."""
    with pytest.raises(InvalidValue, match="cut_at"):
        in_new_process(dict, cut_at=cut_at)


def test_what_cannot_be_sent_is_refused_with_advice(tmp_path):
    """An open file belongs to this process."""
    advice = "open stores and connections inside"

    with (
        (tmp_path / "file").open("w") as file,
        pytest.raises(InvalidValue, match=advice),
    ):
        in_new_process(lambda: file.name)


def test_no_id_and_no_path_is_shown(tmp_path):
    """What a notebook shows of an end is the same on every machine."""
    assert repr(Ended("returned", value={"a": 1})) == "returned {'a': 1}"
    assert repr(Ended("raised OSError", error=str(tmp_path))) == "raised OSError"
