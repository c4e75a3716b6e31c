"""
The stages of exercise 04 about waiting: how long, when, and through what.

No stage waits. The sleep that the answer is given only takes notes, `time.sleep` is
kept from taking time, and the random source of the bonus comes with a seed.
"""

import inspect
import itertools
import math
import random

from ..judge import Subject, Unmet, doing, require, stage, times
from .attempts import NoAnswer, Scene, Take

MANY = 12  # the longest wait is then 1,024 s
SEEDS = 100


@stage("waits 1, 2, 4, 8 s and so on between the attempts")
def waits_double(answer: Subject) -> None:
    """What is overloaded needs time, and more of it each time."""
    with doing(
        f"called it with max_attempts={MANY} and a function that always fails",
        f"waits of 1, 2, 4, 8 ... {2 ** (MANY - 2)} s, one between two attempts",
    ):
        _double(Scene(answer).play(MANY))


def _double(take: Take) -> None:
    """Fail unless each wait is twice the one before it."""
    first = take.gaps[0]
    require(not first, f"it waited {listed(first)} s before the first attempt")
    require(not take.misused, f"it called {take.misused}")
    require(take.calls > 1, f"there was no second attempt; {take.ended}")
    for at, waits in enumerate(take.between, 1):
        gap = f"between attempts {at} and {at + 1}"
        require(bool(waits), f"{gap} it did not wait at all")
        require(
            len(waits) == 1, f"{gap} it waited {times(len(waits))}: {listed(waits)}"
        )
    waits = list(itertools.chain.from_iterable(take.between))
    if not all(map(math.isclose, waits, doubling(len(waits)))):
        raise Unmet(f"the waits were {listed(waits)} s{_why(waits)}")


def _why(waits: list[float]) -> str:
    """The likely mistake in a row of waits."""
    right, longest = doubling(len(waits)), max(waits)
    if waits == [1000 * one for one in right]:
        return ": sleep takes seconds"
    if all(later == 2 * one for one, later in itertools.pairwise(waits)):
        return ": the first wait is 1 s"
    if waits == [min(one, longest) for one in right] and longest > 1:
        return f": nobody set a cap of {longest:g} s"
    return ": each must be twice the one before it"


@stage("does not wait after the last attempt")
def no_last_wait(answer: Subject) -> None:
    """The caller would wait for nothing."""
    scene = Scene(answer)
    for n in (3, 1):
        with doing(
            f"called it with max_attempts={n} and a function that always fails",
            f"the error right after attempt {n}",
        ):
            take = scene.play(n)
            require(not take.endless, take.ended)
            last = take.gaps[-1]
            require(not last, f"it waited {listed(last)} s after the last failure")
    with doing("called it with a function that succeeds at attempt 2", "no wait after"):
        last = scene.play(3, [NoAnswer("not yet")], value="done").gaps[-1]
        require(not last, f"it waited {listed(last)} s after the attempt had succeeded")


@stage("waits through the sleep that it is given")
def given_sleep(answer: Subject) -> None:
    """Called as time.sleep would be: one number, by position."""
    with doing(
        "called it with sleep=... and a function that fails three times",
        "every wait through that sleep, none for real",
    ):
        take = Scene(answer).play(4)
        require(not take.misused, f"it called {take.misused}")
        slept = ", ".join(take.real[:3])
        require(not take.real, f"it waited for real, past that sleep: {slept}")
        require(bool(take.waits), "it never called that sleep")


@stage("waits through time.sleep when it is given no sleep")
def default_sleep(answer: Subject) -> None:
    """What a program calls on Monday has no fake in it."""
    with doing(
        "called it without sleep= and with a function that fails once (time.sleep was"
        " kept from taking time)",
        "the value of the second attempt, and a call of time.sleep before it",
    ):
        take = Scene(answer).play(3, [NoAnswer()], value="done", give_sleep=False)
        take.came_back("done")
        require(bool(take.real), "it did not wait at all")


@stage("spreads its waits when it is given an rng", bonus=True)
def spreads(answer: Subject) -> None:
    """Full jitter: what failed together must not come back together."""
    scene = Scene(answer)
    with doing(
        f"called it with {SEEDS} different rng=random.Random(...)",
        "waits anywhere from 0 to 1, 0 to 2, 0 to 4 and 0 to 8 s",
    ):
        scene.play(1, value="done")  # an untouched stub says so here
        require(_takes_rng(answer), "it takes no rng, so every caller waits alike")
        shares = [_shares(answer, scene, seed) for seed in range(SEEDS)]
        for at, share in enumerate(zip(*shares, strict=True)):
            _spread(f"wait {at + 1}", share)
        one_draw = all(max(run) - min(run) < 1e-9 for run in shares)
        require(not one_draw, "it drew once a call: draw anew for each wait")
        again = _shares(answer, scene, 0) == shares[0]
        require(again, "the same seed gave other waits: draw from that rng alone")


def _takes_rng(answer: Subject) -> bool:
    """Whether the answer can be given an rng."""
    try:
        found = inspect.signature(answer.answer.function())
        found.bind(None, 1, sleep=None, rng=None)
    except (TypeError, ValueError):
        return False
    return True


def _shares(answer: Subject, scene: Scene, seed: int) -> list[float]:
    """The four waits of a call, each as a part of the longest that it may be."""
    take = scene.play(5, rng=random.Random(seed))
    require(take.calls == 5, f"it made {take.calls} attempts of 5")
    shares = []
    for at, waits in enumerate(take.between):
        require(len(waits) == 1, f"wait {at + 1} was {listed(waits) or 'missing'}")
        shares.append(waits[0] / 2**at)
        require(shares[-1] <= 1, f"wait {at + 1} was {waits[0]:g} s, above {2**at} s")
    return shares


def _spread(which: str, shares: tuple[float, ...]) -> None:
    """Fail unless the shares are spread from 0 to 1."""
    require(len(set(shares)) > 1, f"{which} was always the same")
    require(len(set(shares)) > SEEDS / 2, f"{which} had only a few different lengths")
    low, high = min(shares), max(shares)
    require(low < 0.25, f"{which} was never shorter than {low:.0%} of the longest")
    require(high > 0.75, f"{which} was never longer than {high:.0%} of the longest")


def doubling(n: int) -> list[float]:
    """The first *n* waits that are wanted, in seconds."""
    return [float(2**at) for at in range(n)]


def listed(seconds: list[float]) -> str:
    """Waits, for a reader; an answer that never ends may have made very many."""
    shown = ", ".join(f"{one:g}" for one in seconds[: MANY - 1])
    return shown if len(seconds) < MANY else f"{shown} ..."
