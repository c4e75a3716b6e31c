import json
from itertools import takewhile

import pytest

from agentstate_lab.context import filter_relevant_state
from agentstate_lab.lab.agents import next_step, receipt
from agentstate_lab.lab.scenes.context import (
    minute_eight,
    model_says,
    pasted,
    take_over,
    watched,
)
from agentstate_lab.lab.scenes.context.briefing import DEPLOY, DONE
from agentstate_lab.lab.world import perform


def everything(state):
    """A briefing with all that is known."""
    return filter_relevant_state(state, next_step(state), 10**6).render()


def since_the_log(state):
    """A briefing with what came after the pasted log."""
    newer = takewhile(lambda fact: fact.key != "log:web", state.known_facts[::-1])
    return everything(state.model_copy(update={"known_facts": tuple(newer)}))


def nothing(state):
    """A briefing with the goal alone."""
    return state.goal


def test_at_minute_eight_seven_steps_are_done_and_the_world_agrees(world):
    """
    The receipts in the state are the ones that the services give.
    """
    told = {
        f"done:{step.name}": receipt(perform(step, world=world, task_id="m8"))
        for step in DONE
    }

    state = minute_eight()

    assert {key: state.fact(key) for key in told} == told
    assert next_step(state) == "clean-logs"


def test_a_replacement_that_is_told_everything_goes_on(world):
    """
    Three steps are left, and each effect has happened once.
    """
    after = take_over(minute_eight(), everything)

    assert after.steps == ("clean-logs", "report", "verify")
    assert after.ended == DEPLOY.answer
    assert after.counted.verdict == "8 effects, each once"
    assert len(after.told) == 4


def test_a_replacement_that_is_told_too_little_begins_again(world):
    """
    Of the seven steps that were done, six had an effect, and each happens again.
    """
    after = take_over(pasted(minute_eight()), since_the_log)

    assert after.counted.verdict == "14 effects, 6 of them repeats"
    assert after.steps == tuple(step.name for step in DEPLOY.steps)


def test_a_replacement_that_is_told_too_much_is_refused(world):
    """
    The small model's window is real: the request comes back as a 400.
    """
    after = take_over(watched(minute_eight()), everything)

    assert after.steps == ()
    assert after.ended.startswith(
        "400 context_length_exceeded: This model's maximum context length is 4096"
    )
    assert after.counted.verdict == "6 of 8 effects so far, each once"


def test_a_briefing_that_forgets_cannot_run_for_ever(world):
    """
    The budget of steps ends what would never end.
    """
    after = take_over(minute_eight(), nothing)

    assert after.ended == "The steps of the budget are used up."
    assert set(after.steps) == {"check-status"}
    assert len(after.steps) == len(after.told) == minute_eight().budget.max_steps
    assert after.ended in str(after).splitlines()


def test_a_take_over_says_turn_by_turn_what_was_told(world):
    """
    Bytes and steps side by side, and the ledger below.
    """
    lines = str(take_over(minute_eight(), everything)).splitlines()

    assert [line.split(": ")[1] for line in lines] == [
        "clean-logs",
        "report",
        "verify",
        DEPLOY.answer,
        "8 effects, each once",
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("Deploy it.", "check-status", id="a-step"),
        pytest.param("Hello.", "What am I to do?", id="words"),
        pytest.param("Deploy it." * 2_000, "400 context_length_exceeded", id="refusal"),
    ],
)
def test_the_small_model_can_be_asked_without_anything_being_done(world, text, says):
    """
    Its answer in short: a step, words or a refusal.
    """
    assert model_says(text).startswith(says)
    assert world.ledger("08_context/asked") == []


def test_a_live_model_is_not_asked(world, monkeypatch):
    """
    The lesson is about a window that is known, whatever model is configured.
    """
    monkeypatch.setenv("AGENTSTATE_MODEL", "expensive")

    assert model_says("Deploy it.") == "check-status"


def test_six_hundred_hosts_are_as_many_facts():
    """
    What a night's watch leaves behind.
    """
    state = watched(minute_eight())

    assert len(state.known_facts) == len(minute_eight().known_facts) + 600
    assert state.known_facts[-1].value == "ok"


def test_a_pasted_log_is_five_thousand_bytes_and_the_newest_fact():
    """
    Large enough to fill a briefing alone.
    """
    newest = pasted(minute_eight()).known_facts[-1]

    assert len(newest.value.encode()) == 5_000


def test_the_plan_has_an_end():
    """
    When every step is done, none is next.
    """
    state = minute_eight()
    facts = [{"key": f"done:{step}", "value": "ok"} for step in state.plan]
    done = type(state).model_validate(
        {**json.loads(state.model_dump_json()), "known_facts": facts}
    )

    assert next_step(done) == ""
