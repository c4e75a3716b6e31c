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

import contextlib
import itertools
import os
import queue
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from agentstate_lab import system
from agentstate_lab.errors import InvalidValue

from . import call
from .ended import CUT_OFF, Ended
from .handle import READY_WITHIN, Inbox, Process
from .line import Message

CALL = call.__name__  # the module that serves in a process of ours
LIMIT = 30.0  # seconds; what a lesson does in a process takes a tenth of one
# Where nothing can be forked, each death costs the start of a Python.
STRIDE = 16


def in_new_process(
    fn: Callable[..., Any],
    *args: Any,
    cut_at: int | None = None,
    limit: float = LIMIT,
    environment: Mapping[str, str] | None = None,
) -> Ended:
    """
    Call `fn(*args)` in a fresh process and wait for its end.

    Args:
        fn: The function; it may come from a notebook.

        args: What it is called with.

        cut_at: End the process at the first byte beyond this many that it writes
            to any file.

        limit: Seconds after which the process is ended.

        environment: What the process finds there, besides what this one has.

    Raises:
        InvalidValue: The function cannot be sent, or *cut_at* is no number of
            bytes. Nothing was started.
    """
    request = request_for(fn, args, limit, cut_at=cut_at)
    return _all([request], limit, environment)[0]


def all_at_once(
    fn: Callable[..., Any],
    arguments: Iterable[Any],
    *,
    limit: float = LIMIT,
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


def cut_at_each_byte(fn: Callable[..., Any], *args: Any) -> Iterator[Ended]:
    """
    Call `fn(*args)` in a process that dies at byte 0, then 1, 2, ... of its write.

    The last process is the first that is not cut. Between two of them the caller
    looks at what is left, and may put things back.

    Where nothing can be forked (Windows), only every sixteenth byte has its death.
    """
    ends = _forked_ends if system.HAS_FORK else _lonely_ends
    for ended in ends(fn, args):
        yield ended
        if not ended.how.startswith(CUT_OFF):
            return


def _forked_ends(fn: Callable[..., Any], args: tuple[Any, ...]) -> Iterator[Ended]:
    """One fresh process, which forks a child for each byte."""
    with Process(CALL, {**request_for(fn, args, LIMIT), "cut_from": 0}) as process:
        ready = process.must_say(READY_WITHIN)
        if "raised" in ready:  # it could not even be rebuilt there
            yield Ended.told(ready)
            return
        for cut_at in itertools.count():
            process.say(go=True)
            report = process.must_say(LIMIT)
            if "status" in report:  # it died without a word
                yield Ended.died(report["status"], cut_at)
            else:
                process.must_say(LIMIT)
                yield Ended.told(report)


def _lonely_ends(fn: Callable[..., Any], args: tuple[Any, ...]) -> Iterator[Ended]:
    """A new Python for each death: slower, so there are fewer of them."""
    for cut_at in itertools.count(0, STRIDE):
        yield in_new_process(fn, *args, cut_at=cut_at)


def request_for(
    fn: Callable[..., Any],
    args: tuple[Any, ...],
    limit: float,
    *,
    cut_at: int | None = None,
) -> Message:
    """What a process that serves `CALL` needs to know to call `fn(*args)`."""
    request = {"limit": limit, "cut_at": cut_at}
    if cut_at is not None and (type(cut_at) is not int or cut_at < 0):
        raise InvalidValue(
            "cut_at", f"a number of bytes from 0 is needed, not {cut_at!r:.100}"
        )
    try:
        return {**request, "call": call.pack((fn, args))}
    except Exception as error:
        raise InvalidValue(
            "fn",
            f"cannot be sent to another process ({error}); hand over plain values,"
            " and open stores and connections inside the function",
        ) from error


def _all(
    requests: list[Message],
    limit: float,
    environment: Mapping[str, str] | None = None,
) -> list[Ended]:
    """Run each request in a process of its own, and say how each ended."""
    inbox: Inbox = queue.Queue()
    env = {**os.environ, **environment} if environment else None
    with contextlib.ExitStack() as stack:
        processes = [
            stack.enter_context(Process(CALL, request, inbox=inbox, environment=env))
            for request in requests
        ]
        reports = _listen(processes, inbox, limit)
        ends = []
        for process, request in zip(processes, requests, strict=True):
            if process not in reports:
                ends.append(Ended.late(limit, process.output))
                continue
            report, status = reports[process], process.end(5)
            ends.append(
                Ended.told(report, process.output)
                if report
                else Ended.died(status, request["cut_at"], process.output)
            )
    return ends


def _listen(
    processes: list[Process], inbox: Inbox, limit: float
) -> dict[Process, Message | None]:
    """
    What each process said last, or None when it died; who is late is missing.

    When everybody who is still there waits at a barrier, all are let through. The
    first barrier is before the call, and the *limit* counts from there.
    """
    called, end = False, time.monotonic() + READY_WITHIN
    said_last: dict[Process, Message | None] = {}
    waiting: set[Process] = set()
    while len(said_last) < len(processes):
        try:
            process, said = inbox.get(timeout=max(0.0, end - time.monotonic()))
        except queue.Empty:
            break
        if said is not None and "waits" in said:
            waiting.add(process)
        elif process not in said_last:
            said_last[process] = said
            waiting.discard(process)
        if waiting and len(waiting) + len(said_last) == len(processes):
            if not called:
                called, end = True, time.monotonic() + limit
            for one in waiting:
                one.say(go=True)
            waiting.clear()
    return said_last
