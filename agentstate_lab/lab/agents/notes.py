"""
The note that one agent leaves for the next: an `AgentState` as JSON.

A finished step is the fact `done:STEP`. `render_note` turns a state into the lines
that the scripted model reads (goal, plan, done). Limits and approvals are not in
them: those are for the agent's code to keep, not for the model to remember.

Nothing here is stored; `agents` decides what becomes of a note.
"""

import json

from agentstate_lab.lab.world import Step
from agentstate_lab.state import (
    AgentState,
    Fact,
    Operation,
    StatePatch,
    Task,
    UpsertFact,
    UseBudget,
)

DONE = "done:"  # control data to others: over MCP, nobody may write it


def steps_done(state: AgentState, mark: str = DONE) -> list[str]:
    """The names of the steps that *state* knows to be done, in its order."""
    keys = (fact.key for fact in state.known_facts)
    return [key.removeprefix(mark) for key in keys if key.startswith(mark)]


def next_step(state: AgentState) -> str:
    """The first step of the plan that is not known to be done; empty at the end."""
    done = steps_done(state)
    return next((step for step in state.plan if step not in done), "")


def render_note(state: AgentState, mark: str = DONE) -> str:
    """
    What the model is told of *state*, in the lines that it understands.

    Args:
        state: What is known.

        mark: How the keys of finished steps begin.

    >>> fact = Fact(key="done:open-ticket", value="ok")
    >>> print(render_note(AgentState(goal="Deploy it.", known_facts=[fact])))
    goal: Deploy it.
    done: open-ticket
    """
    lines = [f"goal: {state.goal}"]
    lines += [f"plan: {step}" for step in state.plan]
    lines += [f"done: {step}" for step in steps_done(state, mark)]
    return "\n".join(lines)


def done_fact(step: Step, result: str, mark: str = DONE) -> UpsertFact:
    """The operation that records *step* and what came out of it."""
    fact = Fact(key=f"{mark}{step.name}", value=result, source=step.tool)
    return UpsertFact(fact=fact)


def done_patch(task: Task, step: Step, result: str) -> StatePatch:
    """What *step* taught, as a patch whose id is the same in every run."""
    return StatePatch(
        id=f"done:{step.name}",
        base_version=task.version,
        operations=(done_fact(step, result), UseBudget(steps=1)),
    )


def receipt(result: str) -> str:
    """
    What is worth knowing of a tool's result: its receipt, if it has one.

    >>> receipt('{"receipt": "deploy-4", "status": "done"}'), receipt("healthy, 4.1")
    ('deploy-4', 'healthy, 4.1')
    """
    try:
        return str(json.loads(result)["receipt"])
    except (ValueError, TypeError, KeyError):
        return result


def learn(state: AgentState, *operations: Operation) -> AgentState:
    """*state* after *operations*, for an agent that has no task to count versions."""
    version = len(state.applied_patches)
    patch = StatePatch(
        id=f"note:{version}", base_version=version, operations=operations
    )
    return state.apply(patch, version=version)
