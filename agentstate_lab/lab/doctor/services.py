"""
What runs beside the notebooks: the world and PostgreSQL.

Notebooks start what they need, and it stays when they end. From a terminal you can
start both, see which of them run, and end them.

This module only asks: `world` and `postgres` know how.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.databases import find_postgres, start_postgres, stop_postgres
from agentstate_lab.lab.world import find_world, start_world, stop_world


@dataclass(frozen=True, slots=True)
class Service:
    """
    One of the two.

    Attributes:
        name: What it is called in a sentence.

        start: Starts or finds it; returns a handle.

        find: A handle to it; None when it does not run.

        stop: Ends it, and says whether there was anything to end.

        where: The place of a handle, for people.
    """

    name: str
    start: Callable[[], Any]
    find: Callable[[], Any]
    stop: Callable[[], bool]
    where: Callable[[Any], str]


SERVICES = {
    "world": Service(
        "the world", start_world, find_world, stop_world, attrgetter("url")
    ),
    "postgres": Service(
        "PostgreSQL", start_postgres, find_postgres, stop_postgres, attrgetter("where")
    ),
}


def services(names: Sequence[str] = ()) -> list[Service]:
    """
    The services of these *names*, or both.

    Raises:
        InvalidValue: There is no service of that name.
    """
    for name in names:
        if name not in SERVICES:
            raise InvalidValue(
                "service", f"must be one of {', '.join(SERVICES)}, not {name!r:.100}"
            )
    return [SERVICES[name] for name in names or SERVICES]
