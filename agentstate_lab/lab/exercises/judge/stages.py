"""
Stages: what an exercise asks, one behaviour at a time.

A stage is a function that is handed the learner's answer and tries one behaviour.
Inside it, `doing` says what is being tried and what should follow, and `require`
says what happened instead. Whatever the answer raises on the way becomes such a
sentence too, so a stage reads like the promise it tests:

    @stage("appends facts")
    def appends(answer):
        with doing("applied a patch with two facts", "both facts at the end"):
            state = answer(START, PATCH)
            require(state["facts"] == BOTH, f"the facts were {state['facts']}")

Stages run in the check's child process (`child`), never in the notebook.
"""

import builtins
import contextlib
import io
import json
import os
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from agentstate_lab.lab.processes import text_of

from .answer import Answer, LoadFailed

MAX_TEXT = 200  # characters of an error's text in a report

E = TypeVar("E", bound=BaseException)

# What an answer must not replace for the rest of the program.
_SHARED = (builtins, os, io, json, time)

# Who is told what is being tried; the child passes it on, so that a death in the
# middle of a stage can be named by what was done.
LISTENERS: list[Callable[[str, str], None]] = []


class Unmet(Exception):
    """
    The answer did not do what the stage asks.

    Attributes:
        happened: What it did instead.

        done, expected: What was tried and what should have followed, once known.
    """

    def __init__(self, happened: str, done: str = "", expected: str = "") -> None:
        super().__init__(happened)
        self.happened = happened
        self.done = done
        self.expected = expected


class NotWritten(Exception):
    """The stub is as it was."""


class Stopped(BaseException):
    """
    Ends an answer that would go on for ever; its text says what the answer did.

    No `except Exception` keeps it from coming out.
    """


@dataclass(frozen=True, slots=True)
class Stage:
    """
    One behaviour.

    Attributes:
        name: What the answer does when it passes.

        run: Tries it; a text that it returns is shown beside a pass.

        bonus: Whether the exercise counts as solved without it.
    """

    name: str
    run: Callable[["Subject"], str | None]
    bonus: bool = False


def stage(
    name: str, *, bonus: bool = False
) -> Callable[[Callable[["Subject"], str | None]], Stage]:
    """Make a stage of the function below."""
    return lambda run: Stage(name, run, bonus)


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    What one call of the answer came to.

    Attributes:
        answer: What was called; only its own lines are named when it raised.

        value: What it returned, if it did.

        error: What it raised, `SystemExit` included.
    """

    answer: Answer
    value: Any = None
    error: BaseException | None = None

    @property
    def words(self) -> str:
        """What the error means for the one who wrote the answer."""
        return "it returned" if self.error is None else raised(self.error, self.answer)

    def result(self) -> Any:
        """What was returned; an error that came out fails the stage by name."""
        if self.error is not None:
            raise Unmet(self.words) from None
        return self.value

    def must_raise(self, kind: type[E], otherwise: str) -> E:
        """The error, which must be of this *kind*; *otherwise* says that none came."""
        if self.error is None:
            raise Unmet(otherwise)
        if not isinstance(self.error, kind):
            raise Unmet(self.words)
        return self.error


@dataclass(slots=True)
class Subject:
    """
    The answer while it is tried.

    Attributes:
        answer: The learner's function, as it travels between processes.

        fork: Whether processes can be forked here.

        given: What the check's `setting` got from the lab.
    """

    answer: Answer
    fork: bool = True
    given: dict[str, Any] = field(default_factory=dict)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the answer; what it raises fails the stage by name."""
        return self.outcome(*args, **kwargs).result()

    def outcome(self, *args: Any, **kwargs: Any) -> Outcome:
        """Call the answer and bring back whatever came, `SystemExit` included."""
        function = self.answer.function()
        before = [dict(vars(module)) for module in _SHARED]
        try:
            outcome = Outcome(self.answer, function(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 - a learner may raise anything
            outcome = Outcome(self.answer, error=error)
        _put_back(before)
        if self.answer.is_stub_error(outcome.error):
            raise NotWritten
        return outcome


@contextlib.contextmanager
def doing(done: str, expected: str) -> Iterator[None]:
    """Name what is tried in the block, and what should follow."""
    for tell in LISTENERS:
        tell(done, expected)
    try:
        yield
    except Unmet as unmet:
        if unmet.done:
            raise
        raise Unmet(unmet.happened, done, expected) from None


def require(met: bool, happened: str) -> None:
    """Fail the stage with what *happened*, unless it is *met*."""
    if not met:
        raise Unmet(happened)


def raised(error: BaseException, answer: Answer) -> str:
    """What an exception means for the one who wrote the answer."""
    match error:
        case SystemExit():
            return f"it called sys.exit({error.code!r}), which ends the whole program"
        case MemoryError():
            return "it wanted more memory than a check allows (MemoryError)"
        case RecursionError():
            return "it called itself too deeply (RecursionError)"
        case LoadFailed() | Unmet() | Stopped():
            return str(error)
    return f"it raised {named(error)}{_place(error, answer)}"


def named(error: BaseException) -> str:
    """The type and text of an error, whatever its text does."""
    text = text_of(error)
    for place, name in ((str(Path.cwd()) + os.sep, ""), (str(Path.home()), "HOME")):
        text = text.replace(place, name)  # a report is the same every time
    text = " ".join(text.split())
    if len(text) > MAX_TEXT:
        text = text[:MAX_TEXT] + " ..."
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _place(error: BaseException, answer: Answer) -> str:
    """The line of the learner's own code that raised, counted in its function."""
    place, function = "", None
    for frame, line in traceback.walk_tb(error.__traceback__):
        code = frame.f_code
        if not answer.wrote(code):
            continue
        if function is None or not code.co_name.startswith("<"):
            function = code
        elif code not in function.co_consts:
            continue  # a lambda from elsewhere: what counts is who called it
        place = f", in line {line - function.co_firstlineno + 1} of {function.co_name}"
    return place


def _put_back(before: list[dict[str, Any]]) -> None:
    """Undo and name what the answer replaced in modules that everybody shares."""
    replaced = []
    for module, names in zip(_SHARED, before, strict=True):
        now = vars(module)
        for name, value in names.items():
            if name not in now or now[name] is not value:
                now[name] = value
                if callable(value):
                    replaced.append(f"{module.__name__}.{name}")
    if replaced:
        raise Unmet(f"it replaced {', '.join(replaced)} for the whole program")
