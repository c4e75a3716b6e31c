import pytest

from agentstate_lab.errors import EffectRefused, OutcomeUnknown
from agentstate_lab.lab.clock import FakeClock
from agentstate_lab.lab.processes import in_new_process
from agentstate_lab.lab.scenes.deadline import Worker, a_minute_each, ask_model, came_of


def test_a_question_gets_the_body_of_a_reply(world, task_id):
    """
    It is counted as a model call of its task.
    """
    body = ask_model(task_id, timeout=30)

    assert b'"chat.completion"' in body
    assert world.requests(task_id) == {"model": 1}


def test_the_timeout_of_a_question_is_the_clients(world, task_id):
    """
    Without one, it is the world that lets go.
    """
    world.fault(task_id, "hang", seconds=0.05)
    world.fault(task_id, "hang", seconds=30)

    ended = [came_of(ask_model, task_id, timeout) for timeout in (None, 0.05)]

    assert ended == ["APIConnectionError", "APITimeoutError"]


def fail(error: BaseException) -> None:
    """Raise *error*."""
    raise error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        pytest.param(KeyError("k"), "KeyError", id="anybody's"),
        pytest.param(
            OutcomeUnknown("t", "s", "why"),
            "OutcomeUnknown, side effect: unknown",
            id="ours",
        ),
        pytest.param(
            EffectRefused(500, None, "no", effect="done"),
            "EffectRefused, side effect: done",
            id="the-caller-knew-better",
        ),
    ],
)
def test_how_a_call_ended_is_said_without_what_changes(error, said):
    """
    No seconds and no ids, so that a notebook shows the same on every run.
    """
    assert came_of(fail, error) == said


def test_an_interrupt_is_not_a_way_to_end():
    """
    Who presses the button wants the notebook to stop.
    """
    with pytest.raises(KeyboardInterrupt):
        came_of(fail, KeyboardInterrupt())


def test_a_line_a_minute(capsys):
    """
    What an agent says moves its clock.
    """
    clock = FakeClock(5)

    a_minute_each(clock)("done")

    assert (clock(), capsys.readouterr().out) == (65, "done\n")


def test_a_worker_dies_in_its_fourth_minute(world, task_id):
    """
    For real, and after the effect.
    """

    def work() -> None:
        worker = Worker(task_id, start=7)
        while True:
            worker.work_a_minute()

    ended = in_new_process(work)

    assert ended.how.startswith("killed")
    assert [entry.count for entry in world.ledger(task_id)] == [4]
