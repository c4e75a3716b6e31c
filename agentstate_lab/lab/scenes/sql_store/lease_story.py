"""
Two workers, one task and a lease: who held the task, and who only thought so.

`play_lease` plays the story on a real store, with a clock that moves when it is
told to. Worker a claims, says that it is alive, and is stopped in the middle, as a
laptop is whose lid is closed. Worker b tries to claim the task until it gets it. Then a
wakes up, ends its step, and saves. What is drawn was answered by the store.

`overslept` hands you the moment in which both have a claim in their hands, and
`what_a_lease_costs` plays the story for leases of several lengths.

Only the seconds are played. What becomes of a process that is really stopped is in
the tests of the stores.
"""

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final, cast
from uuid import uuid4

from agentstate_lab.errors import InvalidValue, LeaseLost, TaskInProgress
from agentstate_lab.idempotency import BEATS
from agentstate_lab.lab.clock import FakeClock
from agentstate_lab.lab.show import (
    INK,
    NEUTRAL,
    Cell,
    Table,
    canvas,
    figure,
    name_rows,
    span,
)
from agentstate_lab.state import Owner, Task
from agentstate_lab.stores import (
    LEASE,
    Claim,
    LeaseStore,
    check_seconds,
    open_store,
)

STOPPED: Final = 45.0  # worker a, in seconds after its claim
WOKE: Final = 110.0
SAVES: Final = 120.0
WORKS: Final = 40.0  # seconds that worker b needs
TRIES_EVERY: Final = 5.0
WORKS_WELL: Final = Cell("works", tone="good")
SHORTEST, LONGEST = 3.0, 600.0  # leases that can be told in this story

A = Owner(boot_id="machine-a", pid=1, started_at=0.0, run_id="a")
B = Owner(boot_id="machine-b", pid=1, started_at=0.0, run_id="b")


@dataclass(frozen=True, slots=True)
class LeaseStory:
    """
    How the story went. Times are in seconds from the claim of worker a.

    Attributes:
        seconds: How long the lease was.

        beats: When worker a said that it is alive, before it was stopped.

        ends: Until when its last beat had moved the lease.

        tried: When worker b tried in vain.

        taken: When worker b got the task; None when it never did.

        refused: Whether the save of worker a was refused.

        woke: Whether worker a woke up at all.
    """

    seconds: float
    beats: tuple[float, ...]
    ends: float
    tried: tuple[float, ...]
    taken: float | None
    refused: bool
    woke: bool

    @property
    def still(self) -> float:
        """For how long nobody worked on the task."""
        return (WOKE if self.taken is None else self.taken) - STOPPED

    @property
    def verdict(self) -> str:
        """The number of the picture, in words."""
        said = f"lease of {self.seconds:g} s: nobody works for {self.still:g} s"
        if not self.woke:
            return f"{said}, then worker b does"
        if self.taken is None:
            return f"{said}, then worker a goes on, and its save is accepted"
        return (
            f"{said}; from second {self.taken:g} the task is worker b's; worker a"
            f" works for {SAVES - WOKE:g} s in vain, and its save is refused"
        )


def play_lease(url: str, seconds: float = LEASE, *, wakes: bool = True) -> LeaseStory:
    """
    Play the story on the store of *url*.

    Args:
        url: A store with leases.

        seconds: How long the lease lasts when it is not moved on; 3 to 600.

        wakes: Whether worker a wakes up again; if not, it was killed.

    Raises:
        InvalidValue: The story cannot be told with such a lease.
    """
    if not SHORTEST <= check_seconds(seconds) <= LONGEST:
        raise InvalidValue(
            "seconds",
            f"this story has room for leases from {SHORTEST:g} to {LONGEST:g} s, not"
            f" {seconds:g}",
        )
    clock = FakeClock()
    with closing(open_store(url, clock=clock)) as opened:
        store = cast(LeaseStore, opened)
        task = Task.new("One step.", task_id=f"lease-{uuid4()}")
        mine = _claim(store, store.submit(task).task, A, seconds)
        beats, mine = _beat(store, clock, mine)
        late = mine.expires + 2 * TRIES_EVERY
        tried, theirs = _try(store, clock, mine, WOKE if wakes else late)
        taken = None if theirs is None else clock.now
        refused = _end(store, clock, mine if wakes else None, theirs)
    return LeaseStory(seconds, beats, mine.expires, tried, taken, refused, wakes)


def who_held_the_task(story: LeaseStory) -> None:
    """Draw who worked when, until when the lease ran, and what became of the save."""
    beats = ", ".join(f"{beat:g}" for beat in story.beats) or "no time"
    figure(
        _drawn(story),
        alt=(
            "Two workers as rows, seconds from left to right. Worker a claims at 0,"
            f" beats at {beats} and is stopped from {STOPPED:g} to {WOKE:g}; its lease"
            f" ends at {story.ends:g}. {story.verdict[0].upper()}{story.verdict[1:]}."
        ),
        number=story.verdict,
    )


def overslept(url: str, task_id: str) -> tuple[LeaseStore, Claim, Claim]:
    """
    A worker's lease has ended while it was asleep, and another has claimed the task.

    Args:
        url: A store with leases.

        task_id: A new task.

    Returns:
        The store, the claim of the worker that slept, the claim of the other.
    """
    clock = FakeClock()
    store = cast(LeaseStore, open_store(url, clock=clock))
    task = store.submit(Task.new("One step.", task_id=task_id)).task
    mine = _claim(store, task, A, LEASE)
    clock.advance(LEASE)
    return store, mine, _claim(store, task, B, LEASE)


def what_a_lease_costs(url: str, lengths: Iterable[float]) -> Table:
    """
    The story with leases of several lengths, for a sleeper and for a dead worker.

    Args:
        url: A store with leases.

        lengths: In seconds, each from 3 to 600.
    """
    rows = []
    for seconds in lengths:
        asleep = play_lease(url, seconds)
        dead = play_lease(url, seconds, wakes=False)
        kept = "loses the task" if asleep.refused else "keeps the task"
        rows.append((f"{seconds:g} s", kept, f"{dead.still:g} s"))
    asleep_for = f"a worker that sleeps for {WOKE - STOPPED:g} s"
    head = ("lease", asleep_for, "a dead worker's task stands still for")
    return Table("What the length of a lease decides", head, tuple(rows))


def _claim(store: LeaseStore, task: Task, owner: Owner, seconds: float) -> Claim:
    claim = store.claim_task(task.id, owner, seconds=seconds)
    if claim is None:
        raise TaskInProgress(task.id)
    return claim


def _beat(
    store: LeaseStore, clock: FakeClock, claim: Claim
) -> tuple[tuple[float, ...], Claim]:
    """Worker a says that it is alive, until it is stopped."""
    beats: list[float] = []
    every = claim.seconds / BEATS
    while (at := every * (len(beats) + 1)) < STOPPED:
        clock.now = at
        claim = store.heartbeat(claim)
        beats.append(at)
    return tuple(beats), claim


def _try(
    store: LeaseStore, clock: FakeClock, held: Claim, until: float
) -> tuple[tuple[float, ...], Claim | None]:
    """Worker b tries to claim the task until it gets it; not any more at *until*."""
    tried: list[float] = []
    clock.now = STOPPED
    while clock.now + TRIES_EVERY < until:
        clock.advance(TRIES_EVERY)
        try:
            return tuple(tried), _claim(store, held.task, B, LONGEST)
        except TaskInProgress:
            tried.append(clock.now)
    return tuple(tried), None


def _end(
    store: LeaseStore, clock: FakeClock, mine: Claim | None, theirs: Claim | None
) -> bool:
    """Both save, in the order of the clock; whether worker a was refused."""
    saves = [(SAVES, mine), (clock.now + WORKS, theirs)]
    refused = False
    for at, claim in sorted(saves, key=lambda save: save[0]):
        if claim is not None:
            clock.now = at
            done = claim.task.replace(state="completed", result="done", owner=None)
            try:
                store.save(done, claim=claim)
            except LeaseLost:
                refused = True
    return refused


def _drawn(story: LeaseStory) -> Any:
    """Two rows of bars, the lease above the first of them."""
    fig, axes = canvas(8.6, 2.6)
    name_rows(axes, ["worker a", "worker b"])
    last = max(SAVES if story.woke else STOPPED, story.ends)
    _bar(axes, 0, 0, STOPPED, WORKS_WELL)
    if story.woke:
        _bar(axes, 0, STOPPED, WOKE, Cell("stopped"))
        in_vain = Cell("in vain", tone="harm")
        _bar(axes, 0, WOKE, SAVES, in_vain if story.refused else WORKS_WELL)
        said = "save refused" if story.refused else "saved"
        axes.text(SAVES + 2, 0, said, va="center", fontweight="bold")
    if story.taken is not None:
        last = max(last, story.taken + WORKS)
        _bar(axes, 1, story.taken, story.taken + WORKS, WORKS_WELL)
        axes.text(story.taken + WORKS + 2, 1, "saved", va="center")
    axes.plot(story.tried, [1] * len(story.tried), "x", color=NEUTRAL)
    _lease(axes, story)
    axes.set_ylim(1.6, -1.0)
    axes.set_xlim(-2, last * 1.2)
    axes.set_xlabel("seconds since the claim   (| heartbeat, × tried in vain)")
    return fig


def _bar(axes: Any, row: int, start: float, end: float, word: str) -> None:
    """What a worker does from *start* to *end*."""
    span(axes, row, start, end - start, word, height=0.5)


def _lease(axes: Any, story: LeaseStory) -> None:
    """A line as long as the lease, with its heartbeats, and where it ends."""
    axes.plot([0, story.ends], [-0.45, -0.45], color=INK, linewidth=1.5)
    axes.plot(story.beats, [-0.45] * len(story.beats), "|", color=INK, markersize=9)
    axes.plot([story.ends] * 2, [-0.45, 1.4], "--", color=INK, linewidth=1.0)
    axes.text(story.ends, -0.6, f"the lease ends at {story.ends:g}", ha="right")
