"""
What all requests to the world and all its replies have in common.

A request may be anything: too large, cut off, nested a million levels deep, or not
JSON at all. Each of these gets a reply that says so, in the error shape of the
OpenAI API, because that is the shape that clients already read. None of them may
cost the world its life, so sizes and depths are checked before use.

This module knows nothing of models, services or tasks.
"""

import json
from typing import Annotated, Any, NoReturn, TypeVar

from pydantic import BaseModel, Field, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse

from agentstate_lab.state import canonical

from .ledger import Json
from .refusal import Refusal
from .words import refused

MAX_BODY = 10 * 1024 * 1024
MAX_DEPTH = 100
MAX_NAME = 1_000

Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME)]


class Body(BaseModel, extra="forbid", strict=True):
    """What a request says. A field that nobody would read is refused."""


Asked = TypeVar("Asked", bound=Body)


def reply(refusal: Refusal) -> JSONResponse:
    """*refusal* as it goes over the wire."""
    return JSONResponse(refusal.body, refusal.status, headers=dict(refusal.headers))


async def read(request: Request, kind: type[Asked]) -> Asked:
    """
    The body of *request*, as one of this *kind*.

    Raises:
        Refusal: As `read_json`, and 400 for a field that is not what it must be.
    """
    body = await read_json(request)
    try:
        return kind(**body)
    except ValidationError as error:
        raise refused(error, body) from None


async def read_json(request: Request) -> Json:
    """
    The JSON object in the body of *request*.

    Raises:
        Refusal: 413 for a body that is too large, 400 for anything else that is
            not a JSON object in UTF-8.
    """
    data = await _read_body(request)
    try:
        value = json.loads(data.decode(), parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise _malformed(f"byte {error.start} is not UTF-8") from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:
        where = getattr(error, "pos", None)
        at = "" if where is None else f", at character {where}"
        raise _malformed(f"{getattr(error, 'msg', 'unreadable value')}{at}") from None
    if not isinstance(value, dict):
        raise _malformed("the body must be a JSON object")
    if _deeper_than(value, MAX_DEPTH):
        raise _too_deep()
    try:
        canonical(value)
    except UnicodeEncodeError:
        raise _malformed("a string holds half a surrogate pair") from None
    return value


async def _read_body(request: Request) -> bytes:
    """
    The body, or a 413 as soon as it is known to be too large.

    The server goes on reading and drops the rest, so the sender sees the reply and
    not a connection that was reset while it was still sending.
    """
    declared = request.headers.get("content-length", "0")
    data = bytearray()
    if declared.isdecimal() and int(declared) > MAX_BODY:
        raise _too_large()
    try:
        async for chunk in request.stream():
            data += chunk
            if len(data) > MAX_BODY:
                raise _too_large()
    except ClientDisconnect:
        raise _malformed("the body was cut off") from None
    return bytes(data)


def _too_large() -> Refusal:
    return Refusal(
        413,
        f"The body of the request is larger than {MAX_BODY} bytes: send less.",
        code="request_too_large",
    )


def _malformed(why: str) -> Refusal:
    return Refusal(
        400, f"The body of the request is not valid JSON: {why}.", code="invalid_json"
    )


def _too_deep() -> Refusal:
    return _malformed(f"it is nested more than {MAX_DEPTH} levels deep")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _deeper_than(value: Any, limit: int) -> bool:
    """Whether lists and objects are nested more than *limit* levels deep."""
    level = [value]
    for _ in range(limit):
        inner: list[Any] = []
        for item in level:
            inner.extend(item.values() if isinstance(item, dict) else item)
        level = [item for item in inner if isinstance(item, dict | list)]
        if not level:
            return False
    return True
