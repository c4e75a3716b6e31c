"""
What comes with an extra, and what to do when it did not come.

    pip install agentstate-lab               the core
    pip install "agentstate-lab[postgres]"   with the store on PostgreSQL

A room that stands on more than the core asks here first, at its door, so that
whoever enters it is told what to install, and not which module was not found.

Nothing is imported here: to look whether a package is there costs less than to load it.
"""

from importlib.util import find_spec

from .errors import ExtraMissing


def need(extra: str, *modules: str) -> None:
    """
    Say what to install, unless it is there.

    Args:
        extra: The extra that brings it, as in pyproject.toml.

        modules: What is about to be imported.

    Raises:
        ExtraMissing: Something is missing; nothing was loaded.
    """
    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        raise ExtraMissing(extra, missing)
