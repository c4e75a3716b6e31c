"""The agent of notebook 08: told a slice in each turn, and harmless when killed."""

import pytest

from agentstate_lab.errors import ContextTooSmall
from agentstate_lab.lab.agents import next_step, open_job, sliced_agent
from agentstate_lab.lab.agents.sliced import BUDGET, briefing
from agentstate_lab.lab.scenes.context import minute_eight
from agentstate_lab.state import Fact


@pytest.fixture
def requests(world, tmp_path, monkeypatch):
    """Run the agent once; what it told the model, turn by turn."""
    job = open_job("deploy", f"sliced-{tmp_path}", store_url=f"json:{tmp_path}/s.json")
    sent = []
    create = job.client.chat.completions.create

    def noted(**asked):
        sent.append(asked["messages"])
        return create(**asked)

    monkeypatch.setattr(job.client.chat.completions, "create", noted)
    assert sliced_agent(job).state == "completed"
    job.client.close()
    return sent


def test_each_turn_is_told_one_text_within_the_budget(requests):
    """No conversation grows: one message a turn, never longer than the budget."""
    assert [len(messages) for messages in requests] == [1] * 11
    sizes = [len(messages[0]["content"].encode()) for messages in requests]
    assert max(sizes) <= BUDGET


def test_each_turn_is_told_what_is_done(requests):
    """The facts of all steps so far, whatever else there is room for."""
    told = [messages[0]["content"].count("\nfact done:") for messages in requests]

    assert told == list(range(11))


def test_a_briefing_that_cannot_hold_what_is_done_is_refused():
    """Nobody asks a model that would begin again."""
    state = minute_eight()
    long = [Fact(key=f"done:step-{n}", value="x" * 50) for n in range(30)]

    with pytest.raises(ContextTooSmall):
        briefing(state.model_copy(update={"known_facts": tuple(long)}))


def test_a_briefing_names_the_next_step():
    """What belongs to it comes first."""
    state = minute_eight()

    assert f"step: {next_step(state)}" in briefing(state)
    assert "artifact list_123: clean-logs" in briefing(state)
