"""
The check of exercise 03, part 2: an effect that every call asks for, and one happens.

The witness is the ledger of the world. A process is killed before, inside and after
the effect, and at every write to the store (`fuse`), and called again in a new one;
then the effects are counted. A first run without a death finds the moments.

How the answer keeps its records is its own affair: steps, messages or facts of the
task will do. What is judged is what a new process can know from the store.
"""

from typing import Any

from ...errors import EffectRefused
from ...store import MemoryStore
from ..fuse import KILLED_EXIT, Point
from ..matrix import MOMENTS
from .apart import Ending, run_fresh
from .receiver import STEP, TASK_ID, Scene, reply, running_task, setting
from .stages import Outcome, Stage, Subject, Unmet, doing, raised, require, stage

__all__ = ["HINTS", "STAGES", "setting"]

MAX_WRITES = 12
KILLED = (-9, KILLED_EXIT)
RESULTS: tuple[Any, ...] = (None, 0, False, "", [], {})

HINTS = (
    "The process dies when the effect has happened and nobody has written that down."
    " The next one finds no result. What can it send along, so that the receiver"
    " knows a repeat from a new request? And from what can it make that, when"
    " everything that the first one knew is gone?",
    "Make the key from task_id and step and from nothing else. Look into"
    " store.steps(task_id) first: a record that is done is replayed, also when its"
    " result is None. A record that is only started is no result: ask again, with the"
    " same key.",
    "The shape: found = the record with this name, if any; if it is done, return"
    " found.result. intent = StepRecord(name=step, status='started', key=key,"
    " fingerprint=''). record_more(store, task_id, steps=[intent]); result ="
    " ask(key); record_more with intent.model_copy(update={'status': 'done',"
    " 'result': result}); return result. Catch nothing.",
)


@stage("asks for the effect and returns the reply")
def asks(answer: Subject) -> None:
    """Once, when nothing goes wrong."""
    with (
        doing(
            "called it for a step that was never begun",
            "one request, one effect in the ledger, and the receiver's reply returned",
        ),
        Scene(answer) as scene,
    ):
        ending = scene.call()
        _asked(scene, ending)
        scene.happened_once()
        scene.returned(ending)
        require(len(scene.keys()) == 1, f"it asked {len(scene.keys())} times")


def _asked(scene: Scene, ending: Ending) -> None:
    """Fail unless the receiver was asked at all; what was raised says more."""
    if not scene.keys():
        require(ending.returned, ending.words)
        raise Unmet("it never asked for the effect")


@stage("leaves its intent in the store before it asks")
def leaves_intent(answer: Subject) -> None:
    """Whoever comes after a death must see that something was begun."""
    with doing(
        "called it for a step that was never begun, and looked into the store when it"
        " asked",
        "something new about the task: what is about to be asked",
    ):
        store = MemoryStore()
        before = running_task(store)
        seen: list[int] = []
        outcome = answer.outcome(
            store, TASK_ID, STEP, lambda key: seen.append(store.get(TASK_ID).version)
        )
        if not seen:
            _came_back(outcome, answer)
            raise Unmet("it never asked for the effect")
        require(
            seen[0] > before.version,
            "nothing was new: after a death here, nobody could tell that it was begun",
        )


@stage("replays a recorded result")
def replays(answer: Subject) -> None:
    """What is recorded is not asked again, in this process or in any other."""
    with doing(
        "called it twice in one process", "one request, and the same result both times"
    ):
        store = MemoryStore()
        running_task(store)
        _twice(answer, store, {"receipt": "deploy-1", "hosts": ["a", None]})
    with (
        doing(
            "called it in one process, and then again in a new one",
            "one request, and the receiver's reply returned both times",
        ),
        Scene(answer) as scene,
    ):
        ending = scene.call()
        _asked(scene, ending)
        scene.returned(ending)
        scene.replays()


@stage("takes any result for a result")
def any_result(answer: Subject) -> None:
    """None, 0 and an empty list are answers, too."""
    for result in RESULTS:
        with doing(
            f"called it twice with a receiver whose reply is {result!r}",
            "one request, and that reply returned both times",
        ):
            store = MemoryStore()
            running_task(store)
            _twice(answer, store, result)


def _twice(answer: Subject, store: MemoryStore, result: Any) -> None:
    """Two calls for one step: one request, and the result both times."""
    asked: list[Any] = []

    def ask(key: Any) -> Any:
        asked.append(key)
        return result

    for call in ("the first", "the second"):
        outcome = answer.outcome(store, TASK_ID, STEP, ask)
        _came_back(outcome, answer)
        require(
            type(outcome.value) is type(result) and outcome.value == result,
            f"{call} call returned {outcome.value!r:.100}",
        )
    require(len(asked) == 1, f"it asked {len(asked)} times")


def _came_back(outcome: Outcome, answer: Subject) -> None:
    if outcome.error is not None:
        raise Unmet(raised(outcome.error, answer.answer))


@stage("asks with a key of its own for each step of each task")
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
                asked = len(scene.keys())
                ending = scene.call(step, task_id)
                new = scene.keys()[asked:]
                _is_new(new, scene.keys()[:asked], f"{step} of {task_id}")
                scene.returned(ending, nth, step)
                count = scene.happened(step, task_id)
                require(count == 1, f"{step} of {task_id} happened {count} times")


def _is_new(new: list[str], old: list[str], what: str) -> None:
    """Fail when a step is asked for with no key, or with another one's."""
    require("None" not in new, f"{what} was asked for without a key")
    require(
        not set(new) & set(old),
        f"{what} was asked for with the key of another step: the receiver must take"
        " that for a repeat",
    )


@stage("asks with the same key after a restart")
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
        _dies(scene, scene.call(point="effect.inside:1"))
        again = scene.call(run=run_fresh)
        keys = set(scene.keys())
        require("None" not in keys, "it asked without a key")
        require(
            len(keys) == 1,
            f"it asked with another key, and the effect happened {scene.happened()}"
            " times: the receiver takes a new key for a new request",
        )
        scene.returned(again)


def _dies(scene: Scene, ending: Ending) -> None:
    """The process must have died where it was told to."""
    if ending.status not in KILLED:
        _asked(scene, ending)
        raise Unmet(f"it should have been killed there, but {ending.words}")


@stage("does it once, killed before, in or after the effect")
def survives_effect(answer: Subject) -> None:
    """Between the effect and its record, no order of lines helps; the key does."""
    _killed(answer, "effect")


@stage("does it once, killed before, in or after any write")
def survives_writes(answer: Subject) -> None:
    """A record may be missing, or be there without a result."""
    _killed(answer, "write")


WHERE = {
    "effect.before": "right before the effect",
    "effect.inside": "when the effect had happened and the reply was on its way",
    "effect.after": "when the reply had come, before it did anything else",
    "write.before": "right before its write {n} to the store",
    "write.inside": "in the middle of its write {n} to the store",
    "write.after": "right after its write {n} to the store",
}


def _killed(answer: Subject, kind: str) -> None:
    """Kill a process at each moment of *kind*, call again, and count."""
    with doing("called it, undisturbed", "the receiver's reply"), Scene(answer) as all_:
        ending = all_.call()
        _asked(all_, ending)
        all_.returned(ending)
        count = len(ending.value["reached"][kind])
        require(count > 0, f"it made no {kind}")
    for n in range(1, min(count, MAX_WRITES) + 1):
        for moment in MOMENTS:
            where = WHERE[f"{kind}.{moment}"].format(n=n)
            with (
                doing(
                    f"killed the process {where}, and called it again in a new one",
                    "one effect in the ledger, and the receiver's reply returned, also"
                    " by one more call",
                ),
                Scene(answer) as scene,
            ):
                _dies(scene, scene.call(point=str(Point(kind, moment, n))))
                _is_made_good(scene)


def _is_made_good(scene: Scene) -> None:
    """One more call must lead to one effect, and to its reply."""
    again = scene.call()
    if scene.happened() > 1:
        scene.happened_once()
    scene.returned(again)
    scene.happened_once()
    scene.replays()


@stage("does it once when the reply is lost")
def survives_silence(answer: Subject) -> None:
    """It happened, and nobody was told: no failure, and no success either."""
    with (
        doing(
            "let the effect happen and its reply get lost, and called it again",
            "one effect in the ledger; the receiver's reply returned in the end, and"
            " nothing made up before",
        ),
        Scene(answer) as scene,
    ):
        scene.order("reply_lost")
        _is_honest(scene, scene.call())
        _is_made_good(scene)


@stage("tries again after an error that says that nothing happened")
def survives_refusal(answer: Subject) -> None:
    """Not started is no result; the next call starts it."""
    with (
        doing(
            "let the receiver answer 500 once (nothing happened), and called it again",
            "one effect in the ledger; the receiver's reply returned in the end, and"
            " nothing made up before",
        ),
        Scene(answer) as scene,
    ):
        scene.order("error")
        _is_honest(scene, scene.call())
        _is_made_good(scene)
    with doing(
        "called it with a receiver that always refuses (nothing happened)",
        "the error raised: there is no result",
    ):
        store = MemoryStore()
        running_task(store)
        outcome = answer.outcome(store, TASK_ID, STEP, _refuse)
        require(
            outcome.error is not None,
            f"it returned {outcome.value!r:.100} as if the effect had happened",
        )


def _refuse(key: Any) -> Any:
    raise EffectRefused(403, "forbidden", "not on a Friday", effect="not started")


def _is_honest(scene: Scene, ending: Ending) -> None:
    """A call that got no reply may raise, or ask again, and make nothing up."""
    require(ending.status is None, ending.words)
    _asked(scene, ending)
    if ending.returned:
        value = ending.value.get("value")
        require(
            value == reply(STEP),
            f"the first call returned {value!r:.100}, although no reply had come",
        )


@stage("never gives two steps one key, whatever their names", bonus=True)
def injective(answer: Subject) -> None:
    """Names that are put together can run into each other."""
    for mark in "/:-_.| ":
        pairs = ((f"shop{mark}api", "deploy"), ("shop", f"api{mark}deploy"))
        with doing(
            " and ".join(f"called it for step {s!r} of task {t!r}" for t, s in pairs),
            "two keys",
        ):
            store = MemoryStore()
            keys: list[Any] = []
            for task_id, step in pairs:
                running_task(store, task_id)
                _came_back(answer.outcome(store, task_id, step, keys.append), answer)
            require(len({*map(repr, keys)}) == 2, "both were asked for with one key")


STAGES: tuple[Stage, ...] = (
    asks,
    leaves_intent,
    replays,
    any_result,
    own_keys,
    same_key,
    survives_effect,
    survives_writes,
    survives_silence,
    survives_refusal,
    injective,
)
