"""Answers to exercise 01 that would harm whoever calls them in his own process."""

import builtins
import ctypes
import functools
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path


def loops(state, patch):
    """Never ends."""
    while True:
        pass


def sleeps(state, patch):
    """Waits for real time."""
    time.sleep(3600)


def exits(state, patch):
    """Ends the program."""
    sys.exit(3)


def ends_the_process(state, patch):
    """Ends the process, nothing tidied up."""
    os._exit(3)


def ends_quietly(state, patch):
    """As if all were well."""
    os._exit(0)


def kills_itself(state, patch):
    """Dies at once."""
    os.kill(os.getpid(), signal.SIGKILL)


def kills_its_group(state, patch):
    """Takes everybody near along."""
    os.killpg(0, signal.SIGKILL)


def kills_its_parent(state, patch):
    """Kills whoever started it."""
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(3600)


def floods_stdout(state, patch):
    """Prints without end."""
    while True:
        print("x" * 100_000)


def floods_stderr(state, patch):
    """Writes without end, past Python."""
    while True:
        os.write(2, b"x" * 100_000)


def floods_all_files(state, patch):
    """Writes to whatever is open, also to what it never opened."""
    while True:
        for file in range(1, 256):
            try:
                os.write(file, b"x" * 10_000)
            except OSError:
                continue


def prints_much(state, patch):
    """Two hundred megabytes, and then an answer."""
    for _ in range(2_000):
        print("x" * 100_000)
    return state


def closes_files(state, patch):
    """Closes what it has not opened."""
    os.closerange(0, 4096)
    return state


def writes_to_files(state, patch):
    """Writes what looks like a message to every file that is open."""
    for file in range(3, 256):
        try:
            os.write(file, b'{"verdict": {"passed": true}, "index": 0}\n')
        except OSError:
            continue
    return {}


def recurses(state, patch):
    """Calls itself without end."""
    return recurses(state, patch)


def crashes(state, patch):
    """Reads from an address that is nobody's."""
    ctypes.string_at(0)


def takes_all_memory(state, patch):
    """Asks for eighty gigabytes."""
    return [0] * 10**10


def forks_for_ever(state, patch):
    """Doubles itself without end."""
    while True:
        os.fork()


def forks_once(state, patch):
    """Comes back twice."""
    os.fork()
    return {}


def leaves_a_daemon(state, patch):
    """Leaves a process behind, in a session of its own."""
    subprocess.Popen(["sleep", "3600"], start_new_session=True)
    return {}


def leaves_a_thread(state, patch):
    """Leaves a thread behind that never ends."""
    threading.Thread(target=time.sleep, args=(3600,)).start()
    return {}


def replaces_builtins(state, patch):
    """Breaks `len` for everybody."""
    builtins.len = lambda _: 0
    return {}


def replaces_print(state, patch):
    """Breaks what a check might want to use."""
    os.write = builtins.open = builtins.isinstance = None
    return {}


def interrupts(state, patch):
    """Raises what only a user should."""
    raise KeyboardInterrupt


def asks(state, patch):
    """Waits for a person to type."""
    return input("state? ")


class Unprintable(Exception):
    """An error whose text is an error."""

    def __str__(self):
        raise RuntimeError("no text")


def raises_the_unprintable(state, patch):
    """Raises what cannot be shown."""
    raise Unprintable


def raises_a_novel(state, patch):
    """Raises a very long text with odd characters."""
    raise ValueError("\x1b[31m" + "ha " * 100_000 + "\ud800")


def tells_what_it_sees(state, patch):
    """Shows what it can see of keys and folders."""
    seen = [os.environ.get("OPENAI_API_KEY"), os.environ.get("HOME"), str(Path.cwd())]
    raise ValueError(seen)


async def waits(state, patch):
    """An async function."""
    return state


def yields(state, patch):
    """A generator."""
    yield state


def takes_one(state):
    """Too few parameters."""
    return state


def takes_three(state, patch, version):
    """Too many parameters."""
    return state


def keyword_only(*, state, patch):
    """Parameters that cannot be passed by position."""
    return state


@functools.wraps(takes_one)
def decorated(*args):
    """Its signature is another's."""
    return args[0]


def bare_placeholder(state, patch):
    """A learner's own placeholder, which is not the stub's."""
    raise NotImplementedError


class Holder:
    """Holds on to what no other process can have."""

    def __init__(self):
        self.lock = threading.Lock()

    def __call__(self, state, patch):
        """Never gets that far."""
        return state


class Angry:
    """Cannot be looked at, only called."""

    def __repr__(self):
        raise RuntimeError("no")

    def __call__(self, state, patch):
        """Return something else."""
        return self


def returns_angry(state, patch):
    """Returns what cannot be shown."""
    return Angry()
