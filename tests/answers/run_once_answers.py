"""Answers to exercise 03, part 2, right and wrong."""

import contextlib
import functools
import hashlib
import json
import time
import uuid
from collections.abc import Callable
from typing import Any

from agentstate_lab.errors import OutcomeUnknown, ReplyLost, TaskInProgress
from agentstate_lab.idempotency import effect as idempotency
from agentstate_lab.state import (
    Fact,
    StatePatch,
    StepRecord,
    StepStatus,
    UpsertFact,
    key_for,
)
from agentstate_lab.stores import StepStore, execute_step, record_more
from answers import Wrong

Ask = Callable[[str], Any]


def record_of(store: StepStore, task_id: str, step: str) -> StepRecord | None:
    """The record of a step, if there is one."""
    return next((one for one in store.steps(task_id) if one.name == step), None)


def begin(store: StepStore, task_id: str, step: str, key: str) -> StepRecord:
    """Record the intent."""
    intent = StepRecord(
        name=step, status=StepStatus.STARTED, key=key, fingerprint="none"
    )
    record_more(store, task_id, steps=[intent])
    return intent


def finish(store: StepStore, task_id: str, intent: StepRecord, result: Any) -> Any:
    """Record the result."""
    done = intent.model_copy(update={"status": StepStatus.DONE, "result": result})
    record_more(store, task_id, steps=[done])
    return result


def right(store: StepStore, task_id: str, step: str, ask: Ask) -> Any:
    """The plain one."""
    found = record_of(store, task_id, step)
    if found is not None and found.status is StepStatus.DONE:
        return found.result
    key = json.dumps([task_id, step])
    intent = begin(store, task_id, step, key)
    return finish(store, task_id, intent, ask(key))


def with_saves(store: StepStore, task_id: str, step: str, ask: Ask) -> Any:
    """Plain saves, each from what the last one returned."""
    task = store.get(task_id)
    records = {record.name: record for record in store.steps(task_id)}
    if step in records and records[step].status == "done":
        return records[step].result
    fields = {"name": step, "key": f"{task_id}/{step}", "fingerprint": ""}
    intent = StepRecord.model_validate({**fields, "status": "started"})
    task = store.save(task, steps=[intent])
    result = ask(intent.key)
    done = StepRecord.model_validate({**fields, "status": "done", "result": result})
    store.save(task, steps=[done])
    return result


def with_a_digest(store: StepStore, task_id: str, step: str, ask: Ask) -> Any:
    """A key of fixed length, and the refusal is recorded, too."""
    key = hashlib.sha256(repr((task_id, step)).encode()).hexdigest()
    match record_of(store, task_id, step):
        case StepRecord(status=StepStatus.DONE, result=result):
            return result
    intent = begin(store, task_id, step, key)
    try:
        result = ask(key)
    except Exception as error:
        if getattr(error, "effect", "unknown") == "not started":
            refused = {"status": StepStatus.NOT_STARTED, "error": str(error)}
            record_more(store, task_id, steps=[intent.model_copy(update=refused)])
        raise
    return finish(store, task_id, intent, result)


def with_a_stored_key(store: StepStore, task_id: str, step: str, ask: Ask) -> Any:
    """A random key, made once, and kept with the intent before it is used."""
    found = record_of(store, task_id, step)
    if found is None:
        found = begin(store, task_id, step, str(uuid.uuid4()))
    if found.status is not StepStatus.DONE:
        return finish(store, task_id, found, ask(found.key))
    return found.result


def asks_again_at_once(store: StepStore, task_id: str, step: str, ask: Ask) -> Any:
    """Tries three times, with a wait, and names the unknown outcome."""
    found = record_of(store, task_id, step)
    if found is not None and found.status is StepStatus.DONE:
        return found.result
    key = key_for(task_id, step)
    intent = begin(store, task_id, step, key)
    for wait in (1, 2, 4):
        try:
            return finish(store, task_id, intent, ask(key))
        except ReplyLost:
            time.sleep(wait)
    raise OutcomeUnknown(task_id, step, "three times no reply")


def names_the_unknown(store: StepStore, task_id: str, step: str, ask: Ask) -> Any:
    """A lost reply is raised as what it is."""
    try:
        return right(store, task_id, step, ask)
    except ReplyLost as error:
        raise OutcomeUnknown(task_id, step, "no reply; call again") from error


def with_facts(store: StepStore, task_id: str, step: str, ask: Ask) -> Any:
    """The records are facts of the task's state."""

    def note(what: str, value: Any) -> None:
        fact = Fact(key=f"step {step}", value=[what, value])

        def noted(task: Any) -> Any:
            return task.apply(
                StatePatch(
                    id=f"{what} {step} {task.version}",
                    base_version=task.version,
                    operations=(UpsertFact(fact=fact),),
                )
            )

        execute_step(store, task_id, noted)

    known: Any = store.get(task_id).agent_state.fact(f"step {step}")
    if known and known[0] == "done":
        return known[1]
    note("started", None)
    result = ask(key_for(task_id, step))
    note("done", result)
    return result


def with_messages(store: StepStore, task_id: str, step: str, ask: Ask) -> Any:
    """The records are messages, the last one counts."""
    for message in reversed(store.messages(task_id)):
        if message.get("done") == step:
            return message["result"]
    record_more(store, task_id, messages=[{"begun": step}])
    result = ask(f"{len(task_id)}.{task_id}.{step}")
    record_more(store, task_id, messages=[{"done": step, "result": result}])
    return result


class Once:
    """A callable object, with a method for each outcome of the look."""

    def __call__(self, store: StepStore, task_id: str, step: str, ask: Ask) -> Any:
        """Run the step once."""
        found = record_of(store, task_id, step)
        status = found.status if found else "missing"
        return getattr(self, f"if_{status}", self.otherwise)(
            store, task_id, found or begin(store, task_id, step, key_for(task_id, step))
        )(ask)

    def if_done(self, store: StepStore, task_id: str, record: StepRecord) -> Any:
        """Replay."""
        return lambda _: record.result

    def otherwise(self, store: StepStore, task_id: str, record: StepRecord) -> Any:
        """Ask."""
        return lambda ask: finish(store, task_id, record, ask(record.key))


RIGHT = {
    "plain": right,
    "package": functools.partial(idempotency.run_once, if_unknown="resend"),
    "saves": with_saves,
    "digest": with_a_digest,
    "stored-key": with_a_stored_key,
    "asks-again-at-once": asks_again_at_once,
    "names-the-unknown": names_the_unknown,
    "facts": with_facts,
    "messages": with_messages,
    "object": Once(),
}


def nothing(store: StepStore, task_id: str, step: str, ask: Ask) -> Any:
    """Does nothing."""


def only_asks(store: StepStore, task_id: str, step: str, ask: Ask) -> Any:
    """Leaves all of it to the receiver."""
    return ask(key_for(task_id, step))


def without_intent(store: StepStore, task_id: str, step: str, ask: Ask) -> Any:
    """Records the result only: in between, nobody knows that it was begun."""
    found = record_of(store, task_id, step)
    if found is not None:
        return found.result
    result = ask(key_for(task_id, step))
    done = StepRecord(
        name=step, status=StepStatus.DONE, key="", fingerprint="", result=result
    )
    record_more(store, task_id, steps=[done])
    return result


def saves_nothing_new(store: StepStore, task_id: str, step: str, ask: Ask) -> Any:
    """A save before the request, which says nothing of the step."""
    if not any(one.name == step for one in store.steps(task_id)):
        store.save(store.get(task_id))
    return without_intent(store, task_id, step, ask)


def keyed(make_key: Callable[[str, str], Any]) -> Callable[..., Any]:
    """The plain answer with another key."""

    def answer(store: StepStore, task_id: str, step: str, ask: Ask) -> Any:
        found = record_of(store, task_id, step)
        if found is not None and found.status is StepStatus.DONE:
            return found.result
        key = make_key(task_id, step)
        intent = begin(store, task_id, step, repr(key))
        return finish(store, task_id, intent, ask(key))

    return answer


def key_from_the_version(store: StepStore, task_id: str, step: str, ask: Ask) -> Any:
    """The intent itself has moved the version on."""
    version = store.get(task_id).version
    return keyed(lambda *names: f"{key_for(*names)}/{version}")(
        store, task_id, step, ask
    )


def key_from_the_attempt(store: StepStore, task_id: str, step: str, ask: Ask) -> Any:
    """Counts the attempts into the key: each one is news to the receiver."""
    found = record_of(store, task_id, step)
    if found is not None and found.status is StepStatus.DONE:
        return found.result
    attempt = found.attempt + 1 if found else 1
    key = f"{key_for(task_id, step)}/{attempt}"
    intent = begin(store, task_id, step, key).model_copy(update={"attempt": attempt})
    record_more(store, task_id, steps=[intent])
    return finish(store, task_id, intent, ask(key))


def new_key_after_silence(store: StepStore, task_id: str, step: str, ask: Ask) -> Any:
    """Takes a lost reply for a request that was lost."""
    found = record_of(store, task_id, step)
    if found is not None and found.status is StepStatus.DONE:
        return found.result
    again = found is not None and found.status is StepStatus.NOT_STARTED
    key = key_for(task_id, step) + (" again" if again else "")
    intent = begin(store, task_id, step, key)
    try:
        return finish(store, task_id, intent, ask(key))
    except ReplyLost:
        lost = intent.model_copy(update={"status": StepStatus.NOT_STARTED})
        record_more(store, task_id, steps=[lost])
        raise


def replays_the_intent(store: StepStore, task_id: str, step: str, ask: Ask) -> Any:
    """Takes any record for a result."""
    found = record_of(store, task_id, step)
    if found is not None:
        return found.result
    key = key_for(task_id, step)
    return finish(store, task_id, begin(store, task_id, step, key), ask(key))


def stops_at_the_intent(store: StepStore, task_id: str, step: str, ask: Ask) -> Any:
    """Takes a dead worker's intent for a worker."""
    found = record_of(store, task_id, step)
    if found is not None and found.status is StepStatus.STARTED:
        raise TaskInProgress(task_id)
    return right(store, task_id, step, ask)


def records_first(store: StepStore, task_id: str, step: str, ask: Ask) -> Any:
    """Done, before it is."""
    found = record_of(store, task_id, step)
    if found is not None:
        return found.result
    key = key_for(task_id, step)
    intent = begin(store, task_id, step, key)
    finish(store, task_id, intent, None)
    return finish(store, task_id, intent, ask(key))


def skips_the_empty(store: StepStore, task_id: str, step: str, ask: Ask) -> Any:
    """Takes an empty result for none."""
    found = record_of(store, task_id, step)
    if found is not None and found.result:
        return found.result
    key = key_for(task_id, step)
    return finish(store, task_id, begin(store, task_id, step, key), ask(key))


def skips_none(store: StepStore, task_id: str, step: str, ask: Ask) -> Any:
    """Takes None for no result."""
    found = record_of(store, task_id, step)
    if found is not None and found.result is not None:
        return found.result
    key = key_for(task_id, step)
    return finish(store, task_id, begin(store, task_id, step, key), ask(key))


def returns_nothing(store: StepStore, task_id: str, step: str, ask: Ask) -> None:
    """As if nobody needed the result."""
    right(store, task_id, step, ask)


def returns_nothing_when_done(
    store: StepStore, task_id: str, step: str, ask: Ask
) -> Any:
    """A repeated call is told nothing."""
    found = record_of(store, task_id, step)
    if found is not None and found.status is StepStatus.DONE:
        return None
    return right(store, task_id, step, ask)


def records_a_text(store: StepStore, task_id: str, step: str, ask: Ask) -> Any:
    """What is replayed is not what was returned."""
    found = record_of(store, task_id, step)
    if found is not None and found.status is StepStatus.DONE:
        return found.result
    key = key_for(task_id, step)
    intent = begin(store, task_id, step, key)
    result = ask(key)
    finish(store, task_id, intent, str(result))
    return result


def takes_silence_for_done(store: StepStore, task_id: str, step: str, ask: Ask) -> Any:
    """It probably happened."""
    found = record_of(store, task_id, step)
    if found is not None and found.status is StepStatus.DONE:
        return found.result
    key = key_for(task_id, step)
    intent = begin(store, task_id, step, key)
    try:
        result = ask(key)
    except ReplyLost:
        result = None
    return finish(store, task_id, intent, result)


def swallows(store: StepStore, task_id: str, step: str, ask: Ask) -> Any:
    """Nobody is told that there is no result."""
    with contextlib.suppress(Exception):
        return right(store, task_id, step, ask)
    return None


def records_the_error(store: StepStore, task_id: str, step: str, ask: Ask) -> Any:
    """An error becomes the result for ever."""
    found = record_of(store, task_id, step)
    if found is not None and found.status is StepStatus.DONE:
        return found.result
    key = key_for(task_id, step)
    intent = begin(store, task_id, step, key)
    try:
        result = ask(key)
    except Exception as error:
        finish(store, task_id, intent, str(error))
        raise
    return finish(store, task_id, intent, result)


def gives_up_after_a_refusal(
    store: StepStore, task_id: str, step: str, ask: Ask
) -> Any:
    """Nothing happened, and so nothing ever will."""
    found = record_of(store, task_id, step)
    if found is not None and found.status is StepStatus.NOT_STARTED:
        raise RuntimeError(found.error)
    return with_a_digest(store, task_id, step, ask)


def saves_from_an_old_version(
    store: StepStore, task_id: str, step: str, ask: Ask
) -> Any:
    """Does not take the new version from what `save` returns."""
    found = record_of(store, task_id, step)
    if found is not None and found.status is StepStatus.DONE:
        return found.result
    task, key = store.get(task_id), key_for(task_id, step)
    intent = StepRecord(
        name=step, status=StepStatus.STARTED, key=key, fingerprint="none"
    )
    store.save(task, steps=[intent])
    result = ask(key)
    done = {"status": StepStatus.DONE, "result": result}
    store.save(task, steps=[intent.model_copy(update=done)])
    return result


DONE: dict[tuple[str, str], Any] = {}


def remembers_in_the_process(
    store: StepStore, task_id: str, step: str, ask: Ask
) -> Any:
    """A module's variable instead of the store."""
    if (task_id, step) not in DONE:
        key = key_for(task_id, step)
        begin(store, task_id, step, key)
        DONE[task_id, step] = ask(key)
    return DONE[task_id, step]


def asks_twice(store: StepStore, task_id: str, step: str, ask: Ask) -> Any:
    """To be sure."""
    return right(store, task_id, step, lambda key: (ask(key), ask(key))[1])


def asks_for_ever(store: StepStore, task_id: str, step: str, ask: Ask) -> Any:
    """Never takes no for an answer."""

    def stubborn(key: str) -> Any:
        while True:
            with contextlib.suppress(Exception):
                return ask(key)

    return right(store, task_id, step, stubborn)


def asks_under_many_keys(store: StepStore, task_id: str, step: str, ask: Ask) -> Any:
    """Floods the receiver."""
    while True:
        with contextlib.suppress(Exception):
            ask(str(uuid.uuid4()))


ASKS = "asks for the effect and returns the reply"
INTENT = "leaves its intent in the store before it asks"
REPLAYS = "replays a recorded result"
ANY = "takes any result for a result"
OWN = "asks with a key of its own for each step of each task"
SAME = "asks with the same key after a restart"
EFFECT = "does it once, killed before, in or after the effect"
WRITES = "does it once, killed before, in or after any write"
SILENCE = "does it once when the reply is lost"
REFUSAL = "tries again after an error that says that nothing happened"

WRONG = {
    "nothing": Wrong(nothing, ASKS, "it never asked for the effect"),
    "only-asks": Wrong(only_asks, REPLAYS, "the new process asked again"),
    "without-intent": Wrong(without_intent, INTENT, "nobody could tell"),
    "saves-nothing-new": Wrong(saves_nothing_new, INTENT, "nothing was new"),
    "no-key": Wrong(keyed(lambda *_: None), EFFECT, "the effect happened twice"),
    "key-from-chance": Wrong(
        keyed(lambda *_: str(uuid.uuid4())), EFFECT, "the effect happened twice"
    ),
    "key-from-the-clock": Wrong(
        keyed(lambda task_id, step: f"{task_id}/{step}/{time.time()}"),
        SAME,
        "the effect happened 2 times",
    ),
    "key-from-hash": Wrong(
        keyed(lambda *names: str(hash(names))), SAME, "it asked with another key"
    ),
    "key-from-the-version": Wrong(
        key_from_the_version, EFFECT, "the effect happened twice"
    ),
    "key-from-the-attempt": Wrong(
        key_from_the_attempt, EFFECT, "the effect happened twice"
    ),
    "key-of-the-task": Wrong(
        keyed(lambda task_id, step: task_id), OWN, "with the key of another step"
    ),
    "key-of-the-step": Wrong(
        keyed(lambda task_id, step: step), OWN, "deploy-api of blog-friday was asked"
    ),
    "key-is-no-text": Wrong(
        keyed(lambda *names: hash(names)), ASKS, "an idempotency key travels in"
    ),
    "new-key-after-silence": Wrong(
        new_key_after_silence, SILENCE, "the effect happened twice"
    ),
    "replays-the-intent": Wrong(replays_the_intent, EFFECT, "it returned None"),
    "stops-at-the-intent": Wrong(stops_at_the_intent, WRITES, "TaskInProgress"),
    "gives-up": Wrong(idempotency.run_once, EFFECT, "it raised OutcomeUnknown"),
    "records-first": Wrong(records_first, WRITES, "it returned None"),
    "skips-the-empty": Wrong(skips_the_empty, ANY, "it asked 2 times"),
    "skips-none": Wrong(skips_none, ANY, "it asked 2 times"),
    "returns-nothing": Wrong(returns_nothing, ASKS, "it returned None"),
    "returns-nothing-when-done": Wrong(
        returns_nothing_when_done, REPLAYS, "it returned None"
    ),
    "records-a-text": Wrong(records_a_text, REPLAYS, "not the receiver's reply"),
    "takes-silence-for-done": Wrong(
        takes_silence_for_done, SILENCE, "the first call returned None"
    ),
    "swallows": Wrong(swallows, SILENCE, "although no reply had come"),
    "records-the-error": Wrong(records_the_error, REFUSAL, "not the receiver's reply"),
    "gives-up-after-a-refusal": Wrong(
        gives_up_after_a_refusal, REFUSAL, "it raised RuntimeError"
    ),
    "saves-from-an-old-version": Wrong(
        saves_from_an_old_version, ASKS, "it raised VersionConflict"
    ),
    "remembers-in-the-process": Wrong(
        remembers_in_the_process, REPLAYS, "the new process asked again"
    ),
    "asks-twice": Wrong(asks_twice, ASKS, "it asked 2 times"),
    "asks-for-ever": Wrong(asks_for_ever, REFUSAL, "would not stop"),
    "asks-under-many-keys": Wrong(
        asks_under_many_keys, ASKS, "the effect happened 20 times"
    ),
}
