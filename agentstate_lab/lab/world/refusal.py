"""
How the world says no: in the error shape of the OpenAI API, whatever was asked.

Clients already read that shape, so a service, the model and the guard at the door all
speak it. Each refusal also says what became of the effect, in a header.

This module does not send anything: `wire` does.
"""

import re
from collections.abc import Mapping
from typing import Any

NOT_STARTED: Mapping[str, str] = {"X-Effect": "not started"}

_KINDS = {
    401: "authentication_error",
    403: "permission_error",
    409: "conflict_error",
    429: "rate_limit_error",
    500: "server_error",
}


class Refusal(Exception):
    """
    A reply that says no. It travels as JSON and is no error of the course.

    Args:
        status: The HTTP status.

        message: What is wrong, and what would be right.

        param: The field at fault, if it is one.

        code: The reason in one word.

        headers: Further headers; by default, one that says that nothing happened.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] = NOT_STARTED,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers
        kind = _KINDS.get(status, "invalid_request_error")
        self.body: dict[str, Any] = {
            "error": {"message": message, "type": kind, "param": param, "code": code}
        }


def bad(
    message: str, param: str | None = None, code: str | None = "invalid_value"
) -> Refusal:
    """A 400 about one field."""
    return Refusal(400, message, param=param, code=code)


def shown(value: str) -> str:
    """*value* for a message: quoted, cut short, control characters escaped."""
    cut = value if len(value) <= 80 else value[:80] + "…"
    return repr(re.sub(r"\s+", " ", cut))
