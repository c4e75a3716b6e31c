"""
The learner's own functions, out of the exercises that they have solved.

Notebook 10 builds its agent on them: `execute_task_if_not_done` of exercise 03 and
`execute_with_retry` of exercise 04. A function is taken when its exercise passes the
check as the notebook stands now; for one that does not, the package's own stands in,
and it is said which.

The cells of a solved notebook are run here, in the learner's own program, which is
where they belong; a check has run them before, in a process of its own.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentstate_lab.errors import InvalidValue
from agentstate_lab.idempotency import execute_task
from agentstate_lab.lab.exercises import exercise_named
from agentstate_lab.lab.exercises.judge import answer_cells, compiled
from agentstate_lab.lab.home import repository_root
from agentstate_lab.lab.notebooks import working_copy
from agentstate_lab.retry import execute_with_retry

NAMES = ("idempotency", "retry")


@dataclass(frozen=True, slots=True)
class Own:
    """
    What an agent is built on.

    Attributes:
        execute: Runs a task once.

        retry: Calls something again, if that may help.

        yours: Which of the two are the learner's.
    """

    execute: Callable[..., Any] = execute_task
    retry: Callable[..., Any] = execute_with_retry
    yours: tuple[str, ...] = ()

    def __str__(self) -> str:
        whose = {True: "yours", False: "the package's, until yours passes"}
        return "\n".join(
            f"{exercise_named(name).function}: {whose[name in self.yours]}"
            for name in NAMES
        )

    __repr__ = __str__


def your_own(folder: Path | None = None) -> Own:
    """
    The functions from the exercises, each if it passes, else the package's.

    Args:
        folder: Where the exercises are; by default, in `work/`, else in the repository.

    Raises:
        InvalidValue: There are no exercises there.
    """
    root = repository_root()
    stems = {name: exercise_named(name).stem for name in NAMES}
    if folder is None and root is not None:
        files = {n: working_copy(root, "exercises", stem) for n, stem in stems.items()}
    elif folder is not None and folder.is_dir():
        files = {name: folder / f"{stem}.ipynb" for name, stem in stems.items()}
    else:
        raise InvalidValue("exercises", "none are here: name their folder")
    solved = {name: _solved(name, path) for name, path in files.items()}
    return Own(
        solved["idempotency"] or execute_task,
        solved["retry"] or execute_with_retry,
        tuple(name for name in NAMES if solved[name]),
    )


def _solved(name: str, path: Path) -> Callable[..., Any] | None:
    """The function of an exercise, if it passes its check as it stands."""
    from agentstate_lab.lab.practice import check_notebook

    if not path.is_file() or not check_notebook(path).passed:
        return None
    _, cells = answer_cells(path)
    space: dict[str, Any] = {"__name__": "__main__", "display": lambda *a, **k: None}
    for number, source in json.loads(cells):
        exec(compiled(source, number), space)  # noqa: S102 - the learner's own
    found: Callable[..., Any] = space[exercise_named(name).function]
    return found
