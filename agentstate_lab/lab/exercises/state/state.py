"""
The check of exercise 01: apply a patch to a state, once, whatever happens.

Every state goes through JSON between two calls, as it does in a store, and the
restart is a real one: the second call is made in another process. What the answer
keeps under `applied` is its own affair; only its behaviour is judged.
"""

import copy
from typing import Any

from agentstate_lab.errors import VersionConflict
from agentstate_lab.lab.exercises.judge import (
    Stage,
    Subject,
    Unmet,
    doing,
    plain,
    raised,
    require,
    run_apart,
    stage,
)

State = dict[str, Any]

START: State = {
    "version": 4,
    "facts": [{"key": "region", "value": "eu"}, {"key": "replicas", "value": 2}],
    "plan": ["check status", "deploy"],
    "questions": ["which namespace?"],
    "applied": [],
}

HINTS = (
    "A crash can come after the patch was applied and before you were told. Then"
    " the same patch comes again. Which of its fields tells you that you have seen"
    " it, and where must that be kept so that a new process knows it too?",
    "Look at the order of the two questions. A patch that was applied has itself"
    " moved the version on: ask first whether its id is in state['applied'], then"
    " whether its base version is the state's. And work on a copy.deepcopy: the"
    " caller still holds the old state.",
    "The shape: if the id is known, return the state. If the base version differs,"
    " raise VersionConflict('state', expected=..., found=...). Copy deeply; go"
    " through the operations with one `if` each; at the end, once per patch, append"
    " the id to applied and add 1 to version.",
)


def patch(identity: str, base: int, *operations: dict[str, Any]) -> State:
    """A patch as plain JSON."""
    return {"id": identity, "base_version": base, "operations": list(operations)}


def append(*pairs: tuple[str, Any]) -> dict[str, Any]:
    """The operation that adds facts at the end."""
    facts = [{"key": key, "value": value} for key, value in pairs]
    return {"op": "append_facts", "facts": facts}


def upsert(key: str, value: Any) -> dict[str, Any]:
    """The operation that sets the one fact of a key."""
    return {"op": "upsert_fact", "fact": {"key": key, "value": value}}


def applied(answer: Subject, state: State, *patches: State) -> State:
    """The state after *patches*, through JSON after each."""
    for one in patches:
        state = plain(answer(copy.deepcopy(state), copy.deepcopy(one)))
    return state


def part(state: State, key: str) -> Any:
    """One part of a state; fails when it is gone."""
    require(key in state, f"the new state has no {key!r}")
    return state[key]


@stage("appends facts at the end, in order")
def appends(answer: Subject) -> None:
    """Old facts stay, new ones follow; two of one key are both kept."""
    with doing(
        "applied one patch that appends the facts region=us and owner=ann",
        "the two old facts and then the two new ones",
    ):
        new = append(("region", "us"), ("owner", "ann"))
        state = applied(answer, START, patch("p-1", 4, new))
        wanted = START["facts"] + new["facts"]
        require(part(state, "facts") == wanted, f"the facts were {_facts(state)}")


@stage("upserts a fact by its key")
def upserts(answer: Subject) -> None:
    """A known key gets the new value, an unknown one is added."""
    with doing(
        "upserted region=us where region was eu, and then the new key owner=ann",
        "one fact for each of region, replicas and owner, with the newest values",
    ):
        state = applied(
            answer, START, patch("p-1", 4, upsert("region", "us"), upsert("owner", 0))
        )
        facts = part(state, "facts")
        found = sorted((one["key"], one["value"]) for one in facts)
        wanted = [("owner", 0), ("region", "us"), ("replicas", 2)]
        require(found == wanted, f"the facts were {_facts(state)}")


@stage("replaces the plan")
def replaces(answer: Subject) -> None:
    """The new plan stands alone, also when it is empty."""
    for plan in (["roll back", "tell ann", "stop"], []):
        with doing(f"replaced the plan by {plan}", "that plan and nothing of the old"):
            new = {"op": "replace_plan", "plan": plan}
            state = applied(answer, START, patch("p-1", 4, new))
            found = part(state, "plan")
            require(found == plan, f"the plan was {found}")


@stage("opens and closes questions")
def asks(answer: Subject) -> None:
    """New questions come at the end; a closed one is gone, the others stay."""
    opened = {"op": "add_questions", "questions": ["which branch?", "who approves?"]}
    with doing("added two questions to one that was open", "three open questions"):
        state = applied(answer, START, patch("p-1", 4, opened))
        wanted = ["which namespace?", "which branch?", "who approves?"]
        found = part(state, "questions")
        require(found == wanted, f"the questions were {found}")
    closed = {"op": "close_question", "question": "which branch?"}
    with doing("closed the second of the three", "the first and the third"):
        state = applied(answer, state, patch("p-2", part(state, "version"), closed))
        found = part(state, "questions")
        require(found == [wanted[0], wanted[2]], f"the questions were {found}")


@stage("raises the version by one for each patch")
def versions(answer: Subject) -> None:
    """By one for a patch, however many operations it has, and patches in a row."""
    with doing(
        "applied one patch with three operations to version 4", "version 5 afterwards"
    ):
        three = (append(("a", 1)), upsert("b", 2), {"op": "replace_plan", "plan": []})
        state = applied(answer, START, patch("p-1", 4, *three))
        require(_version(state, 5), f"the version was {part(state, 'version')!r}")
        facts = [one["key"] for one in part(state, "facts")]
        require("a" in facts and "b" in facts, f"the facts were {_facts(state)}")
    with doing("applied a second patch, made for version 5", "version 6 afterwards"):
        state = applied(answer, state, patch("p-2", 5, append(("c", 3))))
        require(_version(state, 6), f"the version was {part(state, 'version')!r}")


@stage("changes nothing when the same patch comes again")
def repeats(answer: Subject) -> None:
    """The crash between "applied" and "told": the patch is sent once more."""
    first = patch("p-1", 4, append(("owner", "ann")))
    again = patch("p-1", 5, append(("owner", "ann")))
    with doing(
        "applied the patch p-1, and then p-1 once more, made for the new version",
        "the state as it was after the first time",
    ):
        once = _once(answer, first)
        _same(once, applied(answer, once, again))
    with doing(
        "applied p-1, then p-2, and then p-1 once more",
        "the state as it was after p-2",
    ):
        both = applied(answer, once, patch("p-2", 5, append(("branch", "main"))))
        _same(both, applied(answer, both, patch("p-1", 6, append(("owner", "ann")))))
    with doing(
        "applied p-1, and then p-2 with the very same operations",
        "version 6 and the fact twice: the id names a patch, not its content",
    ):
        same = applied(answer, once, patch("p-2", 5, append(("owner", "ann"))))
        twice = part(same, "facts")[-2:] == [{"key": "owner", "value": "ann"}] * 2
        require(_version(same, 6), f"the version was {part(same, 'version')!r}")
        require(twice, f"the facts were {_facts(same)}")


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
            if outcome.error is None:
                raise Unmet("it applied the patch, or passed over it in silence")
            if not isinstance(outcome.error, VersionConflict):
                raise Unmet(raised(outcome.error, answer.answer))
            if (outcome.error.expected, outcome.error.found) == (4, base):
                raise Unmet(
                    "the error had expected and found the wrong way round: expected"
                    " is the base version of the patch"
                )


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
        "applied a second patch to the result of the first",
        "the result of the first unchanged",
    ):
        plain(result)
        kept = copy.deepcopy(result)
        more = patch("p-2", 5, append(("x", 1)), {"op": "replace_plan", "plan": []})
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
        before = run_apart(answer, _once, first)
        require(before.returned, before.words)
        after = run_apart(answer, applied, before.value, first)
        require(after.returned, after.words)
        _same(before.value, after.value)


def _once(answer: Subject, first: State) -> State:
    """The state after the first time; the patch must have been applied."""
    state = applied(answer, START, first)
    new = [{"key": "owner", "value": "ann"}]
    applied_at_all = part(state, "facts")[-1:] == new
    require(applied_at_all, f"already the first time, the facts were {_facts(state)}")
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


def _version(state: State, wanted: int) -> bool:
    found = part(state, "version")
    return type(found) is int and found == wanted


def _facts(state: State) -> str:
    """The facts, short."""
    try:
        return ", ".join(f"{one['key']}={one['value']}" for one in state["facts"])
    except (KeyError, TypeError):
        return repr(state["facts"])[:200]


STAGES: tuple[Stage, ...] = (
    appends,
    upserts,
    replaces,
    asks,
    versions,
    repeats,
    repeats_late,
    refuses,
    leaves,
    restarts,
)
