"""
What a store of leases promises, as tests; see `store` for how to use them.

    class TestMyStore(TaskStoreContract, StepStoreContract, LeaseStoreContract):
        def make_store(self, folder, clock):
            return MyStore(folder / "tasks.db", clock=clock)

The store must measure its leases with the clock that it is given.
"""

import threading
from pathlib import Path
from typing import Any

import pytest

from agentstate_lab.errors import (
    AgentStateError,
    AttemptsUsedUp,
    IllegalTransition,
    InvalidValue,
    LeaseLost,
    OutcomeUnknown,
    TaskInProgress,
    TaskNotFound,
)
from agentstate_lab.idempotency import run_once
from agentstate_lab.lab.clock import FakeClock
from agentstate_lab.state import Owner, StepStatus, fingerprint
from agentstate_lab.stores import Claim, LeaseStore, record_more, working

from .steps import ME, begun
from .store import StoreMaker, run_threads, stored

# Workers of other machines: nobody here can prove that they are gone.
ANN = Owner(boot_id="ann 1 pid", pid=1, started_at=0.5, run_id="run-1")
BOB = Owner(boot_id="bob 1 pid", pid=1, started_at=0.5, run_id="run-1")


def claim(store: LeaseStore, owner: Owner = ANN, **options: Any) -> Claim:
    """The next claim, which must be there."""
    found = store.claim_next(owner, **options)
    assert found is not None
    return found


def taken_over(store: LeaseStore, clock: FakeClock) -> tuple[Claim, Claim]:
    """Ann's claim, which ran out, and that of Bob, who has the task now."""
    stored(store)
    late = claim(store, ANN, seconds=60)
    clock.advance(60)
    return late, claim(store, BOB, seconds=60)


class LeaseStoreContract(StoreMaker):
    """`LeaseStore`: claims that end by themselves, and tokens that prove them."""

    def test_the_oldest_pending_task_is_claimed_first(
        self, store: LeaseStore, clock: FakeClock
    ) -> None:
        """It runs under its new owner, and what is stored says so."""
        first = stored(store, "first")
        clock.advance(1)
        second = stored(store, "second")
        stored(store, "waits", "running", "waiting")

        got = [claim(store).task.id, claim(store).task.id]

        assert got == [first.id, second.id]
        assert store.claim_next(ANN) is None
        running = store.get(first.id)
        assert (running.state, running.owner, running.attempt, running.version) == (
            "running",
            ANN,
            1,
            2,
        )
        assert running.created_at == first.created_at

    def test_a_claim_says_what_is_stored_and_until_when(
        self, store: LeaseStore, clock: FakeClock
    ) -> None:
        """The time is that of the store's clock."""
        stored(store)

        got = claim(store, seconds=60)

        assert got.task == store.get(got.task.id)
        assert got.expires == clock() + 60

    @pytest.mark.parametrize("text", [repr, str])
    def test_a_token_is_long_new_and_never_shown(
        self, store: LeaseStore, text: Any
    ) -> None:
        """A claim that is printed or logged gives nothing away."""
        stored(store, "a")
        stored(store, "b")

        one, other = claim(store), claim(store)

        assert one.token != other.token
        assert len(one.token) >= 32
        assert one.token not in text(one)
        assert one.token not in text(store.get(one.task.id))

    def test_a_task_is_claimed_again_when_its_lease_has_ended(
        self, store: LeaseStore, clock: FakeClock
    ) -> None:
        """Not one moment before, and then before anything that is pending."""
        first = stored(store, "first")
        claim(store, ANN, seconds=60)
        clock.advance(59.5)
        assert store.claim_next(BOB) is None
        stored(store, "second")

        clock.advance(0.5)

        again = claim(store, BOB)
        assert (again.task.id, again.task.owner, again.task.attempt) == (
            first.id,
            BOB,
            2,
        )

    def test_a_late_write_is_refused_by_its_token(
        self, store: LeaseStore, clock: FakeClock
    ) -> None:
        """Whatever the late worker believes, and whichever version it names."""
        late, now = taken_over(store, clock)
        forged = late.task.model_copy(update={"version": now.task.version})

        for task in (late.task, forged):
            with pytest.raises(LeaseLost) as caught:
                store.save(
                    task, steps=[begun()], messages=[{"role": "user"}], claim=late
                )
            assert caught.value.task_id == late.task.id

        assert store.get(late.task.id) == now.task
        assert store.steps(late.task.id) == []
        assert store.messages(late.task.id) == []

    def test_whoever_lost_the_lease_can_do_nothing_with_it(
        self, store: LeaseStore, clock: FakeClock
    ) -> None:
        """Neither move it on, nor give back or read what is another's."""
        late, now = taken_over(store, clock)

        for use in (
            lambda: store.heartbeat(late),
            lambda: store.release(late),
            lambda: store.get(late.task.id, claim=late),
            lambda: store.leased(late).get(late.task.id),
        ):
            with pytest.raises(LeaseLost):
                use()

        assert store.get(late.task.id) == now.task
        assert store.save(now.task, claim=now).version == now.task.version + 1

    def test_a_heartbeat_moves_the_lease_on_and_not_the_version(
        self, store: LeaseStore, clock: FakeClock
    ) -> None:
        """Whoever reads and saves meanwhile is not disturbed by it."""
        stored(store)
        mine = claim(store, seconds=60)
        clock.advance(50)

        later = store.heartbeat(mine)

        assert later.expires == clock() + 60
        assert store.get(mine.task.id) == mine.task
        clock.advance(59)
        assert store.claim_next(BOB) is None
        clock.advance(1)
        assert claim(store, BOB).task.id == mine.task.id

    def test_each_save_moves_the_lease_on(
        self, store: LeaseStore, clock: FakeClock
    ) -> None:
        """Work that saves often enough needs no heartbeat."""
        stored(store)
        mine = claim(store, seconds=60)
        leased = store.leased(mine)

        for n in range(3):
            clock.advance(59)
            record_more(leased, mine.task.id, steps=[begun(f"s-{n}")])
            assert store.claim_next(BOB) is None

        clock.advance(60)
        assert claim(store, BOB).task.id == mine.task.id

    def test_a_lease_that_ended_unnoticed_can_be_kept(
        self, store: LeaseStore, clock: FakeClock
    ) -> None:
        """Late is no harm as long as nobody else has taken the task."""
        stored(store)
        mine = claim(store, seconds=60)
        clock.advance(1_000)

        store.heartbeat(mine)

        assert store.claim_next(BOB) is None

    def test_a_task_that_is_given_back_is_free_at_once(self, store: LeaseStore) -> None:
        """And the attempt does not count: nothing went wrong."""
        stored(store)
        mine = claim(store, ANN)

        freed = store.release(mine)

        assert (freed.state, freed.owner, freed.attempt) == ("pending", None, 0)
        assert store.get(freed.id) == freed
        assert claim(store, BOB).task.attempt == 1

    @pytest.mark.parametrize("state", ["completed", "failed", "waiting", "pending"])
    def test_the_end_of_a_run_ends_the_lease(
        self, store: LeaseStore, clock: FakeClock, state: str
    ) -> None:
        """The token proves nothing any more, and nobody takes the task over."""
        stored(store)
        mine = claim(store)
        leased = store.leased(mine)

        ended = leased.save(mine.task.replace(state=state, owner=None))

        assert leased.get(ended.id) == ended  # who ended it may look at it
        with pytest.raises(LeaseLost):
            store.heartbeat(mine)
        clock.advance(1_000)
        found = store.claim_next(BOB)
        assert (found is not None) == (state == "pending")

    def test_a_person_can_end_a_task_that_a_worker_has(self, store: LeaseStore) -> None:
        """Without a token, by compare-and-set; the worker learns it when it saves."""
        stored(store)
        mine = claim(store)

        store.save(store.get(mine.task.id).replace(state="cancelled", owner=None))

        for use in (
            lambda: store.save(mine.task.replace(state="completed"), claim=mine),
            lambda: store.get(mine.task.id, claim=mine),
            lambda: store.heartbeat(mine),
        ):
            with pytest.raises(LeaseLost):
                use()
        assert store.get(mine.task.id).state == "cancelled"

    def test_a_note_from_outside_leaves_the_lease_as_it_is(
        self, store: LeaseStore, clock: FakeClock
    ) -> None:
        """It neither ends the lease nor moves it on."""
        stored(store)
        mine = claim(store, seconds=60)
        clock.advance(30)

        record_more(store, mine.task.id, messages=[{"role": "user", "content": "hi"}])

        clock.advance(29)
        assert store.claim_next(BOB) is None
        clock.advance(1)
        assert claim(store, BOB).task.id == mine.task.id

    def test_another_owner_without_a_lease_ends_the_lease(
        self, store: LeaseStore, clock: FakeClock
    ) -> None:
        """`resume_task` took it: the old token is worth nothing, and time neither."""
        stored(store)
        mine = claim(store, ANN)

        store.save(mine.task.replace(owner=ME))

        with pytest.raises(LeaseLost):
            store.heartbeat(mine)
        clock.advance(1_000)
        assert store.claim_next(BOB) is None

    def test_a_running_task_without_a_lease_is_left_alone(
        self, store: LeaseStore, clock: FakeClock
    ) -> None:
        """Nobody can tell from a clock whether somebody works on it."""
        stored(store, "k", "running")
        clock.advance(1e9)

        assert store.claim_next(BOB) is None

    def test_a_task_that_kills_its_workers_is_dead_in_the_end(
        self, store: LeaseStore, clock: FakeClock
    ) -> None:
        """And the next one is claimed instead."""
        poison = stored(store, "poison")
        clock.advance(1)
        healthy = stored(store, "healthy")
        for _ in range(2):
            assert claim(store, seconds=60, max_attempts=2).task.id == poison.id
            clock.advance(60)

        got = claim(store, seconds=60, max_attempts=2)

        assert got.task.id == healthy.id
        dead = store.get(poison.id)
        assert (dead.state, dead.owner, dead.attempt) == ("dead", None, 2)

    def test_one_task_is_claimed_by_its_id(
        self, store: LeaseStore, clock: FakeClock
    ) -> None:
        """Whoever has it keeps it until the lease ends."""
        task = stored(store)
        mine = store.claim_task(task.id, ANN, seconds=60)
        assert mine is not None
        assert mine.task.owner == ANN
        with pytest.raises(TaskInProgress):
            store.claim_task(task.id, BOB)

        clock.advance(60)

        other = store.claim_task(task.id, BOB)
        assert other is not None
        assert (other.task.owner, other.task.attempt) == (BOB, 2)

    def test_a_worker_that_is_proved_gone_loses_its_task_at_once(
        self, store: LeaseStore
    ) -> None:
        """The caller proves it; the store only asks about the owner it has seen."""
        task = stored(store)
        store.claim_task(task.id, ANN)
        asked: list[Owner | None] = []

        def gone(owner: Owner | None) -> bool:
            asked.append(owner)
            return True

        other = store.claim_task(task.id, BOB, take_over=gone)

        assert other is not None
        assert asked == [ANN]

    def test_a_heartbeat_that_comes_first_keeps_the_task(
        self, store: LeaseStore, clock: FakeClock
    ) -> None:
        """It raises no version, so the claim must look at the lease as it writes."""
        task = stored(store)
        mine = store.claim_task(task.id, ANN, seconds=60)
        assert mine is not None
        clock.advance(60)

        def beaten(owner: Owner | None) -> bool:
            store.heartbeat(mine)  # between the reading and the claim
            return False

        with pytest.raises(TaskInProgress):
            store.claim_task(task.id, BOB, take_over=beaten)

    @pytest.mark.parametrize("state", ["completed", "waiting"])
    def test_there_is_nothing_to_claim_in_what_has_ended(
        self, store: LeaseStore, state: str
    ) -> None:
        """The caller reads the stored task instead."""
        task = stored(store, "k", "running", state)

        assert store.claim_task(task.id, ANN) is None
        assert store.get(task.id) == task

    def test_what_can_never_run_again_is_refused_by_name(
        self, store: LeaseStore
    ) -> None:
        """Cancelled, unknown, and attempts used up are three different answers."""
        cancelled = stored(store, "a", "cancelled")
        used = store.save(stored(store, "b").replace(attempt=5))

        with pytest.raises(IllegalTransition):
            store.claim_task(cancelled.id, ANN)
        with pytest.raises(TaskNotFound):
            store.claim_task("nobody", ANN)
        with pytest.raises(AttemptsUsedUp):
            store.claim_task(used.id, ANN, max_attempts=5)

        assert store.get(used.id).state == "dead"

    @pytest.mark.parametrize(
        "seconds", [0, -1, float("nan"), float("inf"), True, "60", None]
    )
    def test_a_lease_without_a_length_is_refused(
        self, store: LeaseStore, seconds: Any
    ) -> None:
        """A lease for ever would be a claim without an end."""
        task = stored(store)

        with pytest.raises(InvalidValue, match="a lease lasts"):
            store.claim_next(ANN, seconds=seconds)
        with pytest.raises(InvalidValue, match="a lease lasts"):
            store.claim_task(task.id, ANN, seconds=seconds)

        assert store.get(task.id) == task

    def test_a_claim_is_good_for_its_own_task_only(self, store: LeaseStore) -> None:
        """Through the view, other tasks are written as through the store."""
        stored(store, "a")
        mine, other = claim(store), stored(store, "b")

        with pytest.raises(InvalidValue, match="another task"):
            store.save(other.replace(state="running"), claim=mine)

        assert store.leased(mine).save(other.replace(state="running")).version == 2

    def test_a_step_that_the_old_worker_began_is_asked_about(
        self, store: LeaseStore, clock: FakeClock
    ) -> None:
        """The lease proves what a list of processes cannot: it is out of the way."""
        stored(store)
        late = claim(store, ANN, seconds=60)
        at_it = begun(owner=ANN, fingerprint=fingerprint(None))
        record_more(store.leased(late), late.task.id, steps=[at_it])
        clock.advance(60)
        now = claim(store, BOB)
        leased, asked = store.leased(now), list[str]()

        def effect(key: str) -> str:
            asked.append(key)
            return "deployed"

        with pytest.raises(OutcomeUnknown):
            run_once(leased, now.task.id, "deploy-api", effect)
        assert asked == []

        run_once(leased, now.task.id, "deploy-api", effect, if_unknown="resend")

        assert asked == [f"{now.task.id}/deploy-api"]

    def test_an_effect_that_happened_under_a_lost_lease_says_so(
        self, store: LeaseStore, clock: FakeClock
    ) -> None:
        """Its result is not recorded; the new worker finds the intent."""
        stored(store)
        late = claim(store, ANN, seconds=60)

        def slow(key: str) -> str:
            clock.advance(60)
            claim(store, BOB)
            return "deployed"

        with pytest.raises(LeaseLost) as caught:
            run_once(store.leased(late), late.task.id, "deploy-api", slow)

        assert caught.value.effect == "done"
        (record,) = store.steps(late.task.id)
        assert record.status is StepStatus.STARTED

    def test_threads_get_different_tasks(self, store: LeaseStore) -> None:
        """Eight threads claim 40 tasks, each once."""
        for n in range(40):
            stored(store, f"k-{n}")
        got: list[str] = []

        def call() -> None:
            with working() as me:
                while mine := store.claim_next(me):
                    got.append(mine.task.id)

        run_threads(call)

        assert len(got) == len(set(got)) == 40

    def test_of_many_late_claims_one_wins(
        self, store: LeaseStore, clock: FakeClock
    ) -> None:
        """Eight threads want the same task when its lease ends."""
        task = stored(store)
        store.claim_task(task.id, ANN, seconds=60)
        clock.advance(60)
        barrier, ends = threading.Barrier(8), list[object]()

        def call() -> None:
            barrier.wait()
            try:
                ends.append(store.claim_task(task.id, BOB, seconds=60))
            except AgentStateError as error:
                ends.append(error)

        run_threads(call)

        assert sum(isinstance(end, Claim) for end in ends) == 1
        assert sum(isinstance(end, TaskInProgress) for end in ends) == 7


class DurableLeaseContract(StoreMaker):
    """Leases hold between stores that are open at the same time, and after them."""

    def test_a_lease_outlives_the_store_that_gave_it(
        self, store: LeaseStore, tmp_path: Path, clock: FakeClock
    ) -> None:
        """Another worker's store knows of it, and so does the next."""
        stored(store)
        mine = claim(store, ANN, seconds=60)
        store.close()
        again: Any = self.make_store(tmp_path, clock)
        assert again.claim_next(BOB) is None

        clock.advance(60)

        assert again.claim_next(BOB).task.id == mine.task.id
        again.close()
