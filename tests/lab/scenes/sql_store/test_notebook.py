"""Notebook 06 promises that its outputs are the same on both databases."""

from pathlib import Path

import nbformat

from agentstate_lab.lab.databases import forget_databases
from agentstate_lab.lab.notebooks.freeze import frozen

PATH = Path(__file__).resolve().parents[4] / "notebooks" / "06_sql_store.ipynb"
SWITCH = 'lab.database("sqlite")'

# These name their database themselves, or take long and are about the agent.
SAME_ANYWAY = ("plan-", "restart-", "crash-")


def test_the_outputs_do_not_depend_on_the_switch(
    tmp_path, postgres_server, monkeypatch
):
    """The other name in the switch, every cell run again, and each output compared."""
    monkeypatch.setenv("AGENTSTATE_PG_DSN", postgres_server.address)
    notebook = nbformat.read(PATH, as_version=4)
    notebook.cells = [
        cell
        for cell in notebook.cells
        if cell.cell_type == "code" and not cell.id.startswith(SAME_ANYWAY)
    ]
    stored = {cell.id: cell.outputs for cell in notebook.cells}
    (switch,) = [cell for cell in notebook.cells if SWITCH in cell.source]
    switch.source = switch.source.replace(SWITCH, 'lab.database("postgresql")')
    path = tmp_path / PATH.name
    nbformat.write(notebook, path)

    again = nbformat.reads(frozen(path), as_version=4)
    forget_databases(PATH.stem, tmp_path)

    assert len(stored) > 20
    assert {cell.id: cell.outputs for cell in again.cells} == stored
