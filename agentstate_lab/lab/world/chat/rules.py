"""
What a chat request must be: as strict as the real API, in its words.

A scripted model that takes anything teaches bad habits: the field that was spelt
wrong, the missing model, the tool with half a schema would all be found out on the
day the course is over.

This module checks what one field means for another; what each of them looks like is
said by `shapes`, what the messages are to each other by `pairing`. It does not answer.
"""

import math
from collections.abc import Mapping

from pydantic import ValidationError

from ..ledger import Json
from ..refusal import Refusal, bad, shown
from ..words import refused
from .pairing import check_conversation

MODEL = "scripted"
SMALL_MODEL = "scripted-small"
PARALLEL_MODEL = "scripted-parallel"

# The models there are, each with the tokens that a request to it may have. The
# first takes whatever the world takes; the second is there to be asked for too much.
# The third calls several tools in one turn, as large models do.
WINDOWS: Mapping[str, float] = {
    MODEL: math.inf,
    SMALL_MODEL: 4_096,
    PARALLEL_MODEL: math.inf,
}


def get_ready() -> None:
    """Load what requests are held against; it takes longer than an answer."""
    from . import shapes  # noqa: F401


def check_request(body: Json) -> None:
    """
    Refuse *body* unless the real API would take it.

    Raises:
        Refusal: 400, or 404 for an unknown model, naming the field.
    """
    from .shapes import REQUEST  # slow to load, so it waits for the first request

    if not body.get("model"):
        raise bad("you must provide a model parameter", "model", "missing_model")
    try:
        REQUEST.validate_python(body)
    except ValidationError as error:
        raise refused(error, body) from None
    check_model(body["model"])
    if body.get("stream_options") is not None and not body.get("stream"):
        raise bad(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
            "stream_options",
        )
    _check_tools(body)
    check_conversation(body["messages"])


def check_model(name: str) -> None:
    """
    Refuse a model that there is not.

    Raises:
        Refusal: 404, naming those that there are.
    """
    if name not in WINDOWS:
        known = " and ".join(map(repr, WINDOWS))
        raise Refusal(
            404,
            f"The model {shown(name)} does not exist or you do not have access to it:"
            f" this world has {known}.",
            param="model",
            code="model_not_found",
        )


def check_window(model: str, messages: int, tools: int) -> None:
    """
    Refuse a request that is longer than the context of *model*.

    Args:
        model: One of `WINDOWS`.

        messages: The tokens of the messages.

        tools: The tokens of the tools on offer, which the model reads, too.

    Raises:
        Refusal: 400, with the numbers.
    """
    window, found = WINDOWS[model], messages + tools
    if found > window:
        raise bad(
            f"This model's maximum context length is {window} tokens. However, your"
            f" messages resulted in {found} tokens ({messages} in the messages,"
            f" {tools} in the functions). Please reduce the length of the messages or"
            " functions.",
            "messages",
            "context_length_exceeded",
        )


def _check_tools(body: Json) -> None:
    """What is said of tools fits the tools that there are."""
    for name in ("tool_choice", "parallel_tool_calls"):
        if name in body and "tools" not in body:
            raise bad(
                f"Invalid value for '{name}': '{name}' is only allowed when 'tools' are"
                " specified.",
                name,
            )
    functions = [tool["function"] for tool in body.get("tools", ())]
    for index, function in enumerate(functions):
        _check_schema(function, f"tools[{index}].function.parameters")
    choice = body.get("tool_choice")
    names = [function["name"] for function in functions]
    if isinstance(choice, dict) and choice["function"]["name"] not in names:
        raise bad(
            "Tool choice must name one of the functions in 'tools'.", "tool_choice"
        )


def _check_schema(function: Json, where: str) -> None:
    """The parameters of a function are the JSON schema of an object."""
    schema = function.get("parameters") or {"type": "object"}
    said, names = schema.get("type"), schema.get("required", [])
    if said != "object":
        wrong = (
            "schema must be a JSON Schema of 'type: \"object\"', got"
            f" 'type: {shown(str(said))}'"
        )
    elif not isinstance(schema.get("properties", {}), dict):
        wrong = "'properties' is not of type 'object'"
    elif not isinstance(names, list) or not all(isinstance(n, str) for n in names):
        wrong = "'required' is not an array of strings"
    else:
        return
    raise bad(
        f"Invalid schema for function {shown(function['name'])}: {wrong}.",
        where,
        "invalid_function_parameters",
    )
