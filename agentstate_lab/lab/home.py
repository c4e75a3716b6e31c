"""
Where a learner's runs live: one folder, whatever the working directory.

A notebook runs in `notebooks/`, a terminal wherever it stands, a test in a
folder of its own. All of them must find the same runs, so the folder never
depends on the working directory: it is `AGENTSTATE_HOME`, or `.lab` at the root
of the repository.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agentstate_lab.errors import InvalidValue, LabError

# Nothing can be written there: a file system for reading, or somebody else's folder.
NOT_OURS = (errno.EROFS, errno.EACCES, errno.EPERM)


def repository_root() -> Path | None:
    """The checkout that this package runs from, or None when there is none."""
    root = Path(__file__).resolve().parents[2]
    return root if (root / "pyproject.toml").is_file() else None


def home() -> Path:
    """
    The folder for everything a run writes, made on first use with mode 0700.

    Raises:
        InvalidValue: `AGENTSTATE_HOME` names something that is not a folder or
            cannot be made.
    """
    named = os.environ.get("AGENTSTATE_HOME")
    if named:
        folder = Path(named).expanduser().absolute()
    else:
        folder = (repository_root() or Path.home()) / ".lab"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise InvalidValue(
            "AGENTSTATE_HOME",
            f"{str(folder)!r} cannot be used as a folder ({error});"
            " set it to a folder you may write to, or unset it",
        ) from error
    return folder


@contextmanager
def locked(path: Path, seconds: float, unavailable: type[LabError]) -> Iterator[None]:
    """
    Hold the lock *path*, under which something that all share is started or stopped.

    Args:
        path: The file of the lock.

        seconds: How long to wait for whoever holds it.

        unavailable: What to raise when it cannot be had; nothing was started.
    """
    from filelock import FileLock

    lock = FileLock(path, timeout=seconds, mode=0o600)
    try:
        lock.acquire()
    except OSError as error:  # filelock's Timeout is one
        advice = "end the program that holds it, or remove what is there"
        if error.errno in NOT_OURS:
            advice = "set AGENTSTATE_HOME to a folder you may write to"
        raise unavailable(
            f"the lock {path} could not be taken ({error}): {advice}, then try again"
        ) from error
    try:
        yield
    finally:
        lock.release()
