"""One call on trial: what went over the wire, and what happened."""

from agentstate_lab.lab.scenes.retry import trial


def test_each_trial_is_its_own(world):
    """A cell that is run again counts from nothing."""
    one, other = trial(), trial()
    one.effect("open_ticket")

    assert (one.happened, other.happened) == (1, 0)
    assert one.task_id.startswith("04_retry/")
