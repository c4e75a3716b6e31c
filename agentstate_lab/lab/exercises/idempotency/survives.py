"""
The stages of exercise 03, part 2, in which something goes wrong on the way.

A process is killed before, in and after the effect and every write; a reply is lost;
the receiver refuses. Each time the answer is called again, and the ledger counts.
"""

from agentstate_lab.errors import EffectRefused
from agentstate_lab.lab.crash import MOMENTS, Point
from agentstate_lab.stores import MemoryStore

from ..judge import Ending, Stopped, Subject, Unmet, doing, require, stage
from .receiver import STEP, TASK_ID, Stub, reply, shown
from .scene import Scene, with_running

MAX_WRITES = 12


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
        all_.was_requested(ending)
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
                scene.was_killed(scene.call(point=str(Point(kind, moment, n))))
                scene.is_done_by(scene.call(twice=True))


@stage("does it once when the reply is lost")
def survives_silence(answer: Subject) -> None:
    """It happened, and nobody was told: no failure, and no success either."""
    _goes_wrong_once(
        answer, "reply_lost", "let the effect happen and its reply get lost"
    )


def _goes_wrong_once(answer: Subject, fault: str, words: str) -> None:
    """One request goes wrong, and the next call must make it good."""
    with (
        doing(
            f"{words}, and called it again",
            "one effect in the ledger; the receiver's reply returned in the end, and"
            " nothing made up before",
        ),
        Scene(answer) as scene,
    ):
        scene.order(fault)
        _is_honest(scene, scene.call())
        scene.is_done_by(scene.call(twice=True))


@stage("tries again after an error that says that nothing happened")
def survives_refusal(answer: Subject) -> None:
    """Not started is no result; the next call starts it."""
    once = "let the receiver answer 500 once (nothing happened)"
    _goes_wrong_once(answer, "error", once)
    with doing(
        "called it with a receiver that always refuses (nothing happened)",
        "the error raised: there is no result",
    ):
        store = with_running(MemoryStore())
        refusal = EffectRefused(403, None, "not on a Friday", effect="not started")
        outcome = answer.outcome(store, TASK_ID, STEP, Stub(refusal))
        if outcome.error is None:
            raise Unmet(f"it returned {shown(outcome.value)} as if it had happened")
        if isinstance(outcome.error, Stopped):
            raise Unmet(outcome.words)


def _is_honest(scene: Scene, ending: Ending) -> None:
    """A call that got no reply may raise, or send it again, and make nothing up."""
    require(ending.status is None, ending.words)
    scene.was_requested(ending)
    if ending.returned:
        value = ending.value.get("value")
        require(
            value == reply(STEP),
            f"the first call returned {shown(value)}, although no reply had come",
        )
