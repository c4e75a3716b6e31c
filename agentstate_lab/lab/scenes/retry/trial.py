"""
One call on trial: a task of its own at the world, a fault on order, and the count.

    busy = trial("throttle", times=2)
    busy.ask()          a model call through the real client: 429
    busy.requests       how many requests arrived
    busy.happened       how many effects the ledger holds

What is counted is what went over the wire, whatever the caller believes. Each trial
has an id that no other one has, so a cell can be run again. `fresh_start` of the
lesson forgets them.

Nothing here tries again: that is what is on trial.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from agentstate_lab.errors import LabError
from agentstate_lab.lab.world import (
    SCENARIOS,
    World,
    connect_model,
    start_world,
    task_header,
)

LESSON = "04_retry"


@dataclass(frozen=True, slots=True)
class Trial:
    """
    A task whose calls can go wrong.

    Attributes:
        task_id: Names it, in the ledger and to the faults.

        world: Where its calls arrive.
    """

    task_id: str
    world: World

    @property
    def requests(self) -> int:
        """How many requests arrived, answered or not."""
        return sum(self.world.requests(self.task_id).values())

    @property
    def happened(self) -> int:
        """How many effects there were."""
        return sum(entry.count for entry in self.world.ledger(self.task_id))

    def ask(self, *, role: str = "user", client_retries: int = 0) -> str:
        """
        One call of the model through the `openai` client: which tool it calls when
        the disk is nearly full.

        Args:
            role: Who tells it so. A "tool" that nobody called is refused with 400.

            client_retries: How often the client itself may try again.

        Raises:
            openai.APIError: Whatever the client makes of what went wrong.
        """
        client, model = connect_model()
        message: Any = {"role": role, "content": "The disk is nearly full."}
        tools: Any = SCENARIOS["disk"].tools
        with client:
            reply = client.with_options(
                max_retries=client_retries
            ).chat.completions.create(
                model=model,
                messages=[message],
                tools=tools,
                extra_headers=task_header(self.task_id),
            )
        calls = reply.choices[0].message.tool_calls or []
        return ", ".join(call.id.removeprefix("call_") for call in calls)

    def effect(self, service: str, *, key: str | None = None) -> str:
        """
        Request the effect of *service* once, and return the receipt.

        Args:
            service: "open_ticket", for example.

            key: An idempotency key, or None.

        Raises:
            EffectRefused: It answered no.
            ReplyLost: It may have happened.
        """
        reply = self.world.effect(
            service, task_id=self.task_id, step=service, arguments={}, key=key
        )
        return str(reply["receipt"])


def trial(
    fault: str | None = None,
    *,
    at: str = "model",
    times: int = 1,
    seconds: float | None = None,
) -> Trial:
    """
    A new trial, with a fault that strikes its next calls.

    Args:
        fault: One of `faults.KINDS`, or None for none.

        at: "model", or a service.

        times: How many calls it strikes.

        seconds: How long, for the kinds that take time; for "throttle", what
            Retry-After says.
    """
    made = Trial(f"{LESSON}/{uuid.uuid4().hex}", start_world())
    if fault is not None:
        made.world.fault(made.task_id, fault, at=at, times=times, seconds=seconds)
    return made


class Down:
    """
    A service that is down, without a world: it counts the calls and refuses them.

    Attributes:
        requests: How many calls there were.
    """

    requests = 0

    def __call__(self) -> NoReturn:
        """Refuse one more call."""
        self.requests += 1
        raise ConnectionError("the service is down")


def five_failures() -> dict[str, Exception]:
    """One failure of each sort that an agent meets, as the real clients raise it."""
    ticket = trial("reply_lost", at="open_ticket")
    calls: dict[str, Callable[[], str]] = {
        "too busy": trial("throttle").ask,
        "an error of the service": trial("error").ask,
        "a closed connection": trial("drop").ask,
        "a malformed request": lambda: trial().ask(role="tool"),
        "a ticket's lost reply": lambda: ticket.effect("open_ticket"),
    }
    return {name: _failure(call) for name, call in calls.items()}


def _failure(call: Callable[[], object]) -> Exception:
    """What *call* raises."""
    try:
        call()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what is asked
        return error
    raise LabError("the fault that was ordered did not strike", effect="unknown")
