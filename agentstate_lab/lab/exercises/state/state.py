"""
The check of exercise 01: apply a patch to a state, once, whatever happens.

Every state goes through JSON between two calls, as it does in a store, and the
restart is a real one: the second call is made in another process. What the answer
keeps under `applied` is its own affair; only its behaviour is judged.
"""

import copy

from agentstate_lab.errors import VersionConflict

from ..judge import Stage, Subject, Unmet, doing, plain, require, run_apart, stage
from .operations import OPERATIONS
from .patches import (
    START,
    State,
    append,
    applied,
    is_version,
    part,
    patch,
    shown,
    upsert,
)

MANY = 40  # patches in a row: more than anybody keeps a window of

HINTS = (
    "A crash can come after the patch was applied and before you were told. Then"
    " the same patch comes again. Which of its fields tells you that you have seen"
    " it, and where must that be kept so that a new process knows it too?",
    "Look at the order of the two questions. A patch that was applied has itself"
    " moved the version on: look first whether its id is in state['applied'], then"
    " whether its base version is the state's. And work on a copy.deepcopy: the"
    " caller still holds the old state.",
    "The shape: if the id is known, return the state. If the base version differs,"
    " raise VersionConflict('state', expected=..., found=...). Copy deeply; go"
    " through the operations with one `if` each; at the end, once per patch, append"
    " the id to applied and add 1 to version.",
)


@stage("changes nothing when a patch comes again, made for the newest version")
def repeats(answer: Subject) -> None:
    """The crash between "applied" and "told": the maker reads, and sends it again."""
    first = patch("p-1", 4, append(("owner", "ann")))
    again = patch("p-1", 5, append(("owner", "ann")))
    with doing(
        "applied the patch p-1, and then p-1 once more, made for the new version",
        "the state as it was after the first time",
    ):
        once = _once(answer, first)
        _same(once, applied(answer, once, again))
    with doing(
        "applied p-1, then p-2, and then p-1 once more, made for the newest version",
        "the state as it was after p-2",
    ):
        both = applied(answer, once, patch("p-2", 5, append(("branch", "main"))))
        _same(both, applied(answer, both, patch("p-1", 6, append(("owner", "ann")))))


@stage("knows a patch by its id, not by its content")
def by_id(answer: Subject) -> None:
    """Two may want the same; the second one is news."""
    with doing(
        "applied p-1, and then p-2 with the very same operations",
        "version 6 and the fact twice: the id names a patch, not its content",
    ):
        once = _once(answer, patch("p-1", 4, append(("owner", "ann"))))
        same = applied(answer, once, patch("p-2", 5, append(("owner", "ann"))))
        twice = part(same, "facts")[-2:] == [{"key": "owner", "value": "ann"}] * 2
        is_version(same, 6)
        require(twice, f"the facts were {shown(same)}")


@stage("knows a repeated patch although its base version is old")
def repeats_late(answer: Subject) -> None:
    """A repeat is sent as it was: its base version is the one before itself."""
    first = patch("p-1", 4, append(("owner", "ann")))
    with doing(
        "applied the patch p-1 to version 4, and then the very same patch again",
        "the state as it was: a patch that has been applied is no conflict",
    ):
        once = _once(answer, first)
        _same(once, applied(answer, once, first))
    with doing(
        f"applied {MANY} patches, and then each of them once more, as it was",
        "the state as it was after the last: no patch is too long ago",
    ):
        made = [patch(f"n-{n}", 4 + n, append(("n", n))) for n in range(MANY)]
        long = applied(answer, START, *made)
        _same(long, applied(answer, long, *made))


@stage("refuses a new patch that was made for another version")
def refuses(answer: Subject) -> None:
    """Whoever made it had not read what is there now."""
    for base, age in ((3, "an older"), (7, "a newer")):
        with doing(
            f"applied a new patch, made for {age} version ({base}), to version 4",
            "errors.VersionConflict, raised",
        ):
            new = patch("p-9", base, append(("owner", "ann")))
            outcome = answer.outcome(copy.deepcopy(START), new)
            silent = "it applied the patch, or passed over it in silence"
            error = outcome.must_raise(VersionConflict, silent)
            expected, found = error.expected, error.found
            if (expected, found) == (4, base):
                raise Unmet(
                    "the error had expected and found the wrong way round: expected"
                    " is the base version of the patch"
                )
            said = f"the error had expected={expected!r} and found={found!r}"
            require((expected, found) == (base, 4), said)
            about = error.task_id
            require(about == "state", f"the error was about {about!r}, not 'state'")


@stage("leaves the state and the patch it was given as they were")
def leaves(answer: Subject) -> None:
    """The caller still holds the old state; a failed save needs it."""
    operations = (
        append(("owner", "ann")),
        upsert("region", {"name": "us"}),
        {"op": "replace_plan", "plan": ["stop"]},
        {"op": "add_questions", "questions": ["who?"]},
        {"op": "close_question", "question": "which namespace?"},
    )
    state, asked = copy.deepcopy(START), patch("p-1", 4, *operations)
    before = copy.deepcopy(asked)
    with doing(
        "applied a patch and looked at the dict that was handed in",
        "the handed-in state and patch unchanged, down to their inner lists",
    ):
        result = answer(state, asked)
        for key in START:
            require(
                state.get(key) == START[key], f"the old state's {key!r} had changed"
            )
        require(state == START, "the old state had a new key")
        require(asked == before, "the patch had changed")
    with doing(
        "let it refuse a patch for another version, and looked at the state",
        "the handed-in state unchanged: nothing has happened to it",
    ):
        state = copy.deepcopy(START)
        answer.outcome(state, patch("p-9", 3, *operations))
        require(state == START, "the refused patch had changed the state")
    with doing(
        "applied a second patch to the result of the first",
        "the result of the first unchanged",
    ):
        plain(result)
        kept = copy.deepcopy(result)
        version = part(result, "version")
        more = patch(
            "p-2", version, append(("x", 1)), {"op": "replace_plan", "plan": []}
        )
        answer(result, more)
        require(result == kept, "the first result had changed")
        require(asked == before, "the first patch had changed")


@stage("still knows the patch after a restart")
def restarts(answer: Subject) -> None:
    """The state is all that survives: what was seen must be in it."""
    first = patch("p-1", 4, append(("owner", "ann")))
    with doing(
        "applied p-1, stored the state as JSON, and applied p-1 to it in a new process",
        "the state as it was: it must carry what was applied",
    ):
        before = run_apart(answer, _once, first).result()
        after = run_apart(answer, applied, before, first)
        if not after.returned:
            raise Unmet(
                "the new process did not know the patch, as a variable dies with its"
                f" process: {after.words}"
            )
        _same(before, after.value)


def _once(answer: Subject, first: State) -> State:
    """The state after the first time; the patch must have been applied."""
    state = applied(answer, START, first)
    new = [{"key": "owner", "value": "ann"}]
    applied_at_all = part(state, "facts")[-1:] == new
    require(applied_at_all, f"already the first time, the facts were {shown(state)}")
    return state


def _same(before: State, after: State) -> None:
    """Fail unless the repeat of a patch left the state alone."""
    if before == after:
        return
    facts = [len(part(state, "facts")) for state in (before, after)]
    if facts[1] > facts[0]:
        raise Unmet("the patch was applied twice: its fact is in the state twice")
    keys = [key for key in before if after.get(key) != before[key]]
    raise Unmet(f"the repeat changed {', '.join(keys) or 'the state'}")


STAGES: tuple[Stage, ...] = (
    *OPERATIONS,
    repeats,
    repeats_late,
    by_id,
    refuses,
    leaves,
    restarts,
)
