"""
The hand-over of notebook 08: a replacement that knows only what it is told.

It is minute 8 of the deployment, seven steps are done, and the agent that did them
is gone. `minute_eight` is the state that it left. `take_over` plays the rest: the
seven steps really happen, under an id of their own, and then a replacement goes on,
which is told anew before each turn and keeps no conversation. What it did is asked
of the world's ledger.

The replacement asks the small model, whose window can be overrun; every request goes
over HTTP through the `openai` client. Nothing here decides what a briefing says.
"""

import json
import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from agentstate_lab.context import utf8_bytes
from agentstate_lab.lab.agents import (
    Job,
    ask,
    done_fact,
    learn,
    receipt,
    run_step,
    tool_says,
    user_says,
)
from agentstate_lab.lab.show import Counted, counted
from agentstate_lab.lab.world import (
    Message,
    Step,
    call_id,
    perform,
    scenario_named,
    scripted_model,
    start_world,
)
from agentstate_lab.lab.world.chat import SMALL_MODEL
from agentstate_lab.state import AgentState, Artifact, Fact

Brief = Callable[[AgentState], str]

DEPLOY = scenario_named("deploy")
DONE = DEPLOY.steps[:7]
REGION = "eu-central-1"
LISTING_BYTES = 48_231
HOSTS = 600


def minute_eight() -> AgentState:
    """
    What the agent knew when it died: seven steps done, and a listing that lies outside.
    """
    facts = [
        Fact(key="release", value="4.2", source="user"),
        Fact(key="region", value=REGION, source="user"),
        Fact(key="replicas", value=2, source="user"),
        *_done_facts(),
        Fact(key="replicas", value=3, source="on call"),
    ]
    listing = Artifact(
        artifact_id="list_123",
        type="tool_result.listing",
        summary="clean-logs: the 212 files in /srv/shop/log",
        bytes=LISTING_BYTES,
    )
    return AgentState.model_validate(
        {
            "goal": DEPLOY.goal,
            "constraints": {
                "human_in_the_loop": {"required_for_risk_levels": ["external_action"]}
            },
            "plan": [step.name for step in DEPLOY.steps],
            "known_facts": facts,
            "open_questions": ["May I send the report to all customers?"],
            "artifacts": [listing],
        }
    )


def watched(state: AgentState, hosts: int = HOSTS) -> AgentState:
    """*state* after a look at so many hosts: a fact for each, and all of them well."""
    seen = (
        Fact(
            key=f"health:{REGION}:shop-web-{number:03}:http",
            value="ok",
            source="check_status",
        )
        for number in range(hosts)
    )
    return state.model_copy(update={"known_facts": (*state.known_facts, *seen)})


def pasted(state: AgentState) -> AgentState:
    """*state* after somebody has put 5,000 bytes of a log into a fact."""
    lines = [f"{n:04} web started, slowly" for n in range(1, 301)]
    log = Fact(key="log:web", value="\n".join(lines)[:5_000], source="check_status")
    return state.model_copy(update={"known_facts": (*state.known_facts, log)})


def talk() -> list[Message]:
    """The last two turns before minute 8: one call with its result, and two calls."""
    first, *last = DONE[4:]
    return [*_turn(first), *_turn(*last)]


def briefed_agent(job: Job, state: AgentState, brief: Brief) -> str:
    """
    Each turn, the model is told what *brief* makes of the state, and nothing else.
    """
    for _ in range(state.budget.max_steps):
        message = ask(job, [user_says(brief(state))])
        if not message.get("tool_calls"):
            return str(message["content"])
        for call in message["tool_calls"]:
            step = job.step(call)
            result = run_step(job, step)
            state = learn(state, done_fact(step, receipt(result)))
    return "The steps of the budget are used up."


@dataclass(frozen=True, slots=True, repr=False)
class TakenOver:
    """
    What became of a job after its hand-over.

    Attributes:
        told: The bytes of each briefing.

        steps: The steps that the replacement did.

        ended: Its last words, or the refusal that ended it.

        counted: What the world had counted at the end.
    """

    told: tuple[int, ...]
    steps: tuple[str, ...]
    ended: str
    counted: Counted

    def __str__(self) -> str:
        ways = [*self.steps, self.ended]
        lines = [
            f"told {size:>6,} bytes: {way}"
            for size, way in zip(self.told, ways, strict=False)
        ]
        lines += ways[len(self.told) :]  # the budget ended it before the next turn
        return "\n".join([*lines, f"the ledger: {self.counted.verdict}"])

    __repr__ = __str__


def take_over(state: AgentState, brief: Brief) -> TakenOver:
    """
    Let the seven steps happen, and a replacement go on from *state*.

    Args:
        state: What was left.

        brief: From the state to the text that the replacement is told, each turn.
    """
    told: list[int] = []
    steps: list[str] = []

    def noted(state: AgentState) -> str:
        text = brief(state)
        told.append(utf8_bytes(text))
        return text

    job = _small_job(f"08_context/{uuid.uuid4().hex}", steps.append)
    for step in DONE:
        perform(step, world=job.world, task_id=job.task_id)
    with closing(job.client):
        try:
            ended = briefed_agent(job, state, noted)
        except Exception as error:  # noqa: BLE001 - what is no refusal is raised again
            ended = _refused(error)
    done = [line.split()[2] for line in steps]
    return TakenOver(tuple(told), tuple(done), ended, counted(job.task_id))


def model_says(text: str) -> str:
    """
    What the small model does when it is told *text*: the step it calls for, its
    words, or its refusal. Nothing is run.
    """
    job = _small_job("08_context/asked", print)
    with closing(job.client):
        try:
            message = ask(job, [user_says(text)])
        except Exception as error:  # noqa: BLE001 - what is no refusal is raised again
            return _refused(error)
    calls = message.get("tool_calls")
    return job.step(calls[0]).name if calls else str(message["content"])


def _small_job(task_id: str, on_event: Callable[[str], object]) -> Job:
    """The deployment with the small model, whatever model is configured."""
    client, _ = scripted_model()
    return Job(
        scenario=DEPLOY,
        task_id=task_id,
        client=client,
        model=SMALL_MODEL,
        world=start_world(),
        on_event=on_event,
    )


def _refused(error: Any) -> str:
    """The refusal of the chat API, in its own words; any other error is raised."""
    if not hasattr(error, "body"):
        raise error
    said = error.body["message"].partition(" (")[0]
    return f"{error.status_code} {error.code}: {said}"


def _turn(*steps: Step) -> list[Message]:
    """One turn in which the model called for *steps*, and was told of each."""
    calls = [
        {
            "id": call_id(step.name),
            "type": "function",
            "function": {
                "name": step.tool,
                "arguments": json.dumps(dict(step.arguments)),
            },
        }
        for step in steps
    ]
    asked: Message = {"role": "assistant", "content": None, "tool_calls": calls}
    return [asked, *(tool_says(call, "done") for call in calls)]


def _done_facts() -> list[Fact]:
    """The facts of the seven steps, with the receipts that the services gave."""
    worked: Counter[str] = Counter()
    facts = []
    for step in DONE:
        worked[step.tool] += 1
        said = f"{step.effect}-{worked[step.tool]}" if step.effect else step.says
        facts.append(Fact(key=f"done:{step.name}", value=said, source=step.tool))
    return facts
