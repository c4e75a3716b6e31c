"""
The address of a PostgreSQL server: its parts, and which of them may be seen.

An address holds a password. A sign such as @ or / that stands for itself in one
shifts the rest of it into the host or the name of the database, and whoever shows
those shows it. So an address is taken apart first, refused when it cannot have been
meant like that, and shown without anything that could be secret.

What a server says of a statement can be passed on. What the client's library says
of a connection that failed cannot: it quotes what it tried. So its words are only
searched for what they mean (`reason`).

This module connects to nothing.
"""

from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from agentstate_lab.errors import InvalidValue

# A dead network is noticed within minutes; an address may say otherwise.
_DEFAULTS: dict[str, Any] = {
    "application_name": "agentstate-lab",
    "connect_timeout": 10,
    "keepalives_idle": 60,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}


def parts_of(dsn: str) -> dict[str, Any]:
    """
    The parts of an address.

    Raises:
        InvalidValue: It cannot be read. No part is shown: any may be the password.
    """
    try:
        parts = conninfo_to_dict(dsn if "\0" not in dsn else "")
    except (psycopg.Error, ValueError, TypeError, AttributeError):
        parts = {}
    if not parts or not _plain(parts):
        raise InvalidValue(
            "store url",
            "cannot be read; write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with"
            " @ and / in a password as %40 and %2F",
        ) from None
    return {**_DEFAULTS, **parts, "client_encoding": "utf8"}


def _plain(parts: dict[str, Any]) -> bool:
    """Whether no piece of a password, with an @ or a / in it, is in other parts."""
    port = str(parts.get("port", "5432"))
    seen = (parts.get("host"), parts.get("dbname"))
    return port.replace(",", "").isdigit() and not any("@" in str(p) for p in seen)


def shown(parts: dict[str, Any]) -> str:
    """The parts of an address that anybody may see."""
    host, port = parts.get("host", "localhost"), parts.get("port", 5432)
    return f"postgresql://{host}:{port}/{parts.get('dbname', '')}"


def reason(error: psycopg.Error) -> str:
    """What *error* says, in words that hold no part of an address."""
    said = error.diag.message_primary
    if error.sqlstate == "42501":
        return f"{said} (its user needs the right CREATEDB)"
    if said:
        return said
    quoted = str(error).lower()
    for sign, meaning in _SIGNS.items():
        if sign in quoted:
            return meaning
    return "it cannot be reached, or it refuses"


# What libpq says when no server was reached, the more telling signs first.
_SIGNS = {
    "unsupported startup parameter": "it takes no options from an address",
    "pg_hba.conf": "it lets no such user in from here",
    "certificate": "its certificate is not accepted",
    "ssl": "it does not encrypt as the address asks",
    "password authentication failed": "it refuses the password",
    "authentication failed": "it refuses the user",
    "does not exist": "it has no such user or database",
    "starting up": "it is still starting; try again",
    "shutting down": "it is shutting down; try again",
    "too many clients": "it has too many connections; close some",
    "timeout expired": "it does not answer in time",
    "not known": "its host is not known here",
    "resolve": "its host is not known here",
    "invalid": "its address cannot be used",
    "refused": "nobody listens there",
}
