"""
A function that fails on order and a sleep that takes no time, both keeping notes.

A `Scene` hands the two to the answer of exercise 04 and keeps what it does with
them as a `Take`: how often the function was called, how long it waited before,
between and after the calls, and what came out in the end. The stages in `retry`
judge the take; nothing here does.
"""

import itertools
import os
import signal
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ..judge import WAITS, Outcome, Subject, Unmet, named, require, seconds_of, shown

MAX_CALLS = 60  # of the function, in one take; no stage needs a third of it
MAX_STUBBORN = 100  # so often an answer may catch what is to end it
NEVER = object()


class NoAnswer(Exception):
    """What the function raises when no other error is ordered; one per attempt."""


class Enough(BaseException):
    """Ends an answer that would go on for ever."""


@dataclass(slots=True)
class Take:
    """
    One call of the answer.

    Attributes:
        errors: What the first attempts raise, one each.

        value: What the attempts after them return; `NEVER`: they fail, too.

        interrupt: What the sleep raises instead of coming back, if it is called.

        interrupted: Whether it did.

        raised: The errors that the function has raised.

        gaps: The waits before the first attempt, after the first, after the
            second, and so on; each a list of seconds.

        real: Waits that did not go through the sleep that was given, in words.

        misused: How the sleep was called, if `time.sleep` would refuse it.

        refusal: The last error of the sleep's own, if it was called like that.

        arguments: What the function was given; it takes nothing.

        outcome: What the answer returned or raised.
    """

    errors: list[BaseException] = field(default_factory=list)
    value: Any = NEVER
    interrupt: BaseException | None = None
    interrupted: bool = False
    raised: list[BaseException] = field(default_factory=list)
    gaps: list[list[float]] = field(default_factory=lambda: [[]])
    real: list[str] = field(default_factory=list)
    misused: str = ""
    refusal: Exception | None = None
    arguments: str = ""
    outcome: Outcome = field(init=False, repr=False)
    _beyond: int = 0

    @property
    def calls(self) -> int:
        """How often the function was called."""
        return len(self.gaps) - 1

    @property
    def waits(self) -> list[float]:
        """Every wait, in order, in seconds."""
        return list(itertools.chain.from_iterable(self.gaps))

    @property
    def between(self) -> list[list[float]]:
        """The waits between two attempts."""
        return self.gaps[1:-1]

    @property
    def endless(self) -> bool:
        """Whether the answer had to be stopped."""
        return self._beyond > 0

    @property
    def ended(self) -> str:
        """How the call ended, in words."""
        error = self.outcome.error
        if self.endless:
            return f"it went on after {MAX_CALLS} calls or waits and had to be stopped"
        if error is None:
            return f"it returned {shown(self.outcome.value)}"
        if any(error is one for one in self.raised):
            return f"it raised {named(error)}"
        return self.outcome.words

    def came_back(self, value: Any) -> None:
        """Fail unless the answer returned this very value."""
        found = self.outcome
        require(not self.endless and found.error is None, self.ended)
        if found.value is value:
            return
        if found.value is None:
            raise Unmet("it returned None: what the function had returned was lost")
        said = f"it returned {shown(found.value)}"
        raise Unmet(f"{said}, not what the function had returned")

    def attempt(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """Be called: note it, then fail or return as ordered."""
        self._count()
        self.gaps.append([])
        if args or keywords:
            names = (*(type(one).__name__ for one in args), *keywords)
            self.arguments = self.arguments or ", ".join(names)
        if len(self.raised) < len(self.errors):
            raise self._noted(self.errors[len(self.raised)])
        if self.value is NEVER:
            raise self._noted(NoAnswer(f"no answer to attempt {self.calls}"))
        return self.value

    def wait(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        """Stand in for `time.sleep`, which takes one number, by position."""
        self._count(len(self.waits))
        try:
            if keywords or len(args) != 1:
                raise TypeError("sleep takes its seconds by position, nothing else")
            self.gaps[-1].append(seconds_of(args[0]))
        except (TypeError, ValueError, OverflowError) as error:
            given = [shown(one) for one in args]
            given += [f"{name}={shown(one)}" for name, one in keywords.items()]
            self.misused = self.misused or f"sleep({', '.join(given)}): {error}"
            self.refusal = error
            raise
        if self.interrupt is not None:
            self.interrupted = True
            raise self.interrupt

    def slept(self, what: str, seconds: float) -> None:
        """Note a real wait, which was kept from happening."""
        self._count(len(self.real))
        self.real.append(f"{what}({seconds:g})")
        self.gaps[-1].append(seconds)

    def _noted(self, error: BaseException) -> BaseException:
        self.raised.append(error)
        return error

    def _count(self, so_far: int | None = None) -> None:
        """Stop an answer that never stops, the stubborn ones with their process."""
        if (self.calls if so_far is None else so_far) < MAX_CALLS:
            return
        self._beyond += 1
        if self._beyond > MAX_STUBBORN and hasattr(signal, "SIGXCPU"):
            os.kill(os.getpid(), signal.SIGXCPU)  # as if its time were used up
        raise Enough


class Scene:
    """
    The answer with a function and a sleep, the same two for take after take.

    Args:
        answer: The answer that is tried.
    """

    def __init__(self, answer: Subject) -> None:
        self.answer = answer
        self._take = Take()

        # Plain functions: an answer may look at their names.
        def fetch(*args: Any, **keywords: Any) -> Any:
            return self._take.attempt(args, keywords)

        def sleep(*args: Any, **keywords: Any) -> None:
            self._take.wait(args, keywords)

        self._fetch, self._sleep = fetch, sleep

    def play(
        self,
        max_attempts: int,
        errors: Iterable[BaseException] = (),
        *,
        value: Any = NEVER,
        interrupt: BaseException | None = None,
        give_sleep: bool = True,
        **keywords: Any,
    ) -> Take:
        """
        Call the answer once.

        Args:
            max_attempts: Handed on.

            errors: What the first attempts raise, one each.

            value: What the attempts after them return, if they do.

            interrupt: What the sleep raises, if it does.

            give_sleep: Whether the answer is given the sleep.

            keywords: What else it is given.
        """
        take = self._take = Take(list(errors), value, interrupt)
        if give_sleep:
            keywords["sleep"] = self._sleep
        with WAITS.noted(take.slept):
            take.outcome = self.answer.outcome(self._fetch, max_attempts, **keywords)
        return take
