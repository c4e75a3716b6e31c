"""One line to every process that is there to be lost, and what its forks come to."""

import subprocess
import sys

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentstate_lab.errors import LabError
from agentstate_lab.lab.processes import BROKEN, Process, alive, until
from agentstate_lab.system import HAS_FORK

WITHIN = 60.0

needs_fork = pytest.mark.skipif(not HAS_FORK, reason="there is no fork here")


def started(do, **request):
    """A process that serves what is named."""
    return Process("served", {"do": do, **request})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the process of this module works."""
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="module")
def other(process, folder):
    """A process that does what is asked, one thing after another."""
    request = {"do": "echo", "value": None}
    with Process("served", request, folder=str(folder)) as process:
        assert process.must_say(WITHIN) == {"value": None}
        yield process


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(value=JSON)
def test_what_is_said_comes_back_as_it_was(other, value):
    """Line breaks, quotes and half characters in it end no message."""
    other.say(do="echo", value=value)

    assert other.must_say(WITHIN) == {"value": value}


@pytest.mark.usefixtures("process")
def test_what_is_printed_or_written_by_accident_is_no_message():
    """Also on the line itself, and also where half a line is in the way."""
    with started("noise") as process:
        said = process.must_say(WITHIN)
        process.end()

    assert said == {"value": "meant"}
    assert process.output == '{"value": "printed"}\n'


@pytest.mark.usefixtures("process")
def test_who_writes_without_end_is_ended():
    """Nothing of it is kept."""
    with started("flood") as process:
        assert process.hear(WITHIN) is None

    assert process.flooded
    assert process.output == ""


@pytest.mark.usefixtures("process")
def test_who_ends_early_says_why():
    """What it printed last is in the message."""
    with started("nothing of the kind") as process:
        with pytest.raises(LabError, match=r"ended early: (?s:.*)KeyError"):
            process.must_say(WITHIN)
        process.say(do="echo", value=1)  # nobody hears it, and that is no error

    assert process.end() == 1


def forked(other, how, *, limit=WITHIN, own_group=True):
    """How a fork ended that did what is named."""
    other.say(do="fork", how=how, limit=limit, own_group=own_group)
    return other.must_say(2 * WITHIN)


@needs_fork
@pytest.mark.parametrize(
    ("how", "status"),
    [
        pytest.param("nothing", 0, id="nothing"),
        pytest.param("status", 4, id="status"),
        pytest.param("fails", BROKEN, id="fails"),
        pytest.param("exits", BROKEN, id="sys-exit"),
        pytest.param("os-exit", 3, id="os-exit"),
        pytest.param("killed", -9, id="killed"),
    ],
)
def test_a_fork_is_waited_for_and_its_status_is_known(other, how, status):
    """However it ends, the one that forked it lives on and says so."""
    said = forked(other, how)

    assert (said["status"], said["timed_out"]) == (status, False)
    assert not psutil.pid_exists(said["pid"])


@pytest.mark.usefixtures("process")
@needs_fork
def test_a_fork_may_write_into_every_file_that_is_open():
    """It is waited for all the same."""
    with started("fork", how="floods", limit=WITHIN, own_group=True) as process:
        assert process.must_say(2 * WITHIN)["status"] == 5


@needs_fork
@pytest.mark.parametrize("own_group", [True, False])
@pytest.mark.parametrize("how", ["loops", "closes-and-loops"])
def test_a_fork_that_does_not_come_back_is_ended_at_its_limit(other, how, own_group):
    """Also one that has closed the file by which its life is seen."""
    said = forked(other, how, limit=0.1, own_group=own_group)

    assert (said["status"], said["timed_out"]) == (-9, True)


@needs_fork
def test_what_a_fork_has_started_ends_with_it(other, folder):
    """The one that forked it goes on: only the group of the fork is ended."""
    said = forked(other, "leaves-a-child")

    child = int((folder / "started").read_text())
    assert said["status"] == 0
    assert until(lambda: not alive(child), 10)


KERNEL = """
import sys
sys.path[:] = {path!r}
from agentstate_lab.lab.processes import Process
request = {{"do": "fork", "how": "loops", "limit": 600, "own_group": {own_group}}}
process = Process("served", request)
process.must_say(600)
"""


@pytest.mark.usefixtures("process")
@needs_fork
@pytest.mark.parametrize("own_group", [True, False])
def test_when_nobody_is_there_any_more_all_of_them_end(own_group):
    """A kernel that is killed leaves nothing running."""
    code = KERNEL.format(path=sys.path, own_group=own_group)
    kernel = subprocess.Popen([sys.executable, "-c", code])
    parent = psutil.Process(kernel.pid)
    below = []
    while len(below) < 2 and kernel.poll() is None:
        below = parent.children(recursive=True)

    kernel.kill()
    kernel.wait()

    assert len(below) == 2
    assert psutil.wait_procs(below, timeout=30)[1] == []
