"""
A door that opens when somebody comes: names of a room that load when they are used.

Most rooms hand out their names with plain imports. A room, one part of which stands on
a heavy library, lets that part wait: its door says where the name lives, and
`__getattr__` fetches it (PEP 562). Whoever never asks never pays.
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .extras import need


def later(
    room: str, homes: Mapping[str, str], *, needs: Sequence[str] = ()
) -> Callable[[str], Any]:
    """
    The `__getattr__` of a door.

    Args:
        room: The full name of the room, its `__name__`.

        homes: For each name that waits, the module of the room that has it.

        needs: What they stand on, when that is more than the core: an extra, and the
            modules of it, as `extras.need` takes them.
    """

    def fetch(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {room!r} has no attribute {name!r}")
        if needs:
            need(*needs)
        return getattr(importlib.import_module(f".{homes[name]}", room), name)

    return fetch
