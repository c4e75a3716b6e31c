"""
What a run tells while it runs: one line at a time, and how far it has come.

An event is told after what it tells is stored. Whoever listens may draw a bar, write
a log, or raise: a run that is ended by its listener has lost nothing.
"""

from dataclasses import dataclass

from agentstate_lab.state import Task, TaskState

from .finished import Finished


@dataclass(frozen=True, slots=True)
class AgentEvent:
    """
    Something that happened in a run.

    Attributes:
        kind: "found" (an earlier run's work), "shown" (a request did not hold all
            that is known), "asked" (the model has answered), "step" (a tool has done
            its work), "refused" (it has not), "waiting" (a person is needed) or
            "ended".

        text: One line about it.

        step: The step that it is about, if it is about one.

        done: How many steps are done.

        turns: How many turns were used, by all runs of the task together.

        max_turns: How many the budget has.

        seconds_left: How much of its time is left.
    """

    kind: str
    text: str
    step: str = ""
    done: int = 0
    turns: int = 0
    max_turns: int = 0
    seconds_left: float = 0.0


def found(task: Task) -> str:
    """What an earlier run has left, in words."""
    done = Finished.of(task.agent_state).steps
    said = {0: "no step is done yet", 1: "1 step is done"}
    return f"found the task: {said.get(done, f'{done} steps are done')}"


def end_of(task: Task) -> tuple[str, str]:
    """The kind and the text of a run's last event."""
    if task.state is TaskState.WAITING:
        asked = " ".join(task.agent_state.open_questions) or task.error
        return "waiting", f"waiting for a person: {asked}"
    said = task.result if task.state is TaskState.COMPLETED else task.error
    return "ended", f"{task.state}: {said}" if said else str(task.state)
