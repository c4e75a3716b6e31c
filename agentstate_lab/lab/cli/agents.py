"""
An agent that somebody names on the command line, as MODULE:FUNCTION.

The module is looked for where the command is given, then among what is installed. It
runs as it is imported, as with any program that takes one; there is nothing to
register.
"""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agentstate_lab.errors import InvalidValue

AGENT = "MODULE:FUNCTION"


def function_named(named: str) -> Callable[..., Any]:
    """
    The function that *named* stands for.

    Args:
        named: As in `shop.agents:deploy`.

    Raises:
        InvalidValue: There is no such module or function, or importing it failed.
    """
    module, _, name = named.partition(":")
    words = [*module.split("."), *name.split(".")]
    if not all(word.isidentifier() for word in words):
        raise InvalidValue("--agent", f"{named!r:.100} is no {AGENT}: shop:deploy")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found: Any = importlib.import_module(module)
    except Exception as error:
        why = f"{module} cannot be imported: {type(error).__name__}: {error!s:.300}"
        raise InvalidValue("--agent", why) from error
    for word in name.split("."):
        found = getattr(found, word, None)
    if not callable(found):
        raise InvalidValue("--agent", f"{module} has no function {name!r:.100}")
    function: Callable[..., Any] = found
    return function
