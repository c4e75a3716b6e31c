"""
Why a PostgreSQL server did not do what it was asked, without its address.

What a server says of a statement can be passed on. What the client's library says
of a connection that failed cannot: it quotes what it tried, and an address that
was mistyped may have a piece of the password where the host should be. So its
words are only searched for what they mean.

This module reads errors; it raises none.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psycopg


def reason(error: "psycopg.Error") -> str:
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
