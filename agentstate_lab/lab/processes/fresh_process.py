"""
What happens inside a fresh process that `processes` has started.

It reads what it is to call from its standard input, says on a private line that it
is ready, waits to be let go, calls, and says what came back. If it dies on the way
it says nothing more, and the other side reads its exit status.

With a first byte to cut at, it forks one child for each byte instead: each child
begins as this process does, before the call, and is cut one byte later than the
one before it.

Nothing here is stored, and nothing is unpickled but the learner's own function,
which comes through a pipe from the learner's own process.
"""

import base64
import contextlib
import inspect
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from typing import IO, Any

from .cut import cut_writes_at

MAX_VALUE = 1_000_000
GRACE = 90  # seconds after its limit; then a process that nobody misses ends itself


class Line:
    """The private line to the process that asked; a message is a line of JSON."""

    def __init__(self) -> None:
        # Prints go to standard error, so that none ends up between the messages.
        self._requests: IO[bytes] = os.fdopen(os.dup(0), "rb")
        self._replies = os.dup(1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)

    def ask(self) -> dict[str, Any]:
        """The next message; nobody there to send one is the end."""
        line = self._requests.readline()
        if not line:
            os._exit(1)
        message: dict[str, Any] = json.loads(line)
        return message

    def say(self, **message: Any) -> None:
        """Send *message* in one piece."""
        data = memoryview(json.dumps(message).encode() + b"\n")
        while data:
            data = data[os.write(self._replies, data) :]

    def wait(self) -> None:
        """Say that we are here, and go on when everybody is."""
        self.say(waits=True)
        self.ask()


def main() -> None:
    """Serve the one request that this process was started for."""
    line = Line()
    request = line.ask()
    forget_me_not(request["limit"])
    sys.path.extend(place for place in request["path"] if place not in sys.path)
    try:
        call = rebuilt(request, line)
    except Exception as error:  # noqa: BLE001 - it may need anything to be rebuilt
        line.say(**raised(error))
        return
    line.wait()
    if "cut_from" in request:
        cut_at_each_byte(call, line, request)
        return
    said = result(call, request.get("cut_at"))
    with contextlib.suppress(Exception):
        sys.stdout.flush()
    line.say(**said)


def rebuilt(request: Mapping[str, Any], line: Line) -> Callable[[], Any]:
    """The call of *request*, with the barrier in it if it takes one."""
    import cloudpickle

    sent = base64.b64decode(request["pickle"])
    fn, args = cloudpickle.loads(sent)
    more = {"barrier": line.wait} if takes_barrier(fn) else {}
    return lambda: fn(*args, **more)


def takes_barrier(fn: Callable[..., Any]) -> bool:
    """Whether *fn* has a parameter of that name."""
    try:
        return "barrier" in inspect.signature(fn).parameters
    except (TypeError, ValueError):
        return False


def result(call: Callable[[], Any], cut_at: int | None = None) -> dict[str, Any]:
    """What became of the call, unless it took this process along."""
    try:
        if cut_at is not None:
            cut_writes_at(cut_at)
        value = call()
        size = len(json.dumps(value))
        if size > MAX_VALUE:
            raise ValueError(f"the value has {size} bytes, the limit is {MAX_VALUE}")
    except BaseException as error:  # noqa: BLE001 - a learner may raise anything
        return raised(error)
    return {"value": value}


def raised(error: BaseException) -> dict[str, Any]:
    """An error in words, even if it has none."""
    try:
        text = str(error)[:2_000]
    except Exception:  # noqa: BLE001 - the learner's own exception may fail here
        text = "(its text cannot be shown)"
    return {"raised": type(error).__name__, "text": text}


def cut_at_each_byte(
    call: Callable[[], Any], line: Line, request: Mapping[str, Any]
) -> None:
    """Fork a child that is cut one byte later, each time somebody asks for it."""
    import agentstate_lab.stores  # noqa: F401 - imported once here, not in each child

    cut_at = request["cut_from"]
    while True:
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            forget_me_not(request["limit"])
            line.say(**result(call, cut_at))
            sys.stdout.flush()
            os._exit(0)
        line.say(status=os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        line.ask()
        forget_me_not(request["limit"])
        cut_at += 1


def forget_me_not(limit: float) -> None:
    """End this process some day, should the one that asked die before it."""
    if hasattr(signal, "alarm"):
        signal.alarm(int(limit) + GRACE)


if __name__ == "__main__":
    main()
