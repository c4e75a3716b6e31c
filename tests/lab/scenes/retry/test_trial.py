"""One call on trial: what went over the wire, and what happened."""

import openai
import pytest

from agentstate_lab.errors import ReplyLost
from agentstate_lab.lab.scenes.retry import Down, five_failures, trial
from agentstate_lab.retry import kind_of


def test_a_trial_without_a_fault_goes_well(world):
    """
    One request, and the model calls the first tool of its job.
    """
    quiet = trial()

    assert (quiet.ask(), quiet.requests, quiet.happened) == ("check-disk", 1, 0)


def test_each_trial_is_its_own(world):
    """
    A cell that is run again counts from nothing.
    """
    one, other = trial(), trial()
    one.effect("open_ticket")

    assert (one.happened, other.happened) == (1, 0)
    assert one.task_id.startswith("04_retry/")


def test_the_clients_own_retries_are_on_the_wire(world):
    """
    What the caller takes for one call are three requests.
    """
    busy = trial("throttle", times=9, seconds=0.001)

    with pytest.raises(openai.RateLimitError):
        busy.ask(client_retries=2)

    assert busy.requests == 3


def test_the_model_refuses_an_answer_to_no_question(world):
    """
    A permanent error, for those who want one.
    """
    with pytest.raises(openai.BadRequestError):
        trial().ask(role="tool")


def test_a_lost_reply_has_happened(world):
    """
    And a key makes the second request an answer to the first.
    """
    lost = trial("reply_lost", at="open_ticket")

    with pytest.raises(ReplyLost):
        lost.effect("open_ticket", key=lost.task_id)

    assert lost.effect("open_ticket", key=lost.task_id) == "open_ticket-1"
    assert (lost.requests, lost.happened) == (2, 1)


def test_there_is_a_failure_of_each_kind(world):
    """
    As the real clients raise them.
    """
    kinds = [kind_of(error) for error in five_failures().values()]

    assert kinds == ["throttled", "transient", "transient", "permanent", "unknown"]


def test_a_service_that_is_down_counts():
    """
    Every call of it fails.
    """
    service = Down()

    for _ in range(3):
        with pytest.raises(ConnectionError):
            service()

    assert service.requests == 3
