"""
The model: a client and a name, from one call.

    client, model = connect()
    client.chat.completions.create(model=model, messages=[...])

Without any setting this is the scripted model of the course's own world: free, on
this machine, and the same on every run. With `AGENTSTATE_MODEL` set it is a live
one, at `OPENAI_BASE_URL` (or OpenAI's own address) with `OPENAI_API_KEY`.

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
    The client and the name of the model to ask for.

    Args:
        timeout: Seconds to wait for one reply.

    Raises:
        InvalidValue: A setting is missing or malformed; it is named, and no secret
            is shown.
        WorldUnavailable: The scripted model could not be started.
    """
    if type(timeout) not in (int, float) or not 0 < timeout < math.inf:
        raise InvalidValue("timeout", "must be a positive number of seconds")
    model = _setting("AGENTSTATE_MODEL")
    if model is None:
        return _scripted(timeout)
    key = _setting("OPENAI_API_KEY")
    if key is None:
        raise InvalidValue(
            "OPENAI_API_KEY",
            "must be set when AGENTSTATE_MODEL is; a local server that needs no key"
            " takes any word. Unset AGENTSTATE_MODEL to use the scripted model",
        )
    return _client(_base_url(), key, timeout), model


def _scripted(timeout: float) -> "tuple[OpenAI, str]":
    """The scripted model of the running world."""
    from agentstate_lab.lab.world import start_world
    from agentstate_lab.lab.world.chat import MODEL

    world = start_world()
    return _client(f"{world.url}/v1", world.token, timeout), MODEL


def _client(base_url: str | None, key: str, timeout: float) -> "OpenAI":
    """A client that tries once, and that no proxy variable diverts from loopback."""
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
