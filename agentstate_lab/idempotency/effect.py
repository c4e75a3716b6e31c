"""
Do it once, although every call may come twice.

A process can die between an effect and its record, and no order of the two lines
helps: the effect is in the world, the record is in a store. What helps is to record
the *intent* first, to request the effect under a key that names this intent, and to
record the result after it. Whoever comes next then finds one of three things:

    a result                  replay it; nothing runs
    no intent                 record one, and run
    an intent and no result   the outcome is unknown: never guess

An unknown outcome is resolved by sending the same key to the receiver again, by
the caller's word that the effect may be repeated, or by a person (`waiting`).

`run_once` does this for one step. A whole task is run, resumed and recovered in
`execution`.

What this promises: at-least-once, and once where the receiver honours the key. What
no code can promise is "once" for a receiver that honours nothing: there the choice
is between perhaps twice and perhaps never, and it is the caller's to make.

Source: the IETF draft "The Idempotency-Key HTTP Header Field"; Garcia-Molina and
Salem, "Sagas", for the recorded intent.
"""

import time
from collections.abc import Callable
from typing import Literal

from pydantic import JsonValue

from agentstate_lab.errors import (
    InvalidValue,
    KeyReused,
    LeaseLost,
    OutcomeUnknown,
    TaskInProgress,
    VersionConflict,
)
from agentstate_lab.state import (
    CloseQuestion,
    Owner,
    StepRecord,
    StepStatus,
    Task,
    TaskState,
    fingerprint,
    key_for,
    reason,
)
from agentstate_lab.stores import (
    MAX_STEP_TRIES,
    StepStore,
    is_gone,
    record_more,
    surely_not_started,
    text_of,
    working,
)

IfUnknown = Literal["resend", "repeat", "wait"]
Sleep = Callable[[float], object]

BUSY_WAIT = 0.5  # seconds between two requests to a receiver that is still at it
BUSY_REQUESTS = 10

_NEVER_REPORTED = (
    "it was begun and never reported; find out whether it happened, then call resolve()"
)


def run_once(
    store: StepStore,
    task_id: str,
    step: str,
    effect: Callable[[str], JsonValue],
    *,
    request: JsonValue = None,
    if_unknown: IfUnknown = "wait",
    sleep: Sleep = time.sleep,
) -> JsonValue:
    """
    The result of *step*: recorded before, or of *effect*, which runs now.

    Args:
        store: Where the task is.

        task_id: The task.

        step: Names the step by its intent: the same words in every run.

        effect: Requests the effect; it is handed the idempotency key and returns
            what is to be recorded.

        request: What is requested. The same step with another request is refused.

        if_unknown: What to do about an intent without a result. "resend": send again
            under the same key, which the receiver honours. "repeat": the effect may
            happen twice without harm. "wait": raise, so that a person can decide.

        sleep: Waits between two requests to a receiver that is still at it (409).

    Returns:
        The result as it is stored.

    Raises:
        OutcomeUnknown: It was begun and not reported, now or earlier, and *if_unknown*
            is "wait". Otherwise the error of *effect* comes out, and the next call
            resends or repeats.
        TaskInProgress: Another worker is at this step.
        KeyReused: The step is known with another request.
        LeaseLost: The task is another worker's by now. If its `effect` is "done",
            the effect happened, and the other worker will look into it.
        InvalidValue: An argument, or the result, cannot be stored.
        TaskNotFound, IllegalTransition: There is no such task, or it has ended.
    """
    if if_unknown not in ("resend", "repeat", "wait"):
        raise InvalidValue(
            "if_unknown", f"{if_unknown!r} is none of resend, repeat, wait"
        )
    with working() as me:
        intent = intent_of(task_id, step, request, me)
        record = recorded_or_begun(store, task_id, intent, if_unknown)
        if record.status is StepStatus.DONE:
            return record.result
        try:
            result = requested(effect, record.key, sleep)
        except Exception as error:
            report_failure(store, task_id, record, error, if_unknown)
            raise
        return report(store, task_id, record, result)


def resolve(
    store: StepStore,
    task_id: str,
    step: str,
    *,
    happened: bool,
    result: JsonValue = None,
) -> Task:
    """
    Record what a person found out about a step whose outcome was unknown.

    A task that waited for it is pending again, and can be resumed. The same answer
    once more changes nothing.

    Args:
        store: Where the task is.

        task_id: The task.

        step: The step.

        happened: Whether the effect happened. If not, the next run may start it.

        result: What the step is to return from now on, if it happened.

    Raises:
        InvalidValue: The outcome of this step is not unknown, and another one.
        TaskInProgress: The run that began the step is still at it.
    """
    status = StepStatus.DONE if happened else StepStatus.NOT_STARTED
    task = store.get(task_id)
    found = store.step(task_id, step)
    if found is not None and (found.status, found.result) == (status, result):
        return task
    if found is None or found.status is not StepStatus.STARTED:
        known = "it was never begun" if found is None else f"it is {found.status}"
        raise InvalidValue(f"step {step!r}", f"its outcome is not unknown: {known}")
    # A task that waits is nobody's: the run that began the step has ended.
    if task.state is not TaskState.WAITING and not is_gone(found.owner):
        raise TaskInProgress(task_id)
    # It is nobody's now: a run that keeps count of its steps has not counted this one.
    settled = {"status": status, "result": result, "owner": None}
    answer = found.model_copy(update=settled)
    if task.state is TaskState.WAITING:
        question = OutcomeUnknown.asks.format(step=step)
        task = task.learned(CloseQuestion(question=question))
        task = task.replace(state="pending", error=None)
    return store.save(task, steps=[answer])


def intent_of(task_id: str, step: str, request: JsonValue, me: Owner) -> StepRecord:
    """What is about to be requested, as it is recorded before."""
    try:
        return StepRecord(
            name=step,
            status=StepStatus.STARTED,
            key=key_for(task_id, step),
            fingerprint=fingerprint(request),
            owner=me,
        )
    except (TypeError, ValueError, AttributeError) as error:
        raise InvalidValue(
            f"step {step!r:.100}", f"cannot be recorded: {reason(error)}"
        ) from error


def recorded_or_begun(
    store: StepStore, task_id: str, intent: StepRecord, if_unknown: IfUnknown
) -> StepRecord:
    """The result that is recorded, or the intent, recorded now."""
    for _ in range(MAX_STEP_TRIES):
        # The task first: a record that comes after it has raised the version, and
        # the save below is refused.
        task = store.get(task_id)
        found = store.step(task_id, intent.name)
        if found is not None:
            if found.fingerprint != intent.fingerprint:
                raise KeyReused(f"{task_id}/{intent.name}")
            if found.status is StepStatus.DONE:
                return found
            if found.status is StepStatus.STARTED:
                _check_gone(store, task_id, found)
                if store.step(task_id, intent.name) != found:
                    continue  # it reported after we read its record, and before it left
                if if_unknown == "wait":
                    raise OutcomeUnknown(task_id, intent.name, _NEVER_REPORTED)
            intent = intent.model_copy(update={"attempt": found.attempt + 1})
        if if_unknown == "repeat":
            return intent  # nobody will look whether it was begun
        try:
            store.save(task, steps=[intent])
        except VersionConflict:
            continue
        return intent
    raise TaskInProgress(task_id)


def _check_gone(store: StepStore, task_id: str, found: StepRecord) -> None:
    """Raise while whoever began the step may still be at it."""
    # A lease proves more than a list of processes can (`lease`).
    if not getattr(store, "is_gone", is_gone)(found.owner):
        raise TaskInProgress(task_id)


def requested(effect: Callable[[str], JsonValue], key: str, sleep: Sleep) -> JsonValue:
    """The receiver's answer; one that is still at it gets the same request again."""
    for _ in range(BUSY_REQUESTS - 1):
        try:
            return effect(key)
        except Exception as error:
            if getattr(error, "status_code", None) != 409:
                raise
            sleep(BUSY_WAIT)
    return effect(key)


def report_failure(
    store: StepStore,
    task_id: str,
    record: StepRecord,
    error: Exception,
    if_unknown: IfUnknown,
) -> None:
    """Record that nothing happened, if that is sure; else call it unknown."""
    if surely_not_started(error):
        refused = {"status": StepStatus.NOT_STARTED, "error": text_of(error)}
        record_more(store, task_id, steps=[record.model_copy(update=refused)])
    elif if_unknown == "wait":
        why = f"no answer that says what happened ({text_of(error)})"
        raise OutcomeUnknown(task_id, record.name, why) from error


def report(
    store: StepStore, task_id: str, record: StepRecord, result: JsonValue
) -> JsonValue:
    """Record the result of an effect that happened, and return it."""
    done = {"status": StepStatus.DONE, "result": result}
    try:
        record_more(store, task_id, steps=[record.model_copy(update=done)])
    except InvalidValue as error:
        raise InvalidValue(
            f"the result of step {record.name!r}",
            f"{error.why}; return what JSON can carry",
            effect="done",
        ) from error
    except LeaseLost as error:
        raise LeaseLost(task_id, effect="done") from error
    return result
