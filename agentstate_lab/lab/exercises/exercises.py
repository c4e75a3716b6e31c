"""
The exercises by name: what each asks for, and where its check and hints are.

An exercise joins with one line here and one module in a room of its own, which holds
its `STAGES` and its `HINTS`; a `setting` when its check needs something of the lab, a
`prepare` when its stages need something loaded, a `summary` when they add up to a
sentence. Two exercises may share a notebook; the first of them has its name.
"""

import difflib
import importlib
from dataclasses import dataclass
from types import ModuleType

from agentstate_lab.errors import InvalidValue


@dataclass(frozen=True, slots=True)
class Exercise:
    """
    One exercise.

    Attributes:
        number: As in its file name, for example "02".

        name: As in `check(name, ...)`, and the name of its check's module.

        function: The function that the learner writes.

        parameters: What the check passes to it, in order.

        keywords: What the check passes to it by keyword.

        shares: The exercise in whose notebook it is, or None for its own.

        room: The folder of its check, where that is not the name of its notebook.
    """

    number: str
    name: str
    function: str
    parameters: tuple[str, ...]
    keywords: tuple[str, ...] = ()
    shares: str | None = None
    room: str | None = None

    @property
    def stem(self) -> str:
        """The name of its notebook, without the ending."""
        return f"{self.number}_{self.shares or self.name}"

    @property
    def title(self) -> str:
        """How the stub's own error names the exercise."""
        return f"Exercise {self.number} ({self.name})"

    def load(self) -> ModuleType:
        """The module with its stages and hints."""
        room = self.room or self.shares or self.name
        return importlib.import_module(f".{room}.{self.name}", __package__)


EXERCISES = {
    exercise.name: exercise
    for exercise in (
        Exercise("01", "state", "apply_patch", ("state", "patch")),
        Exercise("02", "json_store", "save", ("path", "data")),
        Exercise(
            "03",
            "idempotency",
            "execute_task_if_not_done",
            ("store", "task_id", "work"),
        ),
        Exercise(
            "03",
            "run_once",
            "run_once",
            ("store", "task_id", "step", "request"),
            shares="idempotency",
        ),
        Exercise(
            "04", "retry", "execute_with_retry", ("fn", "max_attempts"), ("sleep",)
        ),
        Exercise(
            "05",
            "deadline",
            "run_steps",
            ("steps", "record"),
            ("limit", "step_limit", "clock"),
        ),
        Exercise("06", "sql_store", "run_next", ("db", "work", "now", "lease")),
        Exercise(
            "07",
            "checkpoint",
            "look_back",
            ("task", "checkpoints"),
            ("now", "keep", "max_age"),
        ),
        Exercise("08", "context", "fit", ("state", "max_bytes", "keep")),
        Exercise(
            "09",
            "mcp",
            "update_shared_state",
            ("client", "uri", "patch_id", "change"),
            room="mcp_state",
        ),
        Exercise("10", "durable_agent", "my_agent", ("job",)),
    )
}


def exercise_named(name: str) -> Exercise:
    """
    The exercise of this name, or of its notebook's name.

    Raises:
        InvalidValue: There is none; the message says which there are.

    >>> exercise_named("01_state") is exercise_named("state")
    True
    """
    for exercise in EXERCISES.values():
        if name in (exercise.name, exercise.stem):
            return exercise
    known = ", ".join(EXERCISES)
    near = difflib.get_close_matches(str(name), EXERCISES, n=1)
    meant = f"did you mean {near[0]!r}? " if near else ""
    raise InvalidValue(
        "exercise",
        f"there is none named {name!r:.100}; {meant}the exercises are {known}",
    )


def exercises_meant(word: str) -> list[Exercise]:
    """
    The exercises that *word* stands for: one by its name, all by number or notebook.

    Raises:
        InvalidValue: It stands for none; the message says which there are.

    >>> [exercise.name for exercise in exercises_meant("3")]
    ['idempotency', 'run_once']
    """
    number = word.zfill(2) if word.isascii() and word.isdecimal() else ""
    found = [one for one in EXERCISES.values() if number == one.number]
    found = found or [one for one in EXERCISES.values() if word == one.stem]
    return found or [exercise_named(word)]


def exercises_in(file: str) -> list[Exercise]:
    """
    The exercises of the notebook named *file*; a copy may add to its name.

    Raises:
        InvalidValue: It is the notebook of none; the message says which there are.

    >>> [exercise.name for exercise in exercises_in("03_idempotency-Copy1.ipynb")]
    ['idempotency', 'run_once']
    """
    found = [one for one in EXERCISES.values() if file.startswith(one.stem)]
    if not found:
        known = ", ".join({f"{one.stem}.ipynb": 1 for one in EXERCISES.values()})
        raise InvalidValue(
            f"notebook {file!r:.100}", f"belongs to no exercise; there are {known}"
        )
    return found
