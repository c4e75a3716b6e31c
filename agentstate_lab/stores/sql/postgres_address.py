"""
The address of a PostgreSQL server: its parts, and which of them may be seen.

An address holds a password. A sign such as @ or / that stands for itself in one
shifts the rest of it into the host or the name of the database, and whoever shows
those shows it. So an address is taken apart first, refused when it cannot have been
meant like that, and shown without anything that could be secret.

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
