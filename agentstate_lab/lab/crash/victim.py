"""
What happens inside a process that is going to die.

A crash lesson needs a process that shares nothing with the one before it, many times
over. Starting Python and importing the client takes the better part of a second, so
the process that serves here does that once, and forks a child for each request that
comes in. It waits for the child, so it knows for certain how it ended: a process that
was waited for is gone, and its status names the signal. Where there is no fork, it
runs one request itself.

A run rebuilds the agent, wraps the job so that all of it goes past a fuse, and runs.
If it lives, it says how the run ended and what was reached; if it dies, the last thing
it says is where. That goes for a polite death as well: once the agent has let the
interrupt through, it ends by that signal.
"""

import functools
import gc
import importlib
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from agentstate_lab.idempotency import polite
from agentstate_lab.lab.agents import (
    Job,
    agent_named,
    ask,
    open_job,
    outcome_of,
    user_says,
)
from agentstate_lab.lab.processes import Line, Message, in_fork, text_of, unpack
from agentstate_lab.stores import SCHEMES, store_class

from .fuse import Fuse, KillingWorld, Point, killing_store
from .signals import HARD, fall, strike

Say = Callable[..., object]


def serve(line: Line, request: Message) -> None:
    """Run what is requested, and say how it ended, until nobody is there to ask."""
    if not request["fork"]:
        run(line.ask(), line.say)
        os._exit(0)  # whatever the agent has left running
    _prepare()
    while True:
        asked = line.ask()
        _prepare_for(asked)
        work = functools.partial(run, asked, line.say)
        gone = in_fork(line, work, limit=asked["limit"], own_group=True)
        line.say(pid=gone.pid, status=gone.status, timed_out=gone.timed_out)


def _prepare() -> None:
    """
    Do now what every run would have to do first, so that a fork finds it done.

    Importing the client is half of it. The other half it does at its first call,
    so it makes one. The model is asked, nothing is done.
    """
    import cloudpickle  # noqa: F401 - the runs need it

    job = open_job("deploy", "rehearsal")
    ask(job, [user_says(job.scenario.goal)])
    job.client.close()
    gc.collect()
    gc.freeze()  # else the first collection in each child copies all of it


def _prepare_for(request: Message) -> None:
    """Load what the store and the agent need, so that only the first run waits."""
    scheme = (request["store_url"] or "").partition(":")[0]
    if scheme in SCHEMES:
        store_class(scheme)
    load(request.get("module"))


def load(module: str | None) -> None:
    """Load the *module* of an agent of the course; a learner's is left to the run."""
    if (module or "").startswith("agentstate_lab.lab."):
        importlib.import_module(str(module))


def run(request: Mapping[str, Any], say: Say) -> None:
    """
    Run an agent as *request* says, and *say* how it ended, unless it dies.

    Whatever the agent raises is said, not raised: `SystemExit` as well.
    """
    point = Point.read(request["point"]) if request.get("point") else None
    how = request.get("signal") or HARD

    def say_and_die() -> None:
        say(died=str(point))
        strike(how)

    fuse = Fuse(point, say_and_die)
    try:
        with polite():
            returned = _agent(request)(_wired(request, fuse))
            fuse.touch()
        outcome = outcome_of(returned)
        ended: dict[str, Any] = {
            "completed": outcome.completed,
            "waiting": outcome.waiting,
        }
    except BaseException as error:  # noqa: BLE001 - the learner's code may raise any
        if fuse.burned and isinstance(error, KeyboardInterrupt | SystemExit):
            fall(how)
        ended = {"completed": False, "error": _described(error)}
    say(**ended, reached=fuse.reached)


def _agent(request: Mapping[str, Any]) -> Callable[[Job], Any]:
    """The agent: by name, or rebuilt from what the learner's process sent."""
    if "pickle" not in request:
        return agent_named(request["agent"])
    rebuilt: Callable[[Job], Any] = unpack(request["pickle"])
    return rebuilt


def _wired(request: Mapping[str, Any], fuse: Fuse) -> Job:
    """The job of *request*, with everything in it going past the fuse."""
    job = open_job(request["scenario"], request["task_id"], on_event=lambda text: None)
    completions = job.client.chat.completions
    completions.create = fuse.touching(completions.create)
    return replace(
        job,
        world=KillingWorld(job.world, fuse),
        store=killing_store(request["store_url"], fuse),
        sleep=fuse.touching(job.sleep),
        on_event=fuse.touching(job.on_event),
    )


def _described(error: BaseException) -> dict[str, str]:
    """What was raised, as one short line."""
    text = " ".join(text_of(error).partition(" (side effect:")[0].split())[:200]
    return {"type": type(error).__name__, "text": text}
