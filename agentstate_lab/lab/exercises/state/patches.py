"""
Patches and states of exercise 01, as plain JSON, and what a state holds afterwards.
"""

import copy
from typing import Any

from ..judge import Subject, plain, require

State = dict[str, Any]

START: State = {
    "version": 4,
    "facts": [{"key": "region", "value": "eu"}, {"key": "replicas", "value": 2}],
    "plan": ["check status", "deploy"],
    "questions": ["which namespace?"],
    "applied": [],
}


def patch(identity: str, base: int, *operations: dict[str, Any]) -> State:
    """A patch as plain JSON."""
    return {"id": identity, "base_version": base, "operations": list(operations)}


def append(*pairs: tuple[str, Any]) -> dict[str, Any]:
    """The operation that adds facts at the end."""
    facts = [{"key": key, "value": value} for key, value in pairs]
    return {"op": "append_facts", "facts": facts}


def upsert(key: str, value: Any) -> dict[str, Any]:
    """The operation that sets the one fact of a key."""
    return {"op": "upsert_fact", "fact": {"key": key, "value": value}}


def close(question: str) -> dict[str, Any]:
    """The operation that takes an open question away."""
    return {"op": "close_question", "question": question}


def applied(answer: Subject, state: State, *patches: State) -> State:
    """The state after *patches*, through JSON after each."""
    for one in patches:
        state = plain(answer(copy.deepcopy(state), copy.deepcopy(one)))
    return state


def part(state: State, key: str) -> Any:
    """One part of a state; fails when it is gone."""
    require(key in state, f"the new state has no {key!r}")
    return state[key]


def are(state: State, *wanted: tuple[str, Any]) -> None:
    """Fail unless the facts are these; their order is the answer's own affair."""
    found = [(one["key"], one["value"]) for one in part(state, "facts")]
    same = sorted(found, key=repr) == sorted(wanted, key=repr)
    require(same, f"the facts were {shown(state)}")


def are_open(state: State, wanted: list[str]) -> None:
    """Fail unless these questions are open, in this order."""
    found = part(state, "questions")
    require(found == wanted, f"the questions were {found}")


def is_version(state: State, wanted: int) -> None:
    """Fail unless the version is this number, and a number at all."""
    found = part(state, "version")
    same = type(found) is int and found == wanted
    require(same, f"the version was {found!r}")


def shown(state: State) -> str:
    """The facts, short."""
    try:
        return ", ".join(f"{one['key']}={one['value']}" for one in state["facts"])
    except (KeyError, TypeError):
        return repr(state["facts"])[:200]
