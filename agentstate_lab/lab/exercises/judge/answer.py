"""
The learner's function, as it travels from the notebook to the check's process.

It goes as bytes and is loaded on first use, in the process that will call it, so
that a stage can prepare that process first. Bytes come from `cloudpickle`, which
takes helpers from other cells along, or from the source of a notebook's cells.
They pass through a pipe and are never stored: nobody loads another's pickle.
"""

import contextlib
import inspect
import json
import os
import pickle
import sys
import sysconfig
import traceback
import types
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..exercises import Exercise

PACKAGE = Path(__file__).resolve().parents[3]

_PLACES = ("stdlib", "platstdlib", "purelib", "platlib")
_LIBRARIES = tuple(
    str(Path(folder).resolve()) + os.sep
    for folder in {*map(sysconfig.get_path, _PLACES), str(PACKAGE)}
)


class LoadFailed(Exception):
    """The answer could not be made ready to be called."""


@dataclass
class Answer:
    """
    One answer.

    Attributes:
        exercise: What it answers.

        payload: A pickled function, or the cells as JSON.

        cells: Whether *payload* holds cells.
    """

    exercise: Exercise
    payload: bytes
    cells: bool = False
    _function: Callable[..., Any] | None = field(default=None, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_function": None}

    def function(self) -> Callable[..., Any]:
        """
        The function itself, loaded once per process.

        Raises:
            LoadFailed: With the reason, for the learner.
        """
        if self._function is None:
            self._function = self._from_cells() if self.cells else self._unpickled()
        return self._function

    def complaint(self) -> str:
        """Why the function cannot be called as the exercise calls it, or nothing."""
        function, exercise = self.function(), self.exercise
        if inspect.iscoroutinefunction(function):
            return "it is an async function; write a plain def"
        if inspect.isgeneratorfunction(function):
            return "it is a generator: it yields where it should return"
        with contextlib.suppress(ValueError):  # some callables have no signature
            try:
                found = inspect.signature(function)
            except TypeError:
                return f"it is not a function but {kind(function)}"
            try:
                found.bind(*exercise.parameters, **dict.fromkeys(exercise.keywords))
            except TypeError as error:
                return f"it is written as {exercise.function}{found} ({error})"
        return ""

    def is_stub_error(self, error: BaseException | None) -> bool:
        """Whether *error* is what the untouched stub raises."""
        mine = self.exercise.title
        return isinstance(error, NotImplementedError) and mine in str(error)

    def wrote(self, code: types.CodeType) -> bool:
        """Whether *code* is the learner's own rather than a library's."""
        name = code.co_filename
        if name.startswith("<"):
            return name.startswith("<cell ")
        return not str(Path(name)).startswith(_LIBRARIES)

    def _unpickled(self) -> Callable[..., Any]:
        try:
            loaded = pickle.loads(self.payload)  # noqa: S301 - the learner's own
        except Exception as error:
            raise LoadFailed(
                "it could not be loaded in a fresh process"
                f" ({type(error).__name__}: {error})"
            ) from error
        return _callable(loaded)

    def _from_cells(self) -> Callable[..., Any]:
        module = types.ModuleType("__main__")
        sys.modules["__main__"] = module
        space = vars(module)
        space["display"] = lambda *shown, **options: None  # a notebook has it
        for number, source in json.loads(self.payload):
            try:
                exec(compiled(source, number), space)  # noqa: S102
            except Exception as error:
                raise LoadFailed(_trouble(error, source, number)) from error
        if (name := self.exercise.function) not in space:
            raise LoadFailed(f"the notebook defines no {name}")
        return _callable(space[name])


def compiled(source: str, number: int) -> types.CodeType:
    """The cell's code; lines that only IPython understands are left out."""
    name = f"<cell {number}>"
    try:
        return compile(source, name, "exec", dont_inherit=True)
    except SyntaxError:
        if source.lstrip().startswith("%%"):
            return compile("", name, "exec")
        lines = [_without_magic(line) for line in source.splitlines()]
        return compile("\n".join(lines), name, "exec", dont_inherit=True)


def _trouble(error: Exception, source: str, number: int) -> str:
    """What went wrong in a cell, with the line, since nobody counts code cells."""
    cell = f"<cell {number}>"
    if isinstance(error, SyntaxError) and error.filename == cell:
        line = error.lineno or 1
        why = f"is not Python ({type(error).__name__}: {error.msg})"
    else:
        frames = traceback.extract_tb(error.__traceback__)
        line = next((f.lineno for f in frames if f.filename == cell), None) or 1
        why = (
            "comes before the check, and it raised"
            f" {type(error).__name__}: {str(error)[:200]}"
        )
    lines = source.splitlines()
    text = lines[min(line, len(lines)) - 1].strip() if lines else ""
    return f"the line `{text[:100]}` of the notebook {why}"


def _without_magic(line: str) -> str:
    text = line.lstrip()
    return line[: len(line) - len(text)] + "pass" if text[:1] in {"%", "!"} else line


def _callable(found: Any) -> Callable[..., Any]:
    if not callable(found):
        raise LoadFailed(f"it is not a function but {kind(found)}")
    return found  # type: ignore[no-any-return]


def kind(found: object) -> str:
    """What something is, with its article: "a list", "None"."""
    if found is None:
        return "None"
    name = type(found).__name__
    return f"an {name}" if name[0].lower() in "aeiou" else f"a {name}"
