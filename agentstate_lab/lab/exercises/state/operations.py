"""
The stages of exercise 01 about what a patch does: its operations, and the version.
"""

from ..judge import Subject, doing, require, stage
from .patches import (
    START,
    append,
    applied,
    are,
    are_open,
    close,
    is_version,
    part,
    patch,
    shown,
    upsert,
)


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
        require(part(state, "facts") == wanted, f"the facts were {shown(state)}")


@stage("upserts a fact by its key")
def upserts(answer: Subject) -> None:
    """A known key gets the new value, also an empty one; an unknown key is added."""
    with doing(
        "upserted region=us where region was eu, and then the new key owner=0",
        "one fact for each of region, replicas and owner, with the newest values",
    ):
        new = (upsert("region", "us"), upsert("owner", 0))
        state = applied(answer, START, patch("p-1", 4, *new))
        are(state, ("owner", 0), ("region", "us"), ("replicas", 2))
    with doing(
        "appended a second and a third fact of the key region and one of the key"
        " REGION, and then upserted region with the value None",
        "one fact of the key region: the upserted one; and REGION is another key",
    ):
        several = append(("region", "us"), ("REGION", "ann"), ("region", "asia"))
        state = applied(answer, START, patch("p-2", 4, several, upsert("region", None)))
        are(state, ("REGION", "ann"), ("region", None), ("replicas", 2))


@stage("replaces the plan")
def replaces(answer: Subject) -> None:
    """The new plan stands alone, also when it is empty."""
    for number, plan in enumerate((["roll back", "tell ann", "stop"], [])):
        with doing(f"replaced the plan by {plan}", "that plan and nothing of the old"):
            new = {"op": "replace_plan", "plan": plan}
            state = applied(answer, START, patch(f"p-{number}", 4, new))
            found = part(state, "plan")
            require(found == plan, f"the plan was {found}")


@stage("opens and closes questions")
def asks(answer: Subject) -> None:
    """New questions come at the end; a closed one is gone, the others stay."""
    opened = {"op": "add_questions", "questions": ["which branch?", "who approves?"]}
    with doing("added two questions to one that was open", "three open questions"):
        state = applied(answer, START, patch("p-1", 4, opened))
        wanted = ["which namespace?", "which branch?", "who approves?"]
        are_open(state, wanted)
    with doing("closed the second of the three", "the first and the third"):
        version = part(state, "version")
        state = applied(answer, state, patch("p-2", version, close("which branch?")))
        are_open(state, [wanted[0], wanted[2]])


@stage("changes nothing when it closes a question that is not open")
def closes_none(answer: Subject) -> None:
    """Somebody else has closed it; the other operations of the patch still count."""
    with doing(
        "applied a patch that closes a question that is not open, and appends a fact",
        "the questions as they were, and the fact at the end",
    ):
        new = (close("who approves?"), append(("owner", "ann")))
        state = applied(answer, START, patch("p-1", 4, *new))
        are_open(state, START["questions"])
        are(state, ("owner", "ann"), ("region", "eu"), ("replicas", 2))


@stage("carries out the operations in order")
def in_order(answer: Subject) -> None:
    """Each one finds what the ones before it have left."""
    plans = [{"op": "replace_plan", "plan": [one]} for one in ("deploy", "stop")]
    asked = {"op": "add_questions", "questions": ["who approves?"]}
    with doing(
        "applied one patch: append owner=ann, upsert owner=ben, append owner=cid;"
        " two new plans; open a question and close it, close another and open it",
        "owner=ben and then owner=cid, the second plan, and only the question open"
        " that was opened last",
    ):
        facts = (
            append(("owner", "ann")),
            upsert("owner", "ben"),
            append(("owner", "cid")),
        )
        opened = {"op": "add_questions", "questions": ["which namespace?"]}
        questions = (asked, close("who approves?"), close("which namespace?"), opened)
        state = applied(answer, START, patch("p-1", 4, *facts, *plans, *questions))
        owners = [one["value"] for one in part(state, "facts") if one["key"] == "owner"]
        require(owners == ["ben", "cid"], f"the facts were {shown(state)}")
        require(part(state, "plan") == ["stop"], f"the plan was {part(state, 'plan')}")
        are_open(state, ["which namespace?"])


@stage("raises the version by one for each patch")
def versions(answer: Subject) -> None:
    """By one for a patch, however many operations it has, and patches in a row."""
    with doing(
        "applied one patch with three operations to version 4", "version 5 afterwards"
    ):
        three = (append(("a", 1)), upsert("b", 2), {"op": "replace_plan", "plan": []})
        state = applied(answer, START, patch("p-1", 4, *three))
        is_version(state, 5)
        facts = [one["key"] for one in part(state, "facts")]
        require("a" in facts and "b" in facts, f"the facts were {shown(state)}")
    with doing("applied a second patch, made for version 5", "version 6 afterwards"):
        state = applied(answer, state, patch("p-2", 5, append(("c", 3))))
        is_version(state, 6)
    with doing("applied a patch with no operation at all", "version 7 afterwards"):
        state = applied(answer, state, patch("p-3", 6))
        is_version(state, 7)


OPERATIONS = (
    appends,
    upserts,
    replaces,
    asks,
    closes_none,
    in_order,
    versions,
)
