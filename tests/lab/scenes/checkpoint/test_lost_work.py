"""What a death costs under each strategy, counted and shown."""

import pytest

from agentstate_lab.errors import InvalidValue, LabError
from agentstate_lab.lab.agents import saving_agent
from agentstate_lab.lab.scenes.checkpoint import lost_work
from agentstate_lab.lab.scenes.checkpoint import lost_work_view as view
from agentstate_lab.lab.scenes.checkpoint.lost_work import LostWork
from agentstate_lab.lab.world import SCENARIOS

STEPS = tuple(step.name for step in SCENARIOS["deploy"].effects)


def made(**again):
    """Counts as if each agent had repeated so many effects, death by death."""
    return LostWork(
        dict.fromkeys(again, 3),
        {
            agent: {
                step: STEPS[place + 1 - count : place + 1]
                for place, (step, count) in enumerate(zip(STEPS, counts, strict=False))
            }
            for agent, counts in again.items()
        },
    )


def forgetful(job):
    """It does the job in one run, and nothing in a second."""
    task = job.need_store()
    if task.list_by_state("running"):
        return "done"
    return saving_agent(job)


def test_an_agent_that_does_half_of_the_job_is_no_result(world):
    """Effects that never happened are not "nothing was repeated"."""
    with pytest.raises(LabError, match="not done after a death"):
        lost_work({"forgetful": forgetful})


def test_no_agents_are_refused():
    """Nothing would be shown, and nothing was started."""
    with pytest.raises(InvalidValue, match="at least one"):
        lost_work({})


def test_the_widget_shows_the_death_that_was_chosen():
    """Another agent is shown at the same death."""
    box = view.lost_box(made(seldom=[1, 2], never=[0, 0]))
    agents, death, shown = box.children

    death.value = 1
    first = shown.value
    agents.value = "never"

    assert "announce         twice  &lt;- killed here" in first
    assert "open-ticket      twice" in first
    assert death.label == "announce"
    assert "announce         once  &lt;- killed here" in shown.value
    assert "none, never" in shown.value
