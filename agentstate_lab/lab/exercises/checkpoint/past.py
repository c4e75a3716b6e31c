"""
A task with its checkpoints, for the check of exercise 07, and what is true of them.

A `Past` is one call of the answer: it can be told in a sentence, and it knows which
checkpoint is the last good one and which ones rotation drops. The stages compare an
answer with that, or with its own words about another past.
"""

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any, NamedTuple

from agentstate_lab.state import fingerprint

from ..judge import Outcome, Subject, Unmet, require, shown

Checkpoint = dict[str, Any]

NOW = 10_000.0
SCHEMA = 2  # as in the notebook
OPEN = ("pending", "running", "failed")
CLOSED = ("completed", "waiting", "cancelled", "dead")
WORDS = (*CLOSED, "nothing", "altered", "too new", "too old", "ok")
MAX_TOLD = 8
DAY = 86_400.0


def taken(version: int, age: float = 10.0, schema: int = SCHEMA) -> Checkpoint:
    """A whole checkpoint of this age in seconds."""
    made = {
        "version": version,
        "taken_at": NOW - age,
        "schema_version": schema,
        "agent_state": {"plan": ["build", "deploy"], "used": {"steps": version}},
    }
    return made | {"checksum": fingerprint(made)}


def altered(version: int, age: float = 10.0, schema: int = SCHEMA) -> Checkpoint:
    """One that was altered after it was taken, deep inside."""
    made = taken(version, age, schema)
    made["agent_state"]["used"]["steps"] = 0
    return made


def fits(one: Checkpoint) -> bool:
    """Whether the checksum is that of all the rest."""
    return bool(one.get("checksum") == fingerprint(without_checksum(one)))


def without_checksum(one: Checkpoint) -> Checkpoint:
    """All the rest."""
    return {key: value for key, value in one.items() if key != "checksum"}


def is_altered(one: Checkpoint) -> bool:
    """Whether it was altered, as far as this program can know."""
    return one["schema_version"] <= SCHEMA and not fits(one)


class Said(NamedTuple):
    """What an answer said, in the form that the exercise wants."""

    resume: int | None
    because: str
    drop: list[int]

    def __str__(self) -> str:
        return f"resume={self.resume}, because={self.because!r}"


@dataclass(frozen=True, slots=True)
class Past:
    """
    One call of the answer.

    Attributes:
        checkpoints: As they are handed in.

        state: The state of the task.

        touched: How many seconds ago the task was saved.

        keep, max_age: As they are handed in.
    """

    checkpoints: Sequence[Checkpoint] = ()
    state: str = "running"
    touched: float = 10.0
    keep: int = 10
    max_age: float | None = 60.0

    def __str__(self) -> str:
        rules = f"keep={self.keep} and max_age={self.max_age}"
        return (
            f"a {self.state} task, saved {span(self.touched)} ago, with"
            f" {told(self.checkpoints)}, {rules}"
        )

    def arguments(self) -> tuple[dict[str, Any], list[Checkpoint]]:
        """The task and the list, each time anew."""
        task = {"state": self.state, "updated_at": NOW - self.touched}
        return task, copy.deepcopy(list(self.checkpoints))

    def outcome(self, answer: Subject) -> Outcome:
        """Call the answer and bring back whatever came."""
        task, checkpoints = self.arguments()
        rules: dict[str, Any] = {"keep": self.keep, "max_age": self.max_age}
        return answer.outcome(task, checkpoints, now=NOW, **rules)

    def ask(self, answer: Subject) -> Said:
        """Call the answer; what it returns must have the form that is wanted."""
        return self.result(self.outcome(answer))

    def result(self, outcome: Outcome) -> Said:
        """What was returned; fails when it has another form, or when it raised."""
        found = outcome.result()
        if found is None:
            raise Unmet("it returned nothing (None): a dict is wanted")
        require(isinstance(found, Mapping), f"it returned {shown(found)}, not a dict")
        for key in Said._fields:
            require(key in found, f"the dict that it returned has no {key!r}")
        resume, because, drop = (found[key] for key in Said._fields)
        if resume is not None:
            self._is_version(resume, "resume was")
        require(because in WORDS, f"because was {shown(because)}, none of the words")
        require(isinstance(drop, list | tuple), f"drop was {shown(drop)}, not a list")
        for one in drop:
            self._is_version(one, "drop held")
            require(list(drop).count(one) == 1, f"drop held the version {one} twice")
        return Said(resume, because, list(drop))

    def _is_version(self, found: Any, where: str) -> None:
        """Fail unless it is the version of one of the checkpoints."""
        number = isinstance(found, Integral) and not isinstance(found, bool)
        known = number and any(one["version"] == found for one in self.checkpoints)
        require(known, f"{where} {shown(found)}, which is no version of these")

    def newest_first(self) -> list[Checkpoint]:
        """The checkpoints by their versions."""
        return sorted(self.checkpoints, key=lambda one: -one["version"])

    def last_good(self) -> Checkpoint | None:
        """The newest that was not altered."""
        good = (one for one in self.newest_first() if not is_altered(one))
        return next(good, None)

    def is_expired(self, age: float) -> bool:
        """Whether this is more than what is allowed."""
        return self.max_age is not None and age > self.max_age

    def due(self) -> list[int]:
        """The versions that rotation drops."""
        last_good = self.last_good()
        return [
            one["version"]
            for place, one in enumerate(self.newest_first())
            if place > 0
            and one is not last_good
            and (place >= self.keep or self.is_expired(age_of(one)))
        ]

    def verdict(self) -> Said:
        """What there is to be said."""
        last_good, because = self.last_good(), self._because()
        resume = last_good["version"] if last_good and because == "ok" else None
        return Said(resume, because, self.due())

    def _because(self) -> str:
        last_good = self.last_good()
        if self.state in CLOSED:
            return self.state
        if last_good is None:
            return "altered" if self.checkpoints else "nothing"
        if last_good["schema_version"] > SCHEMA:
            return "too new"
        return "too old" if self.is_expired(self.touched) else "ok"

    def unfair(self, drop: Iterable[int]) -> str:
        """What is wrong with dropping these, in a sentence; empty if nothing is."""
        wrong = set(drop) ^ set(self.due())
        for place, one in enumerate(self.newest_first()):
            if one["version"] in wrong:
                return self._complaint(place, one)
        return ""

    def _complaint(self, place: int, one: Checkpoint) -> str:
        """Why it was wrong to keep this one, or to drop it."""
        version, age = one["version"], f"{span(age_of(one))} old"
        surplus, expired = place >= self.keep, self.is_expired(age_of(one))
        if one is self.last_good():
            return f"it dropped {version}, the last good one"
        if place == 0:
            return f"it dropped {version}, the newest"
        if surplus and expired:
            return f"it kept {version}, not among the newest {self.keep} and {age}"
        if surplus:
            why = f"not among the newest {self.keep}: one too many is enough"
            return f"it kept {version}, {why}"
        if expired:
            return f"it kept {version}, {age}: too old is enough"
        return f"it dropped {version}, among the newest {self.keep} and {age}"

    def without(self, drop: Iterable[int]) -> "Past":
        """The same, after these were dropped."""
        dropped = set(drop)
        left = [one for one in self.checkpoints if one["version"] not in dropped]
        return replace(self, checkpoints=left)


def age_of(one: Checkpoint) -> float:
    """How many seconds ago it was taken."""
    return float(NOW - one["taken_at"])


def span(seconds: float) -> str:
    """
    A time as a person would say it.

    >>> span(60.5), span(30 * DAY)
    ('60.5 s', '30 days')
    """
    return f"{seconds:g} s" if seconds < 2 * DAY else f"{seconds / DAY:g} days"


def told(checkpoints: Iterable[Checkpoint]) -> str:
    """Checkpoints in a sentence, in the order in which they are handed in."""
    named = [_told(one) for one in checkpoints]
    if not named:
        return "no checkpoint"
    if len(named) > MAX_TOLD:
        return f"{len(named):,} checkpoints"
    return f"the checkpoint{'s' if len(named) > 1 else ''} {', '.join(named)}"


def _told(one: Checkpoint) -> str:
    schema = one["schema_version"]
    facts = [f"{span(age_of(one))} old"]
    facts += [f"schema {schema}"] if schema != SCHEMA else []
    unfit = "altered" if schema <= SCHEMA else "with another checksum"
    facts += [] if fits(one) else [unfit]
    return f"{one['version']} ({', '.join(facts)})"
