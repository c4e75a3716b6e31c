"""
The laws of exercise 07: what must hold for every task, whatever its past.

Examples show a rule where somebody thought of it; a law is tried where nobody did.
The pasts are made up by a generator with a fixed seed, so that a report is the same
every time, and small ones come first, so that a failure is short.
"""

import copy
import random
from collections.abc import Iterator
from dataclasses import replace

from ..judge import Subject, Unmet, doing, real_time, require, stage
from .past import CLOSED, NOW, OPEN, Checkpoint, Past, Said, altered, taken

PASTS = 240
MAX_SIZE = 7
AGAIN = f"dropped what it said, for {PASTS} made-up pasts, and called it again"
AGES = (0.0, 10.0, 10.0, 30.0, 60.0, 60.5, 90.0, 10_000.0)


def made_up(seed: int = 7) -> Iterator[Past]:
    """Pasts of all kinds, the small ones first."""
    rng = random.Random(seed)
    for number in range(PASTS):
        size = number * (MAX_SIZE + 1) // PASTS
        versions = rng.sample(range(1, 15), size)
        yield Past(
            [_checkpoint(rng, version) for version in versions],
            state=rng.choice([*OPEN * 3, *CLOSED]),
            touched=rng.choice(AGES),
            keep=rng.randint(1, 4),
            max_age=rng.choice([60.0, 60.0, None]),
        )


def _checkpoint(rng: random.Random, version: int) -> Checkpoint:
    make = rng.choice([taken, taken, altered])
    return make(version, rng.choice(AGES), rng.choice([1, 2, 2, 2, 3]))


@stage("says what is true of any past")
def truth(answer: Subject) -> None:
    """Each of the words, and no version that one may not go on from."""
    with doing(f"looked back on {PASTS} made-up pasts", "what the rules say"):
        for past in made_up():
            said, wanted = past.ask(answer), past.verdict()
            if said[:2] != wanted[:2]:
                raise Unmet(f"it said {said}", f"looked back on {past}", str(wanted))


@stage("drops what one rule says, and nothing that both keep")
def fair(answer: Subject) -> None:
    """Apart from those that are exempt."""
    with doing(f"looked back on {PASTS} made-up pasts", "what the rules say"):
        for past in made_up():
            wrong = past.unfair(past.ask(answer).drop)
            if wrong:
                drop = f"drop={past.due()}"
                raise Unmet(wrong, f"looked back on {past}", drop)


@stage("goes on from the same after its own rotation")
def goes_on_as_before(answer: Subject) -> None:
    """Rotation may forget much, but not what going on needs."""
    law = "the same word, and the same version, as before the rotation"
    with doing(AGAIN, law):
        for past, before, after in _asked_again(answer):
            if before[:2] != after[:2]:
                happened = f"at first it said {before}, and afterwards {after}"
                raise Unmet(happened, _told(past, before), law)


@stage("finds nothing more to drop in a second rotation")
def settles(answer: Subject) -> None:
    """At the same instant, and by the same rules."""
    law = "nothing to drop: rotating twice is rotating once"
    with doing(AGAIN, law):
        for past, before, after in _asked_again(answer):
            if after.drop:
                happened = f"it then wanted to drop {after.drop}"
                raise Unmet(happened, _told(past, before), law)


def _asked_again(answer: Subject) -> Iterator[tuple[Past, Said, Said]]:
    """What it says of each past, and of the same after it was rotated."""
    for past in made_up():
        before = past.ask(answer)
        yield past, before, past.without(before.drop).ask(answer)


def _told(past: Past, before: Said) -> str:
    return f"looked back on {past}, dropped {before.drop}, and called it again"


@stage("says the same in whatever order the list is")
def any_order(answer: Subject) -> None:
    """A store may return them as it likes."""
    law = "the same answer for each order"
    rng = random.Random(8)
    with doing(f"looked back on {PASTS} made-up pasts, in other orders", law):
        for past in made_up():
            chain = past.checkpoints
            mixed = rng.sample(chain, len(chain))
            found = {}
            for order in (chain, chain[::-1], mixed):
                said = replace(past, checkpoints=order).ask(answer)
                found[said.resume, said.because, *sorted(said.drop)] = said
            if len(found) > 1:
                one, other, *_ = found.values()
                raise Unmet(
                    f"it said {one}, drop={one.drop}, and {other}, drop={other.drop}",
                    f"looked back on {past}, and on the same in another order",
                    law,
                )


@stage("leaves the task and the list as they were")
def leaves(answer: Subject) -> None:
    """It says what to do; the store that does it has the list still."""
    with doing(
        f"looked back on {PASTS} made-up pasts, and looked at what was handed in",
        "the task, the list and its checkpoints unchanged",
    ):
        for past in made_up():
            task, chain = past.arguments()
            before = copy.deepcopy((task, chain))
            rules = {"keep": past.keep, "max_age": past.max_age}
            outcome = answer.outcome(task, chain, now=NOW, **rules)
            require(task == before[0], "the task had changed")
            same = sorted(map(repr, chain)) == sorted(map(repr, before[1]))
            require(len(chain) == len(before[1]), "the list had another length")
            require(same, "a checkpoint in the list had changed")
            require(chain == before[1], "the list was in another order")
            past.result(outcome)


@stage("knows no time but the one that it is given")
def own_time(answer: Subject) -> None:
    """Ages of two clocks differ by what the clocks differ."""
    with doing(
        "looked back on made-up pasts, and listened for calls of real clocks", "none"
    ):
        for past in list(made_up())[::10]:
            with real_time(answer.answer) as asked:
                outcome = past.outcome(answer)
            require(not asked, f"it called {', '.join(sorted(set(asked)))}")
            past.result(outcome)


@stage("takes a checkpoint without a checksum for altered", bonus=True)
def torn(answer: Subject) -> None:
    """What was torn may lack a part, and is no reason to raise."""
    half = taken(5, 10)
    del half["checksum"]
    for chain, resume, because in (
        ([half, taken(4, 20)], 4, "ok"),
        ([half], None, "altered"),
    ):
        with doing(
            "looked back on a running task whose checkpoint 5 has no checksum",
            f"resume={resume}, because={because!r}",
        ):
            said = Past(chain).ask(answer)
            require(said[:2] == (resume, because), f"it said {said}")


LAWS = (
    truth,
    fair,
    goes_on_as_before,
    settles,
    any_order,
    leaves,
    own_time,
    torn,
)
