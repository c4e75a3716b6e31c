"""
The check of exercise 09: one change of a state that others change too.

Every stage hands the answer a real client of a real server, in memory, and makes
something happen to chosen requests: another agent's change right before a write, or
the loss of a request or of its reply. To the answer the two losses look alike, and it
must be right about both. Nothing waits, and how the answer is built does not matter:
the state says afterwards what happened.
"""

import itertools
import random
from typing import Any

from agentstate_lab.errors import (
    AgentStateError,
    InvalidValue,
    NotGranted,
    TaskNotFound,
)
from agentstate_lab.lab.scenes.mcp_state import Loss
from agentstate_lab.mcp_state import SharedState, state_uri
from agentstate_lab.state import AppendFacts, Fact, Operation

from ..judge import Stage, Subject, doing, require, stage, times
from .scene import ENOUGH, OTHER, PATCH, Plan, Scene

RANDOM_SCENES = 60
FAILURES = 8  # at most, in one scene
IN_A_ROW = 3  # at most so many losses of one kind of request
RETURNED = "it returned as if all were well"
FEW = 4  # so many attempts the package makes; the task says ten

HINTS = (
    "No answer came. Was your change made or not? You cannot know, and you need not:"
    " what does the server do when the very same patch comes a second time? And after"
    " a conflict, what is the patch worth that you had made?",
    "There are two ways round. After VersionConflict: back to the reading, since the"
    " state that the patch was made from is gone. After StoreUnavailable: back to the"
    " sending, with the patch as it is. (Or to the reading, if you look there whether"
    " patch_id is among agent_state.applied_patches before you make another patch.)"
    " For all other errors there is no way round.",
    "The shape: a helper that calls a function up to ten times, as long as it raises"
    " StoreUnavailable. Then a loop of at most ten rounds: seen = helper(lambda:"
    " client.read(uri)); patch = StatePatch(id=patch_id, base_version=seen.version,"
    " operations=change(seen)); try: helper(lambda: client.write(uri, patch)); except"
    " VersionConflict: next round; else: return helper(lambda: client.read(uri)).",
)


def _changes_once(
    answer: Subject, done: str, expected: str, *, reads: Plan = (), writes: Plan = ()
) -> Scene:
    """Let it make its change while this happens; the change must be there once."""
    with doing(done, expected):
        scene = Scene(answer, reads=reads, writes=writes)
        outcome = scene.call()
        require(
            not scene.odd,
            f"it called change with a value of type {scene.odd}, not with what"
            " client.read returned",
        )
        scene.changed_once(outcome)
    return scene


@stage("makes the change, and returns the state with it")
def makes(answer: Subject) -> None:
    """Nothing happens in between."""
    _changes_once(
        answer,
        "let it change a task that nobody else touches",
        f"the change in the state, under the id {PATCH!r}, and that state returned",
    )


@stage("makes the change anew after a conflict")
def makes_anew(answer: Subject) -> None:
    """A change of an old state stays one, whatever version is written on it."""
    _changes_once(
        answer,
        "let the planner change the same task between its reading and its writing",
        "both changes in the state, each counted",
        writes=[OTHER],
    )


@stage("goes on through five conflicts in a row")
def goes_on(answer: Subject) -> None:
    """A conflict says that somebody else was quicker, and no more."""
    _changes_once(
        answer,
        "let the planner be quicker five times in a row",
        "all six changes in the state, each counted",
        writes=[OTHER] * 5,
    )


@stage("makes one change when the reply was lost")
def reply_lost(answer: Subject) -> None:
    """The server has done it, and nobody was told."""
    done = "lost the server's reply to its writing: the change had been made"
    _loses_writings(answer, Loss.REPLY, done)


@stage("makes one change when the request was lost")
def request_lost(answer: Subject) -> None:
    """To whoever sent it, it looks as if the reply was."""
    done = "lost its request to write: the server never saw it"
    _loses_writings(answer, Loss.REQUEST, done)


def _loses_writings(answer: Subject, loss: Loss, done: str) -> None:
    """Once, three times, and with the planner in between."""
    one = "its change in the state, once, and the planner's if there is one"
    _changes_once(answer, done, one, writes=[loss])
    _changes_once(answer, f"{done}. Three times", one, writes=[loss] * 3)
    done += ". Then the planner changed the task"
    _changes_once(answer, done, one, writes=[loss, OTHER])
    _changes_once(answer, done, one, writes=[loss], reads=[None, OTHER])


@stage("reads again after a lost reading, and when the server was away")
def read_lost(answer: Subject) -> None:
    """Reading changes nothing, so it may be done again."""
    one = "its change in the state, once"
    for loss, words in (
        (Loss.REQUEST, "lost its first request to read"),
        (Loss.REPLY, "lost the reply to its first reading"),
        (Loss.UNREACHED, "let the server be unreachable at its first reading"),
    ):
        _changes_once(answer, words, one, reads=[loss])
        later = f"{words.replace('first', 'second')}, and one more if it reads again"
        _changes_once(answer, later, one, reads=[None, loss, loss])
    away = [Loss.UNREACHED] * 2
    done = "let the server be unreachable twice when it wrote"
    _changes_once(answer, done, one, writes=away)


@stage("lets every other error out at once")
def lets_out(answer: Subject) -> None:
    """The same request would be refused again."""
    nowhere = state_uri("planner", "nothing")
    cases: tuple[tuple[type[AgentStateError], str, bool, dict[str, Any]], ...] = (
        (NotGranted, "change a task that it may read and not change", False, {}),
        (TaskNotFound, "change a task that is not there", True, {"uri": nowhere}),
        (InvalidValue, "make a change of 300,000 bytes", True, {"change": _huge}),
    )
    for kind, what, may_write, asked in cases:
        with doing(f"let it {what}", f"{kind.__name__}, raised, after one refusal"):
            scene = Scene(answer, may_write=may_write)
            outcome = scene.call(**asked)
            refused = sum(one.answer == kind.__name__ for one in scene.client.notes)
            require(refused < 2, f"it was refused {refused} times")
            outcome.must_raise(kind, RETURNED)


def _huge(seen: SharedState) -> list[Operation]:
    """More than the server takes in one patch."""
    return [AppendFacts(facts=(Fact(key="log", value="x" * 300_000),))]


class CannotSay(Exception):
    """The change knows no answer."""


def _fails(seen: SharedState) -> list[Operation]:
    """A change that cannot be made."""
    raise CannotSay("not with this state")


@stage("lets an error of the change out, and writes nothing")
def change_fails(answer: Subject) -> None:
    """It is the caller's, and the caller has to hear it."""
    with doing(
        "let it make a change that raises an error of its own",
        "that error, raised, and the task as it was",
    ):
        scene = Scene(answer)
        outcome = scene.call(_fails)
        version = scene.store.get(scene.task_id).version
        require(version == 1, "it had written something")
        outcome.must_raise(CannotSay, RETURNED)


@stage("gives up when the server is gone for good")
def gives_up(answer: Subject) -> None:
    """Who waits for ever has not been told, either."""
    for loss, words in (
        (Loss.REQUEST, "lost every request"),
        (Loss.UNREACHED, "let the server be out of reach"),
    ):
        for kind in ("read", "write"):
            with doing(
                f"{words} to {kind}, the first one and all others",
                f"an error, raised after some ten requests, and {ENOUGH} at most",
            ):
                endless = itertools.repeat(loss)
                scene = Scene(
                    answer,
                    reads=endless if kind == "read" else (),
                    writes=endless if kind == "write" else (),
                )
                outcome = scene.call()
                lost = sum(note.loss is not None for note in scene.client.notes)
                require(lost >= FEW, f"it had sent it {times(lost)} and gave up")
                outcome.must_raise(Exception, RETURNED)


@stage(f"makes one change in {RANDOM_SCENES} random scenes")
def random_scenes(answer: Subject) -> None:
    """Conflicts and losses in any order."""
    draw = random.Random(9)
    for number in range(1, RANDOM_SCENES + 1):
        reads, writes = _plan(draw, 3), _plan(draw, FAILURES - 3)
        _changes_once(
            answer,
            f"let this happen, in random scene {number}, to its readings:"
            f" {_told(reads)}; and to its writings: {_told(writes)}",
            "its change in the state, once, and all changes counted",
            reads=reads,
            writes=writes,
        )


def _plan(draw: random.Random, most: int) -> list[Loss | str | None]:
    """What happens to requests of one kind."""
    plan: list[Loss | str | None] = []
    for _ in range(draw.randint(0, most)):
        plan.append(draw.choice([None, OTHER, OTHER, *Loss]))
        last = plan[-IN_A_ROW - 1 :]
        if len(last) > IN_A_ROW and all(isinstance(one, Loss) for one in last):
            plan[-1] = OTHER
    return plan


def _told(plan: list[Loss | str | None]) -> str:
    """A plan in words."""
    words = {None: "nothing", OTHER: "the planner was quicker"}
    return ", ".join(words.get(one, str(one)) for one in plan) or "nothing"


@stage("changes nothing when a replacement does the same", bonus=True)
def replaced(answer: Subject) -> None:
    """A worker that died after its writing leaves another the same job."""
    scene = _changes_once(
        answer,
        "let it make its change, as a worker that dies right after",
        "the change in the state",
    )
    with doing(
        "let the planner change the task, and then a replacement make the same change"
        " under the same id",
        "nothing changed, and the state with the change returned",
    ):
        scene.change_by_another()
        version = scene.store.get(scene.task_id).version
        outcome = scene.call()
        require(scene.mine == 1, f"the change was there {scene.mine} times")
        scene.changed_once(outcome)
        require(scene.store.get(scene.task_id).version == version, "something changed")


STAGES: tuple[Stage, ...] = (
    makes,
    makes_anew,
    goes_on,
    reply_lost,
    request_lost,
    read_lost,
    lets_out,
    change_fails,
    gives_up,
    random_scenes,
    replaced,
)
