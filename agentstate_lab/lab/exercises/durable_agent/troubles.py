"""
The stages of exercise 10 in which nobody dies: the model and the tools have bad days.

Too busy, nothing to say, three calls of which one cannot be done, no end in sight.
Each must come to an end that the store knows: completed, or failed with a reason.
"""

import itertools

from ..judge import Ending, Subject, Unmet, doing, require, stage
from .job import MAX_TURNS
from .model import RETRY_AFTER, SEVERAL, SEVERAL_DONE
from .scene import RIVAL, Scene, rehearsed, trying


@stage("waits when the model is too busy, and gives up some day")
def too_busy(answer: Subject) -> None:
    """429 says: later. It does not say: never."""
    with trying(
        answer,
        f"let the model answer 429 twice, with Retry-After: {RETRY_AFTER}",
        f"a wait of {RETRY_AFTER} s or more after each, and the task completed",
        mood="busy",
    ) as scene:
        ending = scene.run()
        said = scene.said()
        for one, following in itertools.pairwise(said):
            waited = following["at"] - one["at"]
            require(
                one.get("status") != 429 or waited >= RETRY_AFTER,
                f"it asked again after {waited:.1f} s",
            )
        scene.is_done_by(ending)
    with trying(
        answer,
        "let the model answer 429, whenever it was asked",
        "a few tries, and then the task failed, with the reason stored as its error",
        mood="always busy",
    ) as scene:
        has_failed(scene, scene.run())


@stage("survives a reply that holds no choice")
def no_choice(answer: Subject) -> None:
    """It is rare, and then it is an IndexError at three in the morning."""
    with trying(
        answer,
        "let the first reply of the model hold an empty list of choices",
        "another try and the task completed, or the task failed with a reason that"
        " a person can read",
        mood="empty",
    ) as scene:
        ending = scene.run()
        task = scene.task()
        if task is not None and task.state == "failed":
            is_reason(task.error)
        else:
            scene.is_done_by(ending)
    with trying(
        answer,
        "let every reply of the model hold an empty list of choices",
        "a few tries, and then the task failed, with a reason that a person can read",
        mood="always empty",
    ) as scene:
        has_failed(scene, scene.run())


@stage("answers each tool call with one tool message, also when a tool fails")
def tool_messages(answer: Subject) -> None:
    """A call without its tool message spoils the whole conversation."""
    for word, what in BROKEN.items():
        with trying(
            answer,
            "let the model call for three things in one turn: deploy the API,"
            f" {what}, deploy the web",
            "one tool message for each of the three calls, what can be done done"
            " once, and the task completed",
            mood=SEVERAL + word,
        ) as scene:
            ending = scene.run()
            refused = [one["refused"] for one in scene.said() if "refused" in one]
            require(not refused, f"the model's API refused: {''.join(refused[:1])}")
            scene.is_done_by(ending, SEVERAL_DONE)


BROKEN = {
    "refused": "deploy the worker (which is refused: 403, nothing happened)",
    "unknown": "page_oncall (which is no tool of this job)",
    "garbled": "deploy something (its arguments are cut off, and no JSON)",
}


@stage("ends as failed, with a reason, when the turns are used up")
def used_up(answer: Subject) -> None:
    """An end without a result is no success."""
    with trying(
        answer,
        "let the model look once more in every turn, and never come to an end",
        f"after {MAX_TURNS} turns the task failed, with the reason as its error",
        mood="endless",
    ) as scene:
        ending = scene.run()
        turns = len(scene.said())
        require(turns <= MAX_TURNS, f"it asked the model {turns} times")
        has_failed(scene, ending)
        require(turns >= MAX_TURNS - 1, f"it gave up after {turns} turns")


@stage("grants no new turns when it is run again", bonus=True)
def no_new_turns(answer: Subject) -> None:
    """A limit that starts at zero in each process is no limit."""
    with trying(
        answer,
        "let the model never come to an end, and ran the agent again when the task"
        " had failed",
        f"{MAX_TURNS} turns in both runs together, and the task failed",
        mood="endless",
    ) as scene:
        for _run in range(2):
            has_failed(scene, scene.run())
        turns = len(scene.said())
        require(turns <= MAX_TURNS, f"it asked the model {turns} times")


@stage("does nothing again that the model has been told about", bonus=True)
def told_once(answer: Subject) -> None:
    """What was refused and told is decided; a restart changes nothing about it."""
    with doing(
        "let one of three tools be refused, killed the process when the model had been"
        " told and had given its last word, and ran the agent again",
        "the refused tool left alone: the model has decided on what it was told",
    ):
        mood = SEVERAL + "refused"
        last = rehearsed(answer, mood)["write"]
        for ordinal in (last, last - 1, last - 2):  # it may write less this time
            with Scene(answer, mood) as scene:
                if scene.run(point=f"write.before:{ordinal}").killed:
                    asks_no_more(scene)
                    return
        raise Unmet("it writes so differently in each run that the moment never came")


@stage("leaves a job alone that a live process is at", bonus=True)
def not_alone(answer: Subject) -> None:
    """Two with one job: one works, the other one says so and ends."""
    with trying(
        answer,
        "ran the agent in a second process for the same job, while the first one"
        " was waiting for the model",
        "no question and no effect of the second, and the job done by the first",
    ) as scene:
        ending = scene.run(rival=True)
        require(not scene.said(RIVAL), "the second process asked the model as well")
        require(not scene.requests(RIVAL), "the second process requested the effects")
        scene.is_done_by(ending)


def asks_no_more(scene: Scene) -> None:
    """Fail unless the next run requests no effect."""
    requests = len(scene.requests())
    require(requests > 0, "none of the three was called")
    scene.run()
    require(len(scene.requests()) == requests, "it requested it again")


def has_failed(scene: Scene, ending: Ending) -> None:
    """Fail unless the task is failed, with a reason, whatever the run raised."""
    raised = ending.result()["error"]
    task = scene.task()
    if task is None:
        raise Unmet("the store has no task with the job's id")
    if task.state != "failed":
        also = f", and {raised}" if raised else ""
        raise Unmet(f"the stored task is {task.state}{also}")
    is_reason(task.error)


def is_reason(error: str | None) -> None:
    """Fail unless an error tells a person why."""
    require(bool(error), "the stored task has no error")
    for text in ("list index out of range", "'NoneType' object"):
        require(
            text not in str(error),
            f"the stored reason is {error!r:.80}: that tells nobody what happened",
        )


TROUBLES = (
    too_busy,
    no_choice,
    tool_messages,
    used_up,
    no_new_turns,
    told_once,
    not_alone,
)
