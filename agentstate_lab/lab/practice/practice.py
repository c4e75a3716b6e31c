"""
What a learner calls to have an answer judged: `check`, and `check_notebook`.

`check(name, answer)` tries a learner's function stage by stage in a process of its
own and reports behaviour: what was done, what was expected, what happened. It
judges what a function does, never how it is written, and it never waits for real
time to pass.
"""

from collections.abc import Collection
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from agentstate_lab import system
from agentstate_lab.errors import AgentStateError, InvalidValue
from agentstate_lab.lab.exercises import Exercise, exercise_named
from agentstate_lab.lab.exercises.judge import CaseReport, Report

from .kernel import told, typed
from .record import record

if TYPE_CHECKING:
    from agentstate_lab.lab.exercises.judge import Stage

SECONDS = 30.0
CALLABLE = "can be called as the exercise calls it"


def check(
    name: str,
    answer: object,
    *,
    only: Collection[str] = (),
    seconds: float = SECONDS,
) -> Report:
    """
    Try *answer* against the exercise *name* and say how it did.

    Args:
        name: The exercise, for example "state".

        answer: The learner's function.

        only: Names of stages, to try these alone; such a try is not noted in the
            progress.

        seconds: The wall-clock cap of each stage: only an endless loop or real
            waiting ever reaches it.

    Raises:
        InvalidValue: There is no such exercise.
        WorldUnavailable: The exercise needs the world, and it could not be started.

        NotPassed: It did not pass, and the notebook runs under `pytest --nbval-lax`.
    """
    exercise = exercise_named(name)
    report = _judged(exercise, answer, seconds, only)
    if only:
        return report
    own = getattr(answer, "__name__", "") == exercise.function
    return told(_noted(exercise, report), asked_for=own)


def _judged(
    exercise: Exercise, answer: object, seconds: float, only: Collection[str]
) -> Report:
    """The report on an answer, which travels as an object if it can, else as cells."""
    from agentstate_lab.lab.exercises.judge import CannotTravel, packed

    if not callable(answer):
        kind = "None" if answer is None else f"a value of type {type(answer).__name__}"
        return _cannot(exercise, f"it is not a function but {kind}")
    try:
        payload = packed(answer)
    except CannotTravel as error:
        # A lock, a file or a connection beside the function: the cells make it anew.
        if cells := typed(exercise, answer):
            return _tried(exercise, cells, seconds, cells=True, only=only)
        return _cannot(exercise, str(error))
    return _tried(exercise, payload, seconds, only=only)


def check_notebook(
    path: str | Path, name: str | None = None, *, seconds: float = SECONDS
) -> Report:
    """
    Check the answer in a notebook file, without running the notebook here.

    The cells before the check's own cell are run in the check's process, and then
    the function that the exercise asks for is tried.

    Args:
        path: The notebook, named as the exercise: `01_state.ipynb`.

        name: Which exercise, where the notebook has two; by default, the first.

        seconds: As for `check`.

    Raises:
        InvalidValue: The file is missing, no notebook, or not of this exercise.
    """
    from agentstate_lab.lab.exercises.judge import answer_cells, is_untouched

    exercise, payload = answer_cells(Path(path), name)
    if is_untouched(exercise, payload):
        return _not_started(exercise, exercise.load().STAGES)
    return _noted(exercise, _tried(exercise, payload, seconds, cells=True))


def _tried(
    exercise: Exercise,
    payload: bytes,
    seconds: float,
    *,
    cells: bool = False,
    only: Collection[str] = (),
    fork: bool = system.HAS_FORK,
) -> Report:
    """Run the stages in the child and put the verdicts under their names."""
    from agentstate_lab.lab.exercises.judge import UNTOUCHED, Answer, run

    module = exercise.load()
    numbers = _chosen(module.STAGES, only)
    stages = tuple(module.STAGES[number] for number in numbers)
    setting = getattr(module, "setting", nullcontext)
    with setting() as given:
        first, *others = run(
            Answer(exercise, payload, cells),
            numbers,
            # Without fork each process of a stage is a new Python that loads anew.
            seconds=seconds if fork else seconds * 12,
            fork=fork,
            given=given or {},
        )
    if all(one.happened == UNTOUCHED for one in others or [first]):
        return _not_started(exercise, stages)
    if not others:
        return _cannot(exercise, first.happened, first.printed)
    cases = tuple(map(_case, stages, others, [exercise] * len(stages)))
    note = module.summary(cases) if hasattr(module, "summary") else ""
    total = _total(stages)
    return Report(exercise.number, exercise.name, cases, total, note=note)


def _not_started(exercise: Exercise, stages: "tuple[Stage, ...]") -> Report:
    """The report on an untouched stub: what to do."""
    todo = (
        f"Write {exercise.function} where the stub says TODO, run that cell and"
        f" then this one. hint({exercise.name!r}) helps."
    )
    return Report(exercise.number, exercise.name, (), _total(stages), False, todo)


def _chosen(stages: "tuple[Stage, ...]", only: Collection[str]) -> tuple[int, ...]:
    """The numbers of the stages with these names; all of them without names."""
    names = [stage.name for stage in stages]
    if unknown := set(only) - set(names):
        raise InvalidValue("only", f"no stage is called {sorted(unknown)[0]!r:.100}")
    return tuple(n for n, name in enumerate(names) if not only or name in only)


def _case(stage: "Stage", verdict: CaseReport, exercise: Exercise) -> CaseReport:
    """One stage with its verdict; a death in the middle left gaps to fill."""
    named = replace(verdict, name=stage.name, bonus=stage.bonus)
    if verdict.passed:
        return named
    done = verdict.done or f"called {exercise.function}"
    expected = verdict.expected or "a call that comes back"
    return replace(named, done=done, expected=expected)


def _cannot(exercise: Exercise, why: str, printed: str = "") -> Report:
    """The report on an answer that no stage could be tried with."""
    parameters = (*exercise.parameters, *(f"{name}=..." for name in exercise.keywords))
    case = CaseReport(
        name=CALLABLE,
        passed=False,
        done=f"looked at {exercise.function}",
        expected=f"a function to call as {exercise.function}({', '.join(parameters)})",
        happened=why,
        printed=printed,
    )
    total = _total(exercise.load().STAGES)
    return Report(exercise.number, exercise.name, (case,), total)


def _total(stages: "tuple[Stage, ...]") -> int:
    """How many stages count."""
    return sum(not stage.bonus for stage in stages)


def _noted(exercise: Exercise, report: Report) -> Report:
    """Keep the outcome in the learner's progress; trouble there spoils no check."""
    try:
        record(exercise, report)
    except AgentStateError as error:
        return replace(report, note=f"Progress was not kept: {error}")
    return report
