"""
What an answer gave back, as a reader of its report is told.

Every text is the same every time, whatever the answer's own objects do.
"""

import json
from typing import Any

from .answer import kind
from .stages import Unmet, require


def times(n: int) -> str:
    """How often, in words."""
    return {0: "not at all", 1: "once", 2: "twice"}.get(n, f"{n} times")


def shown(value: Any) -> str:
    """A value for a reader, whatever its own text does."""
    if value is None or type(value) in (bool, int, float, str):
        return repr(value)[:80]
    return kind(value)


def carried(error: BaseException | None) -> list[BaseException]:
    """
    The error and all that it carries: its cause, the cause of that, and so on.

    The members of an exception group count, too: who catches the group has them.
    What was merely being handled when it was raised (`__context__`) does not.

    >>> last = ValueError("no")
    >>> own = RuntimeError("gave up")
    >>> own.__cause__ = last
    >>> last in carried(own)
    True
    """
    found: list[BaseException] = []
    todo = [error]
    while todo:
        one = todo.pop()
        if one is None or any(one is seen for seen in found):
            continue
        found.append(one)
        todo.append(one.__cause__)
        if isinstance(one, BaseExceptionGroup):
            todo.extend(one.exceptions)
    return found


def plain(value: Any) -> Any:
    """The value as it comes out of a store; fails for what JSON cannot hold."""
    require(
        isinstance(value, dict),
        f"it returned {type(value).__name__}, not a dict"
        if value is not None
        else "it returned nothing (None): the new state must be returned",
    )
    try:
        return json.loads(json.dumps(value))
    except (TypeError, ValueError, RecursionError) as error:
        raise Unmet(
            f"it returned a state that JSON cannot hold ({error}), so no store can"
        ) from None
