"""
The check of exercise 07: what to go on from, and which checkpoints to drop.

The first half of the stages is about going on, and here; the half about dropping is
in `rotation`. The last ones are laws, tried on hundreds of made-up pasts, and in
`laws`. Each call gets its arguments anew, and one instant as the time.
"""

from agentstate_lab.state import fingerprint

from ..judge import Stage, Subject, doing, require, stage
from .laws import LAWS
from .past import CLOSED, OPEN, Past, altered, taken, without_checksum
from .rotation import ROTATION

HINTS = (
    "Rotation deletes, and going on needs something to go on from. Suppose the newest"
    " checkpoint was altered, and only one is to be kept. Which one must that be, and"
    " which of the two halves of your function knows it?",
    "Look for the last good one first: sort by version, newest first (`sorted`, since"
    " the list is the caller's), and take the first that is not altered. Both halves"
    " need it: it is the one to go on from, if anything is, and it is never dropped."
    " Then look in this order: the task's state, is there any good one, can its schema"
    " be read, and the age last.",
    "The shape: newest = sorted(checkpoints, key=..., reverse=True); last_good ="
    " next((one for one in newest if not altered(one)), None), where altered compares"
    " one['checksum'] with the fingerprint of a dict of all the rest, if the schema is"
    " known. Then a chain of if and elif, one for each word, the age of"
    " task['updated_at'] last. And drop = [one['version'] for place, one in"
    " enumerate(newest) if place > 0 and one is not last_good and (place >= keep or"
    " ...)], where the dots are the age of one['taken_at'].",
)


def _says(
    answer: Subject, past: Past, resume: int | None, because: str, why: str
) -> None:
    """Fail unless the answer says this of where to go on from."""
    expected = f"resume={resume}, because={because!r}: {why}"
    with doing(f"looked back on {past}", expected):
        said = past.ask(answer)
        as_wanted = (said.resume, said.because) == (resume, because)
        require(as_wanted, f"it said {said}")


@stage("goes on from the newest checkpoint of an open task")
def goes_on(answer: Subject) -> None:
    """Pending, running and failed are open, and the list is in no order."""
    for state in OPEN:
        chain = [taken(3, 30), taken(5, 10), taken(4, 20)]
        past = Past(chain, state=state)
        _says(answer, past, 5, "ok", f"a {state} task goes on")
    _says(answer, Past([taken(1, 10)]), 1, "ok", "there is one, and it is whole")


@stage("knows the newest by its version, not by its time")
def by_version(answer: Subject) -> None:
    """Two can be of one instant, and a clock can be set back between two."""
    for chain, why in (
        ([taken(10, 10), taken(9, 20)], "10 is more than 9"),
        ([taken(6, 10), taken(7, 10)], "two of one instant are still two"),
        ([taken(8, 40), taken(7, 10)], "the clock was set back before 8 was taken"),
    ):
        newest = max(one["version"] for one in chain)
        _says(answer, Past(chain), newest, "ok", why)
        _says(answer, Past(chain[::-1]), newest, "ok", why)


@stage("looks at the state of the task before anything else")
def status_first(answer: Subject) -> None:
    """What is done stays done, and a person may take a month."""
    month = 30 * 86_400.0
    for state in CLOSED:
        for chain, touched in (
            ([taken(5, 10)], 10.0),
            ([taken(5, month)], month),
            ([altered(5)], 10.0),
            ([taken(5, 10, schema=3)], 10.0),
            ([], month),
        ):
            past = Past(chain, state=state, touched=touched)
            _says(answer, past, None, state, "its state decides, whatever else is true")


@stage("passes over what was altered")
def passes_over(answer: Subject) -> None:
    """The checksum covers all the rest; the one before is the best there is."""
    whole, other = taken(5, 10), taken(4, 20)
    for what, one in (
        ("the agent's state", altered(5)),
        ("the time", whole | {"taken_at": whole["taken_at"] + 1.0}),
        ("the version", whole | {"version": 9}),
        ("the schema version", whole | {"schema_version": 1}),
        ("the checksum", whole | {"checksum": other["checksum"]}),
        ("the end of the agent's state", whole | {"agent_state": {}}),
    ):
        with doing(
            f"looked back on a running task with the checkpoints 5, of which {what} was"
            " altered, and 4, which is whole",
            "resume=4, because='ok': what was altered is lost, and 4 is what is left",
        ):
            said = Past([other, one]).ask(answer)
            require(said[:2] == (4, "ok"), f"it said {said}")
    more = {**taken(5), "note": "before the deploy"}
    noted = more | {"checksum": fingerprint(without_checksum(more))}
    words = "its checksum is that of all the other keys, the note too"
    _says(answer, Past([taken(4, 20), noted]), 5, "ok", words)
    chain = [altered(6), altered(5), taken(4), altered(3)]
    _says(answer, Past(chain), 4, "ok", "it is the newest of those not altered")
    for chain in ([altered(6), altered(5)], [altered(1)]):
        _says(answer, Past(chain), None, "altered", "none is left")


@stage("refuses a newer schema, and takes an older one")
def schemas(answer: Subject) -> None:
    """What a newer program wrote is not lost, only not for us to read."""
    newer = "a newer program can go on from it; from an older one, its work is lost"
    for chain in (
        [taken(5, schema=3)],
        [taken(5, schema=3), taken(4)],
        [altered(6), taken(5, schema=10), taken(4)],
    ):
        _says(answer, Past(chain), None, "too new", newer)
    chain = [altered(5, schema=3), taken(4)]
    unknown = "how a newer program computes its checksum is not known here"
    _says(answer, Past(chain), None, "too new", unknown)
    chain = [taken(5), taken(4, schema=3), altered(3)]
    _says(answer, Past(chain), 5, "ok", "only the one to go on from matters")
    chain = [taken(5, schema=1), taken(4)]
    _says(answer, Past(chain), 5, "ok", "an older schema can be read")


@stage("tests the age of the task, and tests it last")
def age_last(answer: Subject) -> None:
    """Measured from its last save to the one instant that is handed in."""
    for age, touched, resume, because, why in (
        (60.5, 60.5, None, "too old", "that is more than 60 s"),
        (60.0, 60.0, 5, "ok", "that is not more than 60 s"),
        (500, 10.0, 5, "ok", "it was saved lately, however old the checkpoint is"),
    ):
        past = Past([taken(5, age), taken(4, 600)], touched=touched)
        _says(answer, past, resume, because, why)
    past = Past([taken(5, 9_999)], touched=9_999.0, max_age=None)
    _says(answer, past, 5, "ok", "None is for ever")
    last = "the age is looked at last"
    for one, because in ((altered(5), "altered"), (taken(5, schema=3), "too new")):
        _says(answer, Past([one], touched=500.0), None, because, last)


@stage("says so when there is no checkpoint")
def nothing(answer: Subject) -> None:
    """A task that was submitted and never begun has none."""
    for state in OPEN:
        for touched in (10.0, 500.0):
            past = Past([], state=state, touched=touched)
            _says(answer, past, None, "nothing", "and no error")
            with doing(f"looked back on {past}", "nothing to drop"):
                drop = past.ask(answer).drop
                require(not drop, f"drop was {drop!r}")


STAGES: tuple[Stage, ...] = (
    goes_on,
    by_version,
    status_first,
    passes_over,
    schemas,
    age_last,
    nothing,
    *ROTATION,
    *LAWS,
)
