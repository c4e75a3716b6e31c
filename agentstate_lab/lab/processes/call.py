"""
What happens inside a process that `processes` has started: one call.

It says that it is ready, waits to be let go, calls, and says what came back. If it
dies on the way it says nothing more, and the other side reads its exit status.

With a first byte to cut at, it forks one child for each byte instead: each child
begins as this process does, before the call, and is cut one byte later than the
one before it.
"""

import base64
import contextlib
import functools
import inspect
import itertools
import json
import sys
from collections.abc import Callable
from typing import Any

from .cut import cut_writes_at
from .line import Line, Message, in_fork

MAX_VALUE = 1_000_000


def serve(line: Line, request: Message) -> None:
    """Make the one call that this process was started for."""
    try:
        call = _rebuilt(request["call"], line)
    except Exception as error:  # noqa: BLE001 - it may need anything to be rebuilt
        line.say(**_raised(error))
        return
    line.wait()
    if "cut_from" in request:
        _cut_at_each_byte(call, line, request["cut_from"])
    else:
        _tell(call, line, request.get("cut_at"))


def pack(what: object) -> str:
    """*what* as text that travels to another process; see `unpack`."""
    import cloudpickle

    return base64.b64encode(cloudpickle.dumps(what)).decode()


def unpack(sent: str) -> Any:
    """What `pack` was given: it came through a pipe, from the process that asked."""
    import cloudpickle

    return cloudpickle.loads(base64.b64decode(sent))


def _rebuilt(sent: str, line: Line) -> Callable[[], Any]:
    """The call that was sent, with the barrier in it if it takes one."""
    fn, args = unpack(sent)
    more = {"barrier": line.wait} if _takes_barrier(fn) else {}
    return lambda: fn(*args, **more)


def _takes_barrier(fn: Callable[..., Any]) -> bool:
    """Whether *fn* has a parameter of that name."""
    try:
        return "barrier" in inspect.signature(fn).parameters
    except (TypeError, ValueError):
        return False


def _tell(call: Callable[[], Any], line: Line, cut_at: int | None) -> None:
    """Say what became of the call, unless it takes this process along."""
    try:
        if cut_at is not None:
            cut_writes_at(cut_at)
        value = call()
        size = len(json.dumps(value))
        if size > MAX_VALUE:
            raise ValueError(f"the value has {size} bytes, the limit is {MAX_VALUE}")
        said = {"value": value}
    except BaseException as error:  # noqa: BLE001 - a learner may raise anything
        said = _raised(error)
    with contextlib.suppress(Exception):
        sys.stdout.flush()
    line.say(**said)


def text_of(error: BaseException) -> str:
    """The text of an error, even if it fails to have one."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - it may be the learner's own
        return "(its text cannot be shown)"


def _raised(error: BaseException) -> Message:
    return {"raised": type(error).__name__, "text": text_of(error)[:2_000]}


def _cut_at_each_byte(call: Callable[[], Any], line: Line, first: int) -> None:
    """Fork a child that is cut one byte later, each time somebody asks for it."""
    import agentstate_lab.stores  # noqa: F401 - imported once here, not in each child

    for cut_at in itertools.count(first):
        cut = functools.partial(_tell, call, line, cut_at)
        line.say(status=in_fork(line, cut).status)
        line.ask()
