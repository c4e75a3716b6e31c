"""The meter of notebook 10 counts what a step asks of its store."""

from agentstate_lab.lab.agents import NoteTaker, write_notes
from agentstate_lab.lab.clock import FakeClock
from agentstate_lab.lab.scenes.durable_agent import Meter, what_does_a_step_write
from agentstate_lab.state import Task
from agentstate_lab.stores import MemoryStore


def run_of(notes):
    """A metered run, on a clock that stands still."""
    clock = FakeClock()
    meter = Meter(MemoryStore(clock=clock))

    def on_event(event):
        if event.kind == "step":
            meter.mark()

    times = {"clock": clock, "wall": clock}
    write_notes("n", NoteTaker(notes), store=meter, on_event=on_event, **times)
    return meter


def test_a_save_is_counted_with_all_that_it_writes():
    """What is said in a save costs its bytes, and reading costs none."""
    meter = Meter(MemoryStore())
    task = meter.submit(Task.new("Try it.", task_id="t")).task

    for messages in ([], [{"role": "user", "content": "x" * 1_000}]):
        task = meter.save(meter.get(task.id), messages=messages)
        meter.mark()

    plain, said = meter.costs
    assert 1_000 < said.written - plain.written < 1_100
    assert plain[1:] == said[1:] == (1, 1)


def test_a_run_costs_the_same_in_every_run_and_at_its_end():
    """The picture is the same on every machine, and the line is level."""
    one, other = run_of(20), run_of(20)

    assert one.costs == other.costs
    assert one.costs[-1].written < 1.1 * one.costs[9].written
    assert one.costs[-1].reads <= 2


def test_the_picture_says_its_numbers(capsys):
    """Whoever does not see the lines reads the bytes of the last step."""
    meter = run_of(3)

    what_does_a_step_write(meter, meter)

    assert f"{meter.costs[-1].written:,}" in capsys.readouterr().out
