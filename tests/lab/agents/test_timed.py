"""The agent of notebook 05: that of notebook 03, as long as its time lasts."""

from dataclasses import replace

import pytest
from runs import counts

from agentstate_lab.deadline import Deadline
from agentstate_lab.errors import DeadlineExceeded
from agentstate_lab.lab.agents import open_job, timed_agent
from agentstate_lab.lab.agents.timed import STEP_SECONDS, TimedWorld, under
from agentstate_lab.lab.clock import FakeClock
from agentstate_lab.lab.crash import crash_matrix
from agentstate_lab.lab.world import SCENARIOS
from agentstate_lab.state import Task
from agentstate_lab.stores import MemoryStore

EFFECTS = [step.name for step in SCENARIOS["deploy"].effects]
EACH_ONCE = dict.fromkeys(EFFECTS, 1)


@pytest.fixture
def job(task_id, clock):
    """The deployment, whose every step takes a minute of the clock."""
    opened = open_job("deploy", task_id, on_event=lambda text: clock.advance(60))
    yield replace(opened, store=MemoryStore())
    opened.client.close()


def test_a_job_that_has_time_is_completed(world, job, clock):
    """Ten minutes of work in a quarter of an hour; what was used is stored."""
    task = timed_agent(job, seconds=900, clock=clock, wall=clock)

    assert task.state == "completed"
    assert (task.deadline.limit, task.deadline.used) == (900, 600)
    assert counts(world, job.task_id) == EACH_ONCE


def test_a_job_without_time_stops_and_says_so(world, job, clock):
    """The reason is saved after the time was up, and no effect comes after it."""
    task = timed_agent(job, seconds=300, clock=clock, wall=clock)

    assert task.state == "failed"
    assert "'ask the model' was not started" in task.error
    assert task.deadline.used == 300
    assert counts(world, job.task_id) == dict.fromkeys(EFFECTS[:4], 1)


def test_a_second_run_has_what_the_first_one_left(world, job, clock):
    """Also on a machine whose clocks show something else."""
    lines = []

    def three_minutes(text):
        lines.append(text)
        clock.advance(60)
        if len(lines) == 3:
            raise KeyboardInterrupt

    first = replace(job, on_event=three_minutes)
    with pytest.raises(KeyboardInterrupt):
        timed_agent(first, seconds=300, clock=clock, wall=clock)
    other = FakeClock(clock() - 100)
    second = replace(job, on_event=lambda text: other.advance(60))

    task = timed_agent(second, seconds=300, clock=other, wall=other)

    # The two minutes go for the line that says what was found, and for `announce`,
    # which was not recorded and is asked for again.
    assert task.state == "failed"
    assert counts(world, job.task_id) == dict.fromkeys(EFFECTS[:2], 1)


def test_a_task_that_was_submitted_without_a_deadline_has_none(job, clock):
    """The agent does not decide how long somebody else is ready to wait."""
    job.store.submit(Task.new(job.scenario.goal, task_id=job.task_id))

    task = timed_agent(job, seconds=300, clock=clock, wall=clock)

    assert (task.state, task.deadline) == ("completed", None)


class Recorder:
    """A world that notes what it was asked for, and how long it had."""

    def __init__(self) -> None:
        self.asked = []

    def effect(self, effect, **request):
        """Note the request."""
        self.asked.append((effect, request["step"], request["timeout"]))
        return {}


@pytest.mark.parametrize(
    ("elapsed", "given"),
    [
        pytest.param(0, STEP_SECONDS, id="its-own-limit"),
        pytest.param(280, 20, id="what-is-left"),
    ],
)
def test_an_effect_is_given_its_share(clock, elapsed, given):
    """A step's limit, or less when the run has less."""
    recorder = Recorder()
    world = TimedWorld(recorder, Deadline.after(300, clock=clock))
    clock.advance(elapsed)

    world.effect("deploy", task_id="t", step="deploy-api", arguments={})

    assert recorder.asked == [("deploy", "deploy-api", given)]


def test_a_late_effect_is_not_asked_for(clock):
    """It is refused by its name, and nothing went out."""
    recorder = Recorder()
    world = TimedWorld(recorder, Deadline.after(300, clock=clock))
    clock.advance(300)

    with pytest.raises(DeadlineExceeded, match="'deploy-api' was not started"):
        world.effect("deploy", task_id="t", step="deploy-api", arguments={})

    assert recorder.asked == []


def test_a_save_is_never_too_late(job, clock):
    """The store takes the record along and keeps no deadline."""
    deadline = Deadline.after(300, clock=clock, wall=clock)
    store = under(job, deadline).store
    task = store.submit(Task.new(job.scenario.goal, task_id=job.task_id)).task
    clock.advance(1_000)

    saved = store.save(task.replace(state="running"))

    assert saved.deadline.used == 1_000
    assert job.store.get(task.id) == saved


def test_an_effect_whose_reply_is_late_is_asked_for_again(world, job, task_id):
    """Given up, unknown, and then known: it happened once."""
    world.fault(task_id, "drip", at="report", seconds=0.1)
    deadline = Deadline.after(300)
    hasty = replace(job, world=TimedWorld(job.world, deadline.narrow(0.3)))

    with pytest.raises(DeadlineExceeded) as caught:
        hasty.world.effect(
            "send_mail", task_id=task_id, step="report", arguments={}, key="k"
        )
    world.effect("send_mail", task_id=task_id, step="report", arguments={}, key="k")

    assert caught.value.effect == "unknown"
    assert counts(world, task_id) == {"report": 1}


@pytest.mark.usefixtures("world", "quick")
def test_it_survives_the_moments_around_an_effect():
    """A deadline in the store costs none of what notebook 03 has won."""
    points = [f"effect.{when}:4" for when in ("before", "inside", "after")]

    matrix = crash_matrix("timed", points=points)

    assert (matrix.survived, matrix.total) == (3, 3)
