"""
LangGraph, graph API: a checkpoint of the whole state after each node.

Follows https://docs.langchain.com/oss/python/langgraph/durable-execution, on SQLite.
`durability`: "sync" writes before the next node begins, "async" while it runs, "exit"
when the graph ends.
"""

import operator
from typing import Annotated, Any, TypedDict

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph

from agentstate_lab.lab.agents import Job, ask, user_says

from ..kit import place, results


class State(TypedDict):
    """What a checkpoint holds."""

    messages: Annotated[list[dict[str, Any]], operator.add]


def run(job: Job, *, keyed: bool, durability: str = "sync") -> str:
    """Invoke with the goal, or with None to go on from the last checkpoint."""
    with SqliteSaver.from_conn_string(str(place(job))) as saver:
        graph = _graph(job, keyed).compile(checkpointer=saver)
        thread = {"configurable": {"thread_id": job.task_id}, "recursion_limit": 100}
        goal = {"messages": [user_says(job.scenario.goal)]}
        begin = None if graph.get_state(thread).values else goal
        state = graph.invoke(begin, thread, durability=durability)
        return str(state["messages"][-1]["content"])


def fork(job: Job, source: str, after: int, *, keyed: bool, durability: str) -> str:
    """Invoke from an old checkpoint, which makes a branch of the same thread."""
    with SqliteSaver.from_conn_string(str(place(source))) as saver:
        graph = _graph(job, keyed).compile(checkpointer=saver)
        past = graph.get_state_history({"configurable": {"thread_id": source}})
        then = next(s for s in past if len(s.values["messages"]) == 1 + 2 * after)
        return str(graph.invoke(None, then.config, durability=durability))


def _graph(job: Job, keyed: bool) -> Any:
    """A node that asks the model, a node that calls its tools."""

    def model(state: State) -> State:
        return {"messages": [ask(job, state["messages"])]}

    def tools(state: State) -> State:
        return {"messages": results(job, state["messages"][-1], keyed)}

    def chosen(state: State) -> str:
        return "tools" if state["messages"][-1].get("tool_calls") else END

    graph = StateGraph(State).add_node("model", model).add_node("tools", tools)
    graph.add_edge(START, "model").add_conditional_edges("model", chosen)
    return graph.add_edge("tools", "model")
