"""
The address of a task's state: two ids in, one URI out, and back.

    state://agents/{agent_id}/tasks/{task_id}

An id is data, and a URI has a grammar. Pasted together as they are, agent `a` with
task `b/tasks/c` and agent `a/tasks/b` with task `c` get the same address, and one
reads the other's state. So each id is percent-encoded as a whole before it goes in,
its slashes too, and decoded after it is taken out: two pairs of ids never share an
address, and one pair has one.

What could mean something else to whoever stores or serves it is refused rather than
encoded: a `..` between slashes, an absolute path, a control character, an id of
more than 200 characters. This module knows no protocol and asks no store.

Source: RFC 3986, section 2 (percent-encoding), and RFC 6570 (URI templates).
"""

import re
from typing import Final
from urllib.parse import quote, unquote

from agentstate_lab.errors import InvalidValue

TEMPLATE: Final = "state://agents/{agent_id}/tasks/{task_id}"

MAX_ID = 200  # characters, as many as a store takes

_PARTS = re.compile(r"state://agents/([^/]*)/tasks/([^/]*)")
_ABSOLUTE = re.compile(r"[/\\]|[A-Za-z]:")


def state_uri(agent_id: str, task_id: str) -> str:
    """
    The one address of this agent's task.

    Raises:
        InvalidValue: An id is not fit for an address.

    >>> state_uri("a", "b/tasks/c")
    'state://agents/a/tasks/b%2Ftasks%2Fc'
    >>> state_uri("a/tasks/b", "c")
    'state://agents/a%2Ftasks%2Fb/tasks/c'
    """
    agent, task = _checked("agent_id", agent_id), _checked("task_id", task_id)
    return f"state://agents/{quote(agent, safe='')}/tasks/{quote(task, safe='')}"


def ids_of(uri: str) -> tuple[str, str]:
    """
    The agent's id and the task's id in an address that `state_uri` made.

    Another spelling of the same address (`%61` for `a`) is refused: who compares
    addresses, as a subscription does, would take it for another task.

    Raises:
        InvalidValue: It is no such address.

    >>> ids_of("state://agents/a/tasks/b%2Ftasks%2Fc")
    ('a', 'b/tasks/c')
    """
    found = _PARTS.fullmatch(uri) if isinstance(uri, str) else None
    if found is None:
        raise InvalidValue("uri", f"{uri!r:.100} is not of the form {TEMPLATE}")
    agent_id, task_id = unquote(found[1]), unquote(found[2])
    if state_uri(agent_id, task_id) != uri:
        raise InvalidValue("uri", f"{uri!r:.100} is not percent-encoded as it must be")
    return agent_id, task_id


def _checked(name: str, value: str) -> str:
    """*value*, when it can be an id in an address."""
    if not isinstance(value, str) or not 0 < len(value) <= MAX_ID:
        raise InvalidValue(name, f"must be text of 1 to {MAX_ID} characters")
    if not value.isprintable() or value != value.strip():
        raise InvalidValue(name, "must be printable, without spaces around it")
    if _ABSOLUTE.match(value):
        raise InvalidValue(name, f"{value!r:.100} reads like an absolute path")
    if {".", ".."} & set(re.split(r"[/\\]", value)):
        raise InvalidValue(name, f"{value!r:.100} has a part that means another place")
    return value
