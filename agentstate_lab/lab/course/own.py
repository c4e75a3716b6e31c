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
from agentstate_lab.lab.exercises.judge import compiled
from agentstate_lab.lab.home import repository_root
from agentstate_lab.lab.notebooks import working_copy
from agentstate_lab.retry import execute_with_retry


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
        rows = (
            ("idempotency", "execute_task_if_not_done"),
            ("retry", "execute_with_retry"),
        )
        return "\n".join(
            f"{function}: "
            + ("yours" if name in self.yours else "the package's, until yours passes")
            for name, function in rows
        )

    def __repr__(self) -> str:
        return str(self)


def your_own(folder: Path | None = None) -> Own:
    """
    The functions from the exercises, each if it passes, else the package's.

    Args:
        folder: Where the exercises are; by default, in `work/`, else in the repository.

    Raises:
        InvalidValue: There are no exercises there.
    """
    root = repository_root()
    if (folder is None and root is None) or (folder and not folder.is_dir()):
        raise InvalidValue("exercises", "none are here: name their folder")

    def file(stem: str) -> Path:
        if folder or not root:
            return (folder or Path()) / f"{stem}.ipynb"
        return working_copy(root, "exercises", stem)

    execute, retry = _solved("idempotency", file), _solved("retry", file)
    solved = (("idempotency", execute), ("retry", retry))
    yours = tuple(name for name, function in solved if function is not None)
    return Own(execute or execute_task, retry or execute_with_retry, yours)


def _solved(name: str, file: Callable[[str], Path]) -> Callable[..., Any] | None:
    """The function of an exercise, if it passes its check as it stands."""
    from agentstate_lab.lab.exercises.judge import answer_cells
    from agentstate_lab.lab.practice import check_notebook

    exercise = exercise_named(name)
    path = file(exercise.stem)
    if not path.is_file() or not check_notebook(path).passed:
        return None
    _, cells = answer_cells(path)
    space: dict[str, Any] = {"__name__": "__main__", "display": lambda *a, **k: None}
    for number, source in json.loads(cells):
        exec(compiled(source, number), space)  # noqa: S102 - the learner's own
    found: Callable[..., Any] = space[exercise.function]
    return found
