import contextlib
import inspect
import threading
from concurrent.futures import Future

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentstate_lab.deadline import MAX_SECONDS, Deadline
from agentstate_lab.errors import DeadlineExceeded, EffectRefused, InvalidValue
from agentstate_lab.lab.clock import FakeClock
from agentstate_lab.lab.world import connect_model, task_header
from agentstate_lab.lab.world.chat import MODEL
from agentstate_lab.state import DeadlineRecord, Task
from agentstate_lab.stores import TaskStore

NOON = 1_800_000_000.0  # whole seconds, so that sums of floats are exact

# Whole seconds for the same reason.
lengths = st.integers(1, 3_600).map(float)
jumps = st.integers(-86_400, 86_400).map(float)


class Machine:
    """A monotonic clock and a wall clock that go together until somebody meddles."""

    def __init__(self) -> None:
        self.clock = FakeClock(50.0)
        self.wall = FakeClock(NOON)

    def work(self, seconds: float) -> None:
        """Time passes while the process runs."""
        self.clock.advance(seconds)
        self.wall.advance(seconds)

    def after(self, seconds: float) -> Deadline:
        """A new deadline on these clocks."""
        return Deadline.after(seconds, clock=self.clock, wall=self.wall)

    def restart(self, record: DeadlineRecord) -> Deadline:
        """A new process: its monotonic clock begins anywhere."""
        self.clock = FakeClock(7.0)
        return Deadline.restore(record, clock=self.clock, wall=self.wall)


@pytest.fixture
def machine() -> Machine:
    """A machine that stands at noon."""
    return Machine()


@pytest.mark.parametrize(
    ("elapsed", "left"),
    [
        pytest.param(0, 5, id="fresh"),
        pytest.param(4, 1, id="one-second-left"),
        pytest.param(5, 0, id="at-the-instant"),
        pytest.param(9, 0, id="long-past"),
    ],
)
def test_remaining_counts_down_and_stops_at_zero(clock, elapsed, left):
    """Nothing that takes a timeout is ever handed a negative number."""
    deadline = Deadline.after(5, clock=clock)

    clock.advance(elapsed)

    assert deadline.remaining() == left


def test_a_step_in_time_is_told_how_long_it_has(clock):
    """What a check returns can be used as a timeout: it is never zero."""
    deadline = Deadline.after(5, clock=clock)

    clock.advance(2)

    assert deadline.check("deploy") == 3


@pytest.mark.parametrize(("elapsed", "overrun"), [(5, 0), (6, 1)])
def test_a_late_step_is_refused_by_name(clock, elapsed, overrun):
    """The error says which step did not start, so the caller may try it again."""
    deadline = Deadline.after(5, clock=clock)
    clock.advance(elapsed)

    with pytest.raises(DeadlineExceeded, match="'deploy' was not started") as caught:
        deadline.check("deploy")

    assert (caught.value.step, caught.value.overrun) == ("deploy", overrun)
    assert caught.value.effect == "not started"


@pytest.mark.parametrize(
    "seconds",
    [
        pytest.param(0, id="zero"),
        pytest.param(-1, id="negative"),
        pytest.param(-0.0, id="minus-zero"),
        pytest.param(float("nan"), id="nan"),
        pytest.param(float("inf"), id="infinity"),
        pytest.param(MAX_SECONDS + 1, id="more-than-30-days"),
        pytest.param(10**5_000, id="huge"),
        pytest.param(True, id="bool"),
        pytest.param("5", id="text"),
        pytest.param(None, id="none"),
        pytest.param([5], id="list"),
    ],
)
def test_a_length_that_nobody_can_mean_is_refused(clock, seconds):
    """For many libraries 0, None and -1 mean "wait for ever"; here, nothing."""
    deadline = Deadline.after(5, clock=clock)

    with pytest.raises(InvalidValue, match="seconds: must be a number above 0"):
        Deadline.after(seconds, clock=clock)
    with pytest.raises(InvalidValue, match="seconds: must be a number above 0"):
        deadline.narrow(seconds)


@pytest.mark.parametrize(
    "at",
    [
        pytest.param(float("nan"), id="nan"),
        pytest.param(float("-inf"), id="infinity"),
        pytest.param(10**5_000, id="huge"),
        pytest.param(True, id="bool"),
        pytest.param("5", id="text"),
        pytest.param(None, id="none"),
    ],
)
def test_an_instant_must_be_one(clock, at):
    """A deadline at infinity never passes, and one at NaN has always passed."""
    with pytest.raises(InvalidValue, match="at: must be an instant"):
        Deadline(at, clock)


@given(outer=lengths, inner=st.lists(lengths, max_size=5), worked=lengths)
def test_however_deep_it_is_nested_no_layer_adds_to_what_its_caller_has(
    outer, inner, worked
):
    """What a step may take is the smallest of all allowances, its own included."""
    clock = FakeClock()
    nested = Deadline.after(outer, clock=clock)
    clock.advance(worked)
    for seconds in inner:
        nested = nested.narrow(seconds)

    assert nested.remaining() == max(0, min(outer - worked, *inner, outer))


@given(limit=lengths, waits=st.lists(lengths))
def test_what_remains_never_grows_while_it_runs(limit, waits):
    """Time goes one way."""
    clock = FakeClock()
    deadline = Deadline.after(limit, clock=clock)

    left = [deadline.remaining()]
    for seconds in waits:
        clock.advance(seconds)
        left.append(deadline.remaining())

    assert left == sorted(left, reverse=True)
    assert min(left) >= 0


def test_setting_the_wall_clock_changes_nothing_inside_a_process(machine):
    """Somebody sets the clock back an hour: the run ends when it would have ended."""
    deadline = machine.after(10)

    machine.wall.advance(-3_600)
    machine.work(4)

    assert deadline.remaining() == 6
    assert deadline.record().seen == NOON + 4


def test_a_restart_does_not_grant_the_time_again(machine):
    """The new process has what the old one left, less the time that it was down."""
    first = machine.after(300)
    machine.work(200)
    stored = first.record()
    machine.wall.advance(60)

    second = machine.restart(stored)

    assert second.remaining() == 40
    assert (stored.used, second.record().used) == (200, 200)


def test_a_process_that_died_without_a_save_does_not_get_its_time_back(machine):
    """The wall clock went on while nobody recorded anything."""
    stored = machine.after(300).record()
    machine.work(250)

    second = machine.restart(stored)

    assert second.remaining() == 50


@pytest.mark.parametrize("back", [60, 3_600, NOON])
def test_a_clock_that_was_set_back_grants_nothing(machine, back):
    """The last instant that was seen is believed before the clock is."""
    first = machine.after(300)
    machine.work(200)
    stored = first.record()
    machine.wall.advance(-back)

    second = machine.restart(stored)

    assert second.remaining() == 100


def test_time_that_was_lost_while_nobody_ran_stays_lost(machine):
    """It is in no sum of time used; the instant that was seen last remembers it."""
    stored = machine.after(300).record()
    machine.wall.advance(200)
    stored = machine.restart(stored).record()
    machine.wall.advance(-150)

    third = machine.restart(stored)

    assert (stored.used, third.remaining()) == (0, 100)


def test_an_instant_that_was_made_anew_cannot_outlive_what_was_used(machine):
    """
    The version everyone writes first sets the instant at each start; the seconds
    that were used do not forget.
    """
    first = machine.after(300)
    machine.work(200)
    renewed = first.record().model_copy(update={"at": NOON + 200 + 300})

    second = machine.restart(renewed)

    assert second.remaining() == 100


def test_a_deadline_that_passed_while_nobody_ran_says_by_how_much(machine):
    """The overrun is counted from the instant and not from the restart."""
    stored = machine.after(300).record()
    machine.wall.advance(1_000)

    late = machine.restart(stored)

    with pytest.raises(DeadlineExceeded) as caught:
        late.check("deploy")
    assert caught.value.overrun == 700


def test_waiting_for_a_person_costs_no_time(machine):
    """A weekend passes; the two minutes that were left are still left."""
    first = machine.after(300)
    machine.work(180)
    asked = first.suspend()
    machine.wall.advance(3 * 86_400)

    second = machine.restart(asked)

    assert asked.suspended
    assert second.remaining() == 120
    assert second.record() == DeadlineRecord(
        at=asked.at + 3 * 86_400, limit=300, used=180, seen=machine.wall.now
    )


def test_work_after_a_wait_counts_once_the_end_of_the_wait_is_saved(machine):
    """Without that save, the next process takes the work for waiting."""
    asked = machine.after(300).suspend()
    machine.wall.advance(600)
    unsaved = machine.restart(asked)
    saved = unsaved.record()
    machine.work(100)

    assert machine.restart(saved).remaining() == 200
    assert machine.restart(asked).remaining() == 300


def test_looking_at_a_suspended_deadline_does_not_start_it(machine):
    """Only saving the new record does; until then the stored one still stands still."""
    asked = machine.after(300).suspend()
    machine.wall.advance(600)
    machine.restart(asked)
    machine.wall.advance(600)

    assert machine.restart(asked).remaining() == 300


@pytest.mark.parametrize("jump", [-7_200.0, 7_200.0])
def test_a_clock_that_is_set_while_a_person_thinks_does_no_harm(machine, jump):
    """Whatever was waited, the same time is left."""
    first = machine.after(300)
    machine.work(100)
    asked = first.suspend()
    machine.wall.advance(jump)
    stored = machine.restart(asked).record()
    machine.wall.advance(-abs(jump))

    assert machine.restart(stored).remaining() == 200


def test_a_narrowed_deadline_records_the_whole_run(machine):
    """The limit of one step must not become the limit of the task."""
    run = machine.after(300)
    step = run.narrow(10)
    machine.work(4)

    assert step.record() == run.record()
    assert machine.restart(step.record()).remaining() == 296


def test_a_deadline_made_by_hand_has_nothing_to_store(clock):
    """It would be read as somebody else's instant on another clock."""
    with pytest.raises(InvalidValue, match=r"make it with after\(\)"):
        Deadline(5.0, clock).record()


actions = st.one_of(
    st.tuples(st.just("work"), lengths),
    st.tuples(st.just("narrow"), lengths),
    st.tuples(st.just("clock"), jumps),
    st.tuples(st.just("down"), lengths),
    st.tuples(st.just("person"), lengths),
)


def time_granted(limit: float, history: list[tuple[str, float]], *, saves: bool):
    """How long a task could work in all, under whatever happened to it."""
    machine, worked = Machine(), 0.0
    deadline = machine.after(limit)
    stored = deadline.record()
    for what, seconds in history:
        if what == "work":
            worked += min(seconds, deadline.remaining())
            machine.work(seconds)
        elif what == "narrow":
            deadline = deadline.narrow(seconds)
        else:
            asked = what == "person"
            record = deadline.suspend() if asked else deadline.record()
            stored = record if asked or saves else stored
            machine.wall.advance(seconds)
            deadline = machine.restart(stored)
            stored = deadline.record()
    return worked + deadline.remaining()


@given(limit=lengths, history=st.lists(actions, max_size=12))
def test_no_history_grants_more_than_the_limit(limit, history):
    """Restarts, people and a clock that jumps both ways: the sum holds."""
    assert time_granted(limit, history, saves=True) <= limit


@given(limit=lengths, history=st.lists(actions, max_size=12))
def test_no_crash_grants_more_than_the_limit(limit, history):
    """
    Whatever was saved last is the start of a process; a clock that is not set back
    knows what came after it.
    """
    honest = [(what, abs(seconds)) for what, seconds in history]

    assert time_granted(limit, honest, saves=False) <= limit


def at_once(work: Future, seconds: float) -> None:
    """Stand in for waiting, with all the time in the world."""
    with contextlib.suppress(Exception):
        work.result(timeout=30)


class Lapse:
    """Stand in for waiting: the time passes, and nothing came back."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.waited: list[float] = []

    def __call__(self, work: Future, seconds: float) -> None:
        """Let all of *seconds* go by."""
        self.waited.append(seconds)
        self.clock.advance(seconds)


@pytest.fixture
def gate():
    """Keeps a step from coming back until the test opens it, or ends."""
    opened = threading.Event()
    yield opened
    opened.set()


def thread_of(step: str) -> threading.Thread | None:
    """The thread in which *step* runs, if it still does."""
    running = threading.enumerate()
    return next((one for one in running if one.name == f"step {step}"), None)


def test_a_call_in_time_returns_what_came(clock):
    """The work is told how long it has."""
    deadline = Deadline.after(5, clock=clock)
    clock.advance(2)

    assert deadline.call(lambda seconds: f"{seconds:g} s", "ask") == "3 s"


@pytest.mark.parametrize("error", [KeyError("name"), TimeoutError("its own")])
def test_a_call_that_fails_in_time_raises_its_own_error(clock, error):
    """Not every failure is a deadline, not even every timeout."""
    deadline = Deadline.after(5, clock=clock)

    def fail(seconds: float) -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        deadline.call(fail, "ask", wait=at_once)

    assert caught.value is error


def test_ctrl_c_is_not_reported_as_a_deadline(clock, gate):
    """Who cancels wants to know that it was cancelled."""
    deadline = Deadline.after(5, clock=clock)

    def interrupted(work: Future, seconds: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        deadline.call(lambda _: gate.wait(), "cancelled", wait=interrupted)


def test_a_late_call_is_not_started(clock):
    """The work does not hear of it at all."""
    deadline = Deadline.after(5, clock=clock)
    clock.advance(5)
    started = []

    with pytest.raises(DeadlineExceeded) as caught:
        deadline.call(started.append, "deploy", wait=at_once)

    assert (caught.value.effect, started) == ("not started", [])


def test_a_call_that_does_not_come_back_is_given_up_at_the_deadline(clock, gate):
    """The thread cannot be stopped, so what it did is unknown."""
    deadline, lapse = Deadline.after(5, clock=clock), Lapse(clock)

    with pytest.raises(DeadlineExceeded, match="'hang' was given up") as caught:
        deadline.call(lambda _: gate.wait(), "hang", wait=lapse)

    assert (caught.value.effect, caught.value.overrun) == ("unknown", 0)
    assert lapse.waited == [5]
    assert thread_of("hang").daemon


def test_a_narrowed_call_is_given_up_when_the_step_has_used_its_own_time(clock, gate):
    """One slow step does not use up the time of the run."""
    run, lapse = Deadline.after(300, clock=clock), Lapse(clock)

    with pytest.raises(DeadlineExceeded):
        run.narrow(10).call(lambda _: gate.wait(), "slow", wait=lapse)

    assert (lapse.waited, run.remaining()) == ([10], 290)


@pytest.mark.parametrize(
    "late",
    [
        pytest.param(lambda: "a result", id="returns"),
        pytest.param(lambda: 1 / 0, id="raises"),
    ],
)
def test_what_an_abandoned_call_still_does_is_heard_by_nobody(clock, gate, capfd, late):
    """No value is delivered, no traceback is printed."""
    deadline = Deadline.after(5, clock=clock)

    def work(seconds: float) -> object:
        gate.wait()
        return late()

    with pytest.raises(DeadlineExceeded):
        deadline.call(work, "abandoned", wait=Lapse(clock))
    thread = thread_of("abandoned")
    gate.set()
    thread.join(30)

    assert not thread.is_alive()
    assert capfd.readouterr() == ("", "")


def in_the_last_moment(clock: FakeClock):
    """The work comes back, and its time is up before anybody looks."""

    def wait(work: Future, seconds: float) -> None:
        at_once(work, seconds)
        clock.advance(seconds)

    return wait


def test_a_result_that_is_there_is_not_thrown_away(clock):
    """A known outcome is better than an unknown one, even a moment late."""
    deadline = Deadline.after(5, clock=clock)

    assert deadline.call(str, "ask", wait=in_the_last_moment(clock)) == "5.0"


def test_the_clients_own_timeout_at_the_same_moment_is_the_deadline(clock):
    """Both end at one instant; which of them is first must not matter."""
    deadline = Deadline.after(5, clock=clock)

    def times_out(seconds: float) -> None:
        raise ConnectionError("the client gave up")

    with pytest.raises(DeadlineExceeded) as caught:
        deadline.call(times_out, "ask", wait=in_the_last_moment(clock))

    assert caught.value.effect == "unknown"
    assert isinstance(caught.value.__cause__, ConnectionError)


def test_a_late_error_that_knows_what_became_of_the_effect_is_heard(clock):
    """The words "refused, not started" are worth more than "given up, unknown"."""
    deadline = Deadline.after(5, clock=clock)

    def refused(seconds: float) -> None:
        raise EffectRefused(429, None, "busy")

    with pytest.raises(EffectRefused):
        deadline.call(refused, "deploy", wait=in_the_last_moment(clock))


def test_a_deadline_far_in_the_future_can_be_waited_for(clock, gate):
    """A number that the operating system cannot wait for must not reach it."""
    deadline = Deadline(1e300, clock)

    assert deadline.call(lambda _: gate.wait(0.05), "ask") is False


# The stored part.

RECORD = DeadlineRecord(at=NOON + 300, limit=300, used=0.1, seen=NOON + 0.25)


def submitted(store: TaskStore, deadline: DeadlineRecord | None = None) -> Task:
    """A running task with a deadline."""
    task = store.submit(Task.new("Deploy the shop.", key="shop")).task
    return store.save(task.replace(state="running", deadline=deadline))


@pytest.mark.parametrize("suspended", [False, True])
def test_a_store_gives_back_what_it_was_given(store, suspended):
    """To the last bit of each number."""
    kept = RECORD.model_copy(update={"suspended": suspended})

    task = submitted(store, kept)

    assert store.get(task.id).deadline == kept


def test_who_asks_for_a_task_again_finds_its_first_deadline(store, machine):
    """Granted with the submission, the time begins once."""
    new = Task.new("Deploy the shop.", key="shop")
    first = store.submit(new.replace(deadline=machine.after(300).record()))
    machine.work(120)

    again = store.submit(new.replace(deadline=machine.after(300).record()))

    assert (first.created, again.created) == (True, False)
    assert machine.restart(again.task.deadline).remaining() == 180


def test_the_failure_can_be_saved_after_the_deadline_has_passed(store, machine):
    """A save that needs time left could never say that there was none."""
    deadline = machine.after(300)
    task = submitted(store, deadline.record())
    machine.work(400)

    with pytest.raises(DeadlineExceeded) as caught:
        deadline.check("deploy-api")
    failed = task.replace(
        state="failed", error=str(caught.value), deadline=deadline.record()
    )
    store.save(failed)

    found = store.get(task.id)
    assert (found.state, found.deadline.used) == ("failed", 400)
    assert "'deploy-api' was not started" in found.error


def test_no_call_of_a_store_takes_a_deadline():
    """What cannot be handed over cannot be handed over by mistake."""
    calls = inspect.getmembers(TaskStore, inspect.isfunction)

    names = {name for _, call in calls for name in inspect.signature(call).parameters}

    assert {"task", "task_id"} <= names
    assert not {"deadline", "timeout"} & names


def test_a_task_without_a_deadline_is_stored_as_before():
    """Not a byte more for those who need none."""
    line = Task.new("Deploy the shop.", key="shop").model_dump_json()

    assert '"owner":null,"deadline":null,"agent_state":' in line


@pytest.mark.parametrize("at", [NOON, 5, 0])
def test_an_older_line_that_holds_an_instant_alone_is_understood(machine, at):
    """The instant still holds, and nothing is known of the time used."""
    task = Task.new("Deploy the shop.", key="shop").replace(deadline=at)
    machine.wall.now = max(0.0, at - 40)

    deadline = machine.restart(task.deadline)

    assert task.deadline == DeadlineRecord(at=at, limit=at)
    assert deadline.remaining() == min(40, at)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"at": float("nan")}, id="nan"),
        pytest.param({"at": float("inf")}, id="infinity"),
        pytest.param({"limit": -1.0}, id="negative"),
        pytest.param({"used": 1e300}, id="huge"),
        pytest.param({"seen": "noon"}, id="text"),
        pytest.param({"seen": "5"}, id="a-number-as-text"),
        pytest.param({"used": True}, id="bool"),
        pytest.param({"suspended": 1}, id="number-for-bool"),
        pytest.param({"until": 5.0}, id="unknown-field"),
    ],
)
def test_a_record_that_makes_no_sense_is_refused_by_name(changes):
    """The field is named, whoever wrote it."""
    task = Task.new("Deploy the shop.", key="shop")

    with pytest.raises(InvalidValue, match=f"deadline.{next(iter(changes))}"):
        task.replace(deadline=dict(RECORD) | changes)


@pytest.mark.parametrize("deadline", [True, "5", [5], {"at": 5}])
def test_what_is_no_record_is_refused(deadline):
    """Half of a record is none."""
    with pytest.raises(InvalidValue, match="deadline"):
        Task.new("Deploy the shop.", key="shop").replace(deadline=deadline)


def test_a_record_far_in_the_future_is_read(machine):
    """An old instant of the year 9999 must not overflow anything."""
    far = DeadlineRecord(at=2.0**53, limit=2.0**53)

    assert machine.restart(far).remaining() == MAX_SECONDS


# The real world: one dripping reply, two clients.

BYTES = 400  # a reply of the scripted model has more
APART = 0.001  # seconds from one byte to the next
PATIENCE = 0.25  # seconds; at most 250 bytes come in that time


@pytest.fixture
def ask(world):
    """Ask the model on behalf of a task, with the real client."""
    client, model = connect_model()

    def ask(task_id: str, seconds: float):
        return client.chat.completions.create(
            model=model,
            messages=[{"role": "user", "content": "The disk is nearly full."}],
            extra_headers=task_header(task_id),
            timeout=seconds,
        )

    yield ask
    client.close()  # which also ends a reply that still drips


def test_a_timeout_for_each_read_lets_a_dripping_body_through(world, ask):
    """
    The world waits APART before each byte but the first, and the client, told to
    wait PATIENCE, does not mind: no single wait is longer.
    """
    # `ask` has let the model get ready: its first answer would take longer.
    world.fault("let-through", "drip", seconds=APART)
    reply = httpx2.post(
        f"{world.url}/v1/chat/completions",
        headers={
            "Authorization": f"Bearer {world.token}",
            **task_header("let-through"),
        },
        json={"model": MODEL, "messages": [{"role": "user", "content": "Hi."}]},
        timeout=PATIENCE,
        trust_env=False,
    )

    assert reply.status_code == 200
    assert len(reply.content) > BYTES
    assert BYTES * APART > PATIENCE


def test_a_deadline_stops_waiting_for_a_dripping_body(world, ask):
    """The reply was still on its way when the caller was free again."""
    world.fault("given-up", "drip", seconds=50 * APART)
    came_back = threading.Event()

    def step(seconds: float) -> None:
        try:
            ask("given-up", seconds)
        finally:
            came_back.set()

    with pytest.raises(DeadlineExceeded) as caught:
        # Long enough for a request to arrive, on a busy machine as well.
        Deadline.after(4 * PATIENCE).call(step, "ask")

    assert caught.value.effect == "unknown"
    assert not came_back.is_set()
    assert world.requests("given-up") == {"model": 1}


def test_a_deadline_ends_a_hanging_call_whichever_timeout_is_first(world, ask):
    """The same number ends the client's wait and ours; the caller sees one error."""
    world.fault("hanging", "hang", seconds=30)

    with pytest.raises(DeadlineExceeded) as caught:
        Deadline.after(PATIENCE).call(lambda left: ask("hanging", left), "ask")

    assert caught.value.effect == "unknown"
