"""Who is working, and what proves that somebody is gone."""

import os
import subprocess
import sys

import pytest

from agentstate_lab.state import Owner
from agentstate_lab.stores import is_gone, working
from agentstate_lab.stores.owner import SAME_START, boot_id


@pytest.fixture
def me():
    """This process, while it works."""
    with working() as owner:
        yield owner


def test_somebody_who_works_is_not_gone(me):
    """Inside the block the run is alive; afterwards it is proved to be gone."""
    with working() as other:
        assert not is_gone(other)
    assert is_gone(other)
    assert not is_gone(me)


def test_every_run_has_a_name_of_its_own(me):
    """Two runs of one process are two owners."""
    with working() as other:
        assert other.run_id != me.run_id
        assert other.pid == me.pid == os.getpid()


def test_a_run_ends_whatever_ends_the_block():
    """An error inside leaves nobody marked as working."""
    with pytest.raises(RuntimeError), working() as owner:
        raise RuntimeError

    assert is_gone(owner)


def test_nobody_proves_nothing():
    """A task that names no owner is not free to take."""
    assert not is_gone(None)


def test_another_start_of_the_same_number_is_another_process(me):
    """The system gives process ids out again."""
    later = me.model_copy(update={"started_at": me.started_at + SAME_START + 1})
    rounded = me.model_copy(update={"started_at": me.started_at + SAME_START / 2})

    assert is_gone(later)
    assert not is_gone(rounded)


def test_an_earlier_boot_of_this_machine_ended_everything(me):
    """The same number after a reboot is nobody's work."""
    machine, _, space = me.boot_id.split(" ")
    before = me.model_copy(update={"boot_id": f"{machine} an-earlier-boot {space}"})

    assert is_gone(before)


@pytest.mark.parametrize(
    "boot",
    [
        pytest.param("elsewhere {boot} {space}", id="another-machine"),
        pytest.param("{machine} {boot} another-space", id="another-container"),
        pytest.param("", id="empty"),
        pytest.param("nonsense", id="nonsense"),
        pytest.param("{machine} {boot}", id="cut-short"),
    ],
)
def test_what_cannot_be_proved_counts_as_alive(me, boot):
    """Another machine, another space of process ids, a record that says nothing."""
    machine, number, space = me.boot_id.split(" ")
    named = boot.format(machine=machine, boot=number, space=space)

    assert not is_gone(me.model_copy(update={"boot_id": named}))


@pytest.mark.parametrize("pid", [0, 2**22 + 1, 2**31, 2**53])
def test_a_number_that_no_process_has_is_gone(me, pid):
    """Also numbers that no system gives out."""
    assert is_gone(me.model_copy(update={"pid": pid}))


@pytest.mark.usefixtures("process")
def test_another_process_is_alive_until_it_ends():
    """A real process, asked about while it runs and when it has ended."""
    code = (
        "from agentstate_lab.stores.owner import working\n"
        "with working() as me:\n"
        "    print(me.model_dump_json(), flush=True)\n"
        "    input()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        owner = Owner.model_validate_json(process.stdout.readline())
        alive = is_gone(owner)
        process.kill()
        # Nobody has waited for it yet: what only waits to be buried works no more.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        unburied = is_gone(owner)
    buried = is_gone(owner)

    assert (alive, unburied, buried) == (False, True, True)


def test_the_boot_has_three_parts():
    """Machine, boot, and the space in which process ids count."""
    assert len(boot_id().split(" ")) == 3
