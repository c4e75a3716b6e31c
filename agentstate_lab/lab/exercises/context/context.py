"""
The check of exercise 08: what of a state fits, and what must be in it.

Each stage holds the text that the model would read against one law, for every budget
from the least to the whole where that is what tells a mistake. At the end all laws
are tried on random states, and once more on the answer's own result: what fits once
fits twice.
"""

import copy
from collections.abc import Collection

from agentstate_lab.errors import ContextTooSmall

from ..judge import Stage, Subject, Unmet, doing, require, stage
from .laws import (
    State,
    agrees,
    budgets,
    everything,
    fact,
    fits,
    fitted,
    keeps,
    least,
    log,
    ordered,
    random_cases,
    render,
    size,
    state_of,
    told,
    uses_the_room,
    with_only,
)

RANDOM_STATES = 100

HOSTS = tuple(fact(f"host-{number}") for number in range(6))
SMALL = state_of(*HOSTS, artifacts=[log(1), log(2)], questions=["Which region?"])
WIDE = state_of(
    fact("stadt", "Zürich"),
    fact("größe", "größer"),
    fact("名前", "漢字漢字"),
    fact("ship", "🚀🚀"),
    goal="Überall ausrollen.",
    artifacts=[log(1, "Fehler: größer")],
)

HINTS = (
    "The model reads a text, not a dict. Before anything is added: how do you find"
    " out how many bytes the text would have with it, headings, quotes and all? And"
    " when one fact is too large, what about the smaller ones after it?",
    "Build the result step by step, and measure with len(render(...).encode()). Start"
    " from what must be shown: is that too much already? Of each key you need the"
    " last fact only; find those before you begin to fill.",
    "The shape: a set of the keys to show and one of the ids, and a helper that makes"
    " the result from them, in the order of the state. Begin with the keys on the"
    " list; if that is too much, raise ContextTooSmall(needed, max_bytes). For each"
    " other newest fact, from the last to the first, and then for each artifact: add"
    " it, measure, and take it back if it is too much. No `break`. Return"
    " copy.deepcopy of the result.",
)


@stage("keeps everything when there is room")
def keeps_everything(answer: Subject) -> None:
    """Nothing is left out, changed or made up."""
    with doing("filtered 6 facts and 2 artifacts into 10,000 bytes", "all of them"):
        _shows_all(fitted(answer, SMALL, 10_000), SMALL)
    odd = {**fact("owner", "ann"), "source": "the runbook"}
    empty = (
        fact("retries", 0),
        fact("note", ""),
        fact("lead", None),
        fact("load", 0.5),
    )
    with doing(
        "filtered facts with the values 0, an empty text, None and 0.5, and one with"
        " a third key, into 10,000 bytes",
        "all of them, unchanged",
    ):
        state = state_of(*empty, odd)
        result = fitted(answer, state, 10_000)
        agrees(result, state)
        _shows_all(result, state)


def _shows_all(result: State, state: State) -> None:
    """Fail unless nothing was left out."""
    for name in ("questions", "facts", "artifacts"):
        missing = [one for one in state[name] if one not in result[name]]
        require(not missing, f"of {name}, it left out {told(missing)}")


@stage("shows the newest fact of a key, and no other")
def shows_newest(answer: Subject) -> None:
    """An old value beside the new one is a contradiction."""
    twice = state_of(fact("replicas", 1), fact("region", "eu"), fact("replicas", 3))
    with doing(
        "filtered a state where replicas was 1 and is 3 now, into 10,000 bytes",
        "replicas=3 alone",
    ):
        result = fitted(answer, twice, 10_000)
        agrees(result, twice)
        require(len(result["facts"]) == 2, f"it showed {told(result['facts'])}")
    grown = state_of(fact("status", "ok"), fact("status", "down " * 40))
    with doing(
        "filtered a state whose newest status is too large for the budget",
        "no status: the older one is known to be wrong",
    ):
        agrees(fitted(answer, grown, least(grown) + 60), grown)


@stage("never passes the budget, counted on the rendered text")
def never_passes(answer: Subject) -> None:
    """Headings, keys and quotes are read by the model, too."""
    state = state_of(*HOSTS, fact("log", "x" * 30), artifacts=[log(1), log(2)])
    _fits_every_budget(answer, state, f"of {size(state)} bytes, all of it ASCII,")


@stage("counts bytes, not characters")
def counts_bytes(answer: Subject) -> None:
    """A letter with dots takes two bytes, a rocket four."""
    _fits_every_budget(answer, WIDE, "in German and Japanese, with a rocket,")


def _fits_every_budget(answer: Subject, state: State, words: str) -> None:
    """From the least to the whole, byte by byte."""
    for max_bytes in range(least(state), size(state) + 1):
        with doing(
            f"gave it a state {words} and a budget of {max_bytes}",
            f"a text of at most {max_bytes} bytes",
        ):
            fits(fitted(answer, state, max_bytes), max_bytes)


@stage("uses the budget to its last byte")
def uses_last_byte(answer: Subject) -> None:
    """A fact that makes the text as long as the budget fits."""
    state = state_of(*HOSTS)
    for number in range(1, len(HOSTS) + 1):
        max_bytes = size(with_only(state, list(HOSTS[:number]), []))
        with doing(
            f"gave it facts of equal size and a budget of {max_bytes}, the bytes of a"
            f" text with {_facts(number)}",
            _facts(number),
        ):
            found = len(fitted(answer, state, max_bytes)["facts"])
            require(found >= number, f"it showed {found}")


def _facts(number: int) -> str:
    return f"{number or 'none'} of the facts" if number != 1 else "one of the facts"


@stage("passes over what does not fit, and goes on")
def passes_over(answer: Subject) -> None:
    """One large fact does not keep out the small ones."""
    state = state_of(*HOSTS, fact("log", "x" * 500))
    with doing(
        "filtered six small facts and one of 500 bytes, the newest, into 250 bytes",
        "the six small ones",
    ):
        found = len(fitted(answer, state, 250)["facts"])
        require(found == 6, f"it showed {found} of the small ones")
    logs = state_of(*HOSTS, artifacts=[log(1), log(2, "x" * 500)])
    with doing(
        "filtered a small artifact and one with a summary of 500 bytes, the newest,"
        " into 250 bytes",
        "the small one",
    ):
        shown = fitted(answer, logs, 250)["artifacts"]
        require(shown == [log(1)], f"it showed {told(shown)}")


@stage("takes the newest first, and facts before artifacts")
def takes_newest(answer: Subject) -> None:
    """The order in which there is room for them."""
    for number in range(len(HOSTS) + 1):
        wanted = list(HOSTS[len(HOSTS) - number :])
        max_bytes = size(with_only(SMALL, wanted, []))
        with doing(
            f"filtered six facts of equal size and two artifacts into {max_bytes}"
            f" bytes, which is room for {_facts(number)}",
            f"the newest: {told(wanted)}" if wanted else "no fact",
        ):
            found = fitted(answer, SMALL, max_bytes)["facts"]
            found = sorted(found, key=lambda one: str(one["key"]))
            require(found == wanted, f"it showed {told(found)}")
    with doing(
        "filtered the same with room for all facts and one artifact", "the newest one"
    ):
        max_bytes = size(with_only(SMALL, list(HOSTS), [log(2)]))
        shown = fitted(answer, SMALL, max_bytes)["artifacts"]
        require(shown == [log(2)], f"it showed {told(shown)}")


@stage("charges an artifact for its line, not for its content")
def charges_line(answer: Subject) -> None:
    """The content lies elsewhere: the model reads an id and a summary."""
    with doing(
        "filtered one artifact, whose content has 48,231 bytes, into 200 bytes",
        "the artifact: its line has some 40",
    ):
        shown = fitted(answer, state_of(artifacts=[log(1)]), 200)["artifacts"]
        require(shown == [log(1)], "it was left out")
    empty = state_of(artifacts=[log(1, "x" * 300, 0)])
    with doing(
        "filtered an artifact without content and with a summary of 300 bytes, into"
        " 200 bytes",
        "no artifact",
    ):
        fits(fitted(answer, empty, 200), 200)


@stage("keeps what is on the list, whatever else there is")
def keeps_list(answer: Subject) -> None:
    """The step cannot be done without it, so it comes first."""
    state = state_of(
        fact("region", "eu"),
        fact("replicas", 1),
        fact("replicas", 3),
        *HOSTS,
        questions=["May I deploy?"],
    )
    for keep in (
        ["region"],
        ["replicas", "region"],
        ["region", "unknown"],
        ["host-0", "region", "host-4", "replicas"],
    ):
        low = least(state, keep)
        for max_bytes in (10_000, low, low + 15, low + 40):
            with doing(
                f"filtered a state with keep={keep}, whose facts are older than the"
                f" others, into {max_bytes:,} bytes",
                "the facts on the list, and the open question",
            ):
                result = fitted(answer, state, max_bytes, keep)
                keeps(result, state, keep)
                try:
                    fits(result, max_bytes)
                    agrees(result, state)
                except Unmet as unmet:
                    raise Unmet(f"the list is kept, but {unmet.happened}") from None


@stage("says the least it needs when that is too much")
def says_least(answer: Subject) -> None:
    """A model that is asked without what it needs will guess."""
    state = state_of(fact("region", "Zürich"), *HOSTS, questions=["May I deploy?"])
    for keep in (["region"], []):
        low = least(state, keep)
        for max_bytes in (low - 1, 10, 0):
            with doing(
                f"filtered a state with keep={keep} into {max_bytes} bytes, where what"
                f" must be shown has {low}",
                f"ContextTooSmall({low}, {max_bytes}), raised",
            ):
                _too_small(answer, state, max_bytes, keep, low)
        with doing(f"filtered the same into {low} bytes", f"a text of {low} bytes"):
            found = size(fitted(answer, state, low, keep))
            require(found == low, f"it had {found}")


def _too_small(
    answer: Subject, state: State, max_bytes: int, keep: list[str], low: int
) -> None:
    """Fail unless the answer raises the right error with the right numbers."""
    outcome = answer.outcome(copy.deepcopy(state), max_bytes, list(keep))
    returned = "it returned something, as if that could be enough"
    error = outcome.must_raise(ContextTooSmall, returned)
    needed, limit = error.needed, error.limit
    turned = (needed, limit) == (max_bytes, low)
    require(not turned, "the two numbers were the wrong way round")
    require(needed == low, f"the error said that {needed} are needed")
    require(limit == max_bytes, f"the error said that {limit} were allowed")


@stage("keeps the order of the state")
def keeps_order(answer: Subject) -> None:
    """Who reads from top to bottom reads from old to new."""
    for max_bytes in (10_000, size(SMALL) - 1, size(SMALL) - 60):
        for keep in ([], ["host-3"]):
            with doing(
                f"filtered a state of {size(SMALL)} bytes with keep={keep} into"
                f" {max_bytes:,} bytes",
                "facts and artifacts from old to new, as in the state",
            ):
                ordered(fitted(answer, SMALL, max_bytes, keep), SMALL)


@stage("leaves the state as it was, and shares nothing with it")
def leaves(answer: Subject) -> None:
    """Whoever edits what the model was shown must not edit what is known."""
    state = state_of(
        fact("hosts", ["a", "b"]),
        fact("hosts", ["a", "b", {"c": []}]),
        fact("big", "x" * 300),
        artifacts=[log(1)],
        questions=["Which region?"],
    )
    given, listed = copy.deepcopy(state), ["unknown", "hosts"]  # in no order
    keep = list(listed)
    with doing("looked at the state and the list afterwards", "both unchanged"):
        result = answer(given, 300, keep)
        _unchanged(given, state, "had changed")
        require(keep == listed, f"the list was {listed}, and is {keep}")
    with doing("edited everything in the result", "the state unchanged"):
        fitted(answer, state, 300, keep)
        _edit(result)
        _unchanged(given, state, "had changed with it")


def _unchanged(given: State, state: State, how: str) -> None:
    changed = [name for name in state if given.get(name) != state[name]]
    require(given == state, f"the state's {told(changed)} {how}")


def _edit(value: object) -> None:
    """Change everything that can be changed in *value*."""
    if isinstance(value, dict):
        for inner in list(value.values()):
            _edit(inner)
        value["edited"] = True
    elif isinstance(value, list):
        for inner in value:
            _edit(inner)
        value.append("edited")


@stage(f"holds for {RANDOM_STATES} random states, and a second time")
def holds(answer: Subject) -> None:
    """All laws together, on states that nobody thought of."""
    for number, (state, keep) in enumerate(random_cases(RANDOM_STATES), start=1):
        for max_bytes in budgets(state, keep):
            with doing(
                f"filtered random state {number} with keep={keep} into {max_bytes}"
                f" bytes; all of it reads\n{render(everything(state)):.400}",
                "all the promises above",
            ):
                result = fitted(answer, state, max_bytes, keep)
                _all_laws(result, state, max_bytes, keep)
            with doing(
                f"filtered the result of random state {number} again, with the same"
                f" keep={keep} and budget {max_bytes}",
                "the same once more",
            ):
                again = fitted(answer, result, max_bytes, keep)
                require(all(again[one] == result[one] for one in state), "it differed")
        low = least(state, keep)
        with doing(
            f"filtered random state {number} with keep={keep} into {low - 1} bytes",
            f"ContextTooSmall({low}, {low - 1}), raised",
        ):
            _too_small(answer, state, low - 1, keep, low)


def _all_laws(
    result: State, state: State, max_bytes: int, keep: Collection[str]
) -> None:
    fits(result, max_bytes)
    agrees(result, state)
    keeps(result, state, keep)
    uses_the_room(result, state, max_bytes, keep)
    ordered(result, state)


STAGES: tuple[Stage, ...] = (
    keeps_everything,
    shows_newest,
    never_passes,
    counts_bytes,
    uses_last_byte,
    passes_over,
    takes_newest,
    charges_line,
    keeps_list,
    says_least,
    keeps_order,
    leaves,
    holds,
)
