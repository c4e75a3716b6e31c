"""
A board of tasks: who works on what, as the store has it now.

`task_board` shows it as a widget that looks into the store again and again while
workers in other processes go on, and, where no widget runs, as the table of the
moment at which it was shown.

A worker is named in the order in which the board first saw it, and is "gone" when
its process is proved dead (`owner.is_gone`). The board reads; it claims nothing.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from agentstate_lab.errors import AgentStateError, InvalidValue
from agentstate_lab.lab.show import Cell, Row, Table, plural, publish
from agentstate_lab.state import TRANSITIONS, Owner, Task, TaskState
from agentstate_lab.stores import TaskStore, is_gone, open_store

EVERY = 0.3  # seconds between two looks
LOOKS = 1_000  # five minutes; a board that nobody watches any more ends

HEAD = ("task", "attempt", "worker", "state")


class Board:
    """
    What a store says of some tasks.

    Args:
        store: Where they are.

        task_ids: Which ones, in the order of the rows.

    Raises:
        InvalidValue: No task was named.
    """

    def __init__(self, store: TaskStore, task_ids: Iterable[str]) -> None:
        self._store = store
        self._ids = tuple(task_ids)
        self._workers: list[Owner] = []
        if not self._ids:
            raise InvalidValue("task_ids", "a board needs at least one task")

    def table(self) -> Table:
        """
        The board as it is now.

        Raises:
            TaskNotFound: There is no such task.
        """
        tasks = [self._store.get(task_id) for task_id in self._ids]
        return Table(_caption(tasks), HEAD, tuple(map(self._row, tasks)))

    def follow(
        self, show: Callable[[Table], object], wait: Callable[[float], object]
    ) -> None:
        """
        Show the board, again and again, until every task has ended.

        Args:
            show: Gets the table whenever it has changed.

            wait: Waits so many seconds.
        """
        shown = None
        for _ in range(LOOKS):
            table = self.table()
            if table != shown:
                show(table)
                shown = table
            if all(row[3] in _ENDS for row in table.rows):
                return
            wait(EVERY)

    def _row(self, task: Task) -> Row:
        name, worker = task.id.rpartition("/")[2], self._worker(task.owner)
        state = Cell(task.state.value, tone="harm" if worker.endswith("gone") else "")
        return (name, str(task.attempt), worker, state)

    def _worker(self, owner: Owner | None) -> str:
        if owner is None:
            return "nobody"
        # One process may work on many tasks, each in a run of its own.
        process = owner.model_copy(update={"run_id": ""})
        if process not in self._workers:
            self._workers.append(process)
        name = f"worker {self._workers.index(process) + 1}"
        return f"{name}, gone" if is_gone(owner) else name


_ENDS = {state for state, after in TRANSITIONS.items() if not after}


def task_board(url: str, task_ids: Iterable[str]) -> None:
    """
    Show the board of some tasks, and keep it up to date while the notebook lives.

    Args:
        url: The store.

        task_ids: The tasks, in the order of the rows.

    Raises:
        InvalidValue, StoreError, TaskNotFound: There is nothing to show.
    """
    import ipywidgets as widgets

    board = Board(open_store(url), task_ids)
    now = board.table()
    shown = widgets.HTML(now.html())
    publish(now, shown)
    follow = threading.Thread(target=_follow, args=(board, shown), daemon=True)
    follow.start()


def _follow(board: Board, shown: Any) -> None:
    """Keep a widget up to date; a store that goes away ends that in words."""

    def show(table: Table) -> None:
        shown.value = table.html()

    try:
        board.follow(show, time.sleep)
    except AgentStateError as error:
        shown.value += f"<p>The board has ended: {type(error).__name__}.</p>"


def _caption(tasks: list[Task]) -> str:
    """How many tasks are in which state."""
    counts = Counter(task.state for task in tasks)
    said = [f"{counts[state]} {state}" for state in TaskState if counts[state]]
    return f"{plural(len(tasks), 'task')}: {', '.join(said)}"
