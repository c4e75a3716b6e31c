"""
What the client of exercise 10 hands out: replies and errors, as `openai` has them.

A reply can be read by attribute, dumped, and sent back as a part of the next request,
like one of the real client. An error has its status, its headers and its class.
"""

from types import SimpleNamespace
from typing import Any

from pydantic import BaseModel

from agentstate_lab.lab.world import Refusal

Json = dict[str, Any]

CLIENT = b"openai"  # how an answer names it, as it travels

_NAMES = {400: "BadRequestError", 404: "NotFoundError", 429: "RateLimitError"}


class Part(BaseModel, extra="allow"):
    """A part of a reply, with the methods that `openai` gives to each of them."""

    def to_dict(self, **options: Any) -> Json:
        """What the API sent."""
        return self.model_dump(exclude_unset=True, **options)

    def to_json(self, **options: Any) -> str:
        """The same as a text."""
        return self.model_dump_json(exclude_unset=True, **options)


class Function(Part):
    """What a call is for."""

    name: str
    arguments: str


class ToolCall(Part):
    """One call."""

    id: str
    type: str
    function: Function


class Message(Part):
    """What the model says."""

    role: str
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[ToolCall] | None = None
    annotations: list[Any] | None = None
    audio: None = None
    function_call: None = None


class Choice(Part):
    """One of the messages that it might say."""

    index: int
    finish_reason: str
    message: Message


class Usage(Part):
    """What it cost."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Completion(Part):
    """A reply."""

    id: str
    model: str
    choices: list[Choice]
    usage: Usage


def api_error(refusal: Refusal, *, real: bool) -> Exception:
    """
    What the client raises for a refusal.

    Loading `openai` takes longer than a check, so its own class is taken only for an
    answer that could name it.
    """
    name = _NAMES.get(refusal.status, "InternalServerError")
    response = SimpleNamespace(
        status_code=refusal.status, headers=dict(refusal.headers), request=None
    )
    message = f"Error code: {refusal.status} - {refusal}"
    if real:
        import openai

        made: Exception = getattr(openai, name)(
            message, response=response, body=refusal.body["error"]
        )
        return made
    stand_in: type[ApiError] = type(name, (ApiError,), {})
    return stand_in(message, response, refusal.body["error"])


class ApiError(Exception):
    """An error as `openai` has them, for an answer that does not know `openai`."""

    def __init__(self, message: str, response: Any, body: Json) -> None:
        super().__init__(message)
        self.message = message
        self.response = response
        self.status_code = response.status_code
        self.body = body
        self.code = body["code"]
        self.request_id = None


def as_sent(value: Any) -> Any:
    """A part of an earlier reply, which the client takes as it is."""
    if isinstance(value, BaseModel):
        return value.model_dump(exclude_unset=True, mode="json")
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")
