"""
The two jobs of the course, and the model that knows how to do them.

`disk` is a clean-up with one effect. `deploy` is a deployment of ten minutes, one
tool call a minute, eight of them with an effect that nobody can take back.

`next_message` is the scripted model. It keeps nothing: like the real API it knows
only the messages it is sent, so an agent that forgets them starts again from the
first step. Three things in a conversation tell it where it stands:

- the goal, in any system or user message, says which job it is;
- a tool message with the id of a step's call says that the step is done (or that
  it failed, when its text begins with `error:`, or that a person said no, when it
  begins with `denied:`);
- a line `done: STEP` or `plan: STEP` in a system or user message, the note of
  whoever worked here before: the first says that a step is done, the second kind
  together replace the steps of the script. A fact with the key `done:STEP`, in a
  line `fact KEY: VALUE` or as JSON, says that a step is done, too.

It is not a language model. It never plans anything that is not written here.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from agentstate_lab.errors import InvalidValue

from .steps import Step

Message = dict[str, Any]
Messages = Sequence[Mapping[str, Any]]

ATTEMPTS = 3  # calls of one step before the model gives up on it


@dataclass(frozen=True, slots=True)
class Scenario:
    """
    A job: what is asked, and the steps that do it.

    Attributes:
        goal: The user's words.

        answer: What the model says when every step is done.

        words: A goal with one of these words means this job.
    """

    name: str
    goal: str
    answer: str
    words: tuple[str, ...]
    steps: tuple[Step, ...]

    @property
    def tools(self) -> list[dict[str, Any]]:
        """The tools that the steps need, as the chat API wants them described."""
        from .tools import TOOLS  # loads more than a look at the ledger needs

        names = dict.fromkeys(step.tool for step in self.steps)
        return [TOOLS[name].schema() for name in names]

    @property
    def effects(self) -> tuple[Step, ...]:
        """The steps that change the world."""
        return tuple(step for step in self.steps if step.effect)

    def step_for(self, tool: str, arguments: str | Mapping[str, Any]) -> Step:
        """
        The step that a tool call stands for, named by its intent.

        A call outside the script (a live model has ideas of its own) is named
        after its tool and a digest of its arguments.

        >>> SCENARIOS["deploy"].step_for("deploy", '{"service": "api"}').name
        'deploy-api'
        """
        from .tools import TOOLS

        if tool not in TOOLS:
            raise InvalidValue(
                "tool", f"there is none called {tool!r}: nothing was run"
            )
        wanted = TOOLS[tool].read(arguments)
        for step in self.steps:
            if step.tool == tool and step.arguments == wanted:
                return step
        digest = sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()
        return Step(f"{tool}-{digest[:8]}", tool, wanted, says="nothing unusual")


def _scenario(
    name: str, goal: str, answer: str, words: tuple[str, ...], *steps: Step
) -> Scenario:
    """A scenario whose steps take a minute each, in their order."""
    timed = (replace(step, minute=minute) for minute, step in enumerate(steps, 1))
    return Scenario(name, goal, answer, words, tuple(timed))


SCENARIOS = {
    "disk": _scenario(
        "disk",
        "The disk is nearly full. Find out why, and make room.",
        "There is room again: the old logs are gone.",
        ("disk",),
        Step("check-disk", "check_disk", {"path": "/"}, says="95 % full: /var/log"),
        Step("clean-logs", "clean_logs", {"path": "/var/log"}),
        Step("verify", "check_disk", {"path": "/var/log"}, says="41 % full"),
    ),
    "deploy": _scenario(
        "deploy",
        "Deploy release 4.2 of the shop.",
        "Release 4.2 is deployed, and the customers know.",
        ("deploy", "release"),
        Step("check-status", "check_status", {"service": "shop"}, says="healthy, 4.1"),
        Step("open-ticket", "open_ticket", {"title": "Release 4.2"}),
        Step("announce", "send_mail", {"subject": "Release 4.2 begins"}),
        Step("deploy-database", "deploy", {"service": "database"}),
        Step("deploy-api", "deploy", {"service": "api"}),
        Step("deploy-worker", "deploy", {"service": "worker"}),
        Step("deploy-web", "deploy", {"service": "web"}),
        Step("clean-logs", "clean_logs", {"path": "/srv/shop/log"}),
        Step("report", "send_mail", {"subject": "Release 4.2 is live"}),
        Step("verify", "check_status", {"service": "web"}, says="healthy, 4.2"),
    ),
}


def scenario_named(name: str) -> Scenario:
    """The scenario called *name*."""
    if not isinstance(name, str) or name not in SCENARIOS:
        known = " and ".join(SCENARIOS)
        raise InvalidValue("scenario", f"none is called {name!r}; there are {known}")
    return SCENARIOS[name]


def next_message(
    messages: Messages, tools: Sequence[Mapping[str, Any]] | None = None
) -> Message:
    """
    The scripted model's next message: one tool call, or the final answer.

    Args:
        messages: The whole conversation, as the chat API takes it.

        tools: The tools on offer. A step whose tool is missing ends the job with
            a sentence that says so.
    """
    told = list(_told(messages))
    scenario = _meant(told)
    if scenario is None:
        jobs = "; ".join(f"{s.name}: {s.goal}" for s in SCENARIOS.values())
        return _says(f"What am I to do? I know these jobs: {jobs}")
    outcomes = _outcomes(messages)
    noted = _noted(told, "done")
    for step in _planned(scenario, told):
        tried = outcomes.get(step.name, [])
        if "denied" in tried:
            return _says(f"I stopped: {step.name} was denied.")
        if step.name in noted or "done" in tried:
            continue
        if len(tried) >= ATTEMPTS:
            return _says(f"I give up: {step.name} failed {len(tried)} times.")
        if step.tool not in _offered(tools):
            return _says(f"I cannot do {step.name}: no tool {step.tool} was offered.")
        return _calls(step, attempt=len(tried) + 1)
    return _says(scenario.answer)


def call_id(step: str, attempt: int = 1) -> str:
    """The id of the model's tool call for *step*: the same in every run."""
    return f"call_{step}" if attempt == 1 else f"call_{step}_{attempt}"


def _says(text: str) -> Message:
    return {"role": "assistant", "content": text}


def _calls(step: Step, attempt: int) -> Message:
    function = {"name": step.tool, "arguments": json.dumps(dict(step.arguments))}
    call = {
        "id": call_id(step.name, attempt),
        "type": "function",
        "function": function,
    }
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def _text(content: object) -> str:
    """The text of a message, which may come as a string or as a list of parts."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    parts = [part.get("text") for part in content if isinstance(part, dict)]
    return "\n".join(part for part in parts if isinstance(part, str))


def _told(messages: Messages) -> Iterator[str]:
    """The lines that people and programs wrote, as against tools and the model."""
    for message in messages:
        if message.get("role") in ("system", "developer", "user"):
            yield from _text(message.get("content")).splitlines()


_NOTE = re.compile(r"\s*(?:[-*]\s+)?(done|plan):\s*([\w.-]+)\s*")
_FACT = re.compile(r"""(?:^fact |"key": ?")(done):([\w.-]+)[:"]""")


def _noted(told: Iterable[str], kind: str) -> list[str]:
    """The steps that the note names as *kind*, in its order."""
    return [
        match[2]
        for line in told
        for match in (_NOTE.fullmatch(line), *_FACT.finditer(line))
        if match and match[1] == kind
    ]


def _meant(told: Iterable[str]) -> Scenario | None:
    """
    The job that the first telling word means.

    `done: deploy-api` does not count: it says what happened, not what is wanted.
    """
    for line in told:
        if _NOTE.fullmatch(line) or _FACT.match(line):
            continue
        for word in re.findall(r"\w+", line.lower()):
            for scenario in SCENARIOS.values():
                if word in scenario.words:
                    return scenario
    return None


def _planned(scenario: Scenario, told: Iterable[str]) -> list[Step]:
    """The steps in the order of the note's plan, or of the script without one."""
    by_name = {step.name: step for step in scenario.steps}
    plan = [by_name[name] for name in _noted(told, "plan") if name in by_name]
    return plan or list(scenario.steps)


_CALL = re.compile(r"call_([\w.-]+?)(?:_\d+)?")


def _outcomes(messages: Messages) -> dict[str, list[str]]:
    """What became of each call in this conversation, by step."""
    outcomes: dict[str, list[str]] = {}
    for message in messages:
        if message.get("role") != "tool":
            continue
        if called := _CALL.fullmatch(str(message.get("tool_call_id"))):
            said = _text(message.get("content")).partition(":")[0]
            outcome = said if said in ("error", "denied") else "done"
            outcomes.setdefault(called[1], []).append(outcome)
    return outcomes


def _offered(tools: Iterable[Mapping[str, Any]] | None) -> set[str]:
    """The names of the tools on offer."""
    functions = [tool.get("function") for tool in tools or ()]
    return {str(f.get("name")) for f in functions if isinstance(f, Mapping)}
