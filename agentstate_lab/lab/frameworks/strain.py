"""
What makes a run harder without a framework's help: a torn write, and company.

A run is told by a file beside the framework's own records, so that one helper of the
crash lab, which has loaded the framework once, serves every kind of run.
"""

import json
import os
import time
from pathlib import Path
from typing import Any

from agentstate_lab.errors import LabError
from agentstate_lab.lab.agents import Job
from agentstate_lab.lab.processes import cut_writes_at, until

from .contender import Contender, Entrant
from .kit import place

PATIENCE = 60.0  # seconds to wait for the others


class Strained(Entrant):
    """
    A row as an agent that is told, task by task, what to go through.

    Without orders it is the row with keys.
    """

    def __init__(self, contender: Contender) -> None:
        super().__init__(contender.name, contender.module, contender.options)

    def __call__(self, job: Job) -> Any:
        """Follow the orders for this task, and run."""
        orders = read_orders(job.task_id)
        if size := orders.pop("torn_at", None):
            cut_writes_at(size)
        if folder := orders.pop("meet_in", None):
            meet(Path(folder), orders.pop("rivals"))
        doing = "fork" if "source" in orders else "run"
        return self.act(job, doing, **{"keyed": True, **orders})


def give_orders(task_id: str, **orders: Any) -> None:
    """
    Tell the next runs of a task what to go through, or nothing.

    Args:
        task_id: The task.

        orders: `torn_at` a size in bytes; `meet_in` a folder with `rivals`, how many;
            `source`, the task to fork; anything else is for the adapter.
    """
    place(task_id, "orders").write_text(json.dumps(orders), "utf-8")


def read_orders(task_id: str) -> dict[str, Any]:
    """What a run of this task was told."""
    file = place(task_id, "orders")
    orders: dict[str, Any] = json.loads(file.read_bytes()) if file.is_file() else {}
    return orders


def meet(folder: Path, rivals: int) -> None:
    """
    Say that this process is there, and wait for the others.

    So a race is made and not hoped for.

    Raises:
        LabError: Not all of them came.
    """
    (folder / str(os.getpid())).touch()
    if not until(
        lambda: len(list(folder.iterdir())) >= rivals,
        PATIENCE,
        sleep=lambda seconds: time.sleep(seconds / 10),
    ):
        raise LabError(f"not all {rivals} came", effect="not started")
