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


def with_a_setting(extra: str, steps: Steps, record: Record, **limits: Any) -> Results:
    """To be bound with functools.partial; leaves a note of its own in the record."""
    record.setdefault("notes", []).append(extra)
    return right(steps, record, **limits)


def fold(
    steps: Steps, record: Record, *, limit: float, step_limit: float, clock: Clock
) -> Results:
    """A fold over the plan."""
    refuse(limit, step_limit)
    zero = clock() - record["used"]

    def one(done: Results, step: Step) -> Results:
        if step[0] in done:
            return done
        over = (clock() - zero) - limit
        if over >= 0:
            record["used"] = limit + over
            raise DeadlineExceeded(step[0], over)
        with contextlib.ExitStack() as stack:
            stack.callback(lambda: record.update(used=clock() - zero))
            done[step[0]] = step[1](min(-over, step_limit))
        return done

    return functools.reduce(one, steps, record["done"])


RIGHT = {
    "plain": right,
    "deadline-object": with_a_deadline_object,
    "object": Runner(),
    "recursion": by_recursion,
    "closure": made_by_a_factory(),
    "laps": by_lap,
    "partial": functools.partial(with_a_setting, "tried"),
    "fold": fold,
}


# A wrong answer is the right one with one thing changed, so that nothing else can
# be what it fails for.


def mapped(steps: Steps, change: Callable[[str, Any, float], Any]) -> Iterator[Step]:
    """The steps, each run by *change*, which is handed name, function and seconds."""
    for name, fn in steps:
        yield name, functools.partial(change, name, fn)


def driven(
    steps: Steps,
    record: Record,
    step_limit: float,
    left: Clock,
    used: Clock,
    over: Callable[[float], bool] = lambda left: left <= 0,
) -> Results:
    """The loop of the right answer, around other ideas of what is left and used."""
    for name, fn in steps:
        if name in record["done"]:
            continue
        seconds = left()
        if over(seconds):
            record["used"] = used()
            raise DeadlineExceeded(name, -seconds)
        try:
            record["done"][name] = fn(min(step_limit, seconds))
        finally:
            record["used"] = used()
    return record["done"]


def began_anew(steps: Steps, record: Record, *, step_limit: float, **rest: Any) -> Any:
    """A timeout for each step, which starts anew with it."""
    clock, limit = rest["clock"], rest["limit"]
    refuse(limit, step_limit)
    for name, fn in steps:
        if name not in record["done"]:
            over, began = clock() + limit, clock()
            record["done"][name] = fn(min(step_limit, over - clock()))
            record["used"] += clock() - began
    return record["done"]


def whole_limit_to_each(steps: Steps, record: Record, **limits: Any) -> Results:
    """Grants the limit of the run to each step, instead of sharing it out."""
    most = min(limits["limit"], limits["step_limit"])
    return right(mapped(steps, lambda _, fn, left: fn(most)), record, **limits)


def own_limit_only(steps: Steps, record: Record, **limits: Any) -> Results:
    """Hands down the step's limit, however little is left."""
    own = limits["step_limit"]
    return right(mapped(steps, lambda _, fn, left: fn(own)), record, **limits)


def no_own_limit(steps: Steps, record: Record, **limits: Any) -> Results:
    """Hands down all that is left, so that one step may use it up."""
    refuse(limits["limit"], limits["step_limit"])
    return right(steps, record, **{**limits, "step_limit": limits["limit"]})


def even_shares(steps: Steps, record: Record, **limits: Any) -> Results:
    """Divides the time up beforehand."""
    plan = list(steps)
    refuse(limits["limit"], limits["step_limit"])
    share = limits["limit"] / max(1, len(plan))
    least = min(share, limits["step_limit"])
    return right(
        mapped(plan, lambda _, fn, left: fn(min(left, least))), record, **limits
    )


def counts_what_it_allowed(
    steps: Steps, record: Record, *, limit: float, step_limit: float, clock: Clock
) -> Results:
    """Books what a step might have taken, and not what it took."""
    refuse(limit, step_limit)
    booked = [record["used"]]

    def run(name: str, fn: Any, left: float) -> Any:
        booked.append(left)
        return fn(left)

    return driven(
        mapped(steps, run),
        record,
        step_limit,
        left=lambda: limit - sum(booked),
        used=lambda: sum(booked),
    )


def counts_twice(
    steps: Steps, record: Record, *, limit: float, step_limit: float, clock: Clock
) -> Results:
    """Takes off what was used, of which this life's part is in the clock, too."""
    refuse(limit, step_limit)
    before, start = record["used"], clock()
    return driven(
        steps,
        record,
        step_limit,
        left=lambda: limit - record["used"] - (clock() - start),
        used=lambda: before + clock() - start,
    )


def clock_from_zero(steps: Steps, record: Record, **limits: Any) -> Results:
    """Takes the clock for a stop watch that was started with the run."""
    clock = limits["clock"]
    looks = itertools.count()
    began = -record["used"]
    limits["clock"] = lambda: clock() if next(looks) else began + record["used"]
    return right(steps, record, **limits)


def late_by_one(
    steps: Steps, record: Record, *, limit: float, step_limit: float, clock: Clock
) -> Results:
    """Takes the very instant for in time."""
    refuse(limit, step_limit)
    began = clock() - record["used"]
    return driven(
        steps,
        record,
        step_limit,
        left=lambda: limit - (clock() - began),
        used=lambda: clock() - began,
        over=lambda left: left < 0,
    )


def unchecked(change: Callable[[float], float]) -> Callable[..., Results]:
    """Never asks whether a step may start; *change* makes its seconds presentable."""

    def answer(
        steps: Steps, record: Record, *, limit: float, step_limit: float, clock: Clock
    ) -> Results:
        refuse(limit, step_limit)
        began = clock() - record["used"]
        return driven(
            steps,
            record,
            step_limit,
            left=lambda: change(limit - (clock() - began)),
            used=lambda: clock() - began,
            over=lambda left: False,
        )

    return answer


def asks_once(steps: Steps, record: Record, **limits: Any) -> Results:
    """Looks at the time before the first step, and then never again."""
    if record["used"] >= limits["limit"]:
        raise DeadlineExceeded("a", record["used"] - limits["limit"])
    return unchecked(lambda left: left)(steps, record, **limits)


def asks_afterwards(steps: Steps, record: Record, **limits: Any) -> Results:
    """Looks at the time after each step, when it is too late for that one."""
    clock, limit = limits["clock"], limits["limit"]
    began = clock() - record["used"]

    def run(name: str, fn: Any, left: float) -> Any:
        result = fn(left)
        if clock() - began >= limit:
            record["done"][name] = result
            raise DeadlineExceeded(name, clock() - began - limit)
        return result

    return right(mapped(steps, run), record, **limits)


def drops_late_results(steps: Steps, record: Record, **limits: Any) -> Results:
    """Throws away what came back after the time was up, although it happened."""
    clock = limits["clock"]
    over = clock() + limits["limit"] - record["used"]
    late: list[str] = []

    def run(name: str, fn: Any, left: float) -> Any:
        result = fn(left)
        late.extend([name] if clock() > over else [])
        return result

    try:
        return right(mapped(steps, run), record, **limits)
    finally:
        for name in late:
            del record["done"][name]


def own_limit_is_deadline(steps: Steps, record: Record, **limits: Any) -> Results:
    """Stops the run for a step that took longer than its own limit."""
    clock = limits["clock"]

    def run(name: str, fn: Any, left: float) -> Any:
        began = clock()
        result = fn(left)
        if clock() - began > left:
            raise DeadlineExceeded(name, clock() - began - left)
        return result

    return right(mapped(steps, run), record, **limits)


def at_least_a_second(steps: Steps, record: Record, **limits: Any) -> Results:
    """Grants each step a second, whether there is one or not."""
    return right(mapped(steps, lambda _, fn, s: fn(max(1.0, s))), record, **limits)


def whole_seconds(steps: Steps, record: Record, **limits: Any) -> Results:
    """Cuts a quarter of a second down to zero."""
    return right(mapped(steps, lambda _, fn, s: fn(int(s))), record, **limits)


def wants_a_full_step(steps: Steps, record: Record, **limits: Any) -> Results:
    """Starts nothing that could not use its own limit in full."""

    def run(name: str, fn: Any, left: float) -> Any:
        if left < limits["step_limit"]:
            raise DeadlineExceeded(name, 0.0)
        return fn(left)

    return right(mapped(steps, run), record, **limits)


def by_the_real_clock(steps: Steps, record: Record, **limits: Any) -> Results:
    """Passes over the clock that it is given."""
    return right(steps, record, **{**limits, "clock": lambda: time.monotonic()})


def by_the_wall_clock(steps: Steps, record: Record, **limits: Any) -> Results:
    """Asks the calendar what time it is, besides."""
    started = datetime.now(UTC)
    results = right(steps, record, **limits)
    record["took"] = (datetime.now(UTC) - started).total_seconds()
    return results


def by_the_inside_of_the_fake(
    steps: Steps, record: Record, *, clock: Any, **limits: Any
) -> Results:
    """Reads what only the fake has, so that it works in tests alone."""
    return right(steps, record, **limits, clock=lambda: clock.now)


def sleeps(steps: Steps, record: Record, **limits: Any) -> Results:
    """Waits for real after each step."""

    def run(name: str, fn: Any, left: float) -> Any:
        result = fn(left)
        time.sleep(60)
        return result

    return right(mapped(steps, run), record, **limits)


def stops_in_silence(steps: Steps, record: Record, **limits: Any) -> Results:
    """Returns what it has, as if that were all."""
    before = set(record["done"])
    try:
        return right(steps, record, **limits)
    except DeadlineExceeded:
        if set(record["done"]) == before:
            raise
        return record["done"]


def other_error(change: Callable[[DeadlineExceeded], Exception]) -> Any:
    """Raises what *change* makes of the error."""

    def answer(steps: Steps, record: Record, **limits: Any) -> Results:
        own: list[BaseException] = []

        def run(name: str, fn: Any, left: float) -> Any:
            try:
                return fn(left)
            except BaseException as error:
                own.append(error)
                raise

        try:
            return right(mapped(steps, run), record, **limits)
        except DeadlineExceeded as error:
            raise error if error in own else change(error) from None

    return answer


def names_the_last(steps: Steps, record: Record, **limits: Any) -> Results:
    """Names the step that had run, and not the one that did not."""
    ran = ["nothing"]

    def run(name: str, fn: Any, left: float) -> Any:
        ran.append(name)
        return fn(left)

    rename = other_error(lambda error: DeadlineExceeded(ran[-1], error.overrun))
    return rename(mapped(steps, run), record, **limits)  # type: ignore[no-any-return]


def handling(*kinds: type[BaseException]) -> Any:
    """Catches what a step raises, and goes on with the next."""

    def answer(steps: Steps, record: Record, **limits: Any) -> Results:
        def run(name: str, fn: Any, left: float) -> Any:
            with contextlib.suppress(*kinds):
                return fn(left)

        return right(mapped(steps, run), record, **limits)

    return answer


def ends_at_an_error(steps: Steps, record: Record, **limits: Any) -> Results:
    """Ends the run at an error, and says nothing."""
    try:
        return right(steps, record, **limits)
    except (DeadlineExceeded, ValueError):
        raise
    except BaseException:  # noqa: BLE001
        return record["done"]


def timeout_is_deadline(steps: Steps, record: Record, **limits: Any) -> Results:
    """Takes every timeout for the end of the run's time."""

    def run(name: str, fn: Any, left: float) -> Any:
        try:
            return fn(left)
        except TimeoutError as error:
            raise DeadlineExceeded(name, 0.0) from error

    return right(mapped(steps, run), record, **limits)


def wraps_errors(steps: Steps, record: Record, **limits: Any) -> Results:
    """Puts an error of its own around that of the step."""

    def run(name: str, fn: Any, left: float) -> Any:
        try:
            return fn(left)
        except Exception as error:
            raise RuntimeError(f"step {name} failed") from error

    return right(mapped(steps, run), record, **limits)


def masks_late_errors(steps: Steps, record: Record, **limits: Any) -> Results:
    """Says "deadline" for a step that failed late, so that its error is lost."""
    clock = limits["clock"]
    over = clock() + limits["limit"] - record["used"]

    def run(name: str, fn: Any, left: float) -> Any:
        try:
            return fn(left)
        except Exception:
            if clock() >= over:
                raise DeadlineExceeded(name, clock() - over) from None
            raise

    return right(mapped(steps, run), record, **limits)


def tries_again(steps: Steps, record: Record, **limits: Any) -> Results:
    """Runs a step that failed a second time, unasked."""

    def run(name: str, fn: Any, left: float) -> Any:
        try:
            return fn(left)
        except Exception:  # noqa: BLE001
            return fn(left)

    return right(mapped(steps, run), record, **limits)


def plans_ahead(steps: Steps, record: Record, **limits: Any) -> Results:
    """Asks for the whole plan before the first result is there."""
    return right(list(steps), record, **limits)


def counts_steps_only(
    steps: Steps, record: Record, *, limit: float, step_limit: float, clock: Clock
) -> Results:
    """Adds up how long the steps took; what lies between them is free."""
    refuse(limit, step_limit)
    took = [record["used"]]

    def run(name: str, fn: Any, left: float) -> Any:
        began = clock()
        try:
            return fn(left)
        finally:
            took.append(clock() - began)

    return driven(
        mapped(steps, run),
        record,
        step_limit,
        left=lambda: limit - sum(took),
        used=lambda: sum(took),
    )


def zero_is_over(steps: Steps, record: Record, **limits: Any) -> Results:
    """Takes a wrong limit for a deadline that has passed."""
    if not min(limits["limit"], limits["step_limit"]) > 0:
        raise DeadlineExceeded("a", 0.0)
    return right(steps, record, **limits)


def nan_is_a_limit(steps: Steps, record: Record, **limits: Any) -> Results:
    """Compares the other way round, which lets NaN through."""
    if limits["limit"] <= 0 or limits["step_limit"] <= 0:
        raise ValueError("limits must be above 0")
    limits = {k: 10.0 if v != v else v for k, v in limits.items()}
    return right(steps, record, **limits)


def looks_at_one_limit(steps: Steps, record: Record, **limits: Any) -> Results:
    """Forgets that a step's limit can be wrong, too."""
    if not limits["step_limit"] > 0:
        limits["step_limit"] = limits["limit"]
    return right(steps, record, **limits)


def keeps_to_itself(steps: Steps, record: Record, **limits: Any) -> Results:
    """Works on a copy: whoever calls finds the record as it was."""
    copied = {**record, "done": dict(record["done"])}
    return right(steps, copied, **limits)


def records_at_the_end(steps: Steps, record: Record, **limits: Any) -> Results:
    """Brings the record up to date once, which a kill prevents."""
    copied = {**record, "done": dict(record["done"])}
    try:
        return right(steps, copied, **limits)
    finally:
        record.update(copied)


def marks_first(steps: Steps, record: Record, **limits: Any) -> Results:
    """Takes a step for done when it begins."""

    def run(name: str, fn: Any, left: float) -> Any:
        record["done"][name] = None
        return fn(left)

    return right(mapped(steps, run), record, **limits)


def failures_cost_nothing(steps: Steps, record: Record, **limits: Any) -> Results:
    """Counts the time of steps that succeed; the others can be tried for ever."""
    succeeded = [record["used"]]

    def run(name: str, fn: Any, left: float) -> Any:
        succeeded.append(record["used"])
        result = fn(left)
        succeeded.clear()
        return result

    try:
        return right(mapped(steps, run), record, **limits)
    finally:
        record["used"] = succeeded[-1] if succeeded else record["used"]


def planning_costs_nothing(
    steps: Steps, record: Record, *, limit: float, step_limit: float, clock: Clock
) -> Results:
    """Leaves out of the record what was planned for a step that never started."""
    refuse(limit, step_limit)
    began = clock() - record["used"]
    for name, fn in steps:
        if name in record["done"]:
            continue
        used = clock() - began
        if used >= limit:
            raise DeadlineExceeded(name, used - limit)
        try:
            record["done"][name] = fn(min(step_limit, limit - used))
        finally:
            record["used"] = clock() - began
    return record["done"]


def keeps_the_step(steps: Steps, record: Record, **limits: Any) -> Results:
    """Leaves a function in the record, which no store takes."""

    def run(name: str, fn: Any, left: float) -> Any:
        record["running"] = fn
        result = fn(left)
        del record["running"]
        return result

    return right(mapped(steps, run), record, **limits)


def runs_all_again(steps: Steps, record: Record, **limits: Any) -> Results:
    """Begins with the first step again, whatever is done."""
    record["done"] = {}
    return right(steps, record, **limits)


def truth_of_results(steps: Steps, record: Record, **limits: Any) -> Results:
    """Takes a result of None for a step that was not run."""
    for name in [name for name, result in record["done"].items() if not result]:
        del record["done"][name]
    return right(steps, record, **limits)


def time_for_what_is_done(steps: Steps, record: Record, **limits: Any) -> Results:
    """Asks for the time before it asks whether there is something to do."""

    def timed() -> Iterator[Step]:
        began = limits["clock"]() - record["used"]
        for name, fn in steps:
            late = limits["clock"]() - began - limits["limit"]
            if late >= 0:
                raise DeadlineExceeded(name, late)
            yield name, fn

    return right(timed(), record, **limits)


def restart_grants_anew(steps: Steps, record: Record, **limits: Any) -> Results:
    """Begins to count with the process, unless nothing at all is left."""
    record["lives"] = record.get("lives", 0) + 1
    before, record["used"] = record["used"], 0.0
    if before >= limits["limit"]:
        record["used"] = before
    return right(steps, record, **limits)


def this_life_only(
    steps: Steps, record: Record, *, limit: float, step_limit: float, clock: Clock
) -> Results:
    """Heeds what was used before, and then forgets it."""
    refuse(limit, step_limit)
    before, start = record["used"], clock()
    return driven(
        steps,
        record,
        step_limit,
        left=lambda: limit - before - (clock() - start),
        used=lambda: clock() - start,
    )


def stores_the_instant(
    steps: Steps, record: Record, *, limit: float, step_limit: float, clock: Clock
) -> Results:
    """Stores an instant of a clock that the next process does not have."""
    refuse(limit, step_limit)
    over = record.setdefault("over", clock() + limit - record["used"])
    return driven(
        steps,
        record,
        step_limit,
        left=lambda: over - clock(),
        used=lambda: limit - (over - clock()),
    )


def mutable_default(
    steps: Steps,
    record: Record,
    *,
    limit: float,
    step_limit: float,
    clock: Clock,
    done: Results = {},  # noqa: B006 - the mistake
) -> Results:
    """A default that all calls share."""
    done.update(record["done"])
    record["done"] = done
    return right(steps, record, limit=limit, step_limit=step_limit, clock=clock)


class RemembersTheStart:
    """Computes the instant once: once in its life, and not once a run."""

    began: float | None = None

    def __call__(self, steps: Steps, record: Record, **limits: Any) -> Results:
        """Run them, on the clock of the first run."""
        clock = limits["clock"]
        if self.began is None:
            self.began = clock() - record["used"]
        record["used"] = clock() - self.began
        return right(steps, record, **limits)


def returns_nothing(steps: Steps, record: Record, **limits: Any) -> None:
    """Forgets to return."""
    right(steps, record, **limits)


def returns_a_list(steps: Steps, record: Record, **limits: Any) -> Any:
    """Gives the results without their names."""
    return list(right(steps, record, **limits).values())


def returns_the_record(steps: Steps, record: Record, **limits: Any) -> Any:
    """Gives all of the record."""
    right(steps, record, **limits)
    return record


def hands_nothing(steps: Steps, record: Record, **limits: Any) -> Results:
    """Calls a step without telling it how long it may take."""
    return right(mapped(steps, lambda _, fn, left: fn()), record, **limits)


def hands_a_keyword(steps: Steps, record: Record, **limits: Any) -> Results:
    """Hands the seconds by a name that a step need not have."""
    return right(mapped(steps, lambda _, fn, s: fn(timeout=s)), record, **limits)


def backwards(steps: Steps, record: Record, **limits: Any) -> Results:
    """Begins with the last step."""
    return right(list(steps)[::-1], record, **limits)


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


AGAIN = "runs no step again after a restart"
LIMITS = "refuses a limit that is no time"

WRONG = {
    "began-anew": Wrong(began_anew, HANDS, "as if that began anew"),
    "whole-limit-to-each": Wrong(whole_limit_to_each, HANDS, "as if that began anew"),
    "own-limit-only": Wrong(own_limit_only, HANDS, "with 1 s of the run's time left"),
    "no-own-limit": Wrong(no_own_limit, HANDS, "its own limit is 4 s"),
    "even-shares": Wrong(even_shares, HANDS, "with 10 s of the run's time left"),
    "counts-what-it-allowed": Wrong(
        counts_what_it_allowed, HANDS, "with 8.5 s of the run's time left"
    ),
    "counts-twice": Wrong(counts_twice, HANDS, "with 4 s of the run's time left"),
    "clock-from-zero": Wrong(
        clock_from_zero, HANDS, "with 10 s of the run's time left"
    ),
    "late-by-one": Wrong(late_by_one, INSTANT, "at the very instant"),
    "negative-seconds": Wrong(unchecked(lambda left: left), STOPS, "handed it -2 s"),
    "clamps-to-zero": Wrong(
        unchecked(lambda left: max(0.0, left)), STOPS, "handed it 0 s"
    ),
    "asks-once": Wrong(asks_once, STOPS, "it started the step 'b' 2 s after"),
    "asks-afterwards": Wrong(
        asks_afterwards,
        LATE,
        "nothing was left to be started",
        ("starts no step once the time is up, and names it",),
    ),
    "drops-late-results": Wrong(drops_late_results, LATE, "result of 'b' was missing"),
    "own-limit-is-deadline": Wrong(
        own_limit_is_deadline, LATE, "with 4 s of the run's time left"
    ),
    "at-least-a-second": Wrong(at_least_a_second, STARTS, "handed 1 s with 0.25 s of"),
    "whole-seconds": Wrong(
        whole_seconds,
        STARTS,
        "read zero as no limit",
        ("hands each step its own limit, or what is left if that is less",),
    ),
    "wants-a-full-step": Wrong(
        wants_a_full_step, STARTS, "with 2 s of the run's time left"
    ),
    "by-the-real-clock": Wrong(by_the_real_clock, CLOCK, "'time.monotonic'"),
    "by-the-wall-clock": Wrong(by_the_wall_clock, CLOCK, "'datetime.now'"),
    "by-the-inside-of-the-fake": Wrong(
        by_the_inside_of_the_fake, CLOCK, "it raised AttributeError"
    ),
    "stops-the-exit": Wrong(handling(SystemExit), ERRORS, "SystemExit"),
    "sleeps": Wrong(sleeps, CLOCK, "it waited for real"),
    "stops-in-silence": Wrong(stops_in_silence, STOPS, "takes the run for finished"),
    "names-the-last": Wrong(names_the_last, STOPS, "named the step 'a'"),
    "counts-backwards": Wrong(
        other_error(lambda error: DeadlineExceeded(error.step, -error.overrun)),
        STOPS,
        "up for -2 s",
    ),
    "effect-unknown": Wrong(
        other_error(
            lambda error: DeadlineExceeded(error.step, error.overrun, effect="unknown")
        ),
        STOPS,
        "the effect of the step is 'unknown'",
    ),
    "raises-another": Wrong(
        other_error(lambda error: TimeoutError(str(error))),
        STOPS,
        "it raised TimeoutError",
    ),
    "goes-on-after-errors": Wrong(handling(Exception), ERRORS, "'a', 'b', 'c'"),
    "stops-interrupts": Wrong(handling(KeyboardInterrupt), ERRORS, "KeyboardInterrupt"),
    "ends-at-an-error": Wrong(ends_at_an_error, ERRORS, "it swallowed the error"),
    "timeout-is-deadline": Wrong(
        timeout_is_deadline, ERRORS, "reported the error of the step as a deadline"
    ),
    "wraps-errors": Wrong(wraps_errors, ERRORS, "it raised RuntimeError"),
    "masks-late-errors": Wrong(
        masks_late_errors, ERRORS, "reported the error of the step as a deadline"
    ),
    "tries-again": Wrong(tries_again, ERRORS, "'a', 'b', 'b'"),
    "plans-ahead": Wrong(plans_ahead, TURNS, "took step 2 when 0 had been run"),
    "counts-steps-only": Wrong(
        counts_steps_only, TURNS, "handed 4 s with 2 s of the run's time left"
    ),
    "zero-is-over": Wrong(zero_is_over, REFUSES, "it raised DeadlineExceeded"),
    "nan-is-a-limit": Wrong(nan_is_a_limit, REFUSES, "limit=nan"),
    "looks-at-one-limit": Wrong(looks_at_one_limit, REFUSES, "step_limit=0"),
    "keeps-to-itself": Wrong(keeps_to_itself, KEEPS, "it would be lost"),
    "records-at-the-end": Wrong(
        records_at_the_end, KEEPS, "when 'b' began, the record did not hold"
    ),
    "marks-first": Wrong(marks_first, KEEPS, "which had none"),
    "failures-cost-nothing": Wrong(
        failures_cost_nothing, KEEPS, "was 3 s, and 5 s had gone by"
    ),
    "planning-costs-nothing": Wrong(
        planning_costs_nothing, KEEPS, "was 2 s, and 11 s had gone by"
    ),
    "keeps-the-step": Wrong(keeps_the_step, KEEPS, "JSON cannot hold", ALL),
    "runs-all-again": Wrong(runs_all_again, AGAIN, "it ran 'a' again"),
    "truth-of-results": Wrong(truth_of_results, AGAIN, "it ran 'a' again"),
    "time-for-what-is-done": Wrong(
        time_for_what_is_done, AGAIN, "nothing was left to be started"
    ),
    "restart-grants-anew": Wrong(
        restart_grants_anew, TIME, "3 s of the run's time left, as if that began anew"
    ),
    "this-life-only": Wrong(
        this_life_only, TIME, "handed 4 s with 1 s of the run's time left"
    ),
    "stores-the-instant": Wrong(
        stores_the_instant, TIME, "is an instant of the first process's clock"
    ),
    "mutable-default": Wrong(mutable_default, ANEW, "the steps it started: none"),
    "remembers-the-start": Wrong(
        RemembersTheStart(),
        ANEW,
        "DeadlineExceeded",
        ("hands each step its own limit, or what is left if that is less",),
    ),
    "returns-nothing": Wrong(returns_nothing, RUNS, "it returned nothing (None)"),
    "returns-a-list": Wrong(returns_a_list, RUNS, "which is no dict"),
    "returns-the-record": Wrong(returns_the_record, RUNS, "was missing"),
    "hands-nothing": Wrong(hands_nothing, RUNS, "with 0 arguments", ALL),
    "hands-a-keyword": Wrong(hands_a_keyword, RUNS, "the keyword 'timeout'"),
    "backwards": Wrong(backwards, RUNS, "'tell', 'deploy', 'plan'", ALL),
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
        LIMITS,
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
        "began-anew",
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
