"""Answers to exercise 03, part 2, right and wrong."""

import contextlib
import functools
import hashlib
import json
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

from agentstate_lab.errors import OutcomeUnknown, ReplyLost
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
from answers import ALL, EXPLAINS, Wrong, but

Request = Callable[[str], Any]


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


def right(store: StepStore, task_id: str, step: str, request: Request) -> Any:
    """The plain one."""
    found = record_of(store, task_id, step)
    if found is not None and found.status is StepStatus.DONE:
        return found.result
    key = json.dumps([task_id, step])
    intent = begin(store, task_id, step, key)
    return finish(store, task_id, intent, request(key))


def with_saves(store: StepStore, task_id: str, step: str, request: Request) -> Any:
    """Plain saves, each from what the last one returned."""
    task = store.get(task_id)
    records = {record.name: record for record in store.steps(task_id)}
    if step in records and records[step].status == "done":
        return records[step].result
    fields = {"name": step, "key": f"{task_id}/{step}", "fingerprint": ""}
    intent = StepRecord.model_validate({**fields, "status": "started"})
    task = store.save(task, steps=[intent])
    result = request(intent.key)
    done = StepRecord.model_validate({**fields, "status": "done", "result": result})
    store.save(task, steps=[done])
    return result


def with_a_digest(store: StepStore, task_id: str, step: str, request: Request) -> Any:
    """A key of fixed length, and the refusal is recorded, too."""
    key = hashlib.sha256(repr((task_id, step)).encode()).hexdigest()
    match record_of(store, task_id, step):
        case StepRecord(status=StepStatus.DONE, result=result):
            return result
    intent = begin(store, task_id, step, key)
    try:
        result = request(key)
    except Exception as error:
        if getattr(error, "effect", "unknown") == "not started":
            refused = {"status": StepStatus.NOT_STARTED, "error": str(error)}
            record_more(store, task_id, steps=[intent.model_copy(update=refused)])
        raise
    return finish(store, task_id, intent, result)


def with_a_claimed_key(
    store: StepStore, task_id: str, step: str, request: Request
) -> Any:
    """A random key, kept with the intent by a save that lets one caller in."""
    task = store.get(task_id)
    found = record_of(store, task_id, step)
    if found is None:
        fields = {"name": step, "status": "started", "fingerprint": ""}
        found = StepRecord.model_validate({**fields, "key": str(uuid.uuid4())})
        store.save(task, steps=[found])
    if found.status is not StepStatus.DONE:
        return finish(store, task_id, found, request(found.key))
    return found.result


def sends_it_again_at_once(
    store: StepStore, task_id: str, step: str, request: Request
) -> Any:
    """Tries three times, with a wait, and names the unknown outcome."""
    found = record_of(store, task_id, step)
    if found is not None and found.status is StepStatus.DONE:
        return found.result
    key = key_for(task_id, step)
    intent = begin(store, task_id, step, key)
    for wait in (1, 2, 4):
        try:
            return finish(store, task_id, intent, request(key))
        except ReplyLost:
            time.sleep(wait)
    raise OutcomeUnknown(task_id, step, "three times no reply")


def with_facts(store: StepStore, task_id: str, step: str, request: Request) -> Any:
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
    result = request(key_for(task_id, step))
    note("done", result)
    return result


RIGHT = {
    "plain": right,
    "claimed-key": with_a_claimed_key,
    "sends-it-again-at-once": sends_it_again_at_once,
    "facts": with_facts,
    "digest": with_a_digest,
    "saves": with_saves,
    "package": functools.partial(idempotency.run_once, if_unknown="resend"),
}


DONE_ALREADY = "found is not None and found.status is StepStatus.DONE"
FINISHES = "finish(store, task_id, intent, request(key))"
RECORDS = "record_more(store, task_id, steps=[intent])"
REFUSED = "found is not None and found.status is StepStatus.NOT_STARTED"


def keyed(key: str) -> Callable[..., Any]:
    """The plain answer with another key."""
    return but(right, ("json.dumps([task_id, step])", key))


def beginning(records: str) -> Any:
    """The plain answer, which does something else than to record its intent."""
    return but(right, begin=but(begin, (RECORDS, records)))


def at_an_error(kind: str, *statements: str, key: str = "[task_id, step]") -> Any:
    """The plain answer, with statements for an error of the request."""
    handler = "\n        ".join((f"except {kind} as error:", *statements))
    tries = f"try:\n        return {FINISHES}\n    {handler}"
    return but(right, (f"return {FINISHES}", tries), ("[task_id, step]", key))


LOCK = threading.Lock()


def locks_in_the_process(
    store: StepStore, task_id: str, step: str, request: Request
) -> Any:
    """One caller at a time may make up a key: in this process."""
    with LOCK:
        found = record_of(store, task_id, step)
        if found is None:
            found = begin(store, task_id, step, str(uuid.uuid4()))
    if found.status is not StepStatus.DONE:
        return finish(store, task_id, found, request(found.key))
    return found.result


def gives_up_after_a_refusal(
    store: StepStore, task_id: str, step: str, request: Request
) -> Any:
    """Nothing happened, and so nothing ever will."""
    found = record_of(store, task_id, step)
    if found is not None and found.status is StepStatus.NOT_STARTED:
        raise RuntimeError(found.error)
    return with_a_digest(store, task_id, step, request)


DONE: dict[tuple[str, str], Any] = {}


def remembers_in_the_process(
    store: StepStore, task_id: str, step: str, request: Request
) -> Any:
    """A module's variable instead of the store."""
    if (task_id, step) not in DONE:
        key = key_for(task_id, step)
        begin(store, task_id, step, key)
        DONE[task_id, step] = request(key)
    return DONE[task_id, step]


def requests_for_ever(
    store: StepStore, task_id: str, step: str, request: Request
) -> Any:
    """Never takes no for an answer."""

    def stubborn(key: str) -> Any:
        while True:
            with contextlib.suppress(Exception):
                return request(key)

    return right(store, task_id, step, stubborn)


def requests_under_many_keys(
    store: StepStore, task_id: str, step: str, request: Request
) -> Any:
    """Floods the receiver."""
    while True:
        with contextlib.suppress(Exception):
            request(str(uuid.uuid4()))


REQUESTS = "requests the effect and returns the reply"
INTENT = "leaves its intent in the store before it sends the request"
REPLAYS = "replays a recorded result"
ANY = "takes any result for a result"
OWN = "requests with a key of its own for each step of each task"
SAME = "requests with the same key after a restart"
EFFECT = "does it once, killed before, in or after the effect"
WRITES = "does it once, killed before, in or after any write"
SILENCE = "does it once when the reply is lost"
REFUSAL = "tries again after an error that says that nothing happened"
ONE = "requests with one key when two processes call at once"
NAMES = "never gives two steps one key, whatever their names"

WRONG = {
    "nothing": Wrong(
        lambda store, task_id, step, request: None,
        REQUESTS,
        "it never requested the effect",
    ),
    "without-intent": Wrong(beginning("pass"), INTENT, "nobody could tell"),
    "saves-nothing-new": Wrong(
        beginning("store.save(store.get(task_id))"), INTENT, "nothing was new"
    ),
    "no-key": Wrong(
        but(right, ("request(key)", "request(None)")),
        OWN,
        "was requested without a key",
    ),
    "key-from-chance": Wrong(
        keyed("str(uuid.uuid4())"), EFFECT, "the effect happened twice"
    ),
    "key-from-the-clock": Wrong(
        keyed('f"{task_id}/{step}/{time.time()}"'),
        SAME,
        "the effect happened 2 times",
    ),
    "key-from-hash": Wrong(
        keyed("str(hash((task_id, step)))"), SAME, "it requested with another key"
    ),
    "key-from-the-version": Wrong(
        keyed('f"{task_id}/{step}/{store.get(task_id).version}"'),
        EFFECT,
        "the effect happened twice",
    ),
    "key-from-the-attempt": Wrong(
        keyed("json.dumps([task_id, step, found is None])"),
        EFFECT,
        "the effect happened twice",
    ),
    "key-of-the-task": Wrong(keyed("task_id"), OWN, "with the key of another step"),
    "key-of-the-step": Wrong(
        keyed("step"), OWN, "deploy-api of blog-friday was requested"
    ),
    "key-is-no-text": Wrong(
        but(right, ("request(key)", "request(hash(key))")),
        REQUESTS,
        "an idempotency key travels in",
    ),
    "new-key-after-silence": Wrong(
        at_an_error(
            "ReplyLost",
            "update = {'status': StepStatus.NOT_STARTED}",
            "lost = intent.model_copy(update=update)",
            "record_more(store, task_id, steps=[lost])",
            "raise",
            key=f"[task_id, step, {REFUSED}]",
        ),
        SILENCE,
        "the effect happened twice",
    ),
    "replays-the-intent": Wrong(
        but(right, (DONE_ALREADY, "found is not None")),
        EFFECT,
        "it returned None",
        (SAME,),
    ),
    "stops-at-the-intent": Wrong(
        but(
            right,
            ("    key =", "    if found: raise TaskInProgress(task_id)\n    key ="),
        ),
        WRITES,
        "TaskInProgress",
    ),
    "gives-up": Wrong(idempotency.run_once, EFFECT, "it raised OutcomeUnknown"),
    "records-first": Wrong(
        but(
            right,
            (DONE_ALREADY, "found is not None"),
            (
                "return finish",
                "finish(store, task_id, intent, None)\n    return finish",
            ),
        ),
        WRITES,
        "it returned None",
    ),
    "skips-the-empty": Wrong(
        but(right, (DONE_ALREADY, "found is not None and found.result")),
        ANY,
        "it sent 2 requests",
    ),
    "skips-none": Wrong(
        but(right, (DONE_ALREADY, "found is not None and found.result is not None")),
        ANY,
        "it sent 2 requests",
    ),
    "returns-nothing": Wrong(
        but(right, ("return finish", "finish")), REQUESTS, "it returned None", ALL
    ),
    "records-nothing": Wrong(
        but(right, (FINISHES, "request(key)")),
        REPLAYS,
        "the new process requested it again",
        ALL,
    ),
    "returns-nothing-when-done": Wrong(
        but(right, ("return found.result", "return None")),
        REPLAYS,
        "it returned None",
        ALL,
    ),
    "records-a-text": Wrong(
        but(
            right,
            (
                FINISHES,
                "[it := request(key), finish(store, task_id, intent, str(it))][0]",
            ),
        ),
        REPLAYS,
        "not the receiver's reply",
    ),
    "takes-silence-for-done": Wrong(
        at_an_error("ReplyLost", "return finish(store, task_id, intent, None)"),
        SILENCE,
        "the first call returned None",
    ),
    "swallows": Wrong(
        at_an_error("Exception", "return None"), SILENCE, "although no reply had come"
    ),
    "records-the-error": Wrong(
        at_an_error("Exception", "finish(store, task_id, intent, str(error))", "raise"),
        REFUSAL,
        "not the receiver's reply",
    ),
    "gives-up-after-a-refusal": Wrong(
        gives_up_after_a_refusal, REFUSAL, "it raised RuntimeError"
    ),
    "saves-from-an-old-version": Wrong(
        but(with_saves, ("task = store.save", "store.save")),
        REQUESTS,
        "it raised VersionConflict",
    ),
    "remembers-in-the-process": Wrong(
        remembers_in_the_process, REPLAYS, "the new process requested it again"
    ),
    "requests-twice": Wrong(
        but(right, ("request(key)", "(request(key), request(key))[1]")),
        REQUESTS,
        "it sent 2 requests",
        (REPLAYS, ANY),
    ),
    "keeps-a-random-key": Wrong(
        keyed("found.key if found else str(uuid.uuid4())"),
        ONE,
        "the two requested with 2 keys",
    ),
    "locks-in-the-process": Wrong(
        locks_in_the_process, ONE, "a lock or a variable in one process does not stop"
    ),
    "looks-at-the-last-record": Wrong(
        but(right, record_of=but(record_of, ("(task_id) if", "(task_id)[-1:] if"))),
        REPLAYS,
        "the second call for deploy-api returned",
    ),
    "takes-a-longer-name": Wrong(
        but(right, record_of=but(record_of, ("name == step", "name.startswith(step)"))),
        REPLAYS,
        "the first call for deploy returned 'deploy-api'",
    ),
    "key-in-small-letters": Wrong(
        keyed("json.dumps([task_id, step]).lower()"),
        NAMES,
        "both were requested with one key",
    ),
    "key-by-a-mark": Wrong(
        keyed('f"{task_id}/{step}"'), NAMES, "both were requested with one key"
    ),
    "requests-for-ever": Wrong(requests_for_ever, REFUSAL, "would not stop"),
    "requests-under-many-keys": Wrong(
        requests_under_many_keys, REQUESTS, "the effect happened 20 times"
    ),
}

CARD = {
    "one of its steps changes the world outside": EXPLAINS,
    "`run_once(store, task_id, step, request)`": EXPLAINS,
    "under an idempotency key": ["no-key", "key-is-no-text"],
    "any value that JSON can hold": ["skips-the-empty", "records-a-text"],
    "or it raises": ["requests-for-ever"],
    "This receiver honours the key": EXPLAINS,
    "Leave your intent in the store before": ["without-intent", "saves-nothing-new"],
    "belongs to this step of this task": ["key-of-the-step", "key-of-the-task"],
    "every call, in whatever process": [
        "keeps-a-random-key",
        "locks-in-the-process",
        "key-from-hash",
    ],
    "and no other step does": ["key-by-a-mark", "key-in-small-letters"],
    "Record the result": ["remembers-in-the-process", "records-nothing"],
    "and return it": ["returns-nothing"],
    "A recorded result is returned": [
        "looks-at-the-last-record",
        "takes-a-longer-name",
        "returns-nothing-when-done",
    ],
    "and no request is sent": ["remembers-in-the-process", "requests-twice"],
    "`None` is a result": ["skips-none"],
    "An intent without a result": [
        "replays-the-intent",
        "stops-at-the-intent",
        "records-first",
    ],
    "with the same key.": ["new-key-after-silence", "key-from-the-attempt"],
    "When `request` raises, there is no result": [
        "takes-silence-for-done",
        "records-the-error",
    ],
    "Let the error out": ["swallows"],
    "the next call tries again": ["gives-up-after-a-refusal"],
    "A record of a step is": EXPLAINS,
    "Its status is": EXPLAINS,
    "unless you give one": EXPLAINS,
    "The fingerprint stays empty": EXPLAINS,
    "the list of all records": EXPLAINS,
    "stores a record": EXPLAINS,
    "takes the place of an older one": EXPLAINS,
}
