"""
What makes a run harder without a framework's help: a torn write, and company.

A run is told by a file beside the framework's own records, so that one helper of the
crash lab, which has loaded the framework once, serves every kind of run.
"""

import json
import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any

from agentstate_lab.errors import LabError
from agentstate_lab.lab.agents import Job

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
            tear_at(size)
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


def tear_at(size: int) -> None:
    """
    Let the system end this process when a file that it writes would pass *size* bytes.

    What fits is written, the rest is not: the write is really torn. The process gets
    SIGXFSZ, and nothing is cleaned up.
    """
    sys.dont_write_bytecode = True  # only the framework's own files may be torn
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores it otherwise
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))


def meet(folder: Path, rivals: int) -> None:
    """
    Say that this process is there, and wait for the others.

    So a race is made and not hoped for.

    Raises:
        LabError: Not all of them came.
    """
    (folder / str(os.getpid())).touch()
    end = time.monotonic() + PATIENCE
    while len(list(folder.iterdir())) < rivals:
        if time.monotonic() > end:
            raise LabError(f"not all {rivals} came", effect="not started")
        time.sleep(0.001)
