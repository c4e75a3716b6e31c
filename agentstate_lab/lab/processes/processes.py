"""
Call a function in a process that shares nothing with this one.

A store is what a *new* process finds, so a lesson on stores needs new processes:

    in_new_process(fn, path)                  one, and how it ended
    in_new_process(fn, path, cut_at=40)       one that dies at byte 40 of its write
    for ended in cut_at_each_byte(fn, path):  one for each byte, until one returns
    all_at_once(fn, ["a", "b"])               several, let go together

The function goes through a pipe (`cloudpickle`), so it may stand in a notebook, and
it takes a copy of what it uses along: nothing that it changes is changed here. Its
value comes back as JSON.

Each process has a limit and ends when it is reached, or when this process ends.
What it prints is kept up to a limit. How it ended is said in words, and neither
process ids nor paths are in them, so that they are the same in every run.
"""

import base64
import contextlib
import itertools
import os
import queue
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from agentstate_lab.errors import InvalidValue

from .cut import was_cut
from .process_handle import READY_WITHIN, Inbox, Message, Process, listen

LIMIT = 30.0  # seconds; what a lesson does in a process takes a tenth of one
HAS_FORK = hasattr(os, "fork")
# Where nothing can be forked, each death costs the start of a Python.
STRIDE = 1 if HAS_FORK else 16

CUT_OFF = "cut off at byte"


@dataclass(frozen=True, slots=True)
class Ended:
    """
    How a process ended.

    Attributes:
        how: In words, for example "returned" or "killed by SIGKILL".

        value: What the function returned, if it returned.

        error: The text of what it raised, if it raised.

        output: What it printed, cut at 10,000 characters.

    >>> in_new_process(divmod, 7, 2)
    returned [3, 1]
    >>> in_new_process(divmod, 7, 0)
    raised ZeroDivisionError
    """

    how: str
    value: Any = None
    error: str = ""
    output: str = ""

    @property
    def returned(self) -> bool:
        """Whether the function came back normally."""
        return self.how == "returned"

    def __str__(self) -> str:
        return self.how

    def __repr__(self) -> str:
        if self.returned and self.value is not None:
            return f"returned {self.value!r}"
        return self.how


def in_new_process(
    fn: Callable[..., Any],
    *args: Any,
    cut_at: int | None = None,
    limit: float = LIMIT,
) -> Ended:
    """
    Call `fn(*args)` in a fresh process and wait for its end.

    Args:
        fn: The function; it may come from a notebook.

        args: What it is called with.

        cut_at: End the process at the first byte beyond this many that it writes
            to any file.

        limit: Seconds after which the process is ended.

    Raises:
        InvalidValue: The function cannot be sent, or *cut_at* is no number of
            bytes. Nothing was started.
    """
    request = request_for(fn, args, limit)
    if cut_at is not None:
        request["cut_at"] = _byte(cut_at)
    return _all([request], limit)[0]


def all_at_once(
    fn: Callable[..., Any], arguments: Iterable[Any], *, limit: float = LIMIT
) -> list[Ended]:
    """
    Call *fn* once for each of *arguments*, each in a fresh process, all together.

    They are let go when all are ready. A function with a parameter named `barrier`
    gets one: each call of `barrier()` waits until every process that is still
    running has called it, which makes a race happen the same way every time.

    Returns:
        How each process ended, in the order of *arguments*.
    """
    return _all([request_for(fn, (argument,), limit) for argument in arguments], limit)


def cut_at_each_byte(
    fn: Callable[..., Any], *args: Any, limit: float = LIMIT
) -> Iterator[Ended]:
    """
    Call `fn(*args)` in a process that dies at byte 0, then 1, 2, ... of its write.

    The last process is the first that is not cut. Between two of them the caller
    looks at what is left, and may put things back.

    Where nothing can be forked (Windows), only every sixteenth byte has its death.
    """
    ends = _forked_ends if HAS_FORK else _lonely_ends
    for ended in ends(fn, args, limit):
        yield ended
        if not ended.how.startswith(CUT_OFF):
            return


def _forked_ends(
    fn: Callable[..., Any], args: tuple[Any, ...], limit: float
) -> Iterator[Ended]:
    """One fresh process, which forks a child for each byte."""
    inbox: Inbox = queue.Queue()
    request = {**request_for(fn, args, limit), "cut_from": 0}
    with Process(request, inbox) as process:
        ready = process.hear(READY_WITHIN)
        if "raised" in ready:  # it could not even be rebuilt there
            yield _ended(ready)
            return
        for cut_at in itertools.count():
            process.say(go=True)
            report = process.hear(limit)
            if "status" in report:  # it died without a word
                yield Ended(_death(report["status"], cut_at))
            else:
                process.hear(limit)
                yield _ended(report)


def _lonely_ends(
    fn: Callable[..., Any], args: tuple[Any, ...], limit: float
) -> Iterator[Ended]:
    """A new Python for each death: slower, so there are fewer of them."""
    for cut_at in itertools.count(0, STRIDE):
        yield in_new_process(fn, *args, cut_at=cut_at, limit=limit)


def _byte(cut_at: int) -> int:
    if isinstance(cut_at, bool) or not isinstance(cut_at, int) or cut_at < 0:
        raise InvalidValue(
            "cut_at", f"a number of bytes from 0 is needed, not {cut_at!r:.100}"
        )
    return cut_at


def request_for(fn: Callable[..., Any], args: tuple[Any, ...], limit: float) -> Message:
    """What the other process needs to know to call `fn(*args)`."""
    import cloudpickle

    try:
        sent = cloudpickle.dumps((fn, args))
    except Exception as error:
        raise InvalidValue(
            "fn",
            f"cannot be sent to another process ({error}); hand over plain values,"
            " and open stores and connections inside the function",
        ) from error
    pickle = base64.b64encode(sent).decode()
    return {"pickle": pickle, "path": sys.path, "limit": limit}


def _all(requests: list[Message], limit: float) -> list[Ended]:
    """Run each request in a process of its own, and say how each ended."""
    inbox: Inbox = queue.Queue()
    with contextlib.ExitStack() as stack:
        processes = [stack.enter_context(Process(r, inbox)) for r in requests]
        reports = listen(processes, inbox, limit)
        late = f"ran longer than {limit:g} s and was ended"
        ends = []
        for process, request in zip(processes, requests, strict=True):
            if process not in reports:
                ends.append(Ended(late, output=process.output))
            elif (report := reports[process]) is None:
                how = _death(process.end(5), request.get("cut_at"))
                ends.append(Ended(how, output=process.output))
            else:
                process.end(5)
                ends.append(_ended(report, process.output))
    return ends


def _ended(report: Message, output: str = "") -> Ended:
    """The end of a process that lived to tell it."""
    if "raised" in report:
        how = f"raised {report['raised']}"
        return Ended(how, error=report["text"], output=output)
    return Ended("returned", value=report["value"], output=output)


def _death(status: int, cut_at: int | None) -> str:
    """The end of a process that did not, from its exit status."""
    from agentstate_lab.lab.crash import KILLED_EXIT

    if cut_at is not None and was_cut(status):
        return f"{CUT_OFF} {cut_at}"
    if os.name == "nt" and status == KILLED_EXIT:
        return "killed, as by SIGKILL"
    if status >= 0:
        return f"ended itself with exit status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"
