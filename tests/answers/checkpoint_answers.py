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
from answers import ALL, EXPLAINS, Wrong, but

Row = dict[str, Any]
Rows = list[Row]

SCHEMA = 2
CLOSED = ("completed", "waiting", "cancelled", "dead")


def fits(one: Row) -> bool:
    """Whether the checksum is that of the rest."""
    rest = {key: value for key, value in one.items() if key != "checksum"}
    return one.get("checksum") == fingerprint(rest)


def is_altered(one: Row) -> bool:
    """As far as this program can tell."""
    return one["schema_version"] <= SCHEMA and not fits(one)


def because_of(
    task: Row, newest: Rows, good: Any, over: Callable[[float], bool]
) -> str:
    """The first word that is true."""
    if task["state"] in CLOSED:
        return str(task["state"])
    if good is None:
        return "altered" if newest else "nothing"
    if good["schema_version"] > SCHEMA:
        return "too new"
    return "too old" if over(task["updated_at"]) else "ok"


def right(
    task: Row, checkpoints: Rows, *, now: float, keep: int, max_age: float | None
) -> Any:
    """The plain one."""

    def over(instant: float) -> bool:
        return max_age is not None and now - instant > max_age

    newest = sorted(checkpoints, key=itemgetter("version"), reverse=True)
    good = next((one for one in newest if not is_altered(one)), None)
    because = because_of(task, newest, good, over)
    drop = []
    for place, one in enumerate(newest):
        due = place >= keep or over(one["taken_at"])
        exempt = place == 0 or one is good
        if due and not exempt:
            drop.append(one["version"])
    resume = good["version"] if good and because == "ok" else None
    return {"resume": resume, "because": because, "drop": drop}


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
        if not is_altered(one):
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


@dataclass(frozen=True)
class Case:
    """What an answer is handed."""

    task: Row
    rows: Rows
    now: float
    keep: int
    max_age: float | None


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
        good = next(itertools.dropwhile(is_altered, case.rows), None)
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


RIGHT = {
    "plain": right,
    "object": Reviewer(),
    "recursion": by_recursion,
    "table": made_by_a_factory(),
    "partial": functools.partial(with_a_setting, right),
}


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
TORN = "takes a checkpoint without a checksum for altered"


END = "resume ="
SAID = 'return {"resume": resume, "because": because, "drop": drop}'
NEWEST = 'sorted(checkpoints, key=itemgetter("version"), reverse=True)'
SORTED = "checkpoints; newest.sort(key=lambda one: -one['version'])"
GOOD = "for one in newest if"
OVER = "max_age is not None and now - instant > max_age"
DUE = 'place >= keep or over(one["taken_at"])'
STAYS = "place == 0 or one is good"
IF_CLOSED = 'if task["state"] in CLOSED:'
NO_GOOD = """if good is None:
        return "altered" if newest else "nothing"
"""
WAITED = """if task["state"] == "waiting" and over(task["updated_at"]):
        return "too old"
    """
TOO_OLD = """if over(task["updated_at"]):
        return "too old"
"""

COLUMNS = ("version", "taken_at", "schema_version", "agent_state")
KNOWN: dict[int, bool] = {}
GONE: list[int] = []


def known(one: Row) -> bool:
    """Remembers what was altered under its version, which is another task's, too."""
    return KNOWN.setdefault(one["version"], is_altered(one))


def asks_besides(task: Row, checkpoints: Rows, **rules: Any) -> Any:
    """Asks the machine what time it is, too, and goes by what it was given."""
    time.time()
    return right(task, checkpoints, **rules)


def fitting(*lines: tuple[str, str]) -> Any:
    """The plain answer, with something replaced in how it compares a checksum."""
    return but(right, is_altered=but(is_altered, fits=but(fits, *lines)))


def telling(*lines: tuple[str, str]) -> Any:
    """The plain answer, with something replaced in how it finds the word."""
    return but(right, because_of=but(because_of, *lines))


def before_its_end(statement: str) -> Any:
    """The plain answer, which does something more when all is found."""
    return but(right, (END, f"{statement}\n    {END}"))


def returning(said: str) -> Any:
    """The plain answer, which hands back something else."""
    return but(right, (SAID, f"return {said}"))


WRONG = {
    "age-first": Wrong(
        telling((IF_CLOSED, f"{TOO_OLD}    {IF_CLOSED}")), STATUS, "because='too old'"
    ),
    "age-before-checks": Wrong(
        telling((NO_GOOD, TOO_OLD + "    " + NO_GOOD)), AGE, "because='too old'"
    ),
    "alters-first": Wrong(
        telling((IF_CLOSED, NO_GOOD + "    " + IF_CLOSED)), STATUS, "because='altered'"
    ),
    "waiting-expires": Wrong(
        telling((IF_CLOSED, f"{WAITED}{IF_CLOSED}")),
        STATUS,
        "because='too old'",
    ),
    "runs-the-dead": Wrong(
        telling(("in CLOSED", "in CLOSED[:3]")),
        STATUS,
        "it said resume=5, because='ok'",
    ),
    "running-only": Wrong(
        telling(
            ("in CLOSED", 'not in ("running", "failed")'),
            (
                'str(task["state"])',
                '"cancelled" if task["state"] == "pending" else task["state"]',
            ),
        ),
        GOES_ON,
        "a pending task goes on",
    ),
    "resumes-the-completed": Wrong(
        but(right, ('good and because == "ok"', "good")),
        STATUS,
        "it said resume=5, because='completed'",
    ),
    "trusts-all": Wrong(
        but(right, is_altered=lambda one: False), PASSES, "what was altered is lost"
    ),
    "trusts-any-checksum": Wrong(
        fitting(("== fingerprint(rest)", "is not None")),
        PASSES,
        "it said resume=5, because='ok'",
    ),
    "compares-all": Wrong(
        fitting(("fingerprint(rest)", "fingerprint(one)")),
        GOES_ON,
        "because='altered'",
    ),
    "takes-the-checksum-out": Wrong(
        fitting(
            ("return", 'checksum = one.pop("checksum", None)\n    return'),
            ('one.get("checksum") ==', "checksum =="),
        ),
        LEAVES,
        "a checkpoint in the list had changed",
    ),
    "forgets-a-key": Wrong(
        fitting(
            (
                "fingerprint(rest)",
                "fingerprint(rest) or one.get('checksum') == fingerprint("
                "{**rest, 'taken_at': one['taken_at'] - 1.0})",
            )
        ),
        PASSES,
        "of which the time was altered",
    ),
    "knows-its-keys": Wrong(
        fitting(('!= "checksum"', '!= "checksum" and key in COLUMNS')),
        PASSES,
        "the note too",
    ),
    "trips-over-the-torn": Wrong(
        fitting(('one.get("checksum")', 'one["checksum"]')), TORN, "it raised KeyError"
    ),
    "stops-at-the-altered": Wrong(
        but(right, (GOOD, "for one in newest[:1] if")), PASSES, "because='altered'"
    ),
    "tries-three": Wrong(
        but(right, (GOOD, "for one in newest[:3] if")), TRUTH, "because='altered'"
    ),
    "passes-over-the-newer": Wrong(
        but(
            right,
            is_altered=but(is_altered, ("<= SCHEMA and not", "> SCHEMA or not")),
        ),
        SCHEMAS,
        "its work is lost",
    ),
    "checksum-before-schema": Wrong(
        but(right, is_altered=lambda one: not fits(one)), SCHEMAS, "is not known here"
    ),
    "any-newer-refuses": Wrong(
        telling(
            (
                'good["schema_version"] > SCHEMA',
                'max(one["schema_version"] for one in newest) > SCHEMA',
            )
        ),
        SCHEMAS,
        "only the one to go on from matters",
    ),
    "this-schema-only": Wrong(
        telling(("> SCHEMA", "!= SCHEMA")), SCHEMAS, "an older schema can be read"
    ),
    "reads-the-newer": Wrong(
        telling(("> SCHEMA", "> 99")), SCHEMAS, "it said resume=5"
    ),
    "by-time": Wrong(
        but(right, (NEWEST, NEWEST.replace("version", "taken_at"))),
        BY_VERSION,
        "two of one instant",
    ),
    "by-text": Wrong(
        but(
            right,
            ('key=itemgetter("version")', 'key=lambda one: str(one["version"])'),
        ),
        BY_VERSION,
        "10 is more than 9",
    ),
    "last-in-the-list": Wrong(
        but(right, (NEWEST, "checkpoints[::-1]")), ORDER, "in another order", ALL
    ),
    "sorts-in-place": Wrong(
        but(right, (NEWEST, SORTED)),
        LEAVES,
        "the list was in another order",
    ),
    "drops-itself": Wrong(
        before_its_end(
            "checkpoints[:] = [o for o in checkpoints if o['version'] not in drop]"
        ),
        LEAVES,
        "the list had another length",
    ),
    "stamps-the-task": Wrong(
        before_its_end('task["looked_at"] = now'), LEAVES, "the task had changed"
    ),
    "not-even-equal": Wrong(
        but(right, ("> max_age", ">= max_age")), AGE, "that is not more than 60 s"
    ),
    "not-even-equal-in-rotation": Wrong(
        but(right, ('over(one["taken_at"])', 'over(one["taken_at"] - 0.001)')),
        EXPIRED,
        "it dropped 4, among the newest 10 and 60 s old",
    ),
    "none-is-zero": Wrong(
        but(right, (OVER, "now - instant > (max_age or 0)")), AGE, "None is for ever"
    ),
    "real-clock-now": Wrong(asks_besides, TIME, "it called time.time"),
    "age-of-the-checkpoint": Wrong(
        telling(('task["updated_at"]', 'good["taken_at"]')),
        AGE,
        "however old the checkpoint is",
    ),
    "forgets-the-old": Wrong(
        but(
            right,
            (
                "not is_altered(one)",
                "not is_altered(one) and not over(one['taken_at'])",
            ),
        ),
        AGE,
        "because=",
    ),
    "never-old": Wrong(
        telling(('"too old" if over(task["updated_at"]) else "ok"', '"ok"')),
        AGE,
        "it said resume=5, because='ok'",
    ),
    "fails-without-any": Wrong(
        but(right, ("    good =", "    newest[0]\n    good =")),
        NOTHING,
        "it raised IndexError",
        (STATUS,),
    ),
    "nothing-is-altered": Wrong(
        telling(('"altered" if newest else "nothing"', '"altered"')),
        NOTHING,
        "because='altered'",
    ),
    "altered-is-nothing": Wrong(
        telling(('"altered" if newest else "nothing"', '"nothing"')), PASSES, "nothing"
    ),
    "both-rules": Wrong(
        but(right, (DUE, DUE.replace("or", "and"))), SURPLUS, "one too many is enough"
    ),
    "counts-only": Wrong(
        but(right, (DUE, "place >= keep")), EXPIRED, "too old is enough"
    ),
    "ages-only": Wrong(
        but(right, (DUE, 'over(one["taken_at"])')), SURPLUS, "one too many is enough"
    ),
    "keeps-one-more": Wrong(
        but(right, ("place >= keep", "place > keep")), SURPLUS, "it kept 4"
    ),
    "keeps-one-less": Wrong(
        but(right, ("place >= keep", "place + 1 >= keep")),
        SURPLUS,
        "it dropped 4, among the newest",
    ),
    "keeps-the-oldest": Wrong(
        but(right, ("place >= keep", "place < len(newest) - keep")),
        SURPLUS,
        "it kept 2",
    ),
    "counts-the-good": Wrong(
        but(right, ("place >= keep", "place >= keep or is_altered(one)")),
        SURPLUS,
        "it dropped 4",
    ),
    "saves-the-altered": Wrong(
        but(right, (STAYS, f"{STAYS} or is_altered(one)")), SURPLUS, "it kept 2"
    ),
    "exempts-none": Wrong(
        but(right, (STAYS, "False")), EXEMPT, "it dropped 4, the last good one"
    ),
    "exempts-the-newest": Wrong(
        but(right, (STAYS, "place == 0")),
        AS_BEFORE,
        "afterwards resume=None, because='altered'",
    ),
    "exempts-the-good": Wrong(
        but(right, (STAYS, "one is good")), EXEMPT, "it dropped 5, the newest"
    ),
    "exempts-the-readable": Wrong(
        but(right, (STAYS, f'{STAYS} and one["schema_version"] <= SCHEMA')),
        EXEMPT,
        "it dropped 5, the",
    ),
    "exempts-the-open": Wrong(
        but(right, (STAYS, f'{STAYS} and because == "ok"')),
        WHATEVER,
        "it dropped 5",
    ),
    "drops-all-when-old": Wrong(
        before_its_end("drop += [5] if because == 'too old' and 5 not in drop else []"),
        EXEMPT,
        "it dropped 5",
    ),
    "rotates-the-open": Wrong(
        before_its_end("drop = [] if task['state'] in CLOSED else drop"),
        WHATEVER,
        "it kept 4",
    ),
    "settles-slowly": Wrong(
        returning('{"resume": resume, "because": because, "drop": drop[:4]}'),
        SETTLES,
        "it then wanted to drop",
    ),
    "tells-what-to-keep": Wrong(
        but(right, ("due and not exempt", "not due or exempt")),
        SURPLUS,
        "the last good one",
    ),
    "right-for-few": Wrong(
        before_its_end(
            "drop = [*{*drop, newest[1]['version']}]"
            " if newest[5:] and good in newest[2:] else drop"
        ),
        FAIR,
        "among the newest",
    ),
    "adds-up": Wrong(
        before_its_end("GONE.extend(drop)\n    drop = GONE[:]"), SETTLES, "drop held"
    ),
    "remembers-versions": Wrong(but(right, is_altered=known), TRUTH, "it said"),
    "returns-rows": Wrong(
        but(right, ('drop.append(one["version"])', "drop.append(one)")),
        SURPLUS,
        "which is no version of these",
    ),
    "returns-the-row": Wrong(
        but(right, ('good["version"] if', "good if")),
        GOES_ON,
        "which is no version of these",
        ALL,
    ),
    "returns-a-generator": Wrong(
        returning('{"resume": resume, "because": because, "drop": iter(drop)}'),
        GOES_ON,
        "drop was a list_iterator, not a list",
        ALL,
    ),
    "returns-a-tuple": Wrong(returning("resume, because, drop"), GOES_ON, "not a dict"),
    "returns-nothing": Wrong(
        returning("None"), GOES_ON, "it returned nothing (None)", ALL
    ),
    "leaves-drop-out": Wrong(
        returning('{"resume": resume, "because": because}'), GOES_ON, "has no 'drop'"
    ),
    "other-words": Wrong(
        telling(('else "ok"', 'else "resume"')), GOES_ON, "because was 'resume'"
    ),
    "raises": Wrong(
        telling(('return str(task["state"])', 'raise ValueError(task["state"])')),
        STATUS,
        "it raised ValueError: completed",
    ),
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
    "`None` if nothing ever is": ["none-is-zero"],
    "the version of the task;": EXPLAINS,
    "a higher one is newer": ["by-time", "by-text"],
    "the package refuses": EXPLAINS,
    "yours goes on": EXPLAINS,
    "both do no harm": EXPLAINS,
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
    "`now` is the only time": ["real-clock-now"],
    "it has no `checksum` at all": ["trips-over-the-torn"],
}
