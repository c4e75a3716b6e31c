"""
The model of exercise 10: scripted as ever, in this process, and in a mood.

An agent is run some hundred times in one check, and a request over a socket would
cost more than the run. So the client, the real one of `openai`, has its requests
answered here, before they come to a socket. They are as strictly checked as by the
world (a call without its tool message is refused first of all), and what the client
makes of the answers is its own: its replies, its errors.

What the model says comes from the script of the course (`scenarios.next_message`).
Its moods are the bad days of a real one: too busy, nothing to say, several calls at
once, another plan than before, never at an end.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from agentstate_lab.lab.world import Refusal, call_id, next_message
from agentstate_lab.lab.world.chat import complete

from ..judge import Stopped

if TYPE_CHECKING:
    from httpx2 import Request, Response
    from openai import OpenAI

Json = dict[str, Any]
Note = Callable[[Json], object]

MAX_REQUESTS = 60  # of one process; whoever asks for ever is stopped
RETRY_AFTER = 1  # seconds; also the first wait of exercise 04
BUSY_TIMES = 2
PLANNED = ("deploy-api", "deploy-web")
OTHER_PLAN = "deploy-database"
FAILING = {  # what a model may call for in one turn, and what is wrong with it
    "refused": ("deploy", '{"service": "worker"}'),
    "unknown": ("page_oncall", "{}"),
    "garbled": ("deploy", '{"service": "wor'),
}
SEVERAL = "several, one "  # a mood, followed by one of these words
SEVERAL_DONE = "Two of three are live."


class Model:
    """
    One process's conversation with the model.

    Args:
        mood: One of `MOODS`.

        note: Told of each request, when it is answered.

        earlier: The steps that the model called for before this process began.

        asked: Called first for each request.
    """

    def __init__(
        self,
        mood: str = "well",
        note: Note = lambda said: None,
        earlier: Sequence[str] = (),
        *,
        asked: Callable[[], object] = lambda: None,
    ) -> None:
        self.mood = mood
        self.requests = 0
        self.earlier = earlier
        self._note = note
        self._asked = asked
        self._answer = MOODS[mood]

    def client(self) -> "OpenAI":
        """A client of `openai` whose requests come here."""
        import httpx2
        import openai

        here = httpx2.MockTransport(self._respond)
        return openai.OpenAI(
            api_key="none",
            base_url="http://model.invalid/v1",
            max_retries=0,
            http_client=httpx2.Client(transport=here, trust_env=False),
        )

    def _respond(self, request: "Request") -> "Response":
        """The reply to one request, as it would come over the wire."""
        import httpx2

        self._asked()
        self.requests += 1
        if self.requests > MAX_REQUESTS:
            often = f"it asked the model {MAX_REQUESTS} times in one run"
            raise Stopped(f"{often}, and would not stop")
        try:
            said = self._answer(self, json.loads(request.content))
        except Refusal as no:
            self._note({"refused": str(no), "status": no.status})
            return httpx2.Response(no.status, json=no.body, headers=dict(no.headers))
        self._note({"steps": _steps(said)})
        return httpx2.Response(200, json=said)


def _steps(said: Mapping[str, Any]) -> list[str]:
    """The steps that a reply calls for."""
    messages = [choice["message"] for choice in said["choices"]]
    return [_step(call) for one in messages for call in one.get("tool_calls", ())]


def _step(call: Mapping[str, Any]) -> str:
    """The step that a call is for, by its id."""
    return str(call["id"]).removeprefix("call_")


def _script(messages: Any, tools: Any) -> Json:
    """The script of the course, with this job's plan: it is the model's own idea."""
    plan = "\n".join(f"plan: {step}" for step in PLANNED)
    return next_message([{"role": "system", "content": plan}, *messages], tools)


def _well(model: Model, asked: Json) -> Json:
    """By the script."""
    return complete(asked, _script)


def _busy(model: Model, asked: Json) -> Json:
    """Too many requests, for a while."""
    return _well(model, asked) if model.requests > BUSY_TIMES else _throttled(asked)


def _throttled(asked: Json) -> Json:
    complete(asked, _script)  # a bad request is refused as such
    raise Refusal(
        429,
        "Rate limit reached: try again after the time in Retry-After.",
        code="rate_limit_exceeded",
        headers={"retry-after": str(RETRY_AFTER)},
    )


def _empty(model: Model, asked: Json) -> Json:
    """A reply with no choice in it."""
    said = _well(model, asked)
    return said if model.requests > 1 else {**said, "choices": []}


def _fickle(model: Model, asked: Json) -> Json:
    """Asked again for what it has decided before, it decides otherwise."""

    def script(messages: Any, tools: Any) -> Json:
        said = _script(messages, tools)
        steps = {_step(call) for call in said.get("tool_calls", ())}
        if not steps & set(model.earlier):
            return said
        return _calls((call_id(OTHER_PLAN), "deploy", '{"service": "database"}'))

    return complete(asked, script)


def _several(model: Model, asked: Json) -> Json:
    """Three calls in one turn, and the second of them cannot be done."""
    failing = FAILING[model.mood.removeprefix(SEVERAL)]
    calls = (
        (call_id("deploy-api"), "deploy", '{"service": "api"}'),
        ("call_failing", *failing),
        (call_id("deploy-web"), "deploy", '{"service": "web"}'),
    )

    def script(messages: Any, tools: Any) -> Json:
        done = [one["tool_call_id"] for one in messages if one["role"] == "tool"]
        missing = {one[0] for one in calls} - set(done)
        return _calls(*calls) if missing else {"content": SEVERAL_DONE}

    return complete(asked, script)


def _endless(model: Model, asked: Json) -> Json:
    """It looks, and looks, and looks."""

    def script(messages: Any, tools: Any) -> Json:
        turn = sum(one["role"] == "assistant" for one in messages)
        return _calls((f"call_look-{turn + 1}", "check_status", '{"service": "web"}'))

    return complete(asked, script)


def _calls(*calls: tuple[str, str, str]) -> Json:
    """A message that calls for these: id, tool and arguments of each."""
    made = [
        {"id": name, "type": "function", "function": {"name": tool, "arguments": text}}
        for name, tool, text in calls
    ]
    return {"content": None, "tool_calls": made}


MOODS: Mapping[str, Callable[[Model, Json], Json]] = {
    "well": _well,
    "busy": _busy,
    "always busy": lambda model, asked: _throttled(asked),
    "empty": _empty,
    "always empty": lambda model, asked: {**_well(model, asked), "choices": []},
    "fickle": _fickle,
    **dict.fromkeys((SEVERAL + word for word in FAILING), _several),
    "endless": _endless,
}
