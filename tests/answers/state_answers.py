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
    "applied-as-dict": remembers_as_a_dict,
    "package": by_the_package,
    "partial": functools.partial(with_a_setting, True),
}


def version_before_id(state: State, patch: State) -> State:
    """Asks for the version first, so that every repeat is a conflict."""
    if patch["base_version"] != state["version"]:
        raise conflict(state, patch)
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


def operating(*lines: tuple[str, str]) -> Any:
    """The plain answer, with something replaced in how it carries out operations."""
    return but(right, operate=but(operate, *lines))


KNOWN = """    if patch["id"] in state["applied"]:
        return state
"""
NOTED = 'after["applied"].append(patch["id"])'
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


WRONG = {
    "swaps-the-versions": Wrong(
        but(
            right,
            conflict=but(
                conflict,
                ('patch["base_version"]', "OLD"),
                ('state["version"]', 'patch["base_version"]'),
                ("OLD", 'state["version"]'),
            ),
        ),
        REFUSES,
        "the wrong way round",
    ),
    "forgets-ids": Wrong(
        but(right, (KNOWN, ""), (NOTED, "pass")), AGAIN, "the patch was applied twice"
    ),
    "version-before-id": Wrong(version_before_id, KNOWS, "it raised VersionConflict"),
    "changes-the-input": Wrong(
        but(right, ("copy.deepcopy(state)", "state")),
        LEAVES,
        "the old state's 'version' had changed",
    ),
    "copies-the-outside": Wrong(
        but(right, ("copy.deepcopy(state)", "dict(state)")),
        LEAVES,
        "the old state's 'facts' had changed",
    ),
    "version-per-operation": Wrong(
        but(right, ("+= 1", '+= len(patch["operations"])')),
        VERSION,
        "the version was 7",
    ),
    "repeat-raises-version": Wrong(
        but(
            right,
            (
                KNOWN,
                KNOWN.replace(
                    "return state", 'return {**state, "version": state["version"] + 1}'
                ),
            ),
        ),
        AGAIN,
        "the repeat changed version",
        (KNOWS, RESTART),
    ),
    "remembers-in-the-process": Wrong(
        remembers_in_the_process, RESTART, "a variable dies with its process"
    ),
    "remembers-the-last": Wrong(
        but(right, (NOTED, 'after["applied"] = [patch["id"]]')),
        AGAIN,
        "the patch was applied twice",
    ),
    "knows-by-content": Wrong(
        knows_by_content, BY_ID, "the id names a patch, not its content"
    ),
    "ignores-the-base": Wrong(
        but(right, ('patch["base_version"] != state["version"]', "False")),
        REFUSES,
        "it applied the patch",
    ),
    "takes-the-future": Wrong(but(right, ("!=", "<")), REFUSES, "a newer version (7)"),
    "swallows-the-conflict": Wrong(
        but(right, ("raise conflict(state, patch)", "return state")),
        REFUSES,
        "passed over it in silence",
    ),
    "raises-another": Wrong(
        but(right, ("conflict(state, patch)", 'ValueError("wrong version")')),
        REFUSES,
        "it raised ValueError",
    ),
    "keeps-a-set": Wrong(
        but(right, (NOTED, 'after["applied"] = {*after["applied"], patch["id"]}')),
        APPENDS,
        "JSON cannot hold",
        ALL,
    ),
    "returns-nothing": Wrong(
        but(right, ("return after", "return None")),
        APPENDS,
        "it returned nothing (None)",
        ALL,
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
        "region=None, replicas=2, region=us, REGION=ann, region=asia",
    ),
    "upserts-in-small-letters": Wrong(
        operating(
            (
                'f["key"] != new["key"]',
                'f["key"].lower() != new["key"].lower()',
            )
        ),
        UPSERTS,
        "the facts were replicas=2, region=None",
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
    "forgets-after-ten": Wrong(
        but(right, (NOTED, 'after["applied"] = [*after["applied"][-9:], patch["id"]]')),
        KNOWS,
        "it raised VersionConflict",
    ),
    "forgets-its-place": Wrong(
        but(
            right,
            conflict=but(conflict, ('"state", expected', 'patch["id"], expected')),
        ),
        REFUSES,
        "was about 'p-9'",
    ),
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
        "upserts-in-small-letters",
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
