"""Answers to exercise 01, right and wrong."""

import copy
import functools
import json
from typing import Any

from agentstate_lab.errors import VersionConflict
from agentstate_lab.state import AgentState, StatePatch
from answers import ALL, EXPLAINS, Wrong, but

State = dict[str, Any]


def conflict(state: State, patch: State) -> VersionConflict:
    """The error for a patch that was made for another version."""
    return VersionConflict(
        "state", expected=patch["base_version"], found=state["version"]
    )


def operate(state: State, operations: list[State]) -> State:
    """Carry out operations on a state of our own."""
    for operation in copy.deepcopy(operations):
        if operation["op"] == "append_facts":
            state["facts"] += operation["facts"]
        elif operation["op"] == "upsert_fact":
            new = operation["fact"]
            state["facts"] = [f for f in state["facts"] if f["key"] != new["key"]]
            state["facts"].append(new)
        elif operation["op"] == "replace_plan":
            state["plan"] = operation["plan"]
        elif operation["op"] == "add_questions":
            state["questions"] += operation["questions"]
        elif operation["question"] in state["questions"]:  # to be closed
            state["questions"].remove(operation["question"])
    return state


def right(state: State, patch: State) -> State:
    """The plain one."""
    if patch["id"] in state["applied"]:
        return state
    if patch["base_version"] != state["version"]:
        raise conflict(state, patch)
    after = operate(copy.deepcopy(state), patch["operations"])
    after["applied"].append(patch["id"])
    after["version"] += 1
    return after


class Patcher:
    """A callable object with a table of methods."""

    def __call__(self, state: State, patch: State) -> State:
        """Apply the patch."""
        after = json.loads(json.dumps(state))
        if patch["id"] in after["applied"]:
            return after
        if patch["base_version"] != after["version"]:
            raise conflict(state, patch)
        for operation in patch["operations"]:
            getattr(self, operation["op"])(after, operation)
        after["applied"] = [*after["applied"], patch["id"]]
        after["version"] = patch["base_version"] + 1
        return after

    def append_facts(self, state: State, operation: State) -> None:
        """Add facts."""
        state["facts"].extend(operation["facts"])

    def upsert_fact(self, state: State, operation: State) -> None:
        """Set a fact where it stands."""
        new = operation["fact"]
        same = [fact for fact in state["facts"] if fact["key"] == new["key"]]
        for fact in same[1:]:
            state["facts"].remove(fact)
        (same or [state["facts"].append(new) or new])[0]["value"] = new["value"]

    def replace_plan(self, state: State, operation: State) -> None:
        """Set the plan."""
        state["plan"] = list(operation["plan"])

    def add_questions(self, state: State, operation: State) -> None:
        """Add questions."""
        state["questions"].extend(operation["questions"])

    def close_question(self, state: State, operation: State) -> None:
        """Drop a question."""
        left = [q for q in state["questions"] if q != operation["question"]]
        state["questions"] = left


def made_by_a_factory() -> Any:
    """A closure over helpers that are not in any module."""
    helpers = {
        "append_facts": lambda s, o: {"facts": s["facts"] + o["facts"]},
        "upsert_fact": lambda s, o: {
            "facts": [f for f in s["facts"] if f["key"] != o["fact"]["key"]]
            + [o["fact"]]
        },
        "replace_plan": lambda s, o: {"plan": o["plan"]},
        "add_questions": lambda s, o: {"questions": s["questions"] + o["questions"]},
        "close_question": lambda s, o: {
            "questions": [q for q in s["questions"] if q != o["question"]]
        },
    }

    def apply(state: State, patch: State) -> State:
        if patch["id"] in state["applied"]:
            return state
        if patch["base_version"] != state["version"]:
            raise conflict(state, patch)
        made = functools.reduce(
            lambda s, o: {**s, **helpers[o["op"]](s, o)}, patch["operations"], state
        )
        seen = [*state["applied"], patch["id"]]
        return {**made, "version": state["version"] + 1, "applied": seen}

    return apply


def with_a_setting(strict: bool, state: State, patch: State) -> State:
    """To be bound with functools.partial."""
    assert strict
    return right(state, patch)


def remembers_as_a_dict(state: State, patch: State) -> State:
    """What is kept under `applied` is the answer's own affair."""
    seen = dict(state["applied"] or {})
    if patch["id"] in seen:
        return state
    if patch["base_version"] != state["version"]:
        raise conflict(state, patch)
    after = operate(copy.deepcopy(state), patch["operations"])
    after["applied"] = {**seen, patch["id"]: state["version"]}
    after["version"] += 1
    return after


def by_the_package(state: State, patch: State) -> State:
    """The package's own state does the work."""
    before = AgentState(
        goal="",
        known_facts=state["facts"],
        plan=state["plan"],
        open_questions=state["questions"],
        applied_patches=state["applied"],
    )
    try:
        made = before.apply(StatePatch.model_validate(patch), version=state["version"])
    except VersionConflict:  # it names the patch
        raise conflict(state, patch) from None
    if made is before:
        return state
    dumped = made.model_dump(mode="json")
    facts = [{"key": f["key"], "value": f["value"]} for f in dumped["known_facts"]]
    return {
        "version": state["version"] + 1,
        "facts": facts,
        "plan": dumped["plan"],
        "questions": dumped["open_questions"],
        "applied": dumped["applied_patches"],
    }


def untouched(state: State, patch: State) -> State:
    """The stub as it is."""
    raise NotImplementedError("Exercise 01 (state) is not written yet.")


RIGHT = {
    "plain": right,
    "object": Patcher(),
    "closure": made_by_a_factory(),
    "partial": functools.partial(with_a_setting, True),
    "applied-as-dict": remembers_as_a_dict,
    "package": by_the_package,
}


def forgets_ids(state: State, patch: State) -> State:
    """Never looks at the id."""
    if patch["base_version"] != state["version"]:
        raise conflict(state, patch)
    after = operate(copy.deepcopy(state), patch["operations"])
    after["version"] += 1
    return after


def version_before_id(state: State, patch: State) -> State:
    """Asks for the version first, so that every repeat is a conflict."""
    if patch["base_version"] != state["version"]:
        raise conflict(state, patch)
    return right(state, patch)


def changes_the_input(state: State, patch: State) -> State:
    """Works on the state that was handed in."""
    if patch["id"] in state["applied"]:
        return state
    if patch["base_version"] != state["version"]:
        raise conflict(state, patch)
    operate(state, patch["operations"])
    state["applied"].append(patch["id"])
    state["version"] += 1
    return state


def copies_the_outside(state: State, patch: State) -> State:
    """A shallow copy: the lists inside are the caller's."""
    return changes_the_input(dict(state), patch)


def version_per_operation(state: State, patch: State) -> State:
    """Counts operations where patches are to be counted."""
    after = right(state, patch)
    if after is not state:
        after["version"] = state["version"] + len(patch["operations"])
    return after


def repeat_raises_version(state: State, patch: State) -> State:
    """A repeat leaves the facts alone and moves the version on."""
    if patch["id"] in state["applied"]:
        return {**state, "version": state["version"] + 1}
    return right(state, patch)


SEEN: set[str] = set()


def remembers_in_the_process(state: State, patch: State) -> State:
    """Keeps what was seen in a variable, which dies with the process."""
    if patch["id"] in SEEN:
        return state
    if patch["base_version"] != state["version"]:
        raise conflict(state, patch)
    SEEN.add(patch["id"])
    after = operate(copy.deepcopy(state), patch["operations"])
    after["version"] += 1
    return after


def remembers_the_last(state: State, patch: State) -> State:
    """Keeps one id: the one before it comes back as news."""
    after = right(state, patch)
    if after is not state:
        after["applied"] = [patch["id"]]
    return after


def ignores_the_base(state: State, patch: State) -> State:
    """Never asks which version the patch was made for."""
    return right(state, {**patch, "base_version": state["version"]})


def takes_the_future(state: State, patch: State) -> State:
    """Refuses what is older, and takes what is newer."""
    base = max(patch["base_version"], state["version"])
    if patch["base_version"] > state["version"]:
        base = state["version"]
    elif patch["base_version"] < state["version"]:
        base = patch["base_version"]
    return right(state, {**patch, "base_version": base})


def swallows_the_conflict(state: State, patch: State) -> State:
    """Hides the conflict: the caller believes that it was applied."""
    try:
        return right(state, patch)
    except VersionConflict:
        return state


def raises_another(state: State, patch: State) -> State:
    """An error that no caller is waiting for."""
    if patch["id"] not in state["applied"] and (
        patch["base_version"] != state["version"]
    ):
        raise ValueError("wrong version")
    return right(state, patch)


def keeps_a_set(state: State, patch: State) -> State:
    """JSON has no sets."""
    after = right({**state, "applied": list(state["applied"])}, patch)
    return {**after, "applied": set(after["applied"])}


def returns_nothing(state: State, patch: State) -> None:
    """Forgets to return."""
    right(state, patch)


def operating(*lines: tuple[str, str]) -> Any:
    """The plain answer, with something replaced in how it carries out operations."""
    return but(right, operate=but(operate, *lines))


POPPED = "iter(lambda: operations.pop(0) if operations else None, None)"
OTHERS = '[f for f in state["facts"] if f["key"] != new["key"]]'
IS_OPEN = 'elif operation["question"] in state["questions"]:'
REMOVE = 'state["questions"].remove(operation["question"])'


def first_replaced(facts: list[State], new: State) -> list[State]:
    """The facts with the first of the key replaced, or the new one at the end."""
    for place, fact in enumerate(facts):
        if fact["key"] == new["key"]:
            return [*facts[:place], new, *facts[place + 1 :]]
    return [*facts, new]


def forgets_after_ten(state: State, patch: State) -> State:
    """A window of the last ids: a patch may come again after more than that."""
    after = right(state, patch)
    return {**after, "applied": after["applied"][-10:]}


def forgets_its_place(state: State, patch: State) -> State:
    """Raises what names the patch where the card says "state"."""
    try:
        return right(state, patch)
    except VersionConflict as error:
        raise VersionConflict(
            patch["id"], expected=error.expected, found=error.found
        ) from error


def notes_before_it_looks(state: State, patch: State) -> State:
    """Marks the patch as applied in the caller's state, and then refuses it."""
    if patch["id"] in state["applied"]:
        return state
    state["applied"].append(patch["id"])
    if patch["base_version"] != state["version"]:
        raise conflict(state, patch)
    after = operate(copy.deepcopy(state), patch["operations"])
    return {**after, "version": state["version"] + 1}


def knows_by_content(state: State, patch: State) -> State:
    """Takes the same content for the same patch."""
    news = [json.dumps(one) for one in patch["operations"]]
    if news and all(one in state["applied"] for one in news):
        return state
    if patch["base_version"] != state["version"]:
        raise conflict(state, patch)
    after = operate(copy.deepcopy(state), patch["operations"])
    after["applied"] += news
    after["version"] += 1
    return after


KNOWS = "knows a repeated patch although its base version is old"
AGAIN = "changes nothing when a patch comes again, made for the newest version"
BY_ID = "knows a patch by its id, not by its content"
ORDER = "carries out the operations in order"
QUESTIONS = "opens and closes questions"
NOT_OPEN = "changes nothing when it closes a question that is not open"
PLAN = "replaces the plan"
RESTART = "still knows the patch after a restart"
REFUSES = "refuses a new patch that was made for another version"
LEAVES = "leaves the state and the patch it was given as they were"
VERSION = "raises the version by one for each patch"
APPENDS = "appends facts at the end, in order"
UPSERTS = "upserts a fact by its key"


def swaps_the_versions(state: State, patch: State) -> State:
    """Tells the caller the two versions the wrong way round."""
    try:
        return right(state, patch)
    except VersionConflict as error:
        raise VersionConflict(
            "state", expected=error.found, found=error.expected
        ) from error


WRONG = {
    "swaps-the-versions": Wrong(swaps_the_versions, REFUSES, "the wrong way round"),
    "forgets-ids": Wrong(forgets_ids, AGAIN, "the patch was applied twice"),
    "version-before-id": Wrong(version_before_id, KNOWS, "it raised VersionConflict"),
    "changes-the-input": Wrong(
        changes_the_input, LEAVES, "the old state's 'version' had changed"
    ),
    "copies-the-outside": Wrong(
        copies_the_outside, LEAVES, "the old state's 'facts' had changed"
    ),
    "version-per-operation": Wrong(version_per_operation, VERSION, "the version was 7"),
    "repeat-raises-version": Wrong(
        repeat_raises_version, AGAIN, "the repeat changed version", (KNOWS, RESTART)
    ),
    "remembers-in-the-process": Wrong(
        remembers_in_the_process, RESTART, "a variable dies with its process"
    ),
    "remembers-the-last": Wrong(
        remembers_the_last, AGAIN, "the patch was applied twice"
    ),
    "knows-by-content": Wrong(
        knows_by_content, BY_ID, "the id names a patch, not its content"
    ),
    "ignores-the-base": Wrong(ignores_the_base, REFUSES, "it applied the patch"),
    "takes-the-future": Wrong(takes_the_future, REFUSES, "a newer version (7)"),
    "swallows-the-conflict": Wrong(
        swallows_the_conflict, REFUSES, "passed over it in silence"
    ),
    "raises-another": Wrong(raises_another, REFUSES, "it raised ValueError"),
    "keeps-a-set": Wrong(keeps_a_set, APPENDS, "JSON cannot hold", ALL),
    "returns-nothing": Wrong(
        returns_nothing, APPENDS, "it returned nothing (None)", ALL
    ),
    "upsert-appends": Wrong(
        operating((OTHERS, 'state["facts"]')),
        UPSERTS,
        "region=eu, replicas=2, region=us",
    ),
    "upserts-the-first": Wrong(
        but(
            right,
            operate=but(
                operate,
                (OTHERS, 'first_replaced(state["facts"], new)'),
                ('state["facts"].append(new)', "pass"),
                first_replaced=first_replaced,
            ),
        ),
        UPSERTS,
        "region=None, replicas=2, region=us, owner=ann, region=asia",
    ),
    "upserts-what-is-true": Wrong(
        operating(
            (
                'state["facts"].append(new)',
                'state["facts"] += [new] if new["value"] else []',
            )
        ),
        UPSERTS,
        "the facts were replicas=2, region=us",
    ),
    "plan-grows": Wrong(
        operating(('state["plan"] =', 'state["plan"] +=')),
        PLAN,
        "the plan was",
        (ORDER,),
    ),
    "keeps-the-plan": Wrong(
        operating(
            ('= operation["plan"]', '= operation["plan"] or state["plan"]'),
        ),
        PLAN,
        "the plan was ['check status', 'deploy']",
    ),
    "append-replaces": Wrong(
        operating(
            (
                'state["facts"] += operation["facts"]',
                'state["facts"] = list({f["key"]: f for f in'
                ' state["facts"] + operation["facts"]}.values())',
            )
        ),
        APPENDS,
        "the facts were region=us",
        (ORDER, BY_ID),
    ),
    "adds-in-front": Wrong(
        operating(
            (
                'state["questions"] += operation["questions"]',
                'state["questions"][:0] = operation["questions"]',
            )
        ),
        QUESTIONS,
        "the questions were ['which branch?'",
    ),
    "closes-all": Wrong(
        operating((IS_OPEN, "else:"), (REMOVE, 'state["questions"] = []')),
        QUESTIONS,
        "were []",
        (NOT_OPEN,),
    ),
    "closes-what-is-not-open": Wrong(
        operating((IS_OPEN, "else:")), NOT_OPEN, "it raised ValueError"
    ),
    "backwards": Wrong(
        operating(
            ("in copy.deepcopy(operations)", "in reversed(copy.deepcopy(operations))")
        ),
        ORDER,
        "owner=cid",
    ),
    "by-kind": Wrong(
        operating(
            (
                "in copy.deepcopy(operations)",
                "in sorted(copy.deepcopy(operations), key=lambda one: one['op'])",
            )
        ),
        ORDER,
        "owner=ben",
    ),
    "empty-is-nothing": Wrong(
        but(right, ('["applied"]:', '["applied"] or not patch["operations"]:')),
        VERSION,
        "the version was 6",
    ),
    "forgets-after-ten": Wrong(forgets_after_ten, KNOWS, "it raised VersionConflict"),
    "forgets-its-place": Wrong(forgets_its_place, REFUSES, "was about 'p-9'"),
    "notes-before-it-looks": Wrong(
        notes_before_it_looks, LEAVES, "the old state's 'applied' had changed"
    ),
    "changes-the-patch": Wrong(
        but(
            right,
            operate=but(operate, ("copy.deepcopy(operations)", POPPED)),
        ),
        LEAVES,
        "the patch had changed",
    ),
}

CARD = {
    "comes out of a JSON file": ["keeps-a-set"],
    "a number that goes up by one with each patch": ["version-per-operation"],
    "a list of `{": EXPLAINS,
    "a list of steps": EXPLAINS,
    "a list of open questions": EXPLAINS,
    "what you need in order to know a repeat": EXPLAINS,
    "it starts as `[]`": EXPLAINS,
    "A patch is a dict": EXPLAINS,
    "adds the facts at the end, whatever their keys": ["append-replaces"],
    "makes this the only fact of its key": [
        "upserts-the-first",
        "upsert-appends",
        "upserts-what-is-true",
    ],
    "puts a new plan in place of the old one": ["plan-grows", "keeps-the-plan"],
    "adds open questions at the end": ["adds-in-front"],
    "takes an open question away": ["closes-all"],
    "one that is not open changes nothing": ["closes-what-is-not-open"],
    "The operations, in order": ["by-kind", "backwards"],
    "the version one higher for each *patch*": ["empty-is-nothing"],
    "A patch that was applied before changes nothing": [
        "repeat-raises-version",
        "forgets-ids",
    ],
    "before changes nothing, also after a restart": ["remembers-in-the-process"],
    "also when its base version is old by now": ["forgets-after-ten"],
    "A new patch for another version": ["ignores-the-base", "knows-by-content"],
    "older or newer, raises": ["takes-the-future", "swallows-the-conflict"],
    'raises `VersionConflict("state"': ["forgets-its-place", "raises-another"],
    "expected is the base version": ["swaps-the-versions"],
    "The state and the patch that came in stay": [
        "changes-the-patch",
        "copies-the-outside",
        "notes-before-it-looks",
    ],
    "return a new state": ["returns-nothing"],
}
