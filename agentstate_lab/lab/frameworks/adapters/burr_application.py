"""
Burr: the state and the next action, stored after each action.

Follows https://burr.apache.org/concepts/state-persistence/, with `SQLitePersister` and
`resume_at_next_action=True`.
"""

from typing import Any

from burr.core import ApplicationBuilder, State, action, default, when
from burr.core.persistence import SQLitePersister

from agentstate_lab.lab.agents import Job, ask, user_says

from ..kit import place, results


def run(job: Job, *, keyed: bool) -> str:
    """Begin at the model, or go on at the action that was next."""
    persister = SQLitePersister(str(place(job)))
    persister.initialize()
    model, tools = _actions(job, keyed)
    application = (
        ApplicationBuilder()
        .with_actions(model=model, tools=tools, end=_end)
        .with_transitions(
            ("model", "tools", when(calls=True)), ("model", "end", default)
        )
        .with_transitions(("tools", "model", default))
        .with_identifiers(app_id=job.task_id)
        .initialize_from(
            persister,
            resume_at_next_action=True,
            default_state={"messages": [user_says(job.scenario.goal)]},
            default_entrypoint="model",
        )
        .with_state_persister(persister)
        .build()
    )
    state = application.run(halt_after=["end"])[2]
    return str(state["messages"][-1]["content"])


@action(reads=[], writes=[])
def _end(state: State[Any]) -> State[Any]:
    return state


def _actions(job: Job, keyed: bool) -> tuple[Any, Any]:
    @action(reads=["messages"], writes=["messages", "calls"])
    def model(state: State[Any]) -> State[Any]:
        message = ask(job, state["messages"])
        return state.append(messages=message).update(calls="tool_calls" in message)

    @action(reads=["messages"], writes=["messages"])
    def tools(state: State[Any]) -> State[Any]:
        said = results(job, state["messages"][-1], keyed)
        return state.extend(messages=said)

    return model, tools
