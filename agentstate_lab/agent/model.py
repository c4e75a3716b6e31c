"""
The model: a client and a name, from one call.

    client, model = connect()
    client.chat.completions.create(model=model, messages=[...])

Any endpoint that speaks the OpenAI chat API will do. `AGENTSTATE_MODEL` names the
model, `OPENAI_API_KEY` holds the key, and `OPENAI_BASE_URL` the address, when it is
not OpenAI's own. A client that is made elsewhere can be handed to the agent instead.

The client never repeats a request on its own and never waits without end. Its own
defaults, two hidden repeats and ten minutes, would multiply with whatever the agent
does about failures. How often to try again is for `retry` to say.

This module does not wrap the client: what comes back is a plain `openai.OpenAI`.
"""

import math
import os
import re
import weakref
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from agentstate_lab.errors import InvalidValue

if TYPE_CHECKING:
    from openai import OpenAI

TIMEOUT = 30.0

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def connect(*, timeout: float = TIMEOUT) -> "tuple[OpenAI, str]":
    """
    The client and the name of the model that the environment names.

    Args:
        timeout: Seconds to wait for one reply.

    Raises:
        InvalidValue: A setting is missing or malformed; it is named, and no secret
            is shown. Nothing was sent.
    """
    model, key = _needed("AGENTSTATE_MODEL"), _needed("OPENAI_API_KEY")
    return client_at(_base_url(), key, timeout=timeout), model


def client_at(base_url: str | None, key: str, *, timeout: float = TIMEOUT) -> "OpenAI":
    """
    A client that tries once, and that no proxy variable diverts from loopback.

    Args:
        base_url: The address of the endpoint, or None for OpenAI's own.

        key: What every request carries.

        timeout: Seconds to wait for one reply.

    Raises:
        InvalidValue: The timeout is not a length.
    """
    if type(timeout) not in (int, float) or not 0 < timeout < math.inf:
        raise InvalidValue("timeout", "must be a positive number of seconds")
    import ssl

    import openai

    address = urlsplit(base_url or "")
    near = address.hostname in _LOOPBACK
    certificates: bool | ssl.SSLContext = True
    if near and address.scheme == "http":
        # None will be looked at here, and loading them all takes time.
        certificates = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    http = openai.DefaultHttpxClient(
        timeout=timeout, trust_env=not near, verify=certificates
    )
    client = openai.OpenAI(
        api_key=key,
        base_url=base_url,
        max_retries=0,
        timeout=timeout,
        http_client=http,
    )
    # An agent seldom closes its client; the sockets must not stay behind.
    weakref.finalize(client, http.close)
    return client


def _base_url() -> str | None:
    """The address of the live model, or None for the client's own default."""
    said = _setting("OPENAI_BASE_URL")
    if said is None:
        return None
    try:
        address = urlsplit(said)
        scheme, host, port = address.scheme, address.hostname, address.port
        sound = scheme in ("http", "https") and bool(host) and port != 0
    except ValueError:
        sound = False
    if not sound:
        raise InvalidValue(
            "OPENAI_BASE_URL", "must look like https://HOST/v1 or http://HOST:PORT/v1"
        )
    return said


def _needed(name: str) -> str:
    """The environment variable *name*, without which there is no model."""
    said = _setting(name)
    if said is None:
        raise InvalidValue(
            name,
            "is not set, so there is no model to ask: set AGENTSTATE_MODEL to its name,"
            " OPENAI_API_KEY to the key (a local server that needs none takes any"
            " word), and OPENAI_BASE_URL to the address when it is not OpenAI's own;"
            " or hand in a client and the name of its model",
        )
    return said


def _setting(name: str) -> str | None:
    """
    The environment variable *name*, or None when it is not set or empty.

    A control character cannot travel in a header; it usually is the end of a line
    that was copied along.
    """
    said = os.environ.get(name, "").strip()
    if not re.fullmatch(r"[\x21-\x7e]*", said):
        raise InvalidValue(
            name, "holds a space or a character that cannot travel in a header"
        )
    return said or None
