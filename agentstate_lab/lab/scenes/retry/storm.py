"""
A storm of retries in virtual time: many clients, one service, and nobody waits.

All clients call at the same moment, and the service answers one at a time. An answer
takes it `ANSWER` seconds; while it is busy it says no (429), which takes it `REFUSE`
seconds. A call is under way for `UNDER_WAY` seconds, more or less. A client that is
refused waits, and calls again, until it is answered.

How long it waits is the caller's to say: `RetryPolicy.waits` is what the package
really uses, so the simulation tries out the real thing.

It says what a model can say: which way it goes, and about how far. The same seed
gives the same storm.

Source: the simulation in Brooker, "Exponential Backoff And Jitter" (AWS Architecture
Blog, 2015), with one thing added: here, saying no costs something.
"""

import heapq
import random
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import repeat

from agentstate_lab.retry import Jitter, RetryPolicy, Uniform, check_count

Waits = Callable[[Uniform], Iterator[float]]

ANSWER = 0.1
REFUSE = 0.002
UNDER_WAY = (0.04, 0.06)

TEN_MINUTES = 600.0
MAX_CLIENTS = 1_000
STORMS = 21  # that make a typical one


@dataclass(frozen=True, slots=True)
class Storm:
    """
    How a storm ended.

    Attributes:
        clients: How many there were.

        calls: How many calls they made.

        answered: How many of them were answered.

        seconds: When the last one was answered, or when nobody looked on.
    """

    clients: int
    calls: int
    answered: int
    seconds: float

    @property
    def over(self) -> bool:
        """Whether every client was answered."""
        return self.answered == self.clients

    def __str__(self) -> str:
        ended = "over" if self.over else "not over"
        return (
            f"{self.answered} of {self.clients} answered with {self.calls:,} calls,"
            f" {ended} after {self.seconds:.0f} s"
        )

    __repr__ = __str__


def at_once(rng: Uniform) -> Iterator[float]:
    """The waits of a client that does not wait."""
    return repeat(0.0)


def strategies() -> dict[str, Waits]:
    """What a refused client may do, from no wait at all to full jitter."""

    def waits(jitter: Jitter) -> Waits:
        return RetryPolicy(max_attempts=1_000, wait_max=10.0, jitter=jitter).waits

    return {
        "again at once": at_once,
        "no jitter": waits("none"),
        "equal jitter": waits("equal"),
        "decorrelated": waits("decorrelated"),
        "full jitter": waits("full"),
    }


def storm(clients: int, waits: Waits, *, seed: int = 1) -> Storm:
    """
    Let *clients* call together, and each again until it is answered.

    Args:
        clients: How many there are.

        waits: From a source of chance to the waits of one client, in seconds.

        seed: Another number is another storm of the same kind.
    """
    check_count("clients", clients, MAX_CLIENTS)
    chance = random.Random(seed)
    patience = [waits(random.Random(f"{seed}/{n}")) for n in range(clients)]
    arriving = [(chance.uniform(*UNDER_WAY), n) for n in range(clients)]
    heapq.heapify(arriving)
    calls, answered, free_at = 0, 0, 0.0
    while arriving and arriving[0][0] <= TEN_MINUTES:
        now, client = heapq.heappop(arriving)
        calls += 1
        if now >= free_at:
            answered += 1
            free_at = now + ANSWER
        else:
            free_at += REFUSE
            again = now + next(patience[client]) + chance.uniform(*UNDER_WAY)
            heapq.heappush(arriving, (again, client))
    return Storm(clients, calls, answered, TEN_MINUTES if arriving else free_at)


def typical(clients: int, waits: Waits) -> Storm:
    """
    The medians of 21 storms; the first one that does not end stands for all.

    Args:
        clients: How many there are in each.

        waits: From a source of chance to the waits of one client, in seconds.
    """
    seen: list[Storm] = []
    for seed in range(1, STORMS + 1):
        seen.append(storm(clients, waits, seed=seed))
        if not seen[-1].over:
            return seen[-1]
    calls = statistics.median_low(one.calls for one in seen)
    return Storm(
        clients, calls, clients, statistics.median_low(one.seconds for one in seen)
    )
