"""Answers to exercise 05, right and wrong."""

import contextlib
import functools
import itertools
import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from agentstate_lab.errors import DeadlineExceeded, InvalidValue
from answers import ALL, EXPLAINS, Wrong, but

Record = dict[str, Any]
Step = tuple[str, Callable[[float], Any]]
Steps = Iterable[Step]
Clock = Callable[[], float]
Results = dict[str, Any]


def refuse(limit: float, step_limit: float) -> None:
    """Refuse what is no time; NaN is not greater than 0 either."""
    if not limit > 0 or not step_limit > 0:
        raise ValueError(f"limits must be above 0, not {limit} and {step_limit}")


def right(
    steps: Steps, record: Record, *, limit: float, step_limit: float, clock: Clock
) -> Results:
    """The plain one."""
    refuse(limit, step_limit)
    began = clock() - record["used"]
    for name, fn in steps:
        if name in record["done"]:
            continue
        used = record["used"] = clock() - began
        if used >= limit:
            raise DeadlineExceeded(name, used - limit)
        try:
            record["done"][name] = fn(min(step_limit, limit - used))
        finally:
            record["used"] = clock() - began
    return record["done"]


@dataclass(frozen=True)
class Until:
    """An instant, and what follows from it; asks the clock for each question."""

    at: float
    clock: Clock

    def remaining(self) -> float:
        """Never negative."""
        return max(0.0, self.at - self.clock())

    def narrow(self, seconds: float) -> "Until":
        """A child that ends no later."""
        return Until(min(self.at, self.clock() + seconds), self.clock)

    def check(self, step: str) -> None:
        """Raise unless the step may start."""
        if (late := self.clock() - self.at) >= 0:
            raise DeadlineExceeded(step, late)


def with_a_deadline_object(
    steps: Steps, record: Record, *, limit: float, step_limit: float, clock: Clock
) -> Results:
    """Two looks at the clock, as an object with two methods has it: no bonus."""
    refuse(limit, step_limit)
    before, start = record["used"], clock()
    whole = Until(start + limit - before, clock)
    for name, fn in steps:
        if name not in record["done"]:
            record["used"] = before + clock() - start
            whole.check(name)
            try:
                result = fn(whole.narrow(step_limit).remaining())
            finally:
                record["used"] = before + clock() - start
            record["done"][name] = result
    return dict(record["done"])


@dataclass
class Runner:
    """A callable object; each call has a state of its own."""

    error: type[DeadlineExceeded] = field(default=DeadlineExceeded)

    def __call__(self, steps, record, limit, step_limit, clock):  # type: ignore[no-untyped-def]
        """Run what is not done."""
        if any(math.isnan(x) or x <= 0 for x in (limit, step_limit)):
            raise InvalidValue("limit", "must be above 0")
        at = clock() + (limit - record["used"])
        undone = (step for step in steps if step[0] not in record["done"])
        for step in undone:
            left = at - clock()
            record.update(used=limit - left)
            self.run(step, record, left, step_limit)(at, limit, clock)
        return record["done"]

    def run(self, step, record, left, step_limit):  # type: ignore[no-untyped-def]
        """Run one step and hand back what brings the time up to date."""
        name, fn = step
        if not left > 0:
            raise self.error(name, abs(left))

        def note(at, limit, clock):  # type: ignore[no-untyped-def]
            record.update(used=limit - (at - clock()))
            if "error" in caught:
                raise caught["error"]

        caught: dict[str, BaseException] = {}
        try:
            record["done"].update({name: fn(left if left < step_limit else step_limit)})
        except BaseException as error:  # noqa: BLE001
            caught["error"] = error
        return note


def by_recursion(
    steps: Steps, record: Record, *, limit: float, step_limit: float, clock: Clock
) -> Results:
    """No loop at all."""
    refuse(limit, step_limit)
    plan, origin, before = iter(steps), clock(), record["used"]

    def go() -> Results:
        match next(plan, None):
            case None:
                return record["done"]
            case (name, _) if name in record["done"]:
                return go()
            case (name, fn):
                used = before + (clock() - origin)
                if used >= limit:
                    record["used"] = used
                    raise DeadlineExceeded(name, used - limit)
                try:
                    result = fn(min([limit - used, step_limit]))
                    record["done"] = {**record["done"], name: result}
                finally:
                    record["used"] = before + (clock() - origin)
        return go()

    return go()


def made_by_a_factory() -> Any:
    """A context manager that keeps the account, and a generator that guards."""

    @contextlib.contextmanager
    def accounted(record: Record, spent: Clock) -> Iterator[None]:
        try:
            yield
        finally:
            record["used"] = spent()

    def guarded(
        steps: Steps, record: Record, limit: float, spent: Clock
    ) -> Iterator[tuple[str, Callable[[float], Any], float]]:
        for name, fn in itertools.filterfalse(lambda s: s[0] in record["done"], steps):
            left = limit - spent()
            record.update(used=limit - left)
            if left <= 0:
                raise DeadlineExceeded(step=name, overrun=-left)
            yield name, fn, left

    def run(
        steps: Steps, record: Record, *, limit: float, step_limit: float, clock: Clock
    ) -> Results:
        refuse(limit, step_limit)
        spent = functools.partial(lambda zero: clock() - zero, clock() - record["used"])
        for name, fn, left in guarded(steps, record, limit, spent):
            with accounted(record, spent):
                record["done"].setdefault(name, fn(min(left, step_limit)))
        return record["done"]

    return run


def checked(function: Callable[..., Results]) -> Callable[..., Results]:
    """A decorator that refuses what is no time."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Results:
        for name in ("limit", "step_limit"):
            if not kwargs[name] > 0:  # nor is NaN
                raise ValueError(f"{name} must be a positive number")
        return function(*args, **kwargs)

    return wrapper


@checked
def by_lap(
    steps: Steps, record: Record, *, limit: float, step_limit: float, clock: Clock
) -> Results:
    """Counts laps from one look at the clock to the next; nothing is left out."""
    last = clock()

    def lap() -> float:
        nonlocal last
        now = clock()
        record["used"] += now - last
        last = now
        return float(limit - record["used"])

    plan = iter(steps)
    while True:
        try:
            name, fn = next(plan)
        except StopIteration:
            return record["done"]
        if name in record["done"]:
            continue
        if (left := lap()) <= 0:
            raise DeadlineExceeded(name, 0 - left)
        try:
            result = fn(sorted((left, step_limit))[0])
        except BaseException:
            lap()
            raise
        lap()
        record["done"][name] = result


RIGHT = {
    "plain": right,
    "deadline-object": with_a_deadline_object,
    "object": Runner(),
    "recursion": by_recursion,
    "closure": made_by_a_factory(),
    "laps": by_lap,
}


RUNS = "runs the steps in order and returns their results"
HANDS = "hands each step its own limit, or what is left if that is less"
STARTS = "starts a step while any time is left"
STOPS = "starts no step once the time is up, and names it"
INSTANT = "counts the very instant as over"
LATE = "keeps the result of a step that came back late"
ERRORS = "lets a step's own error through as it is"
TURNS = "takes each step when its turn comes, and counts the time between"
REFUSES = "refuses a limit that is no time"
KEEPS = "keeps the record true before the next step starts"
AGAIN = "runs no step again after a restart"
TIME = "grants no time anew after a restart"
ANEW = "begins anew with each new record"
CLOCK = "reads no clock but the one it is given"
ONE_LOOK = "decides and hands down from one look at the clock"


CALL = "fn(min(step_limit, limit - used))"
CALLED = f'record["done"][name] = {CALL}'
BEGAN = 'began = clock() - record["used"]'
USED = 'used = record["used"] = clock() - began'
FINALLY = 'finally:\n            record["used"] = clock() - began'
RAISED = "DeadlineExceeded(name, used - limit)"
OF_NO_TIME = "not limit > 0 or not step_limit > 0"
STARTED: dict[str, float] = {}


def handing(call: str, *lines: tuple[str, str]) -> Any:
    """The plain answer, which calls a step in another way."""
    return but(right, (CALL, call), *lines)


def after_a_step(*statements: str) -> Any:
    """The plain answer, which does something more when a step has come back."""
    return handing("\n            ".join((CALL, *statements)))


def at_an_error(kind: str, statement: str) -> Any:
    """The plain answer, which does something of its own with an error of a step."""
    handler = f"except {kind} as error:\n            {statement}\n        finally:"
    return but(right, ("finally:", handler))


def first(statement: str) -> Any:
    """The plain answer, with a statement before all others."""
    return but(right, ("    refuse", f"    {statement}\n    refuse"))


def refusing(old: str, new: str) -> Any:
    """The plain answer, with another idea of what is no time."""
    return but(right, refuse=but(refuse, (old, new)))


def by_the_real_clock(steps: Steps, record: Record, **limits: Any) -> Results:
    """Passes over the clock that it is given."""
    return right(steps, record, **{**limits, "clock": lambda: time.monotonic()})


def by_the_wall_clock(steps: Steps, record: Record, **limits: Any) -> Results:
    """Asks the calendar what time it is, besides."""
    datetime.now(UTC)
    return right(steps, record, **limits)


def records_at_the_end(steps: Steps, record: Record, **limits: Any) -> Results:
    """Brings the record up to date once, which a kill prevents."""
    copied = {**record, "done": dict(record["done"])}
    try:
        return right(steps, copied, **limits)
    finally:
        record.update(copied)


WRONG = {
    "whole-limit-to-each": Wrong(
        handing("fn(min(step_limit, limit))"), HANDS, "as if that began anew"
    ),
    "own-limit-only": Wrong(
        handing("fn(step_limit)"), HANDS, "with 1 s of the run's time left"
    ),
    "no-own-limit": Wrong(handing("fn(limit - used)"), HANDS, "its own limit is 4 s"),
    "even-shares": Wrong(
        handing(
            "fn(min(step_limit, limit - used, limit / len(plan)))",
            ("for name, fn in steps", "plan = list(steps)\n    for name, fn in plan"),
        ),
        HANDS,
        "with 10 s of the run's time left",
    ),
    "counts-what-it-allowed": Wrong(
        but(
            right,
            (USED, 'used = record["used"]'),
            (
                FINALLY,
                'finally:\n            record["used"] += min(step_limit, limit - used)',
            ),
        ),
        HANDS,
        "with 8.5 s of the run's time left",
    ),
    "counts-twice": Wrong(
        but(
            right,
            (BEGAN, f"start = clock()\n    {BEGAN}"),
            (USED, 'used = record["used"] + clock() - start'),
        ),
        HANDS,
        "with 4 s of the run's time left",
    ),
    "clock-from-zero": Wrong(
        but(right, (BEGAN, 'began = -record["used"]')),
        HANDS,
        "with 10 s of the run's time left",
    ),
    "late-by-one": Wrong(
        but(right, (">= limit", "> limit")), INSTANT, "at the very instant"
    ),
    "negative-seconds": Wrong(
        but(right, ("used >= limit", "False")), STOPS, "handed it -2 s"
    ),
    "clamps-to-zero": Wrong(
        handing(f"fn(max(0.0, {CALL[3:]})", ("used >= limit", "False")),
        STOPS,
        "handed it 0 s",
    ),
    "asks-afterwards": Wrong(
        after_a_step(
            "if (late := clock() - began - limit) >= 0:",
            "    raise DeadlineExceeded(name, late)",
        ),
        LATE,
        "nothing was left to be started",
        (STOPS,),
    ),
    "drops-late-results": Wrong(
        after_a_step("if clock() - began > limit:", '    del record["done"][name]'),
        LATE,
        "result of 'b' was missing",
    ),
    "own-limit-is-deadline": Wrong(
        after_a_step(
            "if clock() - began - used > step_limit:",
            "    raise DeadlineExceeded(name, 0.0)",
        ),
        LATE,
        "with 4 s of the run's time left",
    ),
    "at-least-a-second": Wrong(
        handing("fn(max(1.0, min(step_limit, limit - used)))"),
        STARTS,
        "handed 1 s with 0.25 s of",
    ),
    "whole-seconds": Wrong(
        handing("fn(int(min(step_limit, limit - used)))"),
        STARTS,
        "read zero as no limit",
        (HANDS,),
    ),
    "wants-a-full-step": Wrong(
        but(
            right,
            ("used >= limit", "limit - used < step_limit"),
            (RAISED, "DeadlineExceeded(name, 0.0)"),
        ),
        STARTS,
        "with 2 s of the run's time left",
    ),
    "by-the-real-clock": Wrong(by_the_real_clock, CLOCK, "'time.monotonic'"),
    "by-the-wall-clock": Wrong(by_the_wall_clock, CLOCK, "'datetime.now'"),
    "by-the-inside-of-the-fake": Wrong(
        first("clock = lambda given=clock: given.now"),
        CLOCK,
        "it raised AttributeError",
    ),
    "sleeps": Wrong(after_a_step("time.sleep(60)"), CLOCK, "it waited for real"),
    "stops-in-silence": Wrong(
        but(right, (f"raise {RAISED}", "break")), STOPS, "takes the run for finished"
    ),
    "names-the-last": Wrong(
        but(
            right,
            (
                RAISED,
                'DeadlineExceeded(next(reversed(record["done"]), ""), used - limit)',
            ),
        ),
        STOPS,
        "named the step 'a'",
    ),
    "counts-backwards": Wrong(
        but(right, (RAISED, "DeadlineExceeded(name, limit - used)")),
        STOPS,
        "up for -2 s",
    ),
    "effect-unknown": Wrong(
        but(right, (RAISED, 'DeadlineExceeded(name, used - limit, effect="unknown")')),
        STOPS,
        "the effect of the step is 'unknown'",
    ),
    "raises-another": Wrong(
        but(right, (RAISED, "TimeoutError(name)")), STOPS, "it raised TimeoutError"
    ),
    "goes-on-after-errors": Wrong(
        at_an_error("Exception", 'record["done"][name] = None'), ERRORS, "'a', 'b', 'c'"
    ),
    "stops-interrupts": Wrong(
        at_an_error("KeyboardInterrupt", 'record["done"][name] = None'),
        ERRORS,
        "KeyboardInterrupt",
    ),
    "ends-at-an-error": Wrong(
        at_an_error("Exception", 'return record["done"]'),
        ERRORS,
        "it swallowed the error",
    ),
    "timeout-is-deadline": Wrong(
        at_an_error("TimeoutError", "raise DeadlineExceeded(name, 0.0)"),
        ERRORS,
        "reported the error of the step as a deadline",
    ),
    "wraps-errors": Wrong(
        at_an_error("Exception", "raise RuntimeError(name) from error"),
        ERRORS,
        "it raised RuntimeError",
    ),
    "tries-again": Wrong(at_an_error("Exception", CALLED), ERRORS, "'a', 'b', 'b'"),
    "plans-ahead": Wrong(
        but(right, ("fn in steps", "fn in list(steps)")),
        TURNS,
        "took step 2 when 0 had been run",
    ),
    "counts-steps-only": Wrong(
        but(
            right,
            (USED, 'used, at = record["used"], clock()'),
            (FINALLY, 'finally:\n            record["used"] += clock() - at'),
        ),
        TURNS,
        "handed 4 s with 2 s of the run's time left",
    ),
    "zero-is-over": Wrong(
        but(
            right,
            refuse=but(refuse, ("ValueError(", 'DeadlineExceeded("a", 0.0) or (')),
        ),
        REFUSES,
        "it raised DeadlineExceeded",
    ),
    "nan-is-a-limit": Wrong(
        refusing(OF_NO_TIME, "limit <= 0 or step_limit <= 0"), REFUSES, "limit=nan"
    ),
    "looks-at-one-limit": Wrong(
        refusing(OF_NO_TIME, "not limit > 0"), REFUSES, "step_limit=0"
    ),
    "keeps-to-itself": Wrong(
        first("record = {**record, 'done': dict(record['done'])}"),
        KEEPS,
        "it would be lost",
    ),
    "records-at-the-end": Wrong(
        records_at_the_end, KEEPS, "when 'b' began, the record did not hold"
    ),
    "marks-first": Wrong(
        but(
            right, ("        try:", '        record["done"][name] = None\n        try:')
        ),
        KEEPS,
        "which had none",
    ),
    "failures-cost-nothing": Wrong(
        but(
            right,
            (
                FINALLY,
                FINALLY.replace(
                    "finally:", "except ():\n            pass\n        else:"
                ),
            ),
        ),
        KEEPS,
        "was 3 s, and 5 s had gone by",
    ),
    "planning-costs-nothing": Wrong(
        but(right, (USED, "used = clock() - began")),
        KEEPS,
        "was 2 s, and 11 s had gone by",
    ),
    "keeps-the-step": Wrong(
        but(right, ("        try:", '        record["running"] = fn\n        try:')),
        KEEPS,
        "JSON cannot hold",
        ALL,
    ),
    "runs-all-again": Wrong(first('record["done"] = {}'), AGAIN, "it ran 'a' again"),
    "truth-of-results": Wrong(
        but(right, ('name in record["done"]', 'record["done"].get(name)')),
        AGAIN,
        "it ran 'a' again",
    ),
    "time-for-what-is-done": Wrong(
        but(
            right,
            ('in record["done"]:', 'in record["done"] and clock() - began < limit:'),
        ),
        AGAIN,
        "nothing was left to be started",
    ),
    "restart-grants-anew": Wrong(
        but(
            right,
            (
                BEGAN,
                'began = clock() - (record["used"] if record["used"] >= limit else 0)',
            ),
        ),
        TIME,
        "3 s of the run's time left, as if that began anew",
    ),
    "this-life-only": Wrong(
        but(
            right,
            (BEGAN, f'before = record["used"]\n    {BEGAN}'),
            (USED, "used = clock() - began"),
            (FINALLY, f"{FINALLY} - before"),
        ),
        TIME,
        "handed 4 s with 1 s of the run's time left",
    ),
    "stores-the-instant": Wrong(
        but(
            right,
            (BEGAN, 'began = record.setdefault("began", clock() - record["used"])'),
        ),
        TIME,
        "is an instant of the first process's clock",
    ),
    "mutable-default": Wrong(
        but(
            right,
            ("clock: Clock", "clock: Clock, done: Results = {}"),
            (BEGAN, f"{BEGAN}; done |= record['done']; record['done'] = done"),
        ),
        ANEW,
        "the steps it started: none",
    ),
    "remembers-the-start": Wrong(
        but(
            right, (BEGAN, 'began = STARTED.setdefault("at", clock() - record["used"])')
        ),
        ANEW,
        "DeadlineExceeded",
        (HANDS,),
    ),
    "returns-nothing": Wrong(
        but(right, ('return record["done"]', "return None")),
        RUNS,
        "it returned nothing (None)",
    ),
    "returns-a-list": Wrong(
        but(right, ('return record["done"]', 'return list(record["done"].values())')),
        RUNS,
        "which is no dict",
    ),
    "returns-the-record": Wrong(
        but(right, ('return record["done"]', "return record")), RUNS, "was missing"
    ),
    "hands-nothing": Wrong(handing("fn()"), RUNS, "with 0 arguments", ALL),
    "hands-a-keyword": Wrong(
        handing("fn(timeout=min(step_limit, limit - used))"),
        RUNS,
        "the keyword 'timeout'",
    ),
    "backwards": Wrong(
        but(right, ("fn in steps", "fn in list(steps)[::-1]")),
        RUNS,
        "'tell', 'deploy', 'plan'",
        ALL,
    ),
    "looks-twice": Wrong(with_a_deadline_object, ONE_LOOK, "had moved in between"),
    "returns-its-own-steps": Wrong(
        but(
            right,
            ("    for name", "    names = []\n    for name"),
            ("        if name in", "        names.append(name)\n        if name in"),
            ('return record["done"]', 'return {n: record["done"][n] for n in names}'),
        ),
        AGAIN,
        "returned",
    ),
    "wants-an-end": Wrong(
        but(right, ("    began", "    assert math.isfinite(limit)\n    began")),
        REFUSES,
        "it raised AssertionError",
    ),
}

CARD = {
    "pairs `(name, fn)`": EXPLAINS,
    "what is stored of the run": ["keeps-the-step"],
    "a new one is": ["remembers-the-start", "mutable-default"],
    '| `record["used"]`': EXPLAINS,
    '| `record["done"]`': EXPLAINS,
    "all restarts included": ["restart-grants-anew", "this-life-only"],
    "the most that one step may be handed": ["no-own-limit"],
    "differs from process to process": ["stores-the-instant"],
    "A step is called as": ["hands-nothing", "hands-a-keyword"],
    "Whether it keeps to that": EXPLAINS,
    "Each step that is not in": ["truth-of-results", "runs-all-again"],
    "is run, in order": ["backwards"],
    "is returned at the end": [
        "returns-its-own-steps",
        "returns-the-record",
        "returns-nothing",
        "returns-a-list",
    ],
    "A step is handed `step_limit`": ["even-shares", "own-limit-only"],
    "what is left of `limit` if that is less": [
        "whole-limit-to-each",
        "counts-twice",
    ],
    "Time between two steps counts": ["counts-steps-only"],
    "only when the one before it is finished": ["plans-ahead"],
    "from the very instant on": ["late-by-one"],
    "raise `DeadlineExceeded(name, overrun)`": [
        "effect-unknown",
        "raises-another",
        "stops-in-silence",
    ],
    "with the name of the next one": ["names-the-last"],
    "seconds by which it is too late": ["counts-backwards"],
    "While any time is left": [
        "whole-seconds",
        "at-least-a-second",
        "wants-a-full-step",
    ],
    "has happened: keep its result": ["drops-late-results"],
    "nothing is raised, however late": ["asks-afterwards", "own-limit-is-deadline"],
    "own error goes through as it is": [
        "wraps-errors",
        "timeout-is-deadline",
        "stops-interrupts",
    ],
    "no other step starts": ["goes-on-after-errors"],
    "The process may be killed": EXPLAINS,
    "right after each": ["marks-first", "records-at-the-end", "keeps-to-itself"],
    "also when the step failed": ["failures-cost-nothing"],
    "before you raise `DeadlineExceeded`": ["planning-costs-nothing"],
    "zero, negative or NaN": ["nan-is-a-limit", "looks-at-one-limit", "wants-an-end"],
    "before anything starts": ["zero-is-over"],
    "is the only clock": ["by-the-wall-clock", "by-the-real-clock"],
    "look at the clock once": ["looks-twice"],
}
