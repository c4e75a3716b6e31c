"""The agent of notebook 04: the one of 03, with a model and a world that try again."""

import openai
import pytest

from agentstate_lab.errors import ReplyLost
from agentstate_lab.lab.agents import (
    bad_weather,
    idempotent_agent,
    patient,
    run_step,
)
from agentstate_lab.lab.world import SCENARIOS

TICKET = SCENARIOS["deploy"].steps[1]


def test_in_bad_weather_an_agent_that_tries_once_does_not_get_through(job):
    """The first question to the model ends it."""
    bad_weather(job)

    with pytest.raises(openai.RateLimitError):
        idempotent_agent(job)


def test_in_bad_weather_a_patient_job_is_done_and_each_effect_once(world, job):
    """Five requests more than in fair weather, and not one effect more."""
    bad_weather(job)

    task = idempotent_agent(patient(job))

    assert task.state == "completed"
    assert [entry.count for entry in world.ledger(job.task_id)] == [1] * 8
    assert world.requests(job.task_id) == {
        "model": 12,
        "open_ticket": 2,
        "send_mail": 3,
        "deploy": 5,
        "clean_logs": 2,
    }


def test_without_a_key_what_may_have_happened_is_not_asked_for_again(world, job):
    """One ticket, and an error that says that nobody knows."""
    world.fault(job.task_id, "reply_lost", at="open_ticket")

    with pytest.raises(ReplyLost):
        run_step(patient(job), TICKET)

    assert [entry.count for entry in world.ledger(job.task_id)] == [1]


def test_without_a_key_what_did_not_happen_is_asked_for_again(world, job):
    """A service that is too busy has done nothing."""
    world.fault(job.task_id, "throttle", at="open_ticket", seconds=0)

    run_step(patient(job), TICKET)

    assert [entry.count for entry in world.ledger(job.task_id)] == [1]
