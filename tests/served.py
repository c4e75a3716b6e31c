"""What the processes of `tests/lab/processes/test_line.py` serve."""

import os
import subprocess
import sys
import time
from pathlib import Path

from agentstate_lab.lab.processes import Line, Message, in_fork

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]


def serve(line: Line, request: Message) -> None:
    """Do what is named, again and again."""
    while True:
        globals()[request.pop("do")](line, **request)
        request = line.ask()


def echo(line: Line, *, value: object) -> None:
    """Say what was said."""
    line.say(value=value)


def noise(line: Line) -> None:
    """Say something by accident, and then on purpose."""
    os.write(line._replies, b'{"value": "noise"}\nhalf a ')
    print('{"value": "printed"}')
    line.say(value="meant")


def flood(line: Line) -> None:
    """Say nothing, and without end."""
    while True:
        os.write(line._replies, b"x" * 10_000)


def fork(line: Line, *, how: str, limit: float, own_group: bool) -> None:
    """Fork, and say how the fork ended."""
    gone = in_fork(line, FORKS[how], limit=limit, own_group=own_group)
    line.say(status=gone.status, timed_out=gone.timed_out, pid=gone.pid)


def leaves_a_child() -> None:
    """Start a process that would stay, in the group of this one."""
    child = subprocess.Popen(SLEEPER, stdout=subprocess.DEVNULL)
    Path("started").write_text(str(child.pid))


def loops() -> None:
    """Never come back."""
    while True:
        time.sleep(1)


def closes_and_loops() -> None:
    """Close what it has not opened, and never come back."""
    os.closerange(0, 1_000)
    loops()


def floods_and_ends() -> int:
    """Write into every file that is open."""
    for file in range(3, 256):
        try:
            for _ in range(100):
                os.write(file, b"x" * 10_000)
        except OSError:
            continue
    return 5


FORKS = {
    "nothing": lambda: None,
    "status": lambda: 4,
    "fails": lambda: 1 / 0,
    "exits": lambda: sys.exit(3),
    "os-exit": lambda: os._exit(3),
    "killed": lambda: os.kill(os.getpid(), 9),
    "leaves-a-child": leaves_a_child,
    "loops": loops,
    "closes-and-loops": closes_and_loops,
    "floods": floods_and_ends,
}
