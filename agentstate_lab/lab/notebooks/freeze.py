"""
Run a notebook and keep its outputs, so that running it again changes no byte.

It runs in an empty home, with this very Python, in no hurry to wait for anything.
What differs from run to run and says nothing is taken out (progress bars, states of
widgets); what cannot be taken out is refused: a path, an address, a port.

Cells tagged `crash` kill their kernel, so they are not run here.
"""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.processes import own_sockets

from .notebook_file import CRASH, read_notebook, unsteady, write_notebook

CELL_SECONDS = 120

_WIDGET = "application/vnd.jupyter.widget-view+json"


def frozen(path: Path) -> str:
    """
    The text of the notebook at *path* with the outputs of a run in an empty home.

    Raises:
        InvalidValue: It is no notebook, a cell failed, or an output would differ
            from run to run.
    """
    notebook = read_notebook(path)
    with _empty_home():
        _execute(notebook, path)
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type == "code":
            _tidy(cell)
            if said := unsteady(cell):
                raise InvalidValue(f"{path.name}, cell {number}", said)
    return write_notebook(notebook)


@contextlib.contextmanager
def _empty_home() -> Iterator[None]:
    """A home of its own for one run; what runs for it is stopped afterwards."""
    from agentstate_lab.lab.databases import forget_postgres
    from agentstate_lab.lab.world import stop_world

    folder = tempfile.mkdtemp(prefix="agentstate-freeze-")
    changed = {
        "AGENTSTATE_HOME": os.path.join(folder, "home"),  # noqa: PTH118
        "AGENTSTATE_PACE": "0",
        "IPYTHONDIR": os.path.join(folder, "ipython"),  # noqa: PTH118
        "PYTHONHASHSEED": "0",
        "TZ": "UTC",
    }
    with mock.patch.dict(os.environ, changed):
        try:
            yield
        finally:
            stop_world()
            forget_postgres()
            shutil.rmtree(folder, ignore_errors=True)


def _execute(notebook: Any, path: Path) -> None:
    """Run every cell but those that kill the kernel."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, DeadKernelError

    client = NotebookClient(
        notebook,
        kernel_manager_class=_manager_class(),
        timeout=CELL_SECONDS,
        store_widget_state=False,
        record_timing=False,
        coalesce_streams=True,
        skip_cells_with_tag=CRASH,
        resources={"metadata": {"path": str(path.resolve().parent)}},
    )
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    try:
        client.execute(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except CellExecutionError as error:
        said = re.sub("\x1b\\[[0-9;]*m", "", str(error))
        raise InvalidValue(path.name, f"a cell failed: {said}") from error
    except DeadKernelError as error:
        raise InvalidValue(
            path.name, f"a cell killed its kernel; tag it {CRASH!r}"
        ) from error


def _manager_class() -> Any:
    """A manager for kernels of this Python, whatever this machine calls python3."""
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager

    launch = ["-m", "ipykernel_launcher", "-f", "{connection_file}"]

    class ThisPython(AsyncKernelManager):
        kernel_spec = KernelSpec(
            argv=[sys.executable, *launch], display_name="Python 3", language="python"
        )

        def __init__(self, **more: Any) -> None:
            super().__init__(**own_sockets(), **more)

    return ThisPython


def _tidy(cell: Any) -> None:
    """Take out what differs from run to run and says nothing."""
    kept = []
    for output in cell.outputs:
        if output.output_type == "stream":
            if output.name == "stderr" and "%|" in output.text:
                continue  # a progress bar with its timings
            output.text = _last_frames(output.text)
        elif output.output_type == "error":
            output.traceback = [f"{output.ename}: {output.evalue}"]
        elif output.data.pop(_WIDGET, None) and set(output.data) <= {"text/plain"}:
            output.data["text/plain"] = "(widget: run the cell to use it)"
        if "metadata" in output:
            output.metadata = type(cell)()
        kept.append(output)
    cell.outputs = kept


def _last_frames(text: str) -> str:
    """The text as it stands at the end, when lines were written over."""
    return "\n".join(line.rsplit("\r", 1)[-1] for line in text.split("\n"))
