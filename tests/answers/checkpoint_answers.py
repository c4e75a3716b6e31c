"""Answers to exercise 07, right and wrong."""

import copy
import functools
import hashlib
import heapq
import itertools
import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from operator import itemgetter
from types import MappingProxyType
from typing import Any

from agentstate_lab.state import fingerprint
from answers import ALL, EXPLAINS, Wrong

Row = dict[str, Any]
Rows = list[Row]

SCHEMA = 2
CLOSED = ("completed", "waiting", "cancelled", "dead")


@dataclass(frozen=True)
class Case:
    """What an answer is handed."""

    task: Row
    rows: Rows
    now: float
    keep: int
    max_age: float | None


class Looks:
    """The right answer in parts; a wrong one changes one of them."""

    def __call__(
        self,
        task: Row,
        checkpoints: Rows,
        *,
        now: float,
        keep: int,
        max_age: float | None,
    ) -> Any:
        """Look back."""
        case = Case(task, checkpoints, now, keep, max_age)
        newest = self.newest_first(case)
        last_good = self.last_good(newest)
        because = self.because(case, last_good)
        return self.said(last_good, because, self.drop(case, newest, last_good))

    def newest_first(self, case: Case) -> Rows:
        """By their versions."""
        return sorted(case.rows, key=itemgetter("version"), reverse=True)

    def fits(self, one: Row) -> bool:
        """Whether the checksum is that of the rest."""
        rest = {key: value for key, value in one.items() if key != "checksum"}
        return one.get("checksum") == fingerprint(rest)

    def is_altered(self, one: Row) -> bool:
        """As far as this program can tell."""
        return one["schema_version"] <= SCHEMA and not self.fits(one)

    def last_good(self, newest: Rows) -> Row | None:
        """The newest that is not altered."""
        return next((one for one in newest if not self.is_altered(one)), None)

    def is_over(self, case: Case, instant: float) -> bool:
        """Whether this is too long ago."""
        return case.max_age is not None and case.now - instant > case.max_age

    def too_old(self, case: Case, last_good: Row) -> bool:
        """Whether nobody has touched the task for too long."""
        return self.is_over(case, case.task["updated_at"])

    def is_closed(self, case: Case) -> bool:
        """Whether its state decides."""
        return case.task["state"] in CLOSED

    def because(self, case: Case, last_good: Row | None) -> str:
        """The first that is true."""
        if self.is_closed(case):
            return str(case.task["state"])
        if last_good is None:
            return "altered" if case.rows else "nothing"
        if last_good["schema_version"] > SCHEMA:
            return "too new"
        return "too old" if self.too_old(case, last_good) else "ok"

    def is_due(self, case: Case, place: int, one: Row) -> bool:
        """Whether one of the two rules says so."""
        return place >= case.keep or self.is_over(case, one["taken_at"])

    def is_exempt(self, place: int, one: Row, last_good: Row | None) -> bool:
        """Whether it stays, whatever the rules say."""
        return place == 0 or one is last_good

    def drop(self, case: Case, newest: Rows, last_good: Row | None) -> Any:
        """The versions to drop."""
        return [
            one["version"]
            for place, one in enumerate(newest)
            if self.is_due(case, place, one)
            and not self.is_exempt(place, one, last_good)
        ]

    def said(self, last_good: Row | None, because: str, drop: Any) -> Any:
        """The three of them."""
        go_on = last_good is not None and because == "ok"
        resume = last_good["version"] if last_good and go_on else None
        return {"resume": resume, "because": because, "drop": drop}


def plain(task, checkpoints, *, now, keep, max_age):  # type: ignore[no-untyped-def]
    """One function from top to bottom; knows nothing of torn ones: no bonus."""
    newest = sorted(checkpoints, key=lambda one: one["version"])[::-1]
    good = None
    for one in newest:
        rest = dict(one)
        checksum = rest.pop("checksum")
        if one["schema_version"] > SCHEMA or checksum == fingerprint(rest):
            good = one
            break
    drop = []
    for place, one in enumerate(newest):
        surplus = place + 1 > keep
        expired = max_age is not None and one["taken_at"] + max_age < now
        if (surplus or expired) and one not in (newest[0], good):
            drop.append(one["version"])
    said = {"resume": None, "because": "ok", "drop": drop}
    if task["state"] not in ("pending", "running", "failed"):
        said["because"] = task["state"]
    elif not checkpoints:
        said["because"] = "nothing"
    elif not good:
        said["because"] = "altered"
    elif good["schema_version"] > SCHEMA:
        said["because"] = "too new"
    elif max_age and task["updated_at"] < now - max_age:
        said["because"] = "too old"
    else:
        said["resume"] = good["version"]
    return said


class Why(StrEnum):
    """The words."""

    COMPLETED = "completed"
    WAITING = "waiting"
    CANCELLED = "cancelled"
    DEAD = "dead"
    NOTHING = "nothing"
    ALTERED = "altered"
    TOO_NEW = "too new"
    TOO_OLD = "too old"
    OK = "ok"


@dataclass
class Reviewer:
    """An object with a cache of its own, and a match."""

    schema: int = SCHEMA
    verdicts: dict[str, bool] = field(default_factory=dict)

    def __call__(self, task, checkpoints, now, keep, max_age):  # type: ignore[no-untyped-def]
        """Look back."""
        limit = math.inf if max_age is None else max_age
        by_version = {one["version"]: one for one in checkpoints}
        good = [v for v, one in by_version.items() if self.is_good(one)]
        best = max(good, default=None)
        why = self.why(task, by_version.get(best), by_version, now - limit)
        kept = set(heapq.nlargest(keep, by_version))
        fresh = {v for v in kept if now - by_version[v]["taken_at"] <= limit}
        stay = fresh | {best, max(by_version, default=None)}
        return MappingProxyType(
            {
                "drop": tuple(by_version.keys() - stay),
                "because": why,
                "resume": best if why is Why.OK else None,
                "looked at": len(by_version),
            }
        )

    def is_good(self, one):  # type: ignore[no-untyped-def]
        """By the bytes of it, once for each."""
        key = json.dumps(one, sort_keys=True)
        if key not in self.verdicts:
            rest = {k: v for k, v in one.items() if k != "checksum"}
            text = json.dumps(rest, sort_keys=True, separators=(",", ":"))
            digest = hashlib.sha256(text.encode()).hexdigest()
            unknown = one["schema_version"] > self.schema
            self.verdicts[key] = unknown or one.get("checksum", "") == digest
        return self.verdicts[key]

    def why(self, task, best, all_of_them, oldest):  # type: ignore[no-untyped-def]
        """The first word that is true."""
        match task, best:
            case {"state": "completed" | "waiting" | "cancelled" | "dead" as state}, _:
                return Why(state)
            case _, None:
                return Why.ALTERED if all_of_them else Why.NOTHING
            case _, {"schema_version": schema} if schema > self.schema:
                return Why.TOO_NEW
            case {"updated_at": instant}, _ if instant < oldest:
                return Why.TOO_OLD
        return Why.OK


def by_recursion(task, checkpoints, *, now, keep, max_age):  # type: ignore[no-untyped-def]
    """No loop and no sort: the newest, and then the rest."""

    def last_good(rows: Rows) -> Row | None:
        if not rows:
            return None
        one = max(rows, key=itemgetter("version"))
        if not Looks().is_altered(one):
            return one
        return last_good([other for other in rows if other is not one])

    def newer(one: Row) -> int:
        return sum(other["version"] > one["version"] for other in checkpoints)

    def over(instant: float) -> bool:
        return False if max_age is None else not now - instant <= max_age

    good = last_good(checkpoints)
    drop = sorted(
        one["version"]
        for one in checkpoints
        if (newer(one) >= keep or over(one["taken_at"])) and newer(one) and one != good
    )
    words = itertools.chain(
        [task["state"]] * (task["state"] in CLOSED),
        ["nothing"] * (not checkpoints),
        ["altered"] * (good is None),
        ["too new"] * bool(good and good["schema_version"] > SCHEMA),
        ["too old"] * over(task["updated_at"]),
        ["ok"],
    )
    because = next(words)
    resume = good["version"] if good and because == "ok" else None
    return {"resume": resume, "because": because, "drop": drop}


def made_by_a_factory() -> Any:
    """A table of words and questions, and a generator that drops."""
    questions: dict[str, Callable[[Case, Row | None], bool]] = {
        **{
            state: lambda case, good, state=state: case.task["state"] == state
            for state in CLOSED
        },
        "nothing": lambda case, good: not case.rows,
        "altered": lambda case, good: good is None,
        "too new": lambda case, good: good["schema_version"] > SCHEMA,
        "too old": lambda case, good: over(case, case.task["updated_at"]),
        "ok": lambda case, good: True,
    }

    def over(case: Case, instant: float) -> bool:
        return case.now - instant > (math.inf if case.max_age is None else case.max_age)

    def dropped(case: Case, newest: Rows, good: Row | None) -> Iterator[int]:
        fresh = (one for one in newest[: case.keep] if not over(case, one["taken_at"]))
        stay = [one["version"] for one in (*fresh, *newest[:1], good) if one]
        yield from (one["version"] for one in newest if one["version"] not in stay)

    def look(task: Row, rows: Rows, **rules: Any) -> Row:
        case = Case(copy.deepcopy(task), copy.deepcopy(rows), **rules)
        case.rows.sort(key=lambda one: -one["version"])
        good = next(itertools.dropwhile(Looks().is_altered, case.rows), None)
        because = next(word for word, is_so in questions.items() if is_so(case, good))
        return {
            "because": because,
            "resume": {"ok": good and good["version"]}.get(because),
            "drop": list(dropped(case, case.rows, good)),
        }

    return look


def with_a_setting(answer: Any, task: Row, checkpoints: Rows, **rules: Any) -> Any:
    """To be bound with functools.partial; reads all through JSON first."""
    return answer(json.loads(json.dumps(task)), list(checkpoints), **rules)


def folded(task, checkpoints, *, now, keep, max_age):  # type: ignore[no-untyped-def]
    """A fold from the newest to the oldest that keeps its account in a tuple."""
    looks = Looks()
    case = Case(task, checkpoints, now, keep, max_age)

    def one_more(account: tuple[int, Row | None, list[int]], one: Row) -> Any:
        seen, good, drop = account
        found = good is None and not looks.is_altered(one)
        due = looks.is_due(case, seen, one) and seen > 0 and not found
        return seen + 1, one if found else good, drop + [one["version"]] * due

    order = sorted(checkpoints, key=itemgetter("version"), reverse=True)
    _, good, drop = functools.reduce(one_more, order, (0, None, []))
    return looks.said(good, looks.because(case, good), drop)


RIGHT = {
    "parts": Looks(),
    "plain": plain,
    "object": Reviewer(),
    "recursion": by_recursion,
    "table": made_by_a_factory(),
    "partial": functools.partial(with_a_setting, plain),
    "fold": folded,
}


class AgeFirst(Looks):
    """Tests the age before the state: what was completed long ago is run again."""

    def because(self, case: Case, last_good: Row | None) -> str:
        """An old task is an old task."""
        if self.is_over(case, case.task["updated_at"]):
            return "too old"
        return super().because(case, last_good)


class AgeBeforeChecks(AgeFirst):
    """Tests the state first, and the age before the checkpoint."""

    def because(self, case: Case, last_good: Row | None) -> str:
        """Its state, then its age."""
        if self.is_closed(case):
            return str(case.task["state"])
        return super().because(case, last_good)


class AltersFirst(Looks):
    """Looks at the checkpoints before it looks at the task."""

    def because(self, case: Case, last_good: Row | None) -> str:
        """No checkpoint, nothing to be said of the task."""
        if last_good is None:
            return "altered" if case.rows else "nothing"
        return super().because(case, last_good)


class WaitingExpires(Looks):
    """A person who takes too long has lost."""

    def because(self, case: Case, last_good: Row | None) -> str:
        """Waiting, but not for ever."""
        over = self.is_over(case, case.task["updated_at"])
        if case.task["state"] == "waiting" and over:
            return "too old"
        return super().because(case, last_good)


class RunsTheDead(Looks):
    """Takes a dead task for one that failed."""

    def is_closed(self, case: Case) -> bool:
        """Three of the four."""
        return case.task["state"] in CLOSED[:3]


class RunningOnly(Looks):
    """Has a list of what goes on, and forgets who is not on it."""

    def is_closed(self, case: Case) -> bool:
        """Neither running nor failed."""
        return case.task["state"] not in ("running", "failed")

    def because(self, case: Case, last_good: Row | None) -> str:
        """Refuses a pending task."""
        word = super().because(case, last_good)
        return "cancelled" if word == "pending" else word


class ResumesTheCompleted(Looks):
    """Names a version to go on from, also for what is done."""

    def said(self, last_good: Row | None, because: str, drop: Any) -> Any:
        """Always a version, if there is one."""
        resume = last_good["version"] if last_good else None
        return {"resume": resume, "because": because, "drop": drop}


class TrustsAll(Looks):
    """Compares no checksum."""

    def fits(self, one: Row) -> bool:
        """What is stored is true."""
        return True


class TrustsAnyChecksum(Looks):
    """Asks whether there is a checksum, and not which."""

    def fits(self, one: Row) -> bool:
        """Sixty-four signs are a checksum."""
        return len(one.get("checksum", "")) == 64


class ComparesTheState(Looks):
    """Takes the checksum for that of the agent's state."""

    def fits(self, one: Row) -> bool:
        """The state is what matters."""
        return one.get("checksum") == fingerprint(one["agent_state"])


class ComparesAll(Looks):
    """Computes the fingerprint of a dict that has the checksum in it."""

    def fits(self, one: Row) -> bool:
        """Which no checksum can fit."""
        return one.get("checksum") == fingerprint(one)


class TakesTheChecksumOut(Looks):
    """Takes the checksum from the caller's checkpoint."""

    def fits(self, one: Row) -> bool:
        """The rest is what is left."""
        checksum = one.pop("checksum", None)
        return bool(checksum == fingerprint(one))


class ForgetsAKey(Looks):
    """Computes the rest from the keys that it thinks of, and takes others on trust."""

    def fits(self, one: Row) -> bool:
        """The time of it cannot matter."""
        before = {"taken_at": one["taken_at"] - 1.0}
        return super().fits(one) or super().fits({**one, **before})


class StopsAtTheAltered(Looks):
    """Looks at the newest only."""

    def last_good(self, newest: Rows) -> Row | None:
        """That one or none."""
        return super().last_good(newest[:1])


class TriesTwo(Looks):
    """Passes over one, and not over two."""

    def last_good(self, newest: Rows) -> Row | None:
        """One of the first two."""
        return super().last_good(newest[:2])


class TriesThree(TriesTwo):
    """Passes over two, which is as far as its author looked."""

    def last_good(self, newest: Rows) -> Row | None:
        """One of the first three."""
        return Looks.last_good(self, newest[:3])


class PassesOverTheNewer(Looks):
    """Takes what it cannot read for lost."""

    def is_altered(self, one: Row) -> bool:
        """Altered or new, both are of no use here."""
        return one["schema_version"] > SCHEMA or not self.fits(one)


class ChecksumBeforeSchema(Looks):
    """Computes the checksum of a newer schema by its own rules."""

    def is_altered(self, one: Row) -> bool:
        """A checksum is a checksum."""
        return not self.fits(one)


class AnyNewerRefuses(Looks):
    """Refuses when any checkpoint is of a newer schema."""

    def because(self, case: Case, last_good: Row | None) -> str:
        """Somebody else was here."""
        word = super().because(case, last_good)
        newer = any(one["schema_version"] > SCHEMA for one in case.rows)
        return "too new" if word == "ok" and newer else word


class ThisSchemaOnly(Looks):
    """Refuses an older schema as well."""

    def because(self, case: Case, last_good: Row | None) -> str:
        """Another schema is another schema."""
        word = super().because(case, last_good)
        if word == "ok" and last_good and last_good["schema_version"] != SCHEMA:
            return "too new"
        return word


class ReadsTheNewer(Looks):
    """Goes on from what a newer program wrote."""

    def because(self, case: Case, last_good: Row | None) -> str:
        """It will be all right."""
        word = super().because(case, last_good)
        return "ok" if word == "too new" else word


class ByTime(Looks):
    """Takes the latest for the newest."""

    def newest_first(self, case: Case) -> Rows:
        """By the clock."""
        return sorted(case.rows, key=itemgetter("taken_at"), reverse=True)


class ByText(Looks):
    """Compares versions as texts: 9 is more than 10."""

    def newest_first(self, case: Case) -> Rows:
        """By the alphabet."""
        return sorted(case.rows, key=lambda one: str(one["version"]), reverse=True)


class LastInTheList(Looks):
    """Takes the last in the list for the newest."""

    def newest_first(self, case: Case) -> Rows:
        """As a store would have them."""
        return case.rows[::-1]


class OnePerInstant(Looks):
    """Keeps the checkpoints under their times, where two of one time are one."""

    def newest_first(self, case: Case) -> Rows:
        """By version, of those that are left."""
        by_time = {one["taken_at"]: one for one in case.rows}
        return super().newest_first(Case(case.task, [*by_time.values()], 0, 0, 0))


class SortsInPlace(Looks):
    """Sorts the caller's list."""

    def newest_first(self, case: Case) -> Rows:
        """The list itself."""
        case.rows.sort(key=itemgetter("version"), reverse=True)
        return case.rows


class DropsItself(Looks):
    """Takes what it drops out of the caller's list."""

    def __call__(self, task: Row, checkpoints: Rows, **rules: Any) -> Any:
        """Say it, and do it."""
        said = super().__call__(task, checkpoints, **rules)
        left = [one for one in checkpoints if one["version"] not in said["drop"]]
        checkpoints[:] = left
        return said


class StampsTheTask(Looks):
    """Leaves a note in the task."""

    def __call__(self, task: Row, checkpoints: Rows, **rules: Any) -> Any:
        """Somebody has looked."""
        said = super().__call__(task, checkpoints, **rules)
        task["looked_at"] = rules["now"]
        return said


class NotEvenEqual(Looks):
    """Counts the very age that is allowed as too old."""

    def is_over(self, case: Case, instant: float) -> bool:
        """More or equal."""
        return case.max_age is not None and case.now - instant >= case.max_age


class NotEvenEqualToRotate(Looks):
    """Drops what is of the very age that is allowed."""

    def is_due(self, case: Case, place: int, one: Row) -> bool:
        """One too many, or not younger."""
        age, limit = case.now - one["taken_at"], case.max_age
        return place >= case.keep or (limit is not None and age >= limit)


class NoneIsZero(Looks):
    """Takes no limit for a limit of nothing."""

    def is_over(self, case: Case, instant: float) -> bool:
        """More than nothing is over."""
        return case.now - instant > (case.max_age or 0)


class NoneIsAnError(Looks):
    """Compares with None."""

    def is_over(self, case: Case, instant: float) -> bool:
        """There is always a limit."""
        return case.now - instant > case.max_age  # type: ignore[operator]


class RealClock(Looks):
    """Asks the machine what time it is."""

    def is_over(self, case: Case, instant: float) -> bool:
        """By the wall clock."""
        return case.max_age is not None and time.time() - instant > case.max_age


class RealClockNow(Looks):
    """Asks the machine, too, and goes by what it was given."""

    def __call__(self, task: Row, checkpoints: Rows, **rules: Any) -> Any:
        """For the log."""
        time.time()
        return super().__call__(task, checkpoints, **rules)


class AgeOfTheCheckpoint(Looks):
    """Takes the age of the checkpoint for that of the task."""

    def too_old(self, case: Case, last_good: Row) -> bool:
        """Since it was taken."""
        return self.is_over(case, last_good["taken_at"])


class ForgetsTheOld(Looks):
    """Looks only at checkpoints that are fresh."""

    def __call__(self, task: Row, checkpoints: Rows, **rules: Any) -> Any:
        """Rotates first, and validates what is left."""
        case = Case(task, checkpoints, **rules)
        fresh = [o for o in checkpoints if not self.is_over(case, o["taken_at"])]
        said = super().__call__(task, fresh, **rules)
        old = [o["version"] for o in checkpoints if o not in fresh]
        return {**said, "drop": said["drop"] + old}


class RotatesFirst(Looks):
    """Validates what rotation has left, and it is too late."""

    def drop(self, case: Case, newest: Rows, last_good: Row | None) -> Any:
        """Never the newest."""
        return super().drop(case, newest, None)

    def because(self, case: Case, last_good: Row | None) -> str:
        """With what is left."""
        gone = self.drop(case, self.newest_first(case), None)
        lost = last_good is not None and last_good["version"] in gone
        return super().because(case, None if lost else last_good)


class NeverOld(Looks):
    """Tests no age of the task at all."""

    def too_old(self, case: Case, last_good: Row) -> bool:
        """It is never too late."""
        return False


class FailsWithoutAny(Looks):
    """Takes the newest for granted."""

    def newest_first(self, case: Case) -> Rows:
        """There is always one."""
        newest = super().newest_first(case)
        return [newest[0], *newest[1:]]


class NothingIsAltered(Looks):
    """Takes an empty list for one in which all are altered."""

    def because(self, case: Case, last_good: Row | None) -> str:
        """No good one is no good one."""
        word = super().because(case, last_good)
        return "altered" if word == "nothing" else word


class BothRules(Looks):
    """Drops what is too old and one too many, and nothing that is only one."""

    def is_due(self, case: Case, place: int, one: Row) -> bool:
        """Both."""
        return place >= case.keep and self.is_over(case, one["taken_at"])


class CountsOnly(Looks):
    """Drops by number alone."""

    def is_due(self, case: Case, place: int, one: Row) -> bool:
        """One too many."""
        return place >= case.keep


class AgesOnly(Looks):
    """Drops by age alone."""

    def is_due(self, case: Case, place: int, one: Row) -> bool:
        """Too old."""
        return self.is_over(case, one["taken_at"])


class KeepsOneMore(Looks):
    """Keeps the newest and then so many."""

    def is_due(self, case: Case, place: int, one: Row) -> bool:
        """Places begin at one."""
        return super().is_due(case, place - 1, one)


class KeepsOneLess(Looks):
    """Counts the one to go on from to those that are kept besides."""

    def is_due(self, case: Case, place: int, one: Row) -> bool:
        """One is kept anyway."""
        return super().is_due(case, place + 1, one)


class KeepsTheOldest(Looks):
    """Keeps the first that were taken."""

    def drop(self, case: Case, newest: Rows, last_good: Row | None) -> Any:
        """From the other end."""
        places = {one["version"]: place for place, one in enumerate(newest[::-1])}
        return [
            one["version"]
            for one in newest
            if self.is_due(case, places[one["version"]], one)
            and not self.is_exempt(1, one, last_good)
        ]


class CountsTheGood(Looks):
    """Keeps so many good ones, and drops all that were altered."""

    def drop(self, case: Case, newest: Rows, last_good: Row | None) -> Any:
        """What is broken is of no use."""
        good = [one for one in newest if not self.is_altered(one)]
        broken = [one["version"] for one in newest[1:] if self.is_altered(one)]
        return super().drop(case, good, last_good) + broken


class SavesTheAltered(Looks):
    """Drops nothing that was altered: somebody may want to look at it."""

    def is_exempt(self, place: int, one: Row, last_good: Row | None) -> bool:
        """Evidence."""
        return super().is_exempt(place, one, last_good) or self.is_altered(one)


class SavesTheGood(Looks):
    """Drops nothing that one could go on from."""

    def is_exempt(self, place: int, one: Row, last_good: Row | None) -> bool:
        """All that are whole."""
        return not self.is_altered(one)


class ExemptsNone(Looks):
    """The rules are the rules."""

    def is_exempt(self, place: int, one: Row, last_good: Row | None) -> bool:
        """None."""
        return False


class ExemptsTheNewest(Looks):
    """Keeps the newest, altered or not, and drops the last good one."""

    def is_exempt(self, place: int, one: Row, last_good: Row | None) -> bool:
        """The first."""
        return place == 0


class ExemptsTheGood(Looks):
    """Drops a newest that was altered: nobody will know that it was there."""

    def is_exempt(self, place: int, one: Row, last_good: Row | None) -> bool:
        """The one to go on from."""
        return one is last_good


class ExemptsTheReadable(Looks):
    """Exempts what this program can read, and drops what a newer one needs."""

    def is_exempt(self, place: int, one: Row, last_good: Row | None) -> bool:
        """Of a known schema."""
        known = one["schema_version"] <= SCHEMA
        return place == 0 or (one is last_good and known)


class ExemptsTheOpen(Looks):
    """Keeps the last good one only for a task that goes on."""

    def __call__(self, task: Row, checkpoints: Rows, **rules: Any) -> Any:
        """Once it is decided, there is nothing to keep it for."""
        case = Case(task, checkpoints, **rules)
        newest = self.newest_first(case)
        last_good = self.last_good(newest)
        because = self.because(case, last_good)
        kept = last_good if because == "ok" else None
        return self.said(last_good, because, self.drop(case, newest, kept))


class DropsAllWhenOld(Looks):
    """A task that is given up needs no checkpoint."""

    def __call__(self, task: Row, checkpoints: Rows, **rules: Any) -> Any:
        """Tidy up."""
        said = super().__call__(task, checkpoints, **rules)
        if said["because"] == "too old":
            said["drop"] = [one["version"] for one in checkpoints]
        return said


class RotatesTheOpen(Looks):
    """Returns early for a task that is done, and never rotates it."""

    def __call__(self, task: Row, checkpoints: Rows, **rules: Any) -> Any:
        """Nothing to do."""
        if task["state"] in CLOSED:
            return {"resume": None, "because": task["state"], "drop": []}
        return super().__call__(task, checkpoints, **rules)


class OneAtATime(Looks):
    """Drops one, and leaves the next for the next time."""

    def drop(self, case: Case, newest: Rows, last_good: Row | None) -> Any:
        """The oldest."""
        return super().drop(case, newest, last_good)[-1:]


class TellsWhatToKeep(Looks):
    """Returns the versions that stay."""

    def drop(self, case: Case, newest: Rows, last_good: Row | None) -> Any:
        """All others."""
        gone = super().drop(case, newest, last_good)
        return [one["version"] for one in newest if one["version"] not in gone]


class ReturnsRows(Looks):
    """Returns checkpoints where versions are asked for."""

    def drop(self, case: Case, newest: Rows, last_good: Row | None) -> Any:
        """Whole ones."""
        gone = super().drop(case, newest, last_good)
        return [one for one in newest if one["version"] in gone]


class ReturnsTheRow(Looks):
    """Returns the checkpoint to go on from, where its version is asked for."""

    def said(self, last_good: Row | None, because: str, drop: Any) -> Any:
        """All of it."""
        said = super().said(last_good, because, drop)
        return {**said, "resume": said["resume"] and last_good}


class ReturnsAGenerator(Looks):
    """Hands back a drop that can be read once, and not stored."""

    def said(self, last_good: Row | None, because: str, drop: Any) -> Any:
        """Lazy."""
        return super().said(last_good, because, (one for one in drop))


class ReturnsATuple(Looks):
    """Returns the three without their names."""

    def said(self, last_good: Row | None, because: str, drop: Any) -> Any:
        """In order."""
        return tuple(super().said(last_good, because, drop).values())


class ReturnsNothing(Looks):
    """Forgets to return."""

    def said(self, last_good: Row | None, because: str, drop: Any) -> Any:
        """Nothing."""


class LeavesDropOut(Looks):
    """Validates, and is not done yet."""

    def said(self, last_good: Row | None, because: str, drop: Any) -> Any:
        """Two of three."""
        said = super().said(last_good, because, drop)
        del said["drop"]
        return said


class OtherWords(Looks):
    """Has a word of its own."""

    def said(self, last_good: Row | None, because: str, drop: Any) -> Any:
        """Done is done."""
        said = super().said(last_good, because, drop)
        return {**said, "because": "resume" if because == "ok" else because}


class Raises(Looks):
    """Raises where a word is asked for."""

    def said(self, last_good: Row | None, because: str, drop: Any) -> Any:
        """An error is clearer."""
        if because != "ok":
            raise ValueError(because)
        return super().said(last_good, because, drop)


class AddsUp(Looks):
    """A list that all calls share."""

    gone: list[int] = []  # noqa: RUF012 - the mistake

    def drop(self, case: Case, newest: Rows, last_good: Row | None) -> Any:
        """These, too."""
        self.gone.extend(super().drop(case, newest, last_good))
        return list(self.gone)


class RemembersVersions(Looks):
    """Remembers what was altered under its version, which is another task's, too."""

    def __init__(self) -> None:
        self.known: dict[int, bool] = {}

    def is_altered(self, one: Row) -> bool:
        """Once for each version."""
        if one["version"] not in self.known:
            self.known[one["version"]] = super().is_altered(one)
        return self.known[one["version"]]


class RightForFew(Looks):
    """Right for all that its author tried: up to five checkpoints."""

    def drop(self, case: Case, newest: Rows, last_good: Row | None) -> Any:
        """Drops the one before the newest, of many."""
        gone = super().drop(case, newest, last_good)
        if len(newest) > 5 and last_good in newest[2:]:
            gone = [*{*gone, newest[1]["version"]}]
        return gone


class SettlesSlowly(Looks):
    """Leaves a rest of what is too old for the next time."""

    def drop(self, case: Case, newest: Rows, last_good: Row | None) -> Any:
        """At most four at a time."""
        return super().drop(case, newest, last_good)[:4]


GOES_ON = "goes on from the newest checkpoint of an open task"
BY_VERSION = "knows the newest by its version, not by its time"
STATUS = "looks at the state of the task before anything else"
PASSES = "passes over what was altered"
SCHEMAS = "refuses a newer schema, and takes an older one"
AGE = "tests the age of the task, and tests it last"
NOTHING = "says so when there is no checkpoint"
SURPLUS = "drops what is not among the newest, however fresh"
EXPIRED = "drops what is too old, however few there are"
EXEMPT = "never drops the newest, nor the last good one"
WHATEVER = "drops by the same rules whatever becomes of the task"
TRUTH = "says what is true of any past"
FAIR = "drops what one rule says, and nothing that both keep"
AS_BEFORE = "goes on from the same after its own rotation"
SETTLES = "finds nothing more to drop in a second rotation"
ORDER = "says the same in whatever order the list is"
LEAVES = "leaves the task and the list as they were"
TIME = "knows no time but the one that it is given"


class AlteredIsNothing(Looks):
    """Where nothing is good, it says that nothing is there."""

    def because(self, case: Case, last_good: Row | None) -> str:
        """The word for an empty list."""
        word = super().because(case, last_good)
        return "nothing" if word == "altered" else word


class TripsOverTheTorn(Looks):
    """Every checkpoint has a checksum."""

    def fits(self, one: Row) -> bool:
        """Until one was torn."""
        return one["checksum"] is not None and super().fits(one)


ALTERED = "passes over what was altered"
TORN = "takes a checkpoint without a checksum for altered"


class KnowsItsKeys(Looks):
    """Makes the checksum of the keys that it knows."""

    def fits(self, one: Row) -> bool:
        """A key that was added is not among them."""
        keys = ("version", "taken_at", "schema_version", "agent_state")
        known = {key: one[key] for key in keys}
        return bool(one.get("checksum") == fingerprint(known))


WRONG = {
    "age-first": Wrong(AgeFirst(), STATUS, "because='too old'"),
    "age-before-checks": Wrong(AgeBeforeChecks(), AGE, "because='too old'"),
    "alters-first": Wrong(AltersFirst(), STATUS, "because='altered'"),
    "waiting-expires": Wrong(WaitingExpires(), STATUS, "because='too old'"),
    "runs-the-dead": Wrong(RunsTheDead(), STATUS, "it said resume=5, because='ok'"),
    "running-only": Wrong(RunningOnly(), GOES_ON, "a pending task goes on"),
    "resumes-the-completed": Wrong(
        ResumesTheCompleted(), STATUS, "it said resume=5, because='completed'"
    ),
    "trusts-all": Wrong(TrustsAll(), PASSES, "what was altered is lost"),
    "trusts-any-checksum": Wrong(
        TrustsAnyChecksum(), PASSES, "it said resume=5, because='ok'"
    ),
    "compares-the-state": Wrong(ComparesTheState(), GOES_ON, "because='altered'"),
    "compares-all": Wrong(ComparesAll(), GOES_ON, "because='altered'"),
    "takes-the-checksum-out": Wrong(
        TakesTheChecksumOut(), LEAVES, "a checkpoint in the list had changed"
    ),
    "forgets-a-key": Wrong(ForgetsAKey(), PASSES, "of which the time was altered"),
    "stops-at-the-altered": Wrong(StopsAtTheAltered(), PASSES, "because='altered'"),
    "tries-two": Wrong(TriesTwo(), PASSES, "because='altered'"),
    "tries-three": Wrong(TriesThree(), TRUTH, "because='altered'"),
    "passes-over-the-newer": Wrong(PassesOverTheNewer(), SCHEMAS, "its work is lost"),
    "checksum-before-schema": Wrong(
        ChecksumBeforeSchema(), SCHEMAS, "is not known here"
    ),
    "any-newer-refuses": Wrong(
        AnyNewerRefuses(), SCHEMAS, "only the one to go on from matters"
    ),
    "this-schema-only": Wrong(ThisSchemaOnly(), SCHEMAS, "an older schema can be read"),
    "reads-the-newer": Wrong(ReadsTheNewer(), SCHEMAS, "it said resume=5"),
    "by-time": Wrong(ByTime(), BY_VERSION, "two of one instant"),
    "by-text": Wrong(ByText(), BY_VERSION, "10 is more than 9"),
    "last-in-the-list": Wrong(LastInTheList(), ORDER, "in another order", ALL),
    "one-per-instant": Wrong(OnePerInstant(), BY_VERSION, "two of one instant"),
    "sorts-in-place": Wrong(SortsInPlace(), LEAVES, "the list was in another order"),
    "drops-itself": Wrong(DropsItself(), LEAVES, "the list had another length"),
    "stamps-the-task": Wrong(StampsTheTask(), LEAVES, "the task had changed"),
    "not-even-equal": Wrong(NotEvenEqual(), AGE, "that is not more than 60 s"),
    "not-even-equal-in-rotation": Wrong(
        NotEvenEqualToRotate(),
        EXPIRED,
        "it dropped 4, among the newest 10 and 60 s old",
    ),
    "none-is-zero": Wrong(NoneIsZero(), AGE, "None is for ever"),
    "none-is-an-error": Wrong(NoneIsAnError(), AGE, "it raised TypeError"),
    "real-clock": Wrong(RealClock(), TIME, "it called time.time"),
    "real-clock-now": Wrong(RealClockNow(), TIME, "it called time.time"),
    "age-of-the-checkpoint": Wrong(
        AgeOfTheCheckpoint(), AGE, "however old the checkpoint is"
    ),
    "forgets-the-old": Wrong(ForgetsTheOld(), AGE, "because='nothing'"),
    "rotates-first": Wrong(RotatesFirst(), EXEMPT, "it dropped 4, the last good one"),
    "never-old": Wrong(NeverOld(), AGE, "it said resume=5, because='ok'"),
    "fails-without-any": Wrong(
        FailsWithoutAny(),
        NOTHING,
        "it raised IndexError",
        ("looks at the state of the task before anything else",),
    ),
    "nothing-is-altered": Wrong(NothingIsAltered(), NOTHING, "because='altered'"),
    "both-rules": Wrong(BothRules(), SURPLUS, "one too many is enough"),
    "counts-only": Wrong(CountsOnly(), EXPIRED, "too old is enough"),
    "ages-only": Wrong(AgesOnly(), SURPLUS, "one too many is enough"),
    "keeps-one-more": Wrong(KeepsOneMore(), SURPLUS, "it kept 4"),
    "keeps-one-less": Wrong(KeepsOneLess(), SURPLUS, "it dropped 4, among the newest"),
    "keeps-the-oldest": Wrong(KeepsTheOldest(), SURPLUS, "it kept 2"),
    "counts-the-good": Wrong(CountsTheGood(), SURPLUS, "it dropped 4"),
    "saves-the-altered": Wrong(SavesTheAltered(), SURPLUS, "it kept 2"),
    "saves-the-good": Wrong(SavesTheGood(), SURPLUS, "it kept 4"),
    "exempts-none": Wrong(ExemptsNone(), EXEMPT, "it dropped 4, the last good one"),
    "exempts-the-newest": Wrong(
        ExemptsTheNewest(), AS_BEFORE, "afterwards resume=None, because='altered'"
    ),
    "exempts-the-good": Wrong(ExemptsTheGood(), EXEMPT, "it dropped 5, the newest"),
    "exempts-the-readable": Wrong(ExemptsTheReadable(), EXEMPT, "it dropped 5, the"),
    "exempts-the-open": Wrong(ExemptsTheOpen(), WHATEVER, "it dropped 5"),
    "drops-all-when-old": Wrong(DropsAllWhenOld(), EXEMPT, "it dropped 5"),
    "rotates-the-open": Wrong(RotatesTheOpen(), WHATEVER, "it kept 4"),
    "one-at-a-time": Wrong(OneAtATime(), SETTLES, "it then wanted to drop"),
    "tells-what-to-keep": Wrong(TellsWhatToKeep(), SURPLUS, "the last good one"),
    "returns-rows": Wrong(ReturnsRows(), SURPLUS, "which is no version of these"),
    "returns-the-row": Wrong(
        ReturnsTheRow(), GOES_ON, "which is no version of these", ALL
    ),
    "returns-a-generator": Wrong(ReturnsAGenerator(), GOES_ON, "not a list", ALL),
    "returns-a-tuple": Wrong(ReturnsATuple(), GOES_ON, "not a dict"),
    "returns-nothing": Wrong(
        ReturnsNothing(), GOES_ON, "it returned nothing (None)", ALL
    ),
    "leaves-drop-out": Wrong(LeavesDropOut(), GOES_ON, "has no 'drop'"),
    "other-words": Wrong(OtherWords(), GOES_ON, "because was 'resume'"),
    "raises": Wrong(Raises(), STATUS, "it raised ValueError: completed"),
    "adds-up": Wrong(AddsUp(), SETTLES, "drop held"),
    "remembers-versions": Wrong(RemembersVersions(), TRUTH, "it said"),
    "right-for-few": Wrong(RightForFew(), FAIR, "among the newest"),
    "settles-slowly": Wrong(SettlesSlowly(), SETTLES, "it then wanted to drop"),
    "altered-is-nothing": Wrong(AlteredIsNothing(), ALTERED, "nothing"),
    "trips-over-the-torn": Wrong(TripsOverTheTorn(), TORN, "it raised KeyError"),
    "knows-its-keys": Wrong(KnowsItsKeys(), ALTERED, "the note too"),
}

CARD = {
    "is one of the seven states": EXPLAINS,
    "a list of dicts, in any order": ["last-in-the-list"],
    "it may be empty": ["fails-without-any"],
    "by the same clock as": EXPLAINS,
    "how many of the newest to keep": [
        "keeps-one-more",
        "keeps-one-less",
        "keeps-the-oldest",
    ],
    "how old is not yet too old": ["not-even-equal", "not-even-equal-in-rotation"],
    "`None` if nothing ever is": ["none-is-zero", "none-is-an-error"],
    "the version of the task;": EXPLAINS,
    "a higher one is newer": ["by-time", "by-text", "one-per-instant"],
    "| `taken_at`": EXPLAINS,
    "| `schema_version`": EXPLAINS,
    "this program knows those": ["this-schema-only"],
    "what the agent knew": EXPLAINS,
    "with all the other keys": ["knows-its-keys", "forgets-a-key"],
    "is a short text, the same": EXPLAINS,
    "The cell below makes": EXPLAINS,
    "its checksum does not fit": ["trusts-any-checksum", "trusts-all"],
    "How a newer program makes": ["checksum-before-schema", "passes-over-the-newer"],
    "is the newest checkpoint that is not altered": [
        "tries-two",
        "tries-three",
        "stops-at-the-altered",
    ],
    "Return a dict with three keys": ["returns-nothing", "leaves-drop-out"],
    "is the first of these that is true": [
        "age-before-checks",
        "alters-first",
        "age-first",
    ],
    'it is `"completed"`': ["waiting-expires", "runs-the-dead", "running-only"],
    "there is no checkpoint |": ["nothing-is-altered"],
    "there is no good one": ["altered-is-nothing"],
    "has a schema above": ["reads-the-newer", "any-newer-refuses"],
    "was last saved more than": ["age-of-the-checkpoint", "never-old"],
    '| `"ok"` | none': EXPLAINS,
    "is the version of the last good one if": ["returns-the-row"],
    "and otherwise `None`": ["resumes-the-completed"],
    "`drop` is a list of versions": ["returns-a-generator", "returns-rows"],
    "whatever is not among the newest": [
        "ages-only",
        "counts-the-good",
        "settles-slowly",
    ],
    "whatever was taken more than": ["counts-only", "right-for-few"],
    "Each rule is enough": ["both-rules"],
    "altered ones count like others": ["saves-the-altered"],
    "Two are exempt and never in `drop`": [
        "exempts-the-good",
        "exempts-none",
        "exempts-the-newest",
    ],
    "whatever `because` says": [
        "drops-all-when-old",
        "rotates-the-open",
        "exempts-the-open",
    ],
    "Often they are the same": EXPLAINS,
    "the list and its checkpoints stay": [
        "sorts-in-place",
        "takes-the-checksum-out",
        "drops-itself",
        "stamps-the-task",
    ],
    "`now` is the only time": ["real-clock-now", "real-clock"],
    "it has no `checksum` at all": ["trips-over-the-torn"],
}
