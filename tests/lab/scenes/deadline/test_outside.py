import pytest

from agentstate_lab.errors import EffectRefused, OutcomeUnknown
from agentstate_lab.lab.scenes.deadline import ask_model, came_of


def test_the_timeout_of_a_question_is_the_clients(world, task_id):
    """Without one, it is the world that lets go."""
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
    """No seconds and no ids, so that a notebook shows the same on every run."""
    assert came_of(fail, error) == said


def test_an_interrupt_is_not_a_way_to_end():
    """Who presses the button wants the notebook to stop."""
    with pytest.raises(KeyboardInterrupt):
        came_of(fail, KeyboardInterrupt())
