"""
The database of several machines: its address, what may stand in it, what may not.

What is stored is JSON. The default of DBOS is a pickle, and reading one runs whatever
code its writer chose; a row that says of itself that it is one is not read.

An address may hold a password, so no message shows one, and no error of the driver
comes out as it is.

Source: the DBOS documentation, "Configuration".
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NoReturn

from dbos import _serialization as their_values
from dbos import error as their_errors
from sqlalchemy import URL
from sqlalchemy.exc import SQLAlchemyError

from agentstate_lab.errors import InvalidValue, KeyReused, StoreTorn, StoreUnavailable
from agentstate_lab.state import clean

APP: Final = "agentstate"
QUEUE: Final = "agents"
WORKFLOW: Final = "agent"
MAX_NAME: Final = 255
# What comes out when the database cannot be used; a port that is no number, too.
USELESS: Final = (their_errors.DBOSException, SQLAlchemyError, OSError)
NO_ADDRESS: Final = (*USELESS, ValueError)


def database_url(url: str) -> str:
    """
    The address as DBOS writes it. A file is made, for its owner alone.

    Raises:
        InvalidValue: It names no database. It is not shown: there may be a password.
        StoreUnavailable: The file cannot be made.
    """
    scheme, _, place = url.partition(":") if isinstance(url, str) else ("", "", "")
    if scheme == "postgresql" and place.startswith("//"):
        return url
    # A question mark begins the options of such an address, also as %3F.
    if scheme != "sqlite" or not place or "\0" in place or "?" in place:
        raise InvalidValue("url", "write sqlite:PATH or postgresql://…")
    path = Path(place).absolute()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except OSError as error:
        raise unreachable(error) from None
    return URL.create("sqlite", database=str(path)).render_as_string()


def checked(what: str, name: str) -> str:
    """
    A name that can stand in the database.

    Raises:
        InvalidValue: It cannot.
    """
    fits = isinstance(name, str) and 0 < len(name) <= MAX_NAME and "\0" not in name
    if not fits or clean(name) != name:
        raise InvalidValue(what, f"must have 1 to {MAX_NAME} signs, not {name!r:.80}")
    return name


def checked_input(user_input: str) -> str:
    """
    What is asked, if it can stand in the database.

    Raises:
        InvalidValue: It cannot.
    """
    if not isinstance(user_input, str) or clean(user_input) != user_input:
        raise InvalidValue("user_input", f"must be text, not {user_input!r:.80}")
    return user_input


def same_input(found: Any, task_id: str, user_input: str) -> None:
    """
    DBOS compares no arguments: it would answer with the result of the other input.

    Raises:
        KeyReused: The id belongs to another input.
        StoreTorn: What is stored under the id cannot be read.
    """
    if inputs_of(found) != (task_id, user_input):
        raise KeyReused(task_id)


def inputs_of(found: Any) -> tuple[str, ...]:
    """
    What a task was handed in with.

    Raises:
        StoreTorn: The row is no JSON: a pickle, for example.
    """
    if not isinstance(found.input, dict):
        raise StoreTorn(
            "the queue",
            f"task {found.workflow_id!r} cannot be read: it is no JSON. It was not"
            " touched",
        )
    return tuple(found.input["args"])


@contextlib.contextmanager
def in_our_words() -> Iterator[None]:
    """Errors of the library and of the driver come out as ours."""
    try:
        yield
    except USELESS as error:
        raise unreachable(error) from None


def unreachable(error: Exception) -> StoreUnavailable:
    """What to say of *error*, without its words: there may be a password in them."""
    kind = type(error).__name__
    return StoreUnavailable("the queue", f"its database cannot be used ({kind})")


def unpickle_nothing() -> None:
    """Refuse rows that say of themselves that they are pickles."""

    def refuse(text: str) -> NoReturn:
        raise TypeError("this is a pickle, and nothing is unpickled here")

    # The library has no switch for that, and a row chooses how it is read.
    their_values.DBOSDefaultSerializer.deserialize = refuse  # type: ignore
