"""
What a store keeps of a step: that it was begun, and what came of it.

A step is a unit whose result is recorded once and never run again after that. Its
record has three outcomes, not two. Between "begun" and "reported" a process can
die, and then nobody knows whether the effect happened:

    (no record)  → started → done
                           → not_started   the receiver said that nothing happened

A record that stays at `started` after its worker is gone is the third outcome:
unknown. This module only describes it; `idempotency` decides what to do.
"""

import json
from collections.abc import Collection, Iterable
from enum import StrEnum
from typing import Any, Literal
from urllib.parse import quote

from pydantic import JsonValue

from .agent_state import SCHEMA_VERSION, Count, Id, Record
from .digest import fingerprint
from .snapshot import Checkpoint
from .task import Owner

MAX_KEY = 255  # what the receivers of this course, and most others, take

Message = dict[str, Any]


class StepStatus(StrEnum):
    """How far a step has come, as far as its record knows."""

    STARTED = "started"
    DONE = "done"
    NOT_STARTED = "not_started"


class StepRecord(Record):
    """
    One step of a task, as it is stored.

    Attributes:
        name: Names the step by its intent, for example "deploy-api".

        status: How far it has come.

        key: The idempotency key that its effect is asked for with.

        fingerprint: A digest of what is asked, to notice a name that is used for
            something else.

        result: What came of it, once done.

        error: What the receiver said, when nothing was started.

        attempt: How often the effect was asked for, from 1.

        owner: Who asked last.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    name: Id
    status: StepStatus
    key: str
    fingerprint: str
    result: JsonValue = None
    error: str | None = None
    attempt: Count = 1
    owner: Owner | None = None


class History(Record):
    """What is stored beside a task: its steps, its messages and its checkpoints."""

    schema_version: Literal[1] = SCHEMA_VERSION
    steps: tuple[StepRecord, ...] = ()
    messages: tuple[dict[str, JsonValue], ...] = ()
    checkpoints: tuple[Checkpoint, ...] = ()

    def step(self, name: str) -> StepRecord | None:
        """The step of this name, if it was begun."""
        return next((one for one in self.steps if one.name == name), None)

    def with_more(
        self,
        steps: Iterable[StepRecord],
        messages: Iterable[Message],
        checkpoint: Checkpoint | None = None,
    ) -> "History":
        """This history with more at its end, and *steps* in their places."""
        by_name = {one.name: one for one in (*self.steps, *steps)}
        taken = () if checkpoint is None else (checkpoint,)
        return self.model_copy(
            update={
                "steps": tuple(by_name.values()),
                "messages": (*self.messages, *messages),
                "checkpoints": (*self.checkpoints, *taken),
            }
        )

    def checkpoint(self, version: int | None) -> Checkpoint | None:
        """The checkpoint of this version; the newest, if none is named."""
        found = [one for one in self.checkpoints if version in (None, one.version)]
        return found[-1] if found else None

    def without(self, versions: Collection[int]) -> "History":
        """This history without the checkpoints of these versions."""
        kept = tuple(one for one in self.checkpoints if one.version not in versions)
        return self.model_copy(update={"checkpoints": kept})


class StoredMessage(Record):
    """One message as a row of its own."""

    schema_version: Literal[1] = SCHEMA_VERSION
    message: dict[str, JsonValue]


# A message with its place in the conversation, from 1.
Placed = tuple[int, Message]


def message_line(message: Message) -> str:
    """A message as a store keeps it."""
    return StoredMessage.model_construct(message=message).model_dump_json()


def text_in_line(text: str) -> str:
    r"""
    How *text* stands in such a line, for `HistoryStore.search`.

    >>> print(text_in_line('a "b"'))
    a \"b\"
    """
    return json.dumps(text, ensure_ascii=False)[1:-1]


def found_in(history: History, text: str) -> list[Placed]:
    """The messages that hold *text*, by looking at each."""
    placed = enumerate(history.messages, start=1)
    return [(n, dict(one)) for n, one in placed if text in message_line(one)]


def key_for(task_id: str, step: str) -> str:
    """
    The idempotency key of a step: the same in every run, and no other step's.

    It comes from the intent. A clock or a random number would make a new key of
    every repeat, and the receiver could not know that it is one.

    >>> key_for("friday", "deploy-api")
    'friday/deploy-api'
    >>> key_for("a/b", "c") == key_for("a", "b/c")
    False
    """
    key = f"{quote(task_id, safe='')}/{quote(step, safe='')}"
    return key if len(key) <= MAX_KEY else f"sha256-{fingerprint([task_id, step])}"
