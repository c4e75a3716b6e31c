"""A hostile room: what the course says when the machine is not as it should be."""

import os
import shutil
import signal
import subprocess
import sys

import psutil
import pytest

from agentstate_lab.errors import WorldUnavailable
from agentstate_lab.lab.agents import run_job
from agentstate_lab.lab.course import begin
from agentstate_lab.lab.show import counted
from agentstate_lab.lab.world import start_world

ROOT_ONLY = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only Linux's root can do it"
)
NETWORK = shutil.which("unshare") and shutil.which("ip")

# Each is interrupted when it has a process of its own, and then called again.
HELPERS = {
    "crash_matrix": """
from agentstate_lab.lab.crash import crash_matrix
helper = lambda: crash_matrix("naive", scenario="disk").total == 3
""",
    "check": """
from agentstate_lab.lab.practice import check
helper = lambda: not check("retry", lambda fn, max_attempts, *, sleep: fn()).passed
""",
    "in_new_process": """
from agentstate_lab.lab.processes import in_new_process
helper = lambda: in_new_process(sum, [1, 2]).value == 3
""",
    "start_world": """
from agentstate_lab.lab.world import start_world
helper = lambda: start_world().ledger() == []
""",
    "start_postgres": """
from agentstate_lab.lab.databases import start_postgres
helper = lambda: start_postgres() is not None
""",
}
TWICE = """
import sys
begun = []
def heard(event, arguments):
    if event in ("subprocess.Popen", "os.fork", "os.posix_spawn") and not begun:
        begun.append(event)
        print("begun", flush=True)
sys.addaudithook(heard)
try:
    helper()
except KeyboardInterrupt:
    print("interrupted", flush=True)
assert helper()
from agentstate_lab.lab.databases import stop_postgres
from agentstate_lab.lab.world import stop_world
stop_world(), stop_postgres()  # which the first call may have got ready in time
print("done")
"""


def lab(*command, home, prefix=(), without=()):
    """One command of the course, in a process of its own, and what it said."""
    keep = {k: v for k, v in os.environ.items() if k not in without}
    return subprocess.run(
        [*prefix, sys.executable, "-m", "agentstate_lab", *command],
        env={**keep, "AGENTSTATE_HOME": str(home), "AGENTSTATE_PACE": "0"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.usefixtures("process")
@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("helper", HELPERS)
def test_an_interrupt_in_the_middle_leaves_nothing_and_costs_a_second_call(
    home_dir, helper
):
    """What the square in JupyterLab sends, when the helper has begun."""
    with subprocess.Popen(
        [sys.executable, "-c", HELPERS[helper] + TWICE],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "begun\n"
        begun = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        said, error = process.communicate()

    assert (said.split(), process.returncode) == (["interrupted", "done"], 0), error
    assert psutil.wait_procs(begun, 10)[1] == []


@pytest.mark.usefixtures("process")
def test_a_world_that_is_killed_under_a_notebook_is_there_again_by_the_first_cell(
    home_dir, capsys
):
    """The cell that met it says what to do, and what had happened is still counted."""
    first = begin("00_start_here")
    run_job("disk", first.task_id("a"), "naive")
    world = psutil.Process(start_world().pid)
    world.kill()
    world.wait(10)

    with pytest.raises(WorldUnavailable, match="first code cell"):
        first.world.ledger()

    assert begin("00_start_here").world.pid != world.pid
    assert counted(first.task_id("a"), "disk").total == 1


@pytest.mark.usefixtures("process")
@ROOT_ONLY
@pytest.mark.parametrize("there", [True, False], ids=["folder", "nothing"])
def test_a_home_on_a_disk_for_reading_is_said_with_what_to_set(mount, tmp_path, there):
    """Nothing was started; a hint comes all the same: it is worth more than a note."""
    disk = mount(tmp_path / "disk", "ro")
    home = disk if there else disk / "home"

    run = lab("run", "disk", "--task-id", "a", home=home)
    hint = lab("hint", "state", home=home)

    assert (run.returncode, "a folder you may write to" in " ".join(said(run))) == (
        2,
        True,
    )
    assert hint.stdout.startswith("hint 1 of 3")


@pytest.mark.usefixtures("process")
@ROOT_ONLY
def test_a_full_disk_is_said_and_room_is_enough_to_go_on(mount, tmp_path):
    """The world cannot count there, so it does not start, and no effect happens."""
    home = mount(tmp_path / "disk", "size=400k") / "home"
    ballast = home.parent / "ballast"
    ballast.write_bytes(b"\0" * 396 * 1024)

    full = lab("run", "disk", "--task-id", "a", home=home)
    ballast.unlink()
    subprocess.run(["mount", "-o", "remount,size=20m", home.parent], check=True)
    again = lab("run", "disk", "--task-id", "a", home=home)
    lab("stop", home=home)

    assert (full.returncode, "disk is full" in " ".join(said(full))) == (2, True)
    assert again.returncode == 0, again.stderr


@pytest.mark.usefixtures("process")
def test_nobody_needs_a_home_of_the_user(home_dir):
    """A container may have none."""
    done = lab("run", "disk", "--task-id", "a", home=home_dir, without=("HOME",))

    assert done.returncode == 0, done.stderr


@pytest.mark.usefixtures("process")
@ROOT_ONLY
@pytest.mark.skipif(not NETWORK, reason="no `unshare` and `ip` here")
def test_once_it_is_installed_nothing_needs_a_network(home_dir):
    """In a space that has this machine's own addresses and no other."""
    alone = ("unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "-")

    done = lab("doctor", home=home_dir, prefix=alone)
    lab("stop", "--forget", home=home_dir, prefix=alone)

    assert done.returncode == 0, done.stdout + done.stderr


def said(done):
    """The lines of a process, on both ways out."""
    return (done.stdout + done.stderr).splitlines()
