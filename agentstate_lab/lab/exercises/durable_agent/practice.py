"""
The job of exercise 10, to be tried in the notebook: nobody is killed.

It is the job of the check without a file, without the world and without a fuse, and
its model can be put into the moods of the check. So a failure of a stage can be seen
where it happens, with its traceback.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agentstate_lab.lab.agents import Job
from agentstate_lab.stores import MemoryStore

from .job import REFUSED, SHOP, TASK_ID, refuse
from .model import Json, Model


@dataclass
class PracticeWorld:
    """
    A world in this process, which honours keys and counts.

    Attributes:
        happened: The steps whose effects happened, in order.
    """

    happened: list[str] = field(default_factory=list)
    _replies: dict[str, Json] = field(default_factory=dict, repr=False)

    def effect(
        self,
        effect: str,
        *,
        arguments: Mapping[str, Any],
        key: str | None = None,
        **more: Any,
    ) -> Json:
        """Request an effect; see `World.effect`."""
        step = SHOP.step_for(effect, arguments).name
        if step == REFUSED:
            return refuse()
        if key is not None and key in self._replies:
            return self._replies[key]
        self.happened.append(step)
        reply = {"status": "done", "effect": effect, "step": step}
        if key is not None:
            self._replies[key] = reply
        return reply


def practice_job(
    mood: str = "well", *, on_event: Callable[[str], object] = lambda text: None
) -> Job:
    """
    The job of the exercise, to be tried in the notebook: nobody is killed.

    Its store is in memory, its `world.happened` lists the effects, and no wait takes
    any time.

    Args:
        mood: How the model is: "well", "busy", "always busy", "empty", "always
            empty", "endless"; or "several, one refused" (or "unknown", or
            "garbled"): it calls for three things in one turn, and one cannot be done.

        on_event: Told of each step.
    """
    return Job(
        scenario=SHOP,
        task_id=TASK_ID,
        client=Model(mood).client(),
        model="scripted",
        world=PracticeWorld(),
        store=MemoryStore(),
        sleep=lambda seconds: None,
        on_event=on_event,
    )
