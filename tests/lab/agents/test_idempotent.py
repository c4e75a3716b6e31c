"""The agent of notebook 03: a later run takes the same path and repeats nothing."""

import functools
from dataclasses import replace

import pytest
from runs import counts, stopping_after

from agentstate_lab.errors import EffectRefused, ReplyLost
from agentstate_lab.idempotency import resolve
from agentstate_lab.lab.agents import idempotent_agent
from agentstate_lab.lab.world import SCENARIOS
from agentstate_lab.lab.world.chat import PARALLEL_MODEL

EFFECTS = [step.name for step in SCENARIOS["deploy"].effects]
EACH_ONCE = dict.fromkeys(EFFECTS, 1)


def test_an_undisturbed_run_does_every_effect_once(world, job):
    """Eight effects, each under the key of its step, and a completed task."""
    task = idempotent_agent(job)

    entries = world.ledger(job.task_id)
    assert task.state == "completed"
    assert counts(world, job.task_id) == EACH_ONCE
    assert all(entry.key.endswith(f"/{entry.step}") for entry in entries)


@pytest.mark.parametrize("events", [1, 5])
def test_an_interrupted_run_is_finished_by_the_next(world, job, events):
    """Wherever it stops, nothing is lost and nothing happens twice."""
    with pytest.raises(KeyboardInterrupt):
        idempotent_agent(replace(job, on_event=stopping_after(events)))

    task = idempotent_agent(job)

    assert task.state == "completed"
    assert counts(world, job.task_id) == EACH_ONCE


def test_a_resumed_run_asks_the_model_only_for_what_is_new(world, job):
    """What the model said is stored: a live one might plan something else now."""
    with pytest.raises(KeyboardInterrupt):
        idempotent_agent(replace(job, on_event=stopping_after(5)))
    asked = world.requests(job.task_id)["model"]

    idempotent_agent(job)

    assert asked == 5
    assert world.requests(job.task_id)["model"] == len(SCENARIOS["deploy"].steps) + 1


def test_a_completed_task_is_answered_from_the_store(world, job):
    """The same result, and not one request more."""
    first = idempotent_agent(job)
    before = world.requests(job.task_id)

    again = idempotent_agent(job)

    assert again == first
    assert world.requests(job.task_id) == before


def test_a_lost_reply_is_asked_for_again_under_the_same_key(world, job):
    """The service knows the key, so the second question is answered, not obeyed."""
    world.fault(job.task_id, "reply_lost", at="deploy-api")

    with pytest.raises(ReplyLost):
        idempotent_agent(job)
    failed = job.store.get(job.task_id).state
    task = idempotent_agent(job)

    assert (failed, task.state) == ("failed", "completed")
    assert counts(world, job.task_id) == EACH_ONCE


def test_a_refused_effect_fails_the_task_and_a_later_run_finishes_it(world, job):
    """Nothing happened, so the next run may begin the step."""
    world.fault(job.task_id, "throttle", at="deploy-api")

    with pytest.raises(EffectRefused):
        idempotent_agent(job)
    failed = job.store.get(job.task_id).state
    task = idempotent_agent(job)

    assert (failed, task.state) == ("failed", "completed")
    assert counts(world, job.task_id) == EACH_ONCE


def test_without_a_key_an_unknown_outcome_waits_for_a_person(world, job):
    """
    The mail went out, the reply was lost: nobody guesses, and nothing is repeated.
    """
    world.fault(job.task_id, "reply_lost", at="announce")
    careful = functools.partial(idempotent_agent, keyless={"send_mail"})

    first = careful(job)
    second = careful(job)
    resolve(job.store, job.task_id, "announce", happened=True, result="seen")
    third = careful(job)

    assert (first.state, second.state, third.state) == (
        "waiting",
        "waiting",
        "completed",
    )
    assert first.agent_state.open_questions == ("Did announce happen?",)
    assert counts(world, job.task_id) == EACH_ONCE


def test_what_was_declared_safe_to_repeat_is_repeated(world, job):
    """The caller's word, and the caller's second mail."""
    world.fault(job.task_id, "reply_lost", at="announce")
    bold = functools.partial(
        idempotent_agent, keyless={"send_mail"}, if_unknown="repeat"
    )

    with pytest.raises(ReplyLost):
        bold(job)
    task = bold(job)

    assert task.state == "completed"
    assert counts(world, job.task_id) == {**EACH_ONCE, "announce": 2}


def test_several_calls_in_one_turn_get_one_message_each(world, job):
    """The model refuses the next turn unless each of its calls was answered."""
    task = idempotent_agent(replace(job, model=PARALLEL_MODEL))

    assert task.state == "completed"
    assert counts(world, job.task_id) == EACH_ONCE
    assert world.requests(job.task_id)["model"] == 5  # ten steps, three in a turn
