"""
The check of exercise 04: try again, wait longer each time, and know when to stop.

The answer is handed a function that fails on order and a sleep that takes no time
(`attempts`). The stages here judge what it returns and how often it calls; those in
`waits` how long it waits, and those in `errors` which error comes out.
A real wait is noticed (`waits`) and never happens.
"""

from typing import Any

from agentstate_lab.errors import EffectRefused, Permanent

from ..judge import Stage, Subject, Unmet, carried, doing, require, stage, times
from .attempts import MAX_CALLS, NoAnswer, Scene, Take
from .errors import last_error, never_catches, permanent_at_once, raises
from .waits import (
    MANY,
    default_sleep,
    doubling,
    given_sleep,
    listed,
    no_last_wait,
    spreads,
    waits_double,
)

HINTS = (
    "Count on your fingers: with three attempts, how many waits are there, and what"
    " stands after the last failure? Which errors does `except Exception` leave"
    " alone, and which of the others can no second attempt help?",
    "Before the loop, refuse max_attempts below 1. In the loop, return what fn()"
    " returns right where it is called, so that no value needs to be tested. Let"
    " `except Permanent: raise` stand before `except Exception`. Look whether this"
    " was the last attempt before you wait, not after.",
    "The shape: for attempt in range(max_attempts), with try: return fn(), then"
    " except Permanent: raise, then except Exception: if it was the last attempt,"
    " a bare raise. After the try block, sleep(2**attempt). Nothing is kept outside"
    " the function.",
)


class Untestable:
    """A value that is neither true nor false, as a numpy array is."""

    def __bool__(self) -> bool:
        raise ValueError("this value has no truth")

    def __eq__(self, other: object) -> bool:
        raise ValueError("this value cannot be compared")

    __hash__ = None  # type: ignore[assignment]


def passing_errors() -> tuple[Exception, ...]:
    """Errors of many kinds, none of them `Permanent`."""
    return (
        ConnectionError("connection reset"),
        TimeoutError("no answer in 10 s"),
        NoAnswer("no answer"),
        RuntimeError("the service is restarting"),
        ValueError("half a reply"),
        EffectRefused(503, "unavailable", "try again"),
    )


@stage("returns what the function returns")
def returns(answer: Subject) -> None:
    """One call, no arguments, no wait: nothing has failed."""
    value = {"id": "t-1"}
    with doing(
        "called it with max_attempts=3 and a function that succeeds at once",
        "the function's own value, after one call without arguments and no wait",
    ):
        take = Scene(answer).play(3, value=value)
        require(take.calls > 0, f"{take.ended} and never called that function")
        took = f"it handed the function arguments ({take.arguments}); it takes none"
        require(not take.arguments, took)
        take.came_back(value)
        called = f"it called the function {times(take.calls)}"
        require(take.calls == 1, f"{called}: what the function does was done as often")
        waited = f"nothing had failed, and it waited {listed(take.waits)} s"
        require(not take.waits, waited)


@stage('takes any value for a result, also 0, "" and None')
def any_value(answer: Subject) -> None:
    """A failure is what is raised, never what is returned."""
    scene = Scene(answer)
    values: tuple[tuple[Any, str], ...]
    values = ((0, "0"), ("", '""'), (None, "None"), (False, "False"), ([], "[]"))
    odd = (
        (ValueError("a value"), "a ValueError and does not raise it"),
        (Untestable(), "a value that is neither true nor false, as an array is"),
    )
    for value, what in (*values, *odd):
        for before in (0, 1):
            after = " after one failure" if before else ""
            with doing(
                f"called it with a function that returns {what}{after}",
                "that value: only an exception is a failure",
            ):
                errors = [NoAnswer("not yet") for _ in range(before)]
                take = scene.play(4, errors, value=value)
                more = take.calls - 1 - before
                require(
                    more <= 0,
                    f"it took the value for a failure and called it {times(more)} more",
                )
                take.came_back(value)


@stage("tries again until an attempt succeeds")
def tries_again(answer: Subject) -> None:
    """Whatever the error, unless it says that trying again cannot help."""
    scene = Scene(answer)
    for error in passing_errors():
        name = type(error).__name__
        with doing(
            f"called it with a function that raises {name} once and then succeeds",
            "the value of the second attempt",
        ):
            take = scene.play(4, [error], value="done")
            gave_up = f"it did not try again: {take.ended}"
            require(take.calls != 1 or take.endless, gave_up)
            take.came_back("done")
    errors = passing_errors()
    with doing(
        f"called it with a function that fails {len(errors)} times, each time"
        " differently, and then succeeds",
        f"the value of attempt {len(errors) + 1}",
    ):
        take = scene.play(MANY, errors, value="done")
        take.came_back("done")


@stage("makes max_attempts attempts, no more and no fewer")
def counts(answer: Subject) -> None:
    """The first attempt counts, too: 3 are three calls, not one and three more."""
    scene = Scene(answer)
    for n in (3, 1, 2, 5, MANY):
        with doing(
            f"called it with max_attempts={n} and a function that always fails",
            f"{n} call{'s' if n > 1 else ''} of the function",
        ):
            _count(scene.play(n), n)
    for n in (3, 1):
        with doing(
            f"called it with max_attempts={n} and a function that succeeds at attempt"
            f" {n}",
            "the value of that attempt",
        ):
            errors = [NoAnswer("not yet") for _ in range(n - 1)]
            take = scene.play(n, errors, value="done")
            require(take.calls >= n, f"it stopped after {take.calls} of {n} attempts")
            take.came_back("done")


def _count(take: Take, n: int) -> None:
    """Fail unless the function was called *n* times."""
    if take.endless:
        raise Unmet(f"it called more than {MAX_CALLS - 1} times and had to be stopped")
    called = f"it called the function {times(take.calls)}"
    if take.calls > n:
        raise Unmet(
            f"{called}: max_attempts counts every attempt, the first one included"
        )
    if take.calls < n:
        raise Unmet(f"{called}, {n - take.calls} too few; {take.ended}")


@stage("refuses max_attempts below 1 before it calls anything")
def refuses(answer: Subject) -> None:
    """No attempt at all is neither a success nor a failure of the function."""
    scene = Scene(answer)
    for n in (0, -1, -5):
        with doing(f"called it with max_attempts={n}", "a ValueError, and no call"):
            take = scene.play(n, value="done")
            require(take.calls == 0, f"it called the function {times(take.calls)}")
            require(not take.waits, f"it waited {listed(take.waits)} s")
            refused = isinstance(take.outcome.error, ValueError)
            require(refused, take.ended)


@stage("keeps nothing from one call to the next")
def keeps_nothing(answer: Subject) -> None:
    """The next caller has attempts and waits of its own."""
    scene = Scene(answer)
    with doing("called it for the first time, failing twice", "the value of attempt 3"):
        first = _again(scene, "first")
    before: tuple[tuple[str, int, list[BaseException], Any], ...] = (
        ("succeeded at attempt 3", 4, [NoAnswer(), NoAnswer()], "other"),
        ("failed three times of three", 3, [NoAnswer() for _ in range(3)], "other"),
        ("met Permanent", 4, [NoAnswer(), Permanent("no")], "other"),
        ("was interrupted", 4, [NoAnswer(), KeyboardInterrupt()], "other"),
        ("was refused, with max_attempts=0", 0, [], "other"),
    )
    for what, n, errors, value in before:
        with doing(
            f"called it once more after a call that {what}",
            "attempts, waits and value as if it were the first call",
        ):
            scene.play(n, errors, value=value)
            _same(first, _again(scene, f"after it {what}"))
    with doing(
        "called it twice with a function that always fails",
        "the second time an error of the second call",
    ):
        old, new = scene.play(2), scene.play(2)
        kept = [one for one in carried(new.outcome.error) if one in old.raised]
        require(not kept, "an error of the first call came out")


def _again(scene: Scene, value: str) -> Take:
    """A call that fails twice and then succeeds."""
    take = scene.play(4, [NoAnswer("one"), NoAnswer("two")], value=value)
    old = isinstance(take.outcome.value, str) and take.outcome.value != value
    if old and take.calls == 0:
        raise Unmet("it did not call the function again: an old value came back")
    take.came_back(value)
    return take


def _same(first: Take, later: Take) -> None:
    """Fail unless a later call went as the first one did."""
    require(
        later.calls == first.calls,
        f"it made {later.calls} attempts, the first call had made {first.calls}",
    )
    if first.waits == doubling(2):  # otherwise another stage has the word
        then, now = listed(first.waits), listed(later.waits)
        require(now == then, f"it waited {now or 0} s, the first time {then} s")


STAGES: tuple[Stage, ...] = (
    returns,
    any_value,
    tries_again,
    counts,
    waits_double,
    no_last_wait,
    given_sleep,
    default_sleep,
    raises,
    last_error,
    permanent_at_once,
    never_catches,
    refuses,
    keeps_nothing,
    spreads,
)
