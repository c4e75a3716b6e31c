"""The kernel of notebook 10 really dies in the middle of a run."""

import os
import stat
import tempfile
from pathlib import Path

import psutil
import pytest
from restart_scene import (
    ABOVE,
    EFFECTS,
    LEDGER,
    LOST,
    NOTEBOOK,
    PACE,
    ROOT,
    RUN,
    TASK,
    UNHEARD,
    sources,
)
from runs import counts

from agentstate_lab.errors import KernelDied, LabError
from agentstate_lab.lab.processes import Kernel, own_sockets
from agentstate_lab.lab.world import start_world

COUNTED = "from agentstate_lab.lab.show import counted"
ONCE_EACH = dict.fromkeys(EFFECTS, 1)


@pytest.fixture
def cells(home_dir, monkeypatch):
    """
    The cells of the notebook, in a home of their own, at a small pace.

    The learner's functions are those of the solutions, whatever the exercises of
    this checkout hold.
    """
    monkeypatch.setenv("AGENTSTATE_PACE", PACE)
    found = sources()
    folder = str(ROOT / "exercises" / "solutions")
    solved = f"your_own(__import__('pathlib').Path({folder!r}))"
    assert found["own-load"].count("your_own()") == 1
    return found | {"own-load": found["own-load"].replace("your_own()", solved)}


def run_all(kernel, cells, names):
    """Run the cells of those names, and return what the last one showed."""
    return [kernel.run(cells[name]) for name in names][-1]


def killed(kernel):
    """The hard death: nothing of the kernel gets to run."""
    kernel.kill()
    kernel.start_again()


@pytest.mark.usefixtures("process")
def test_a_run_survives_both_deaths_of_its_kernel(cells):
    """
    Restarted, then killed, it goes on: only what was cut short is asked for again.
    """
    world = start_world()
    with Kernel(cwd=str(NOTEBOOK.parent)) as kernel:
        for moment, die in ((LOST, Kernel.restart), (UNHEARD, killed)):
            moment.order(world)
            own = run_all(kernel, cells, ABOVE)
            kernel.submit(cells[RUN])
            moment.wait(world)
            old = psutil.Process(kernel.pid)
            die(kernel)
            assert not old.is_running()
        said = run_all(kernel, cells, (*ABOVE, RUN, LEDGER))

    assert own.count("yours") == 2
    assert said.startswith("8 effects, each once")
    assert counts(world, TASK) == ONCE_EACH
    assert world.requests(TASK) == {
        "model": 11,
        "open_ticket": 1,
        "send_mail": 2,
        "deploy": 4 + 1,
        "clean_logs": 1 + 1,
    }


@pytest.mark.usefixtures("process")
def test_the_cell_that_kills_its_kernel_is_survived(cells):
    """No other test runs it. It kills once; run again, it completes the task."""
    monday = TASK.replace("sunday", "monday")
    above = ABOVE[:2]
    with Kernel(cwd=str(NOTEBOOK.parent)) as kernel:
        run_all(kernel, cells, above)
        old = psutil.Process(kernel.pid)
        with pytest.raises(KernelDied):
            kernel.run(cells["crash-kernel"])
        before = counts(start_world(), monday)
        kernel.start_again()
        said = run_all(kernel, cells, (*above, "crash-kernel"))
        counted = kernel.run(f"{COUNTED}\n{cells['crash-ledger']}")

    assert not old.is_running()
    assert 0 < len(before) < len(EFFECTS)
    assert said.count("died here once already") == 1
    assert "completed=True" in said
    assert counted.strip() == "8 effects, each once"
    assert counts(start_world(), monday) == ONCE_EACH


@pytest.mark.usefixtures("process")
def test_the_first_kernel_of_a_user_finds_a_place_for_its_sockets(monkeypatch):
    """
    In a new home, nobody has made Jupyter's folder yet; it is for its owner alone.
    """
    with tempfile.TemporaryDirectory() as home:
        place = Path(home) / "share" / "runtime"
        monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(place))

        with Kernel() as kernel:
            assert kernel.run("6 * 7") == "42"

        assert stat.S_IMODE(place.stat().st_mode) == 0o700


def test_where_no_folder_can_be_made_a_kernel_has_ports(monkeypatch, tmp_path):
    """As on Windows."""
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "file" / "r"))

    assert own_sockets() == {}


@pytest.mark.usefixtures("process")
def test_a_kernel_that_ends_at_its_start_is_not_called_slow(tmp_path):
    """The message says how to see why."""
    (tmp_path / "ipykernel_launcher.py").write_text("raise SystemExit('broken')")
    broken = {**os.environ, "PYTHONPATH": str(tmp_path)}

    with pytest.raises(LabError, match=r"ended at its start.*-m ipykernel_launcher"):
        Kernel(env=broken).__enter__()
