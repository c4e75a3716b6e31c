"""
CrewAI Flows: `@persist` stores the state after each method.

Follows https://docs.crewai.com/en/guides/flows/mastering-flow-state, with
`SQLiteFlowPersistence`. `kickoff` with the id of the state loads it and begins again.
"""

import os
from typing import Any

from pydantic import Field

os.environ.setdefault("CREWAI_DISABLE_TELEMETRY", "true")
os.environ.setdefault("OTEL_SDK_DISABLED", "true")

# The first of these is slow, and each flow would import it: here, before the fork.
import crewai.memory.storage.lancedb_storage  # noqa: F401
from crewai.flow.flow import Flow, FlowState, listen, or_, router, start
from crewai.flow.persistence import SQLiteFlowPersistence, persist

from agentstate_lab.lab.agents import Job, ask, user_says

from ..kit import place, results


class Conversation(FlowState):
    """What is stored."""

    messages: list[dict[str, Any]] = Field(default_factory=list)


def run(job: Job, *, keyed: bool) -> str:
    """Kick the flow off, with what is stored under the id of the task."""
    flow = _flow(job, keyed)(suppress_flow_events=True)
    return str(flow.kickoff(inputs={"id": job.task_id}))


def _flow(job: Job, keyed: bool) -> Any:
    @persist(SQLiteFlowPersistence(str(place(job))))
    class Deployer(Flow[Conversation]):
        @start()
        def begin(self) -> None:
            if not self.state.messages:
                self.state.messages = [user_says(job.scenario.goal)]

        @router(or_("begin", "tools"))
        def model(self) -> str:
            if self.state.messages[-1]["role"] != "assistant":
                self.state.messages.append(ask(job, self.state.messages))
            return "call" if self.state.messages[-1].get("tool_calls") else "over"

        @listen("call")
        def tools(self) -> None:
            self.state.messages += results(job, self.state.messages[-1], keyed)

        @listen("over")
        def end(self) -> str:
            return str(self.state.messages[-1]["content"])

    return Deployer
