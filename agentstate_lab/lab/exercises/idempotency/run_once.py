"""
The check of exercise 03, part 2: an effect that every call requests, and one happens.

The witness is the ledger of the world. A process is killed before, inside and after
the effect, and at every write to the store (`fuse`), and called again in a new one;
then the effects are counted. A first run without a death finds the moments.

How the answer keeps its records is its own affair: steps, messages or facts of the
task will do. What is judged is what a new process can know from the store.
"""

from typing import Any

from agentstate_lab.stores import MemoryStore

from ..judge import Stage, Subject, Unmet, doing, require, run_fresh, stage
from ..outside import setting
from .one_key import one_key
from .receiver import STEP, TASK_ID, Stub, shown
from .scene import Scene, with_running
from .survives import (
    survives_effect,
    survives_refusal,
    survives_silence,
    survives_writes,
)

__all__ = ["HINTS", "STAGES", "setting"]

RESULTS: tuple[Any, ...] = (None, 0, False, "", [], {})

HINTS = (
    "The process dies when the effect has happened and nobody has written that down."
    " The next one finds no result. What can it send along, so that the receiver"
    " knows a repeat from a new request? And from what can it make that, when"
    " everything that the first one knew is gone?",
    "Make the key from task_id and step and from nothing else. Look into"
    " store.steps(task_id) first: a record that is done is replayed, also when its"
    " result is None. A record that is only started is no result: send the request"
    " again, with the same key.",
    "The shape: for one in store.steps(task_id): if it has this name and is done,"
    " return its result. Then record_more(store, task_id, steps=[StepRecord(name=step,"
    " key=key, fingerprint='', status='started')]); result = request(key); record_more"
    " with the same record, status='done' and result=result; return result. Catch"
    " nothing.",
)


@stage("requests the effect and returns the reply")
def requests(answer: Subject) -> None:
    """Once, when nothing goes wrong."""
    with (
        doing(
            "called it for a step that was never begun",
            "one request, one effect in the ledger, and the receiver's reply returned",
        ),
        Scene(answer) as scene,
    ):
        ending = scene.call()
        scene.was_requested(ending)
        scene.is_done_by(ending)
        require(len(scene.keys()) == 1, f"it sent {len(scene.keys())} requests")


@stage("leaves its intent in the store before it sends the request")
def leaves_intent(answer: Subject) -> None:
    """Whoever comes after a death must see that something was begun."""
    with doing(
        "called it for a step that was never begun, and looked into the store when"
        " the request came",
        "something new about the task: what is about to be requested",
    ):
        store = with_running(MemoryStore())
        before = _stored(store)
        seen: list[list[Any]] = []
        request = Stub(look=lambda: seen.append(_stored(store)))
        outcome = answer.outcome(store, TASK_ID, STEP, request)
        if not seen:
            outcome.result()
            raise Unmet("it never requested the effect")
        require(
            seen[0] != before,
            "nothing was new: after a death here, nobody could tell that it was begun",
        )


def _stored(store: MemoryStore) -> list[Any]:
    """All that a store knows of the task, but for how often it was saved."""
    task = store.get(TASK_ID).model_copy(update={"version": 0, "updated_at": 0})
    return [task, store.steps(TASK_ID), store.messages(TASK_ID)]


@stage("replays a recorded result")
def replays(answer: Subject) -> None:
    """What is recorded is not requested again, in this process or in any other."""
    with Scene(answer) as scene:
        with doing("called it for a step that was never begun", "the receiver's reply"):
            ending = scene.call()
            scene.was_requested(ending)
            scene.returned(ending)
        with doing("called it again, in a new process", "the reply that was recorded"):
            again = scene.call()
            require(len(scene.keys()) == 1, "the new process requested it again")
            scene.returned(again)
    with doing(
        "called it twice in one process", "one request, and the same result both times"
    ):
        store = with_running(MemoryStore())
        _twice(answer, store, {"receipt": "deploy-1", "hosts": ["a", None]})
    steps = ("deploy-api", "deploy", "deploy-web")
    with doing(
        f"called it for the steps {', '.join(steps)}, each with a reply of its own, and"
        " then for each of them again",
        "the reply of each step both times, and one request for each",
    ):
        store = with_running(MemoryStore())
        for call in ("first", "second"):
            for step in steps:
                request = Stub(step if call == "first" else "the receiver, once more")
                value = answer(store, TASK_ID, step, request)
                said = f"the {call} call for {step} returned {shown(value)}"
                require(value == step, said)


@stage("takes any result for a result")
def any_result(answer: Subject) -> None:
    """None, 0 and an empty list are replies, too."""
    for result in RESULTS:
        with doing(
            f"called it twice with a receiver whose reply is {result!r}",
            "one request, and that reply returned both times",
        ):
            store = with_running(MemoryStore())
            _twice(answer, store, result)


def _twice(answer: Subject, store: MemoryStore, result: Any) -> None:
    """Two calls for one step: one request, and the result both times."""
    request = Stub(result)
    for call in ("the first", "the second"):
        value = answer(store, TASK_ID, STEP, request)
        require(
            type(value) is type(result) and value == result,
            f"{call} call returned {shown(value)}",
        )
    require(len(request.keys) == 1, f"it sent {len(request.keys)} requests")


@stage("requests with a key of its own for each step of each task")
def own_keys(answer: Subject) -> None:
    """Else the receiver takes the second step for a repeat of the first."""
    tasks, steps = ("shop-friday", "blog-friday"), ("deploy-api", "deploy-web")
    with (
        doing(
            "called it for two steps of two tasks",
            "four requests with four keys, and each effect once in the ledger",
        ),
        Scene(answer, *tasks) as scene,
    ):
        for task_id in tasks:
            for nth, step in enumerate(steps, start=1):
                before = len(scene.keys())
                ending = scene.call(step, task_id)
                new = scene.keys()[before:]
                _is_new(new, scene.keys()[:before], f"{step} of {task_id}")
                scene.returned(ending, nth, step)
                count = scene.happened(step, task_id)
                require(count == 1, f"{step} of {task_id} happened {count} times")


def _is_new(new: list[str], old: list[str], what: str) -> None:
    """Fail when a step is requested with no key, or with another one's."""
    require("None" not in new, f"{what} was requested without a key")
    require(
        not set(new) & set(old),
        f"{what} was requested with the key of another step: the receiver must take"
        " that for a repeat",
    )


@stage("requests with the same key after a restart")
def same_key(answer: Subject) -> None:
    """The new process knows what is in the store, and the names."""
    with (
        doing(
            "killed the process when the effect had happened, and called it again in a"
            " newly started Python",
            "the same key, so that the receiver knows the repeat",
        ),
        Scene(answer) as scene,
    ):
        scene.was_killed(scene.call(point="effect.inside:1"))
        again = scene.call(run=run_fresh)
        keys = set(scene.keys())
        require("None" not in keys, "it requested without a key")
        require(
            len(keys) == 1,
            f"it requested with another key, and the effect happened {scene.happened()}"
            " times: the receiver takes a new key for a new request",
        )
        scene.returned(again)


@stage("never gives two steps one key, whatever their names", bonus=True)
def injective(answer: Subject) -> None:
    """Names that are put together can run into each other."""
    marks = [((f"shop{m}api", "deploy"), ("shop", f"api{m}deploy")) for m in "/:-_.| "]
    for pairs in (*marks, (("shop", "deploy"), ("Shop", "deploy"))):
        with doing(
            " and ".join(f"called it for step {s!r} of task {t!r}" for t, s in pairs),
            "two keys",
        ):
            store = with_running(MemoryStore(), *dict(pairs))
            request = Stub()
            for task_id, step in pairs:
                answer(store, task_id, step, request)
            keys = {*map(repr, request.keys)}
            require(len(keys) == 2, "both were requested with one key")


STAGES: tuple[Stage, ...] = (
    requests,
    leaves_intent,
    replays,
    any_result,
    own_keys,
    same_key,
    one_key,
    survives_effect,
    survives_writes,
    survives_silence,
    survives_refusal,
    injective,
)
