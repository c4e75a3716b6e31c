"""
How far the learner is, kept where the course's crashes cannot take it along.

The course kills kernels for a living, so its own notes had better survive: one task
per exercise in the store of notebook 02, `progress.json` in the home. Each attempt
and each hint is a patch, applied once, whatever dies in between.

Nothing is judged here; `practice` does that and calls `record`.
"""

from collections.abc import Callable

from pydantic import JsonValue

from agentstate_lab.errors import AgentStateError, TaskNotFound
from agentstate_lab.lab.exercises import EXERCISES, Exercise, exercise_named
from agentstate_lab.lab.exercises.judge import Report
from agentstate_lab.lab.home import home
from agentstate_lab.state import Fact, StatePatch, Task, TaskState, UpsertFact
from agentstate_lab.stores import JsonFileStore, execute_step

from .view import Guesses, Hint, Progress, Row

FILE = "progress.json"
_PREDICTIONS = Task.new("keep what was predicted", key="predictions")

Facts = Callable[[Task], dict[str, JsonValue]]


def progress() -> Progress:
    """
    How far the learner is.

    Raises:
        StoreError: The file is torn, foreign or newer; it was not touched.
    """
    with _store() as store:
        tasks = {task.id: task for task in store.list_by_state(TaskState.PENDING)}
    return Progress(
        tuple(
            _row(exercise, tasks.get(_task(exercise).id))
            for exercise in EXERCISES.values()
        ),
        _guesses(tasks.get(_PREDICTIONS.id)),
    )


def record(exercise: Exercise, report: Report) -> None:
    """
    Keep the outcome of a check. An untouched stub is no attempt.

    Raises:
        AgentStateError: It could not be kept.
    """
    if not report.started:
        return

    def count(task: Task) -> dict[str, JsonValue]:
        row, reached = _row(exercise, task), int(report.score.split()[0])
        return {
            "attempts": row.attempts + 1,
            "best": max(row.best, reached),
            "total": report.total,
            "passed": row.passed or report.passed,
        }

    _learn(_task(exercise), "attempt", count)


def hint(name: str) -> Hint:
    """
    The next hint for an exercise; the last one again when all were read.

    Raises:
        InvalidValue: There is no such exercise.
    """
    exercise = exercise_named(name)
    hints: tuple[str, ...] = exercise.load().HINTS

    def one_more(task: Task) -> dict[str, JsonValue]:
        return {"hints": min(_row(exercise, task).hints + 1, len(hints))}

    try:
        read = _row(exercise, _learn(_task(exercise), "hint", one_more)).hints
    except AgentStateError:
        read = 1  # a torn file must not keep a hint away; progress() names the trouble
    return Hint(read, len(hints), hints[read - 1])


def guess_kept(key: str) -> str | None:
    """
    The guess under *key*, or None.

    Raises:
        StoreError: The file is torn, foreign or newer; it was not touched.
    """
    with _store() as store:
        try:
            kept = store.get(_PREDICTIONS.id).agent_state.fact(key)
        except TaskNotFound:
            return None
    return str(kept["guess"]) if isinstance(kept, dict) and "guess" in kept else None


def keep_guess(key: str, guess: str) -> None:
    """
    Keep what the learner said, until they say something else.

    Raises:
        StoreError: It could not be kept.
    """
    _learn(_PREDICTIONS, key, lambda task: {key: {"guess": guess, "right": None}})


def keep_outcome(key: str, *, right: bool) -> None:
    """
    Keep whether the guess under *key* was right.

    Raises:
        StoreError: It could not be kept.
    """
    kept: JsonValue = {"guess": guess_kept(key) or "", "right": right}
    _learn(_PREDICTIONS, key, lambda task: {key: kept})


def _learn(new: Task, what: str, facts: Facts) -> Task:
    """Set some facts of a task, whoever else writes at that moment, and return it."""

    def step(task: Task) -> Task:
        operations = tuple(
            UpsertFact(fact=Fact(key=key, value=value))
            for key, value in facts(task).items()
        )
        version = task.version
        return task.apply(
            StatePatch(
                id=f"{what}-{version}", base_version=version, operations=operations
            )
        )

    with _store() as store:
        return execute_step(store, store.submit(new).task.id, step)


def _guesses(task: Task | None) -> Guesses:
    """How many guesses were kept, and how many of those that met an outcome."""
    facts = task.agent_state.known_facts if task else ()
    kept = [fact.value for fact in facts if isinstance(fact.value, dict)]
    judged = [one.get("right") for one in kept if one.get("right") is not None]
    return Guesses(len(kept), len(judged), sum(one is True for one in judged))


def _store() -> JsonFileStore:
    return JsonFileStore(home() / FILE)


def _task(exercise: Exercise) -> Task:
    """The task of an exercise as it is before anything was tried."""
    return Task.new(f"solve exercise {exercise.name}", key=f"exercise/{exercise.name}")


def _row(exercise: Exercise, task: Task | None) -> Row:
    """What a task says; odd values in it count as nothing."""
    if task is None:
        return Row(exercise)
    counts = {}
    for name in ("attempts", "best", "total", "hints"):
        value = task.agent_state.fact(name, 0)
        counts[name] = value if isinstance(value, int) else 0
    return Row(exercise, **counts, passed=task.agent_state.fact("passed") is True)
