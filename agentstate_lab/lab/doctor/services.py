"""
What runs beside the notebooks: the world and PostgreSQL.

Notebooks start what they need, and it stays when they end. From a terminal you can
start both, see which of them run, and end them.

This module only asks: `world` and `postgres` know how.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.databases import (
    find_postgres,
    start_postgres,
    stop_postgres,
)
from agentstate_lab.lab.world import find_world, start_world, stop_world


@dataclass(frozen=True, slots=True)
class Service:
    """
    One of the two.

    Attributes:
        name: What it is called in a sentence.

        start: Starts or finds it, and says where it is.

        find: Says where it is; None when it does not run.

        stop: Ends it, and says whether there was anything to end.
    """

    name: str
    start: Callable[[], str]
    find: Callable[[], str | None]
    stop: Callable[[], bool]


def _find_world() -> str | None:
    found = find_world()
    return found.url if found else None


def _find_postgres() -> str | None:
    found = find_postgres()
    return found.where if found else None


SERVICES = {
    "world": Service(
        "the world",
        lambda: start_world().url,
        _find_world,
        lambda: stop_world(),
    ),
    "postgres": Service(
        "PostgreSQL",
        lambda: start_postgres().where,
        _find_postgres,
        lambda: stop_postgres(),
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
