"""
Every error of the course, as one tree, each saying what became of the effect.

The tree::

    AgentStateError
    ├── Permanent            trying again cannot help
    │   ├── AnswerNotWhole       the model's answer was cut off, filtered or refused
    │   └── NotGranted           this agent may not read or change that
    ├── InvalidValue         an argument, a file or a reply is not what it must be
    ├── ContextTooSmall      the budget cannot hold what the model must see
    ├── ExtraMissing         a package that this room needs is not installed
    ├── TaskNotFound         no task has this id
    ├── Conflict             somebody else got there first
    │   ├── VersionConflict      the task has changed since it was read
    │   ├── TaskInProgress       another worker is on it
    │   ├── LeaseLost            the worker's lease is not its own any more
    │   └── KeyReused            the same key came with another input
    ├── NeedsPerson          a person has to answer before the task goes on
    │   ├── OutcomeUnknown       an effect was begun, and nobody knows how it ended
    │   └── ApprovalNeeded       a person must agree before the step may start
    ├── DeadlineExceeded     the time was used up before the step could start
    ├── CheckpointRefused    a run cannot go on from what is stored
    │   └── CheckpointExpired    nobody has touched the task for too long
    ├── BudgetUsedUp         a limit of the run is reached
    ├── AttemptsUsedUp       the task was tried as often as it may be
    ├── Cancelled            somebody asked to stop before the work was done
    ├── IllegalTransition    the task may not go from this state to that one
    ├── ArtifactNotFound     no content is stored under this id
    ├── StoreError           the store refused; what it held is as it was
    │   ├── StoreTorn            the content is cut off or altered
    │   ├── StoreForeign         the content is not ours
    │   ├── StoreTooNew          a newer version of the course wrote it
    │   ├── StoreReadOnly        writing is not allowed
    │   ├── StoreBusy            the lock was not free in time
    │   ├── StoreUnavailable     the server cannot be reached, or has gone away
    │   └── StoreWriteFailed     the system refused the write
    └── LabError             the stage failed, not the lesson
        ├── WorldUnavailable     the world could not be started or reached
        ├── PostgresUnavailable  PostgreSQL could not be started or reached
        ├── EffectRefused        a service of the world answered no
        ├── ReplyLost            the request went out, and no reply came back
        ├── KillMissed           the victim did not die where it was told to
        └── KernelDied           the kernel ended while a cell was running

A caller that catches an error has one question: *did it happen?* So each error
carries `effect` ("not started", "done" or "unknown"), and its message ends with
it. Code that retries reads the attribute; a person reads the message.

Why one module: the tree is the vocabulary of failure, and a vocabulary is read
on one page. This module does not decide what to retry; `retry` does.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

Effect = Literal["not started", "done", "unknown"]


class AgentStateError(Exception):
    """
    The base of every error here.

    Args:
        message: What went wrong, with the value at fault, and what to do.

        effect: What is known of the side effect, when it differs from the
            usual answer of the class.

    Attributes:
        effect: "not started", "done" or "unknown".

        message: What was said, without the effect at its end.

    >>> str(AgentStateError("the port is taken: close the other program"))
    'the port is taken: close the other program (side effect: not started)'
    """

    default_effect: ClassVar[Effect] = "not started"

    def __init__(self, message: str = "", *, effect: Effect | None = None) -> None:
        self.effect: Effect = effect or self.default_effect
        said = message or type(self).__doc__.strip().splitlines()[0]  # type: ignore[union-attr]
        self.message = said
        super().__init__(f"{said} (side effect: {self.effect})")


class Permanent(AgentStateError):
    """Trying again cannot help: the request itself was refused."""


class AnswerNotWhole(Permanent):
    """
    The model's answer was cut off, filtered or refused, so nothing of it was used.

    Attributes:
        why: In one word of the provider ("length"), or in the model's own words.

        may_go_on: Whether another answer may be whole, if the model is told.
    """

    def __init__(self, why: str, *, may_go_on: bool) -> None:
        said = "was cut off" if may_go_on else "was kept back"
        super().__init__(f"the model's answer {said} ({why}): nothing of it was used")
        self.why = why
        self.may_go_on = may_go_on


class NotGranted(Permanent):
    """
    This agent may not read or change that.

    Attributes:
        agent_id: Who asked.

        owner_id: Whose tasks it was about.

        write: Whether it wanted to change one.
    """

    def __init__(self, agent_id: str, owner_id: str, *, write: bool) -> None:
        what = "change" if write else "read"
        super().__init__(
            f"agent {agent_id!r} may not {what} the tasks of agent {owner_id!r}: have"
            " that granted first"
        )
        self.agent_id = agent_id
        self.owner_id = owner_id
        self.write = write


class InvalidValue(AgentStateError, ValueError):
    """
    An argument, a file or a reply is not what it must be.

    Attributes:
        name: What the value was meant for.

        why: What is wrong with it, and what would be right.
    """

    def __init__(self, name: str, why: str, *, effect: Effect | None = None) -> None:
        super().__init__(f"{name}: {why}", effect=effect)
        self.name = name
        self.why = why


class ContextTooSmall(AgentStateError, ValueError):
    """
    The budget cannot hold what the model must see, so the model was not asked.

    Attributes:
        needed: The least that would do, in the unit of the budget.

        limit: What was allowed.
    """

    def __init__(self, needed: int, limit: int) -> None:
        super().__init__(
            f"what the model must see needs {needed}, and the limit is {limit}: allow"
            f" at least {needed}, answer open questions, or keep fewer facts"
        )
        self.needed = needed
        self.limit = limit


class ExtraMissing(AgentStateError, ImportError):
    """
    A package that this room needs is not installed, so the room was not entered.

    Attributes:
        extra: What brings it: "postgres", "mcp", "scale-out", "lab" or "test".

        missing: The modules that were not found.
    """

    def __init__(self, extra: str, missing: Sequence[str]) -> None:
        super().__init__(
            f"{', '.join(missing)} must be installed first:"
            f' pip install "agentstate-lab[{extra}]"'
        )
        self.extra = extra
        self.missing = tuple(missing)


class TaskNotFound(AgentStateError, LookupError):
    """
    No task has this id.

    Attributes:
        task_id: The id that was asked for.
    """

    def __init__(self, task_id: str) -> None:
        super().__init__(
            f"no task {task_id!r} is stored: submit it first, or check the id"
        )
        self.task_id = task_id


class Conflict(AgentStateError):
    """Somebody else got there first: read again, then decide."""


class VersionConflict(Conflict):
    """
    The task has changed since it was read, so this write was refused.

    Attributes:
        task_id: The task.

        expected: The version that the writer had read.

        found: The version that is stored.
    """

    def __init__(self, task_id: str, *, expected: int, found: int) -> None:
        super().__init__(
            f"task {task_id!r} is at version {found}, not {expected}: nothing was"
            " written; read it again and decide anew"
        )
        self.task_id = task_id
        self.expected = expected
        self.found = found


class TaskInProgress(Conflict):
    """
    Another worker is on this task, so this one left it alone.

    Attributes:
        task_id: The task.
    """

    def __init__(self, task_id: str) -> None:
        super().__init__(
            f"task {task_id!r} is in progress elsewhere: nothing was started here"
        )
        self.task_id = task_id


class LeaseLost(Conflict):
    """
    The lease is not this worker's any more, so its write was refused.

    It ran out and another worker has the task, or somebody ended the task. Whatever
    this worker did outside since then was done beside the other.

    Attributes:
        task_id: The task.
    """

    def __init__(self, task_id: str, *, effect: Effect | None = None) -> None:
        super().__init__(
            f"the lease on task {task_id!r} is lost: nothing was written; stop, and"
            " leave the task to whoever has it now",
            effect=effect,
        )
        self.task_id = task_id


class KeyReused(Conflict):
    """
    The same key came with another input.

    Source: the 422 of the IETF draft "The Idempotency-Key HTTP Header Field".

    Attributes:
        task_id: The task that already has the key.

        patch_id: The key, when it is the id of a patch of that task.
    """

    def __init__(self, task_id: str, patch_id: str = "") -> None:
        super().__init__(
            f"patch {patch_id!r} of task {task_id!r} is known with other content:"
            " nothing was changed; send the same patch again, or read if it is done;"
            " another wish needs its own id"
            if patch_id
            else f"task {task_id!r} exists with another input: nothing was changed;"
            " use a new key for a new request"
        )
        self.task_id = task_id
        self.patch_id = patch_id


class NeedsPerson(AgentStateError):
    """
    A person has to answer before the task goes on.

    Attributes:
        task_id: The task.

        step: The step that it is about.

        question: What the person is asked.
    """

    asks: ClassVar[str] = "What about {step}?"

    def __init__(
        self, task_id: str, step: str, why: str, *, question: str = ""
    ) -> None:
        super().__init__(f"step {step!r} of task {task_id!r}: {why}")
        self.task_id = task_id
        self.step = step
        self.question = question or self.asks.format(step=step)


class ApprovalNeeded(NeedsPerson):
    """A person must agree before the step may start."""

    asks: ClassVar[str] = "May {step} run?"


class OutcomeUnknown(NeedsPerson):
    """
    An effect was begun, and nobody knows how it ended.

    This is the third outcome, beside done and not started. It is resolved by
    asking the receiver, by a person, or by repeating what is safe to repeat, and
    never by a guess.
    """

    default_effect: ClassVar[Effect] = "unknown"
    asks: ClassVar[str] = "Did {step} happen?"


class DeadlineExceeded(AgentStateError, TimeoutError):
    """
    The time was used up before the step could start, or before it came back.

    Attributes:
        step: The step that was about to start, or that was given up.

        overrun: Seconds by which the deadline had passed.
    """

    def __init__(
        self, step: str, overrun: float, *, effect: Effect | None = None
    ) -> None:
        became = "was not started" if effect is None else "was given up"
        when = f"{overrun:g} s ago" if overrun else "at this instant"
        super().__init__(
            f"step {step!r} {became}: its deadline passed {when}",
            effect=effect,
        )
        self.step = step
        self.overrun = overrun


class CheckpointRefused(AgentStateError):
    """
    A run cannot go on from what is stored.

    Attributes:
        task_id: The task.

        why: What is wrong with it.
    """

    def __init__(self, task_id: str, why: str) -> None:
        super().__init__(f"task {task_id!r} cannot be resumed: {why}")
        self.task_id = task_id
        self.why = why


class CheckpointExpired(CheckpointRefused):
    """
    Nobody has touched the task for too long.

    Attributes:
        age: Seconds since it was last saved.

        max_age: Seconds after which a task is too old.
    """

    def __init__(self, task_id: str, *, age: float, max_age: float) -> None:
        super().__init__(
            task_id, f"it was last saved {age:g} s ago, and {max_age:g} s is the limit"
        )
        self.age = age
        self.max_age = max_age


class BudgetUsedUp(AgentStateError):
    """
    A limit of the run is reached, so the next turn was not begun.

    Attributes:
        task_id: The task.

        what: "steps" or "llm_tokens".

        used: How much of it is gone.

        limit: How much there was.
    """

    def __init__(self, task_id: str, what: str, *, used: int, limit: int) -> None:
        super().__init__(
            f"task {task_id!r} has used {used} of {limit} {what}: give it a larger"
            " budget under a new key, or a smaller job"
        )
        self.task_id = task_id
        self.what = what
        self.used = used
        self.limit = limit


class AttemptsUsedUp(AgentStateError):
    """
    The task was tried as often as it may be, and is dead now.

    Attributes:
        task_id: The task.

        attempts: How often it was tried.
    """

    def __init__(self, task_id: str, attempts: int) -> None:
        super().__init__(
            f"task {task_id!r} was claimed {attempts} times and never got through:"
            " nothing was started; find out why, then submit it under a new key"
        )
        self.task_id = task_id
        self.attempts = attempts


class Cancelled(AgentStateError):
    """Somebody asked to stop before the work was done."""


class IllegalTransition(AgentStateError):
    """
    The task may not go from this state to that one.

    Attributes:
        task_id: The task, or an empty string when only states were compared.

        old: The state it is in.

        new: The state it was asked to take; the same one, when something was to be
            added to it.
    """

    def __init__(self, old: str, new: str, task_id: str = "") -> None:
        whose = f"task {task_id!r}" if task_id else "a task"
        super().__init__(
            f"{whose} is {old}: nothing can be added to it in this state"
            if old == new
            else f"{whose} may not go from {old} to {new}: the stored task is as it was"
        )
        self.task_id = task_id
        self.old = old
        self.new = new


class ArtifactNotFound(AgentStateError, LookupError):
    """
    No content is stored under this id.

    Attributes:
        artifact_id: The id that was asked for.
    """

    def __init__(self, artifact_id: str) -> None:
        super().__init__(f"no artifact {artifact_id!r} is stored here")
        self.artifact_id = artifact_id


class StoreError(AgentStateError):
    """
    The store refused, and what it held is as it was.

    Attributes:
        where: The file or address of the store.

        why: What was found there, and what to do.
    """

    def __init__(self, where: str, why: str, *, effect: Effect | None = None) -> None:
        super().__init__(f"{where}: {why}", effect=effect)
        self.where = where
        self.why = why


class StoreTorn(StoreError):
    """The content is cut off or altered. It was not touched."""


class StoreForeign(StoreError):
    """The content is not ours. It was not touched."""


class StoreTooNew(StoreError):
    """A newer version of the course wrote the content. It was not touched."""


class StoreReadOnly(StoreError):
    """Writing is not allowed there."""


class StoreBusy(StoreError):
    """The lock of the store was not free in time."""


class StoreUnavailable(StoreError):
    """The server cannot be reached, or the connection broke."""


class StoreWriteFailed(StoreError):
    """The operating system refused the write."""


class LabError(AgentStateError):
    """The stage failed, not the lesson."""


class WorldUnavailable(LabError):
    """The world could not be started or reached."""


class PostgresUnavailable(LabError):
    """PostgreSQL could not be started or reached."""


class EffectRefused(LabError):
    """
    A service of the world answered, and its answer was no.

    A reader of HTTP statuses finds here what an HTTP client would give it.

    Attributes:
        status_code: The HTTP status, for example 429 or 422.

        code: The reason in one word, for example "rate_limit_exceeded".

        headers: The headers of the reply, their names in lower case.

        retry_after: Seconds that the service asked for, or None.
    """

    def __init__(
        self,
        status_code: int,
        code: str | None,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
        retry_after: float | None = None,
        effect: Effect | None = None,
    ) -> None:
        super().__init__(f"{status_code}: {message}", effect=effect)
        self.status_code = status_code
        self.code = code
        self.headers: dict[str, str] = dict(headers or {})
        self.retry_after = retry_after


class ReplyLost(LabError):
    """The request went out, and no reply came back: it may have happened."""

    default_effect: ClassVar[Effect] = "unknown"


class KillMissed(LabError):
    """The victim did not die where it was told to."""


class KernelDied(LabError):
    """The kernel ended while a cell was running."""

    default_effect: ClassVar[Effect] = "unknown"
