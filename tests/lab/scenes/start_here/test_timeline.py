"""Two runs of a job on one time line."""

import pytest

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.scenes.start_here import timeline
from agentstate_lab.lab.scenes.start_here.timeline import bars_of
from agentstate_lab.lab.show import Counted
from agentstate_lab.lab.world import SCENARIOS

DEPLOY = SCENARIOS["deploy"]


def count(*runs: int, task_id: str = "friday") -> Counted:
    """The count after runs that did their first so many effects."""
    names = [step.name for done in runs for step in DEPLOY.effects[:done]]
    return Counted(task_id, DEPLOY, {name: names.count(name) for name in names})


def test_the_timeline_of_an_agent_that_goes_on_repeats_nothing():
    """The same picture, after the repair, has no step twice."""
    bars = bars_of(count(7), count(8), died=8)

    assert [word for _, _, word in bars][8:] == ["looks", "done", "looks"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(count(), count(8), id="nothing-before-the-kill"),
        pytest.param(count(7), count(8, task_id="monday"), id="two-tasks"),
    ],
)
def test_a_timeline_of_what_is_no_death_is_refused(before, after):
    """A picture of two jobs would look right and mean nothing."""
    with pytest.raises(InvalidValue, match="two counts of one task"):
        timeline(before, after)
