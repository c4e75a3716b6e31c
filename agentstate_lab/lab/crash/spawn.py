"""
The helper that forks a fresh process for each run that is meant to die.

A crash lesson needs a process that shares nothing with the one before it, many
times over. Starting Python and importing the client takes the better part of a
second, so this process (`python -m agentstate_lab.lab.crash.spawn`) does that once, and
forks a child for each request that comes in. It waits for the child, so it knows
for certain how it ended: a process that was waited for is gone, and its status
names the signal.

With `--once` it runs one request itself, where there is no fork.

Nothing is left behind: it ends when its standard input closes, which also happens
when its parent is killed; each run has a limit; and what a run has started ends
with it. The other end of the pipe is in `spawner`.
"""

import contextlib
import json
import os
import select
import signal
import sys
import time
from typing import Any, NoReturn

IDLE_LIMIT = 600.0  # seconds without a request after which the helper ends
MAX_REPORT = 1_000_000

Message = dict[str, Any]


def serve() -> None:
    """Fork a child for each request, until nobody is there to ask."""
    from . import victim  # what the children need is imported once, here

    victim.prepare()
    requests, replies = _take_standard_files()
    while select.select([requests], [], [], IDLE_LIMIT)[0]:
        try:
            request = receive(requests)
        except EOFError:
            return
        victim.prepare_store(request.get("store_url"))
        victim.prepare_agent(request.get("module"))
        send(replies, _run_forked(request, requests, replies))


def serve_once() -> None:
    """Run one request in this very process."""
    requests, replies = _take_standard_files()
    _run_here(receive(requests), replies)


def _take_standard_files() -> tuple[int, int]:
    """
    Keep the two pipes for ourselves, and leave nothing to read or write.

    What a learner's agent prints must not end up between our messages.
    """
    requests, replies = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.close(nothing)
    return requests, replies


def _run_here(request: Message, report: int) -> NoReturn:
    """Run *request*, say how it went, and end this process whatever happens."""
    from . import victim

    os.dup2(0, 2)  # what an agent writes there would have no end
    status = 70
    try:
        victim.run(
            request, lambda said: _write(report, json.dumps(said).encode() + b"\n")
        )
        status = 0
    finally:
        os._exit(status)


def _run_forked(request: Message, requests: int, replies: int) -> Message:
    """Fork a child for *request* and wait until it is gone."""
    listening, reporting = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        os.close(requests)
        os.close(replies)
        os.close(listening)
        _run_here(request, reporting)
    os.close(reporting)
    end = time.monotonic() + request["limit"]
    said, status, timed_out = _watch(pid, listening, requests, end)
    os.close(listening)
    return {
        "pid": pid,
        "status": os.waitstatus_to_exitcode(status),
        "timed_out": timed_out,
        "report": last_message(said),
    }


def _watch(
    pid: int, listening: int, requests: int, end: float
) -> tuple[bytes, int, bool]:
    """What the child *pid* said, its wait status, and whether it had to be ended."""
    said = b""
    heard: list[int] = [listening, requests]
    while True:
        left = max(0.0, end - time.monotonic())
        wait = min(left, 0.05 if listening in heard else 0.001)
        ready = select.select(heard, [], [], wait)[0]
        if listening in ready:
            chunk = os.read(listening, 65_536)
            said = (said + chunk)[-MAX_REPORT:]
            if not chunk:  # it says no more, but it may still be there
                heard.remove(listening)
        gone, status = os.waitpid(pid, os.WNOHANG)
        if gone:
            _end_group(pid)  # what it started may still be there
            return said + _rest(listening), status, False
        # While a run is on, the parent says nothing: something to read means that
        # it is gone.
        if requests in ready or time.monotonic() > end:
            _end_group(pid)
            os.kill(pid, signal.SIGKILL)  # it may not have made its group yet
            return said, os.waitpid(pid, 0)[1], True


def _end_group(pid: int) -> None:
    """End every process in the group that the child *pid* made."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _rest(fd: int) -> bytes:
    """What is still in the pipe of a process that is gone."""
    os.set_blocking(fd, False)
    with contextlib.suppress(BlockingIOError):
        return os.read(fd, MAX_REPORT)
    return b""


def send(fd: int, message: Message) -> None:
    """Write *message* with its length before it."""
    data = json.dumps(message).encode()
    _write(fd, len(data).to_bytes(8) + data)


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def receive(fd: int) -> Message:
    """Read what `send` wrote; EOFError when the other side is gone."""
    size = int.from_bytes(_read(fd, 8))
    message: Message = json.loads(_read(fd, size))
    return message


def _read(fd: int, size: int) -> bytes:
    data = b""
    while len(data) < size:
        chunk = os.read(fd, min(size - len(data), 65_536))
        if not chunk:
            raise EOFError("the other side is gone")
        data += chunk
    return data


def last_message(said: bytes) -> Message:
    """The last whole line of a run's report, or nothing."""
    with contextlib.suppress(ValueError, IndexError):
        message = json.loads(said.splitlines()[-1])
        return message if isinstance(message, dict) else {}
    return {}


if __name__ == "__main__":
    if "--once" in sys.argv:
        serve_once()
    else:
        serve()
