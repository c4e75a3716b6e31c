"""Answers to exercise 08, right and wrong."""

import copy
import functools
import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from agentstate_lab.errors import ContextTooSmall
from agentstate_lab.lab.exercises.context import render
from answers import ALL, EXPLAINS, Wrong

State = dict[str, Any]
Item = dict[str, Any]


def in_bytes(state: State) -> int:
    """What the text of a state counts."""
    return len(render(state).encode())


def newest(facts: list[Item]) -> list[Item]:
    """The last fact of each key, in order."""
    seen: dict[str, Item] = {}
    for fact in facts:
        seen.pop(fact["key"], None)
        seen[fact["key"]] = fact
    return list(seen.values())


def filled(
    state: State,
    max_bytes: int,
    keep: Iterable[str],
    *,
    measure: Callable[[State], int] = in_bytes,
    pick: Callable[[list[Item]], list[Item]] = newest,
    order: Callable[[list[Item]], list[Item]] = lambda items: items[::-1],
    stop: bool = False,
) -> State:
    """A right answer, with places to go wrong at."""
    facts = pick(state["facts"])
    shown = [fact for fact in facts if fact["key"] in keep]
    artifacts: list[Item] = []

    def made() -> State:
        in_order = [fact for fact in facts if fact in shown]
        logs = [one for one in state["artifacts"] if one in artifacts]
        return {**state, "facts": in_order, "artifacts": logs}

    if (needed := measure(made())) > max_bytes:
        raise ContextTooSmall(needed, max_bytes)
    for kept, items in ((shown, facts), (artifacts, state["artifacts"])):
        for item in order([item for item in items if item not in kept]):
            kept.append(item)
            if measure(made()) > max_bytes:
                kept.pop()
                if stop:
                    break
    return copy.deepcopy(made())


def right(state: State, max_bytes: int, keep: list[str]) -> State:
    """The plain one: try with it, and take it back when it is too much."""
    return filled(state, max_bytes, keep)


class Filler:
    """Adds up bytes instead of making the text again, headings included."""

    def __call__(self, state: State, max_bytes: int, keep: list[str]) -> State:
        """Fill."""
        empty = {**state, "facts": [], "artifacts": []}
        facts = newest(state["facts"])
        must = {fact["key"] for fact in facts if fact["key"] in set(keep)}
        left = max_bytes - in_bytes({**empty, "facts": self.only(facts, must)})
        if left < 0:
            raise ContextTooSmall(needed=max_bytes - left, limit=max_bytes)
        keys, left = self.fill(empty, "facts", "key", facts, must, left)
        logs = state["artifacts"]
        ids, left = self.fill(empty, "artifacts", "id", logs, set(), left)
        return {
            "goal": state["goal"],
            "questions": list(state["questions"]),
            "facts": json.loads(json.dumps(self.only(facts, keys))),
            "artifacts": [dict(one) for one in logs if one["id"] in ids],
        }

    def only(self, facts: list[Item], keys: set[str]) -> list[Item]:
        """The facts with these keys."""
        return [fact for fact in facts if fact["key"] in keys]

    def fill(
        self,
        empty: State,
        name: str,
        label: str,
        items: list[Item],
        taken: set[str],
        left: int,
    ) -> tuple[set[str], int]:
        """Take from the newest to the oldest, and count what it costs."""
        taken = set(taken)
        bare = in_bytes(empty)
        heading = in_bytes({**empty, name: items[:1]}) - bare
        heading -= len(self.line(empty, name, items[0])) + 1 if items else 0
        for item in reversed(items):
            cost = len(self.line(empty, name, item)) + 1 + (0 if taken else heading)
            if item[label] not in taken and cost <= left:
                taken.add(item[label])
                left -= cost
        return taken, left

    def line(self, empty: State, name: str, item: Item) -> bytes:
        """The last line of a text with this item alone."""
        text = render({**empty, name: [item]})
        return text.rpartition("\n- ")[2].encode() + b"- "


def by_recursion(state: State, max_bytes: int, keep: list[str]) -> State:
    """One candidate a call."""
    facts = newest(state["facts"])
    start = [fact for fact in facts if fact["key"] in keep], []

    def made(shown: tuple[list[Item], list[Item]]) -> State:
        kept = [fact for fact in facts if fact in shown[0]]
        logs = [one for one in state["artifacts"] if one in shown[1]]
        return copy.deepcopy({**state, "facts": kept, "artifacts": logs})

    def fill(shown, waiting):
        if not waiting:
            return made(shown)
        kind, item = waiting[0]
        more = tuple(
            [*one, item] if at == kind else one for at, one in enumerate(shown)
        )
        fits = in_bytes(made(more)) <= max_bytes
        return fill(more if fits else shown, waiting[1:])

    needed = in_bytes(made(start))
    if needed > max_bytes:
        raise ContextTooSmall(needed, max_bytes)
    others = [(0, fact) for fact in reversed(facts) if fact not in start[0]]
    return fill(start, others + [(1, one) for one in reversed(state["artifacts"])])


def made_by_a_factory() -> Any:
    """A closure, a reduction and an iterator chain."""
    count = lambda state: len(bytes(render(state), "utf-8"))  # noqa: E731

    def fit(state: State, max_bytes: int, keep: list[str]) -> State:
        state = json.loads(json.dumps(state))
        latest = {fact["key"]: at for at, fact in enumerate(state["facts"])}
        places = sorted(latest.values())
        must = frozenset(at for at in places if state["facts"][at]["key"] in keep)

        def cut(chosen: frozenset[Any]) -> State:
            logs = enumerate(state["artifacts"])
            return {
                **state,
                "facts": [state["facts"][at] for at in places if at in chosen],
                "artifacts": [one for at, one in logs if ("log", at) in chosen],
            }

        if count(cut(must)) > max_bytes:
            raise ContextTooSmall(count(cut(must)), max_bytes)
        logs = (("log", at) for at in reversed(range(len(state["artifacts"]))))
        return cut(
            functools.reduce(
                lambda chosen, one: (
                    chosen | {one}
                    if count(cut(chosen | {one})) <= max_bytes
                    else chosen
                ),
                itertools.chain(reversed(places), logs),
                must,
            )
        )

    return fit


def by_marking(state: State, max_bytes: int, keep: list[str]) -> State:
    """Works on a copy whose items carry a mark, and sweeps at the end."""
    result = copy.deepcopy(state)
    seen: set[str] = set()
    for fact in reversed(result["facts"]):
        fact["shown"] = fact["key"] in keep and fact["key"] not in seen
        fact["stale"] = fact["key"] in seen
        seen.add(fact["key"])

    def swept() -> State:
        def clean(items: Iterable[Item]) -> Iterator[Item]:
            for item in items:
                if item.get("shown"):
                    yield {k: v for k, v in item.items() if k not in ("shown", "stale")}

        return result | {
            name: list(clean(result[name])) for name in ("facts", "artifacts")
        }

    needed = in_bytes(swept())
    if needed > max_bytes:
        raise ContextTooSmall(needed=needed, limit=max_bytes)
    for item in [*reversed(result["facts"]), *reversed(result["artifacts"])]:
        if not item.get("stale") and not item.get("shown"):
            item["shown"] = True
            item["shown"] = in_bytes(swept()) <= max_bytes
    return swept()


def with_a_setting(unit: str, state: State, max_bytes: int, keep: list[str]) -> State:
    """To be bound with functools.partial; a tuple or two on the way."""
    result = filled(state, max_bytes, tuple(keep))
    assert len(render(result).encode(unit)) <= max_bytes
    return {**result, "facts": tuple(result["facts"])}


RIGHT = {
    "plain": right,
    "adds-up-bytes": Filler(),
    "recursion": by_recursion,
    "closure": made_by_a_factory(),
    "marks-and-sweeps": by_marking,
    "partial": functools.partial(with_a_setting, "utf-8"),
}


def characters(state: State, max_bytes: int, keep: list[str]) -> State:
    """Takes a character for a byte."""
    return filled(state, max_bytes, keep, measure=lambda made: len(render(made)))


def values_only(state: State, max_bytes: int, keep: list[str]) -> State:
    """The version everyone writes first: keys and headings are free."""

    def measure(made: State) -> int:
        values = [json.dumps(fact["value"]) for fact in made["facts"]]
        summaries = [one["summary"] for one in made["artifacts"]]
        return sum(len(text.encode()) for text in [made["goal"], *values, *summaries])

    return filled(state, max_bytes, keep, measure=measure)


def without_headings(state: State, max_bytes: int, keep: list[str]) -> State:
    """Adds up the lines, and forgets the two above them."""

    def measure(made: State) -> int:
        lines = render(made).splitlines()
        heads = ("known facts:", "artifacts, to be fetched by id:")
        return len("\n".join(line for line in lines if line not in heads).encode())

    return filled(state, max_bytes, keep, measure=measure)


def without_line_breaks(state: State, max_bytes: int, keep: list[str]) -> State:
    """Adds up the lines, and forgets what is between them."""

    def measure(made: State) -> int:
        return sum(len(line.encode()) for line in render(made).split("\n"))

    return filled(state, max_bytes, keep, measure=measure)


def charges_content(state: State, max_bytes: int, keep: list[str]) -> State:
    """The artifact's own size is on the bill, though only its line is shown."""

    def measure(made: State) -> int:
        return in_bytes(made) + sum(one["bytes"] for one in made["artifacts"])

    return filled(state, max_bytes, keep, measure=measure)


def content_instead_of_line(state: State, max_bytes: int, keep: list[str]) -> State:
    """An empty artifact is free, whatever its summary."""

    def measure(made: State) -> int:
        bare = in_bytes({**made, "artifacts": []})
        return bare + sum(one["bytes"] for one in made["artifacts"])

    return filled(state, max_bytes, keep, measure=measure)


def old_beside_new(state: State, max_bytes: int, keep: list[str]) -> State:
    """Every fact, whatever is newer."""
    return filled(state, max_bytes, keep, pick=list)


def first_of_a_key(state: State, max_bytes: int, keep: list[str]) -> State:
    """Takes the oldest fact of a key for the one that counts."""
    return filled(state, max_bytes, keep, pick=lambda facts: newest(facts[::-1])[::-1])


def older_steps_in(state: State, max_bytes: int, keep: list[str]) -> State:
    """When the newest does not fit, the one before it is shown."""
    result = filled(state, max_bytes, keep)
    shown = [fact["key"] for fact in result["facts"]]
    for fact in reversed(state["facts"]):
        if fact["key"] not in shown:
            more = {**result, "facts": [copy.deepcopy(fact), *result["facts"]]}
            if in_bytes(more) <= max_bytes:
                result, shown = more, [*shown, fact["key"]]
    return result


def breaks(state: State, max_bytes: int, keep: list[str]) -> State:
    """Stops at the first that does not fit."""
    return filled(state, max_bytes, keep, stop=True)


def off_by_one(state: State, max_bytes: int, keep: list[str]) -> State:
    """Less than the budget, where as much as the budget would do."""
    facts = newest(state["facts"])
    must = [fact for fact in facts if fact["key"] in keep]
    needed = in_bytes({**state, "facts": must, "artifacts": []})
    if needed >= max_bytes - 1:
        return filled(state, max_bytes, keep)
    return filled(state, max_bytes - 1, keep)


def counts_a_last_line_break(state: State, max_bytes: int, keep: list[str]) -> State:
    """Every line ends with a line break, the last one too."""
    return filled(state, max_bytes, keep, measure=lambda made: in_bytes(made) + 1)


def counts_the_json(state: State, max_bytes: int, keep: list[str]) -> State:
    """Measures the dict that it returns, not the text that is read."""
    return filled(
        state, max_bytes, keep, measure=lambda made: len(json.dumps(made).encode())
    )


def oldest_first(state: State, max_bytes: int, keep: list[str]) -> State:
    """First come, first served."""
    return filled(state, max_bytes, keep, order=list)


def smallest_first(state: State, max_bytes: int, keep: list[str]) -> State:
    """Packs as many as it can."""
    return filled(
        state,
        max_bytes,
        keep,
        order=lambda items: sorted(items, key=lambda item: len(json.dumps(item))),
    )


def artifacts_first(state: State, max_bytes: int, keep: list[str]) -> State:
    """Fills with artifacts, and lets the facts have the rest."""
    must = [fact for fact in newest(state["facts"]) if fact["key"] in keep]
    first = filled({**state, "facts": must}, max_bytes, keep)
    logs = [one["id"] for one in first["artifacts"]]
    kept = [one for one in state["artifacts"] if one["id"] in logs]

    def measure(made: State) -> int:
        return in_bytes({**made, "artifacts": kept})

    made = filled({**state, "artifacts": []}, max_bytes, keep, measure=measure)
    return copy.deepcopy({**made, "artifacts": kept})


def list_forgotten(state: State, max_bytes: int, keep: list[str]) -> State:
    """Never looks at the list."""
    return filled(state, max_bytes, [])


def list_first_among_others(state: State, max_bytes: int, keep: list[str]) -> State:
    """What is on the list comes first, and is dropped like the rest."""
    return filled(
        state,
        max_bytes,
        [],
        order=lambda items: sorted(items, key=lambda one: one.get("key") not in keep),
    )


def questions_dropped(state: State, max_bytes: int, keep: list[str]) -> State:
    """Open questions seem to be nobody's business."""
    return filled({**state, "questions": []}, max_bytes, keep)


def keeps_all_of_a_key(state: State, max_bytes: int, keep: list[str]) -> State:
    """What is on the list is kept, old values and all."""
    facts = newest(state["facts"])
    return filled(
        state,
        max_bytes,
        keep,
        pick=lambda known: [f for f in known if f in facts or f["key"] in keep],
    )


def swallows_the_error(state: State, max_bytes: int, keep: list[str]) -> State:
    """The agent must go on, with whatever there is."""
    try:
        return filled(state, max_bytes, keep)
    except ContextTooSmall:
        return {**copy.deepcopy(state), "facts": [], "artifacts": []}


def returns_none_for_too_small(
    state: State, max_bytes: int, keep: list[str]
) -> State | None:
    """None for "it did not work"."""
    try:
        return filled(state, max_bytes, keep)
    except ContextTooSmall:
        return None


def raises_another(state: State, max_bytes: int, keep: list[str]) -> State:
    """An error without the number that would help."""
    try:
        return filled(state, max_bytes, keep)
    except ContextTooSmall:
        raise ValueError("the budget is too small") from None


def needs_one_more(state: State, max_bytes: int, keep: list[str]) -> State:
    """Says that one byte more than was allowed would do."""
    try:
        return filled(state, max_bytes, keep)
    except ContextTooSmall as error:
        raise ContextTooSmall(max_bytes + 1, error.limit) from error


def numbers_swapped(state: State, max_bytes: int, keep: list[str]) -> State:
    """The two numbers the wrong way round."""
    try:
        return filled(state, max_bytes, keep)
    except ContextTooSmall as error:
        raise ContextTooSmall(error.limit, error.needed) from error


def changes_the_input(state: State, max_bytes: int, keep: list[str]) -> State:
    """Drops from the state what it does not show."""
    result = filled(state, max_bytes, keep)
    state["facts"] = result["facts"]
    state["artifacts"] = result["artifacts"]
    return state


def empties_the_list(state: State, max_bytes: int, keep: list[str]) -> State:
    """Ticks off what it has kept."""
    result = filled(state, max_bytes, keep)
    keep.clear()
    return result


def sorts_the_list(state: State, max_bytes: int, keep: list[str]) -> State:
    """In order it is looked up sooner."""
    keep.sort()
    return filled(state, max_bytes, keep)


def shares_memory(state: State, max_bytes: int, keep: list[str]) -> State:
    """New lists around the old facts."""
    result = filled(state, max_bytes, keep)
    return {
        **state,
        "facts": [one for one in newest(state["facts"]) if one in result["facts"]],
        "artifacts": [one for one in state["artifacts"] if one in result["artifacts"]],
    }


def newest_on_top(state: State, max_bytes: int, keep: list[str]) -> State:
    """Returns the facts in the order in which it took them."""
    result = filled(state, max_bytes, keep)
    return {**result, "facts": result["facts"][::-1]}


def list_on_top(state: State, max_bytes: int, keep: list[str]) -> State:
    """What is on the list stands first, out of its order."""
    result = filled(state, max_bytes, keep)
    facts = sorted(result["facts"], key=lambda fact: fact["key"] not in keep)
    return {**result, "facts": facts}


def cuts_values(state: State, max_bytes: int, keep: list[str]) -> State:
    """Half of a value is shown as if it were all of it."""
    short = [
        {**fact, "value": fact["value"][:20]}
        if isinstance(fact["value"], str)
        else fact
        for fact in state["facts"]
    ]
    return filled({**state, "facts": short}, max_bytes, keep)


def says_what_is_missing(state: State, max_bytes: int, keep: list[str]) -> State:
    """Adds a fact of its own, and the text grows after it was measured."""
    result = filled(state, max_bytes, keep)
    gone = len(state["facts"]) - len(result["facts"])
    note = [{"key": "left out", "value": gone}] if gone else []
    return {**result, "facts": [*result["facts"], *note]}


def returns_nothing(state: State, max_bytes: int, keep: list[str]) -> None:
    """Forgets to return."""
    filled(state, max_bytes, keep)


def returns_text(state: State, max_bytes: int, keep: list[str]) -> str:
    """Returns what the model reads."""
    return render(filled(state, max_bytes, keep))


def ignores_lists(state: State, max_bytes: int, keep: list[str]) -> State:
    """Passes over facts whose value is not a text."""
    texts = [
        fact
        for fact in newest(state["facts"])
        if isinstance(fact["value"], str) or fact["key"] in keep
    ]
    return filled({**state, "facts": texts}, max_bytes, keep)


PLENTY = "keeps everything when there is room"
NEWEST = "shows the newest fact of a key, and no other"
BUDGET = "never passes the budget, counted on the rendered text"
BYTES = "counts bytes, not characters"
LAST = "uses the budget to its last byte"
OVER = "passes over what does not fit, and goes on"
FIRST = "takes the newest first, and facts before artifacts"
LINE = "charges an artifact for its line, not for its content"
LIST = "keeps what is on the list, whatever else there is"
LEAST = "says the least it needs when that is too much"
ORDER = "keeps the order of the state"
LEAVES = "leaves the state as it was, and shares nothing with it"
RANDOM = "holds for 100 random states, and a second time"


def wants_all_of_the_list(state: State, max_bytes: int, keep: list[str]) -> State:
    """Looks up each key on the list, also one that no fact has."""
    known = {fact["key"]: fact for fact in newest(state["facts"])}
    must = [known[key]["key"] for key in keep]
    return filled(state, max_bytes, must)


def oldest_artifact_first(state: State, max_bytes: int, keep: list[str]) -> State:
    """The newest fact comes first, and then the oldest artifact."""

    def order(items: list[Item]) -> list[Item]:
        return items if items and "id" in items[0] else items[::-1]

    return filled(state, max_bytes, keep, order=order)


def rebuilds_the_facts(state: State, max_bytes: int, keep: list[str]) -> State:
    """Makes each fact anew from the two keys that it knows."""
    facts = [{"key": f["key"], "value": f["value"]} for f in state["facts"]]
    return filled({**state, "facts": facts}, max_bytes, keep)


def skips_what_is_empty(state: State, max_bytes: int, keep: list[str]) -> State:
    """Takes 0, "" and None for nothing."""

    def pick(facts: list[Item]) -> list[Item]:
        return [f for f in newest(facts) if f["value"] or f["key"] in keep]

    return filled(state, max_bytes, keep, pick=pick)


def keeps_the_first_two(state: State, max_bytes: int, keep: list[str]) -> State:
    """A list has a first and a second."""
    return filled(state, max_bytes, keep[:2])


WRONG = {
    "characters": Wrong(characters, BYTES, "characters, but"),
    "values-only": Wrong(values_only, BUDGET, "for keys, line breaks"),
    "without-headings": Wrong(
        without_headings, BUDGET, "13 too many: 22 for goal and questions, 13"
    ),
    "without-line-breaks": Wrong(without_line_breaks, BUDGET, "too many"),
    "charges-content": Wrong(charges_content, LINE, "it was left out"),
    "content-instead-of-line": Wrong(content_instead_of_line, LINE, "left out"),
    "old-beside-new": Wrong(old_beside_new, NEWEST, "replicas=1, replicas=3 side by"),
    "first-of-a-key": Wrong(first_of_a_key, NEWEST, "knows replicas=3 by now"),
    "older-steps-in": Wrong(older_steps_in, NEWEST, "it showed status='ok'"),
    "breaks": Wrong(breaks, OVER, "it showed 0 of the small ones"),
    "off-by-one": Wrong(off_by_one, LAST, "it showed"),
    "counts-a-last-line-break": Wrong(counts_a_last_line_break, LAST, "it showed"),
    "counts-the-json": Wrong(counts_the_json, LEAST, "the error said that"),
    "oldest-first": Wrong(oldest_first, FIRST, "it showed host-0"),
    "smallest-first": Wrong(smallest_first, RANDOM, "it left out"),
    "artifacts-first": Wrong(artifacts_first, FIRST, "it showed"),
    "list-forgotten": Wrong(list_forgotten, LIST, "is on the list, and was dropped"),
    "list-first-among-others": Wrong(list_first_among_others, LEAST, "as if that"),
    "questions-dropped": Wrong(questions_dropped, LIST, "the open question", (PLENTY,)),
    "keeps-all-of-a-key": Wrong(
        keeps_all_of_a_key, LIST, "list is kept, but it showed"
    ),
    "swallows-the-error": Wrong(swallows_the_error, LEAST, "as if that could be"),
    "returns-none": Wrong(returns_none_for_too_small, LEAST, "it returned something"),
    "raises-another": Wrong(raises_another, LEAST, "it raised ValueError"),
    "needs-one-more": Wrong(needs_one_more, LEAST, "are needed"),
    "numbers-swapped": Wrong(numbers_swapped, LEAST, "the wrong way round"),
    "changes-the-input": Wrong(changes_the_input, LEAVES, "'facts' had changed"),
    "empties-the-list": Wrong(empties_the_list, LEAVES, "'hosts'], and is []"),
    "sorts-the-list": Wrong(sorts_the_list, LEAVES, "is ['hosts', 'unknown']"),
    "shares-memory": Wrong(shares_memory, LEAVES, "had changed with it"),
    "newest-on-top": Wrong(newest_on_top, ORDER, "the facts came as host-5"),
    "list-on-top": Wrong(list_on_top, ORDER, "the facts came as"),
    "cuts-values": Wrong(cuts_values, OVER, "which the state does not hold"),
    "says-what-is-missing": Wrong(
        says_what_is_missing, NEWEST, "left out=1, which the state does not hold"
    ),
    "returns-nothing": Wrong(returns_nothing, PLENTY, "it returned nothing (None)"),
    "returns-text": Wrong(returns_text, PLENTY, "it returned str", ALL),
    "ignores-lists": Wrong(ignores_lists, RANDOM, "it left out"),
    "wants-all-of-the-list": Wrong(wants_all_of_the_list, LIST, "it raised KeyError"),
    "oldest-artifact-first": Wrong(oldest_artifact_first, FIRST, "it showed log_1"),
    "rebuilds-the-facts": Wrong(rebuilds_the_facts, PLENTY, "which the state does not"),
    "skips-what-is-empty": Wrong(skips_what_is_empty, PLENTY, "it left out retries"),
    "keeps-the-first-two": Wrong(keeps_the_first_two, LIST, "and was dropped"),
}

CARD = {
    "is a dict with `goal`": EXPLAINS,
    "in the order of their age": ["oldest-first"],
    "`render(state)` makes": EXPLAINS,
    "a state like the one that came in": ["returns-text", "returns-nothing"],
    "at most `max_bytes` bytes": [
        "without-headings",
        "without-line-breaks",
        "values-only",
    ],
    "bytes in UTF-8": ["characters"],
    "The goal, the questions, and the facts": [
        "keeps-the-first-two",
        "list-forgotten",
        "questions-dropped",
    ],
    "If they alone are too much": [
        "swallows-the-error",
        "returns-none",
        "raises-another",
        "numbers-swapped",
        "list-first-among-others",
    ],
    "is the least number of bytes": ["needs-one-more", "counts-the-json"],
    "A key that no fact has": ["wants-all-of-the-list"],
    "only the newest is ever shown": [
        "older-steps-in",
        "old-beside-new",
        "first-of-a-key",
        "keeps-all-of-a-key",
    ],
    "first the facts, from the newest": ["artifacts-first"],
    "then the artifacts, from the newest": ["oldest-artifact-first", "smallest-first"],
    "What still fits is in": [
        "off-by-one",
        "counts-a-last-line-break",
        "charges-content",
        "skips-what-is-empty",
        "ignores-lists",
    ],
    "what does not is passed over": ["breaks"],
    "What is in the result is unchanged": [
        "rebuilds-the-facts",
        "cuts-values",
        "says-what-is-missing",
    ],
    "in the order of the state": ["newest-on-top", "list-on-top"],
    "The state and the list stay": [
        "empties-the-list",
        "sorts-the-list",
        "changes-the-input",
    ],
    "shares no memory": ["shares-memory"],
}
