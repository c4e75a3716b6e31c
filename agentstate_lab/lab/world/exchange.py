"""
One request to the world, and an honest word on what became of it.

Three things can happen to a request, and a caller must be able to tell them apart:
nothing was sent, an answer came, or it was sent and then there was silence. The
third is the one that most clients hide in a generic connection error.

This module does not try again. It uses the standard library alone, so that a handle
to the world costs nothing to import, and no proxy variable diverts a request.
"""

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

from agentstate_lab.errors import (
    Effect,
    EffectRefused,
    InvalidValue,
    ReplyLost,
    WorldUnavailable,
)

Json = dict[str, Any]

MAX_REPLY = 256 * 1024 * 1024
_EFFECTS = ("not started", "done", "unknown")


@dataclass(frozen=True, slots=True)
class Reply:
    """
    What came back.

    Attributes:
        status: The HTTP status.

        headers: The headers, their names in lower case.

        body: The JSON object of the reply.
    """

    status: int
    headers: Mapping[str, str]
    body: Json

    def error(self) -> Mapping[str, Any]:
        """What a refusal says; empty when this is none."""
        said = self.body.get("error")
        return said if isinstance(said, dict) else {}

    def refusal(self) -> EffectRefused:
        """This reply as the error that it is."""
        said = self.error()
        effect = self.headers.get("x-effect")
        return EffectRefused(
            self.status,
            said.get("code"),
            str(said.get("message", "the reply says no more")),
            headers=self.headers,
            retry_after=_seconds(self.headers.get("retry-after")),
            effect=cast(Effect, effect) if effect in _EFFECTS else "unknown",
        )


def send(
    url: str,
    method: str,
    path: str,
    *,
    body: Any = None,
    headers: Mapping[str, str] | None = None,
    timeout: float = 30.0,
    most: int = MAX_REPLY,
) -> Reply:
    """
    Send one request and read the whole reply.

    The *timeout* is for everything together, however slowly the reply drips, and
    no more than *most* bytes of it are read.

    Raises:
        InvalidValue: *body* is not JSON; nothing was sent.
        WorldUnavailable: Nobody listens there; nothing was sent.
        ReplyLost: It was sent, and no reply came back in time.
    """
    from http.client import HTTPConnection, HTTPException

    if type(timeout) not in (int, float) or not 0 < timeout < math.inf:
        raise InvalidValue("timeout", "must be a positive number of seconds")
    data = _encoded(body)
    until = time.monotonic() + timeout
    address = urlsplit(url)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=timeout)
    try:
        try:
            connection.connect()
        except OSError as error:
            raise WorldUnavailable(
                f"nobody answers at {url} ({error}): run the notebook's first code"
                " cell (`begin`) again; it starts a new world"
            ) from error
        socket = connection.sock
        try:
            connection.request(method, path, data, dict(headers or {}))
            response = connection.getresponse()
            received = bytearray()
            while len(received) < most:
                socket.settimeout(max(until - time.monotonic(), 0.001))
                piece = response.read1(min(65_536, most - len(received)))
                if not piece:
                    break
                received += piece
            if response.length:
                raise ConnectionError("the reply was cut off")
            reply = json.loads(received)
        except (OSError, HTTPException, ValueError, RecursionError) as error:
            raise ReplyLost(
                f"{method} {path} was sent and no reply came back"
                f" ({type(error).__name__}): resend it with the same key,"
                " or look into the ledger"
            ) from error
    finally:
        connection.close()
    found = {name.lower(): value for name, value in response.getheaders()}
    return Reply(response.status, found, reply if isinstance(reply, dict) else {})


def _encoded(body: Any) -> bytes | None:
    """*body* as JSON, or None when there is none."""
    if body is None:
        return None
    try:
        return json.dumps(body, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidValue("arguments", f"cannot be sent as JSON ({error})") from error


def _seconds(value: str | None) -> float | None:
    """The seconds of a Retry-After header, when it is a number."""
    try:
        return None if value is None else float(value)
    except ValueError:
        return None
