"""
Which processes belong to a cluster, whatever its files say.

A file that names a process id may be old, torn, or about a number that another
program has by now. Where a process stands cannot be wrong: every process of a
server has its cluster's data folder as working directory. Where the system does
not say (root in a container, asking about another user's process), the command
line does: the server carries a mark there.

This module looks. It signals nothing.
"""

from pathlib import Path
from typing import Any


def process_in(data: Path, mark: str, pid: int) -> Any:
    """The `psutil.Process` *pid* if it runs and belongs to the cluster, or None."""
    import psutil

    try:
        process = psutil.Process(pid)
        return process if _belongs(process, data, mark) else None
    except (psutil.Error, OSError, ValueError, OverflowError):
        return None


def processes_in(data: Path, mark: str) -> list[Any]:
    """Every `psutil.Process` of the cluster, also one that outlived its server."""
    import psutil

    found = []
    for process in psutil.process_iter(["name"]):
        if is_postgres(process.info["name"] or ""):
            try:
                if _belongs(process, data, mark):
                    found.append(process)
            except (psutil.Error, OSError):
                continue  # it ended at this moment
    return found


def is_postgres(name: str) -> bool:
    """Whether a process of this name could be a PostgreSQL server."""
    return "postgres" in name.lower()


def number_went_to_another(data: Path, pid: int) -> bool:
    """
    Whether the number *pid* is that of a process which cannot be the server in
    *data*: another program's, or a dead one's that is not yet buried.

    False when nobody has the number, and when the system does not say.
    """
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE or not is_postgres(process.name()):
            return True
        return not data.samefile(process.cwd())
    except (psutil.Error, OSError, ValueError, OverflowError):
        return False


def _belongs(process: Any, data: Path, mark: str) -> bool:
    """Whether *process* runs, and belongs to the cluster in *data*."""
    import psutil

    if process.status() == psutil.STATUS_ZOMBIE or not is_postgres(process.name()):
        return False
    try:
        return data.samefile(process.cwd())
    except psutil.AccessDenied:
        return mark in " ".join(process.cmdline())
