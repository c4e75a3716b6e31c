"""
The world of the learner's home, as the checks of the lessons 03 and 10 use it.

What a check does there is real, counted in the ledger, and nobody else's affair: its
tasks carry a name that no other check has, and they are forgotten at the end.
"""

import contextlib
import secrets
from collections.abc import Iterator
from typing import Any

from agentstate_lab.errors import WorldUnavailable
from agentstate_lab.lab.world import World, start_world

from .judge import Subject

FILE = "tasks.json"  # in the folder of a scene: where its tasks are


@contextlib.contextmanager
def setting() -> Iterator[dict[str, Any]]:
    """
    The world, as the stages get it; what the check did there is forgotten afterwards.

    Raises:
        WorldUnavailable: It could not be started.
    """
    world = start_world()
    name = f"check-{secrets.token_hex(8)}"
    given = {"url": world.url, "token": world.token, "pid": world.pid, "name": name}
    try:
        yield given
    finally:
        with contextlib.suppress(WorldUnavailable):
            for entry in world.ledger():
                if entry.task_id.startswith(name):
                    world.forget(entry.task_id)


def the_world(answer: Subject) -> World:
    """The world that `setting` found."""
    given = answer.given
    return World(given["url"], given["token"], given["pid"])
