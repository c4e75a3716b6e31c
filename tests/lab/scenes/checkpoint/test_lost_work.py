"""What a death costs under each strategy, counted and shown."""

import pytest

from agentstate_lab.errors import InvalidValue, LabError
from agentstate_lab.lab.agents import saving_agent
from agentstate_lab.lab.scenes.checkpoint import lost_work
from agentstate_lab.lab.scenes.checkpoint import lost_work_view as view
from agentstate_lab.lab.scenes.checkpoint.lost_work import AGENTS, LostWork
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


def test_each_strategy_repeats_what_it_has_not_saved(world):
    """
    Really killed after each effect: what a turn or a run holds is lost with it.
    """
    chosen = {name: AGENTS[name] for name in ("every_iteration", "every_step")}

    lost = lost_work(chosen)

    assert lost.steps == STEPS
    assert lost.counts("every_iteration") == [1, 2, 1, 2, 3, 1, 2, 3]
    assert lost.again["every_iteration"]["deploy-api"] == (
        "deploy-database",
        "deploy-api",
    )
    assert lost.counts("every_step") == [1] * 8
    assert lost.writes == {"every_iteration": 7, "every_step": 13}


def forgetful(job):
    """It does the job in one run, and nothing in a second."""
    task = job.need_store()
    if task.list_by_state("running"):
        return "done"
    return saving_agent(job)


def test_an_agent_that_does_half_of_the_job_is_no_result(world):
    """
    Effects that never happened are not "nothing was repeated".
    """
    with pytest.raises(LabError, match="not done after a death"):
        lost_work({"forgetful": forgetful})


def test_no_agents_are_refused():
    """
    Nothing would be shown, and nothing was started.
    """
    with pytest.raises(InvalidValue, match="at least one"):
        lost_work({})


def test_mean_and_worst_are_over_all_deaths():
    """
    One death of each.
    """
    lost = made(seldom=[1, 2, 3], often=[1, 1, 1], never=[0, 0, 0])

    assert [lost.mean(agent) for agent in lost.again] == [2.0, 1.0, 0.0]
    assert [lost.worst(agent) for agent in lost.again] == [3, 1, 0]


def test_the_table_holds_every_death():
    """
    A row for each step, a column for each agent.
    """
    table = view.lost_table(made(seldom=[1, 2], never=[0, 0]))

    assert table.head == ("killed after", "seldom", "never")
    assert table.rows == (
        ("open-ticket", "1 again", "none"),
        ("announce", "2 again", "none"),
    )


def test_the_widget_shows_the_death_that_was_chosen():
    """
    Another agent is shown at the same death.
    """
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


def test_the_stored_output_is_the_table(shown):
    """
    One output: alive it is the widget, stored it is the twin.
    """
    view.what_is_lost(made(seldom=[1, 2], never=[0, 0]))

    [bundle] = shown
    assert "2 again" in bundle["text/plain"]
    assert "<table" in bundle["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in bundle
