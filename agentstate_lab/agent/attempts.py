"""
A call to the outside: as long as it may take, and as often as it may be tried.

An agent makes two kinds of calls that fail, of the model and of tools, and whoever
wrote the function that tries again did not know what is called. So this is decided
here, whatever that function is like:

- an attempt has the seconds of one step, and never more than the run has left;
- where no repeat may follow (it cannot help, or it may do harm), the function gets
  `Permanent`, which ends its tries at once;
- a wait that the deadline does not pay for is not begun;
- what comes out is what the call returned, or the error of its last attempt, and not
  what the function made of it.

How often and how long to wait is for the function: `retry.execute_with_retry`, or
your own from exercise 04.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from agentstate_lab.deadline import Deadline
from agentstate_lab.errors import InvalidValue, Permanent
from agentstate_lab.retry import Kind, kind_of, status_of
from agentstate_lab.stores import surely_not_started

Retry = Callable[..., Any]
Final = Callable[[Exception], bool]

BUSY = 409  # somebody is still at it: `run_once` asks again, with the same key


def hopeless(error: Exception) -> bool:
    """Whether trying again cannot help; for a call that changes nothing."""
    return kind_of(error) is Kind.PERMANENT


def settled(error: Exception) -> bool:
    """The same for an effect under a key that its receiver honours."""
    return hopeless(error) or status_of(error) == BUSY


def unsafe(error: Exception) -> bool:
    """The same for an effect that must not happen twice: unless nothing happened."""
    return settled(error) or not surely_not_started(error)


@dataclass(frozen=True, slots=True)
class Attempts:
    """
    How a run calls what is outside.

    Attributes:
        retry: Tries a call again, called as `retry(fn, max_attempts, sleep=...)`.

        max_attempts: How often at most.

        seconds: What one attempt may take.

        sleep: Waits so many seconds.

        check: Called before each further attempt; raises if there must be none.
    """

    retry: Retry
    max_attempts: int
    seconds: float
    sleep: Callable[[float], object]
    check: Callable[[], object]

    def make(
        self,
        fn: Callable[[float], Any],
        step: str,
        deadline: Deadline,
        *,
        final: Final = hopeless,
    ) -> Any:
        """
        Call *fn* with the seconds that it has, again where that is allowed.

        Args:
            fn: The call.

            step: What it is called in an error.

            deadline: That of the run.

            final: After which errors no attempt may follow.

        Raises:
            Exception: That of the last attempt, unless an earlier one may have had
                its effect: then that one's. `DeadlineExceeded` when there was no time
                to begin.
        """
        tries = _Tries(self, fn, step, deadline, final)

        def once() -> Any:  # some retries read the name of what they call
            return tries.once()

        try:
            self.retry(once, self.max_attempts, sleep=tries.wait, **self._more())
        except Exception as error:
            if not _is_behind(tries.failed, error):
                raise  # it is the function's own, and says nothing about the call
        return tries.value()

    def _more(self) -> dict[str, Any]:
        """
        What *retry* is told besides, if it can be told.

        Where a repeat could do harm, it never gets so far as to ask.
        """
        try:
            named = inspect.signature(self.retry).parameters
        except (TypeError, ValueError):
            return {}
        return {"idempotent": True} if "idempotent" in named else {}


@dataclass(slots=True)
class _Tries:
    """The attempts of one call, and what came of them."""

    rules: Attempts
    fn: Callable[[float], Any]
    step: str
    deadline: Deadline
    final: Final
    values: list[Any] = field(default_factory=list)
    failed: Exception | None = None
    doubted: Exception | None = None

    def once(self) -> Any:
        """One attempt."""
        if self.failed is not None:
            self._check()
        try:
            limited = self.deadline.narrow(self.rules.seconds)
            self.values.append(limited.call(self.fn, self.step))
        except Exception as error:
            self.failed = error
            if self.final is not hopeless and not surely_not_started(error):
                self.doubted = error
            if self.final(error):
                raise Permanent(str(error)) from error
            raise
        return self.values[-1]

    def wait(self, seconds: float) -> None:
        """Wait, unless the deadline comes first: then the last error comes out."""
        left = self.deadline.remaining()
        if seconds < left:
            self.rules.sleep(seconds)
            return
        if self.failed is None:
            self.deadline.check(self.step)
            raise InvalidValue("retry", f"waits {seconds!r:.60} s before it has tried")
        self.failed.add_note(f"a wait of {seconds:g} s does not fit into {left:g} s")
        raise Permanent(str(self.failed)) from self.failed

    def value(self) -> Any:
        """What the call returned, whatever *retry* has made of it."""
        if self.values:
            return self.values[-1]
        if self.failed is None:
            raise InvalidValue("retry", "returned without calling what it was given")
        # "Not started" is true of the last attempt, and not of all of them.
        raise self.doubted or self.failed

    def _check(self) -> None:
        """Somebody may have taken the task, or ended it, in the meantime."""
        try:
            self.rules.check()
        except Exception as error:
            self.failed = error
            raise Permanent(str(error)) from error


def _is_behind(last: Exception | None, error: BaseException) -> bool:
    """Whether *error* is *last*, came from it, or holds it."""
    seen: list[BaseException] = []
    looked_at: list[BaseException | None] = [error]
    while looked_at:
        one = looked_at.pop()
        if one is None or one in seen:
            continue
        seen.append(one)
        looked_at += [one.__cause__, one.__context__]
        looked_at += one.exceptions if isinstance(one, BaseExceptionGroup) else []
    return last is not None and last in seen
