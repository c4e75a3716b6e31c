import json

import pytest

from agentstate_lab.lab.agents import next_step, receipt
from agentstate_lab.lab.scenes.context import (
    minute_eight,
    model_says,
    take_over,
)
from agentstate_lab.lab.scenes.context.briefing import DONE
from agentstate_lab.lab.world import perform


def nothing(state):
    """A briefing with the goal alone."""
    return state.goal


def test_at_minute_eight_seven_steps_are_done_and_the_world_agrees(world):
    """The receipts in the state are the ones that the services give."""
    told = {
        f"done:{step.name}": receipt(perform(step, world=world, task_id="m8"))
        for step in DONE
    }

    state = minute_eight()

    assert {key: state.fact(key) for key in told} == told
    assert next_step(state) == "clean-logs"


def test_a_briefing_that_forgets_cannot_run_for_ever(world):
    """The budget of steps ends what would never end."""
    after = take_over(minute_eight(), nothing)

    assert after.ended == "The steps of the budget are used up."
    assert set(after.steps) == {"check-status"}
    assert len(after.steps) == len(after.told) == minute_eight().budget.max_steps
    assert after.ended in str(after).splitlines()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("Deploy it.", "check-status", id="a-step"),
        pytest.param("Hello.", "What am I to do?", id="words"),
        pytest.param("Deploy it." * 2_000, "400 context_length_exceeded", id="refusal"),
    ],
)
def test_the_small_model_can_be_asked_without_anything_being_done(world, text, says):
    """Its answer in short: a step, words or a refusal."""
    assert model_says(text).startswith(says)
    assert world.ledger("08_context/asked") == []


def test_a_live_model_is_not_asked(world, monkeypatch):
    """The lesson is about a window that is known, whatever model is configured."""
    monkeypatch.setenv("AGENTSTATE_MODEL", "expensive")

    assert model_says("Deploy it.") == "check-status"


def test_the_plan_has_an_end():
    """When every step is done, none is next."""
    state = minute_eight()
    facts = [{"key": f"done:{step}", "value": "ok"} for step in state.plan]
    done = type(state).model_validate(
        {**json.loads(state.model_dump_json()), "known_facts": facts}
    )

    assert next_step(done) == ""
