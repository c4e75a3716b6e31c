"""
The stages of exercise 07 about rotation: what may go, and what may not.

Each of the two rules is enough to drop a checkpoint, and two checkpoints are exempt
from both, whatever becomes of the task: the newest, without which nobody would know
that something is missing, and the last good one, which is what one can go on from.
"""

from ..judge import Subject, doing, require, stage
from .past import CLOSED, Past, altered, taken


def _drops(answer: Subject, past: Past, versions: list[int], why: str) -> None:
    """Fail unless the answer drops these, in any order."""
    wanted = f"drop={versions}" if len(versions) < 9 else f"{len(versions):,} to drop"
    with doing(f"looked back on {past}", f"{wanted}: {why}"):
        wrong = past.unfair(past.ask(answer).drop)
        require(not wrong, wrong)


@stage("drops what is not among the newest, however fresh")
def surplus(answer: Subject) -> None:
    """Altered or not, all of them count."""
    for keep, drop in ((1, [4, 3, 2]), (2, [3, 2]), (3, [2]), (4, []), (9, [])):
        chain = [taken(3, 30), taken(5, 10), taken(2, 40), taken(4, 20)]
        why = f"{keep} newest to keep, and all are fresh"
        _drops(answer, Past(chain, keep=keep), drop, why)
    chain = [taken(5, 10), altered(4, 20), taken(3, 30), altered(2, 40)]
    _drops(answer, Past(chain, keep=2), [3, 2], "one that was altered counts as well")
    chain = [taken(8, 40), taken(7, 10), taken(6, 10)]
    _drops(answer, Past(chain, keep=2), [6], "the newest by their versions")
    chain = [taken(version, 10) for version in range(1, 1_001)]
    _drops(answer, Past(chain, keep=3), [*range(1, 998)], "all but the newest 3")


@stage("drops what is too old, however few there are")
def expired(answer: Subject) -> None:
    """More than max_age is too old; None is for ever."""
    chain = [taken(5, 10), taken(4, 60), taken(3, 60.5), taken(2, 9_999)]
    _drops(answer, Past(chain), [3, 2], "they are more than 60 s old")
    _drops(answer, Past(chain, max_age=None), [], "None is for ever")
    _drops(answer, Past(chain, keep=1), [4, 3, 2], "each rule is enough")
    chain = [taken(5, 10), altered(4, 500), taken(3, 500)]
    _drops(answer, Past(chain), [4, 3], "altered or not")
    chain = [taken(8, 20), taken(7, 500), taken(6, 10)]
    _drops(answer, Past(chain), [7], "the clock was set back, and 6 is 10 s old")


@stage("never drops the newest, nor the last good one")
def exempt(answer: Subject) -> None:
    """Often they are one; and nothing else is exempt."""
    why = "the newest and the last good one are exempt"
    for chain, keep, drop in (
        ([altered(5, 10), taken(4, 20)], 1, []),
        ([altered(6, 10), altered(5, 20), taken(4, 30), taken(3, 40)], 1, [5, 3]),
        ([taken(5, 500), taken(4, 600)], 10, [4]),
        ([altered(5, 500), taken(4, 600), taken(3, 700)], 10, [3]),
        ([altered(5, 500), altered(4, 500)], 10, [4]),
        ([taken(5, 500, schema=3), taken(4, 600)], 1, [4]),
        ([altered(6, 10), taken(5, 20, schema=3), taken(4, 30)], 1, [4]),
        ([altered(5, 10), altered(4, 20)], 1, [4]),
    ):
        for touched in (10.0, 500.0):
            _drops(answer, Past(chain, touched=touched, keep=keep), drop, why)
    past = Past([altered(5, 10), taken(4, 20)], keep=1)
    with doing(f"looked back on {past}", "resume=4, because='ok'"):
        said = past.ask(answer)
        require(said[:2] == (4, "ok"), f"it said {said}")


@stage("drops by the same rules whatever becomes of the task")
def whatever(answer: Subject) -> None:
    """A person who answers after a month needs a checkpoint, too."""
    chain = [altered(6, 10), taken(5, 500), taken(4, 500), taken(3, 500)]
    for state in CLOSED:
        for touched in (10.0, 500.0):
            past = Past(chain, state=state, touched=touched, keep=2)
            _drops(answer, past, [4, 3], "6 is the newest, and 5 the last good one")
    chain = [taken(6, 10, schema=3), taken(5, 20), taken(4, 500)]
    _drops(answer, Past(chain, keep=2), [4], "only that one is too old")


ROTATION = (surplus, expired, exempt, whatever)
