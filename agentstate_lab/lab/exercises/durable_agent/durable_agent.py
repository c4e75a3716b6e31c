"""
The check of exercise 10: an agent that may be killed, and a job that is done.

Of the agent nothing is judged but what a witness can see. The ledger counts the
effects, the file holds the task, the model and the services noted what they were
asked. How the agent keeps its plan and its results is its own affair.

The deaths are real: each run is a process of its own, killed by SIGKILL (`fuse`).
"""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .. import outside
from ..judge import Answer, Stage, Subject, Unmet, require, run_fresh, stage
from .kills import KILLS, survived
from .model import PLANNED
from .practice import practice_job
from .scene import trying
from .troubles import TROUBLES

MEMORY = Path("/dev/shm")  # where it exists: hundreds of files, for a few seconds

HINTS = (
    "Take one moment: the deployment has happened, and the process dies before it has"
    " saved anything. What does the next process find in the store? Which three"
    " things would it have to find there, so that it requests the same step, under"
    " the same key, and does not ask the model for a new plan?",
    "There are three places. Where the model answers: try again what may pass, and"
    " store the message before you act on it (record_more). Where a tool is called:"
    " run_once gives the effect its key, and whatever the tool raises becomes a tool"
    " message. Around it all: resume_task returns a completed task, takes over a dead"
    " one, and stores why a run has failed.",
    "The shape: submit the task; return resume_task(store, task_id, work). In work:"
    " messages = [goal, *store.messages(task_id)]; while True: if a call of the last"
    " message has no tool message (pairing.open_calls), act on it and store its tool"
    " message; elif the last message is the model's, return its content; elif the"
    " model has answered MAX_TURNS times, raise; else ask with execute_with_retry and"
    " store the answer.",
)


@contextlib.contextmanager
def setting() -> Iterator[dict[str, Any]]:
    """The world, and a folder for what the agents store; both are cleaned up."""
    place = MEMORY if MEMORY.is_dir() else None
    with (
        outside.setting() as given,
        tempfile.TemporaryDirectory(
            prefix="agentstate-check-", dir=place, ignore_cleanup_errors=True
        ) as folder,
    ):
        yield {**given, "folder": folder}


def prepare(answer: Answer) -> None:
    """Load now what some hundred runs would each load: one question does it."""
    job = practice_job()
    goal = {"role": "user", "content": job.scenario.goal}
    job.client.chat.completions.create(model=job.model, messages=[goal])


summary = survived


@stage("gets through when nothing goes wrong, and returns the stored task")
def gets_through(answer: Subject) -> None:
    """Two effects, one each, and the model's last word as the result."""
    with trying(
        answer,
        "ran it on the job, undisturbed",
        "both effects once in the ledger, the task completed with the model's last"
        " words as its result, and the stored task returned",
    ) as scene:
        ending = scene.run()
        scene.is_done_by(ending)
        returned, task = ending.value["returned"], scene.task()
        if "kind" in returned:
            raise Unmet(f"it returned {returned['kind']}, not the stored task")
        require(
            task is not None and returned == {"id": task.id, "version": task.version},
            "it returned a task that is not the stored one: of another version",
        )


@stage("does not run a completed task again")
def completed_stays(answer: Subject) -> None:
    """Whoever runs it twice gets what there is."""
    with trying(
        answer,
        "ran it on the job, and once more when the job was completed",
        "the stored task, as it was: no question to the model, no effect",
    ) as scene:
        scene.is_done_by(scene.run())
        asked, requests, before = len(scene.said()), len(scene.requests()), scene.task()
        ending = scene.run()
        require(len(scene.said()) == asked, "it asked the model again")
        require(len(scene.requests()) == requests, "it requested the effects again")
        scene.is_done_by(ending)
        require(scene.task() == before, "the stored task has changed")


@stage("stores the plan before it acts on it")
def plan_first(answer: Subject) -> None:
    """A model that is asked again may answer otherwise, and then nothing fits."""
    for number, step in enumerate(PLANNED, start=1):
        with trying(
            answer,
            f"killed the process when {step} had happened, and ran it again with a"
            " model that plans otherwise when it is asked the same again",
            "the stored plan carried out: a decision that was acted on is not"
            " asked for again",
            mood="fickle",
        ) as scene:
            scene.kill(f"effect.inside:{number}")
            scene.is_done_by(scene.run())


@stage("goes on in a newly started Python")
def fresh_start(answer: Subject) -> None:
    """All that it knows is in the store, and the keys are the same."""
    with trying(
        answer,
        "killed the process when the first effect had happened, and ran the agent"
        " again in a newly started Python",
        "each effect once in the ledger, and the task completed",
    ) as scene:
        scene.kill("effect.inside:1")
        scene.is_done_by(scene.run(run=run_fresh))


@stage("does it once when a reply is lost")
def lost_reply(answer: Subject) -> None:
    """It happened, and nobody was told."""
    with trying(
        answer,
        "let the first effect happen and its reply get lost, and ran it again if"
        " it did not get through",
        "each effect once in the ledger, and the task completed",
    ) as scene:
        scene.order("reply_lost")
        ending = scene.run()
        task = scene.task()
        if task is None or task.state != "completed":
            ending = scene.run()
        scene.is_done_by(ending)


STAGES: tuple[Stage, ...] = (
    gets_through,
    completed_stays,
    plan_first,
    *KILLS,
    fresh_start,
    lost_reply,
    *TROUBLES,
)
