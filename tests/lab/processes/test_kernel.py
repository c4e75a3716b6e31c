"""A kernel, and how it dies: that of notebook 10, in the middle of a run."""

import os
import stat
import tempfile
import time
from pathlib import Path

import psutil
import pytest
from restart_scene import (
    ABOVE,
    EFFECTS,
    LEDGER,
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


@pytest.mark.usefixtures("process")
def test_a_run_survives_the_deaths_of_its_kernel(cells):
    """
    Killed in a run, it goes on: only what was cut short is asked for again.

    Then the cell that kills its kernel, which does so once; run again, it completes
    its task. Restart is pressed in the browser's test.
    """
    world = start_world()
    monday = TASK.replace("sunday", "monday")
    with Kernel(cwd=str(NOTEBOOK.parent)) as kernel:
        UNHEARD.order(world)
        own = run_all(kernel, cells, ABOVE)
        kernel.submit(cells[RUN])
        UNHEARD.wait(world)
        first = psutil.Process(kernel.pid)
        kernel.kill()
        kernel.start_again()
        said = run_all(kernel, cells, (*ABOVE, RUN, LEDGER))
        second = psutil.Process(kernel.pid)
        with pytest.raises(KernelDied):
            kernel.run(cells["crash-kernel"])
        before = counts(world, monday)
        kernel.start_again()
        crashed = run_all(kernel, cells, (*ABOVE[:2], "crash-kernel"))
        counted = kernel.run(f"{COUNTED}\n{cells['crash-ledger']}")

    assert not first.is_running()
    assert not second.is_running()
    assert own.count("yours") == 2
    assert said.startswith("8 effects, each once")
    assert counts(world, TASK) == ONCE_EACH
    assert world.requests(TASK) == {
        "model": 11,
        "open_ticket": 1,
        "send_mail": 2,
        "deploy": 4,
        "clean_logs": 1 + 1,
    }
    assert 0 < len(before) < len(EFFECTS)
    assert "found the task: 4 steps are done" in crashed
    assert "completed=True" in crashed
    assert counted.strip() == "8 effects, each once"
    assert counts(world, monday) == ONCE_EACH


@pytest.mark.usefixtures("process")
def test_a_polite_restart_lets_finally_run_and_a_kill_does_not(tmp_path, monkeypatch):
    """
    The two deaths of a kernel differ in what still happens.

    For the first kernel of a user, nobody has made Jupyter's folder yet; it is for
    its owner alone. An error is shown without the traceback, and nobody waits for ever.
    """
    cell = (
        "import pathlib, time\n"
        "try:\n"
        "    pathlib.Path('begun').write_text('')\n"
        "    time.sleep(60)\n"
        "finally:\n"
        "    pathlib.Path('cleaned').write_text('')\n"
    )

    def begin(kernel: Kernel) -> str:
        cell_id = kernel.submit(cell)
        while not (tmp_path / "begun").exists():
            time.sleep(0.01)  # the test's own timeout bounds this
        (tmp_path / "begun").unlink()
        return cell_id

    # A path that is short enough for a socket.
    with tempfile.TemporaryDirectory() as home:
        place = Path(home) / "share" / "runtime"
        monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(place))
        with Kernel(cwd=str(tmp_path)) as kernel:
            mode = stat.S_IMODE(place.stat().st_mode)
            shown = kernel.run("print('so far'); 1 / 0")
            begin(kernel)
            kernel.restart()
            polite = (tmp_path / "cleaned").exists()
            (tmp_path / "cleaned").unlink(missing_ok=True)
            running = begin(kernel)
            kernel.kill()
            with pytest.raises(KernelDied):
                kernel.wait(running)
            kernel.start_again()
            hard = (tmp_path / "cleaned").exists()
            answer = kernel.run("6 * 7")
            with pytest.raises(LabError) as caught:
                kernel.run("import time; time.sleep(60)", timeout=0.3)

    assert mode == 0o700
    assert shown == "so far\nZeroDivisionError: division by zero"
    assert (polite, hard, answer) == (True, False, "42")
    assert caught.value.effect == "unknown"


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
