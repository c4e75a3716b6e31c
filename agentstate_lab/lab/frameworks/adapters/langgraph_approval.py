"""
LangGraph, with a person who must agree to each effect before it runs.

A node asks as https://docs.langchain.com/oss/python/langgraph/interrupts says; a fork
is what https://docs.langchain.com/oss/python/langgraph/use-time-travel calls a replay.
"""

from typing import Any

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt

from agentstate_lab.lab.agents import Job, ask, user_says

from ..kit import place, results
from .langgraph_graph import State


def run(job: Job, *, keyed: bool, durability: str = "sync") -> str:
    """Begin; the person says yes to whatever is asked."""
    with SqliteSaver.from_conn_string(str(place(job))) as saver:
        graph = _graph(job, keyed).compile(checkpointer=saver)
        thread = {"configurable": {"thread_id": job.task_id}, "recursion_limit": 100}
        begin = {"messages": [user_says(job.scenario.goal)]}
        state = graph.invoke(begin, thread, durability=durability)
        while "__interrupt__" in state:
            yes: Any = Command(resume=True)
            state = graph.invoke(yes, thread, durability=durability)
        return str(state["messages"][-1]["content"])


def fork(job: Job, source: str, *, keyed: bool, durability: str = "sync") -> str:
    """Invoke from the checkpoint behind a yes; nobody says yes again."""
    with SqliteSaver.from_conn_string(str(place(source))) as saver:
        graph = _graph(job, keyed).compile(checkpointer=saver)
        past = list(graph.get_state_history({"configurable": {"thread_id": source}}))
        allowed = [one for one in reversed(past) if one.next == ("tools",)]
        then = allowed[1]  # the first was a look
        return str(graph.invoke(None, then.config, durability=durability))


def _graph(job: Job, keyed: bool) -> Any:
    """A node that asks the model, one that asks a person, one that acts."""

    def model(state: State) -> State:
        return {"messages": [ask(job, state["messages"])]}

    def person(state: State) -> Command[Any]:
        calls = state["messages"][-1].get("tool_calls", [])
        if not calls:
            return Command(goto=END)
        return Command(goto="tools" if interrupt(calls) else END)

    def tools(state: State) -> State:
        return {"messages": results(job, state["messages"][-1], keyed)}

    graph = StateGraph(State).add_node("model", model).add_node("person", person)
    graph.add_node("tools", tools).add_edge(START, "model")
    return graph.add_edge("model", "person").add_edge("tools", "model")
