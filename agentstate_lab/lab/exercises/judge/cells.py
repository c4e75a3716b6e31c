"""
Read an answer out of a learner's notebook file, without running any of it here.

A notebook is JSON, so it is read as JSON: nothing of Jupyter is needed, and a file
that is cut off, foreign or huge is refused with a reason. Which exercise it is
for, the file's name says.
"""

import ast
import json
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agentstate_lab.errors import InvalidValue

from ..exercises import EXERCISES, Exercise, exercises_in

MAX_BYTES = 20_000_000


def answer_cells(path: Path, name: str | None = None) -> tuple[Exercise, bytes]:
    """
    The exercise, and the code cells that lead to the answer, as JSON.

    Args:
        path: The notebook.

        name: Which of its exercises; by default, the first.

    Raises:
        InvalidValue: The file is missing, no notebook, or not of this exercise.
    """
    exercise = _exercise_of(path, name)
    sources = _code_cells(path)
    if _is_lesson(sources, exercise):
        raise InvalidValue(
            f"notebook {path.name!r}",
            f"is the lesson; the exercise is exercises/{exercise.stem}.ipynb",
        )
    return exercise, leading_cells(sources, exercise)


def leading_cells(
    sources: Sequence[str], exercise: Exercise, *, to_the_end: bool = False
) -> bytes:
    """
    The cells that lead to the answer, without what asks for a check, as JSON.

    Args:
        sources: The code cells, in the order in which they are to be run.

        exercise: What is asked for.

        to_the_end: Whether the answer is what all of them define, as in a kernel where
            a function was written, checked, and written again.
    """
    kept: list[tuple[int, str]] = []
    defined = False
    reports: set[str] = set()
    for number, source in enumerate(sources, start=1):
        rest, asked = _without_asking(source, reports)
        kept.append((number, rest))
        defined = defined or _defines(rest, exercise.function)
        if asked and defined and not to_the_end:
            break  # what comes after the check's own cell is not the answer
    return json.dumps(kept).encode()


def is_untouched(exercise: Exercise, payload: bytes) -> bool:
    """
    Whether the cells define the function, and only as the stub does.

    Then it does not matter what the other cells do: nobody has tried this exercise.
    """
    definitions = [
        statement
        for _, source in json.loads(payload)
        for statement in _statements(source)
        if _defines_in(statement, exercise.function)
    ]
    return bool(definitions) and all(
        _is_stub(statement, exercise.title) for statement in definitions
    )


def _is_stub(statement: ast.stmt, title: str) -> bool:
    """Whether a function does nothing but raise the stub's own error."""
    if not isinstance(statement, ast.FunctionDef):
        return False
    docstring = ast.get_docstring(statement, clean=False) is not None
    body = statement.body[docstring:]
    return (
        len(body) == 1
        and isinstance(body[0], ast.Raise)
        and any(
            call == "NotImplementedError" and title in said
            for call, said in _calls(body[0])
        )
    )


def _is_lesson(sources: list[str], exercise: Exercise) -> bool:
    """Whether the cells begin the lesson of the same name, and ask for no check."""
    calls = {
        call
        for source in sources
        for statement in _statements(source)
        for call in _calls(statement)
    }
    checks = {("check", name) for name in EXERCISES}
    return ("begin", exercise.stem) in calls and calls.isdisjoint(checks)


def _calls(statement: ast.stmt) -> set[tuple[str, str]]:
    """Each call with a text as its first argument: the name, and the text."""
    return {
        (getattr(node.func, "id", ""), node.args[0].value)
        for node in ast.walk(statement)
        if isinstance(node, ast.Call)
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    }


def _exercise_of(path: Path, name: str | None) -> Exercise:
    """The exercise of this name in the notebook that the file is by its own name."""
    found = exercises_in(path.name)
    for exercise in found:
        if name in (None, exercise.name):
            return exercise
    known = ", ".join(exercise.name for exercise in found)
    raise InvalidValue(
        f"notebook {path.name!r}", f"has no exercise {name!r:.100}, only {known}"
    )


def _code_cells(path: Path) -> list[str]:
    """The sources of the code cells, in order."""
    what = f"notebook {path.name!r}"
    raw = _bytes(path, what)
    try:
        content = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise InvalidValue(
            what, "is cut off or no notebook: it is not JSON; save it again in Jupyter"
        ) from error
    return [_source(cell, what) for cell in _cells(content, what) if _is_code(cell)]


def _bytes(path: Path, what: str) -> bytes:
    """What the file holds, unless it is none or far too large for a notebook."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise InvalidValue(what, "is not a file")
        if status.st_size > MAX_BYTES:
            raise InvalidValue(
                what,
                f"has {status.st_size:,} bytes, the limit is {MAX_BYTES:,};"
                " clear its outputs",
            )
        return path.read_bytes()
    except OSError as error:
        raise InvalidValue(what, f"cannot be read ({error.strerror})") from error


def _cells(content: Any, what: str) -> list[Any]:
    cells = content.get("cells") if isinstance(content, dict) else None
    if not isinstance(cells, list):
        raise InvalidValue(what, "is JSON, but no notebook: it has no cells")
    if content.get("nbformat") != 4:
        raise InvalidValue(
            what, f"has notebook format {content.get('nbformat')!r}, not 4"
        )
    return cells


def _is_code(cell: Any) -> bool:
    return isinstance(cell, dict) and cell.get("cell_type") == "code"


def _source(cell: dict[str, Any], what: str) -> str:
    source = cell.get("source", "")
    lines = source if isinstance(source, list) else [source]
    if not all(isinstance(line, str) for line in lines):
        raise InvalidValue(what, "has a code cell whose source is not text")
    return "".join(lines)


def _without_asking(source: str, reports: set[str]) -> tuple[str, bool]:
    """
    The cell without its calls of check and hint, and whether it calls check.

    What looks at a report goes, too, since there will be none; *reports* are the
    names that hold one, in this cell and those before it.
    """
    lines = source.splitlines()
    checks = False
    for statement in _statements(source):
        asked = _asked(statement)
        checks = checks or "check" in asked
        if asked or _reads(statement, reports):
            reports |= _names(statement, ast.Store)
            last = statement.end_lineno or statement.lineno
            for at in range(statement.lineno - 1, last):
                lines[at] = ""
        else:
            reports -= _names(statement, ast.Store)
    return "\n".join(lines), checks


def _reads(statement: ast.stmt, names: set[str]) -> bool:
    """Whether a statement looks at one of *names* when it is run."""
    defines = isinstance(statement, ast.FunctionDef | ast.ClassDef)
    return not defines and not names.isdisjoint(_names(statement, ast.Load))


def _names(statement: ast.stmt, how: type[ast.expr_context]) -> set[str]:
    """The names that a statement loads or stores."""
    return {
        node.id
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, how)
    }


def _asked(statement: ast.stmt) -> set[str]:
    """Which of check, hint, progress and reset a statement calls."""
    if not isinstance(statement, ast.Expr | ast.Assign | ast.Assert):
        return set()
    called = {
        getattr(node.func, "id", getattr(node.func, "attr", ""))
        for node in ast.walk(statement)
        if isinstance(node, ast.Call)
    }
    return called & {"check", "hint", "progress", "reset"}


def _statements(source: str) -> list[ast.stmt]:
    """The top-level statements; none of a cell that only IPython understands."""
    try:
        return ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError):
        return []


def _defines(source: str, name: str) -> bool:
    """Whether a cell makes something of this name."""
    return any(_defines_in(statement, name) for statement in _statements(source))


def _defines_in(statement: ast.stmt, name: str) -> bool:
    """Whether a statement does."""
    return name in _names(statement, ast.Store) or any(
        getattr(node, "name", None) == name for node in ast.walk(statement)
    )
