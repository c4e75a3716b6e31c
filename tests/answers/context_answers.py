"""Answers to exercise 08, right and wrong."""

import copy
import functools
import itertools
import json
from collections.abc import Iterable, Iterator
from typing import Any

from agentstate_lab.errors import ContextTooSmall
from agentstate_lab.lab.exercises.context import render
from answers import ALL, EXPLAINS, Wrong, but

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


def right(state: State, max_bytes: int, keep: list[str]) -> State:
    """The plain one: try with it, and take it back when it is too much."""
    facts = newest(state["facts"])
    shown = [fact for fact in facts if fact["key"] in keep]
    artifacts: list[Item] = []

    def made() -> State:
        in_order = [fact for fact in facts if fact in shown]
        logs = [one for one in state["artifacts"] if one in artifacts]
        return {**state, "facts": in_order, "artifacts": logs}

    if (needed := in_bytes(made())) > max_bytes:
        raise ContextTooSmall(needed, max_bytes)
    for kept, items in ((shown, facts), (artifacts, state["artifacts"])):
        for item in [item for item in items[::-1] if item not in kept]:
            kept.append(item)
            if in_bytes(made()) > max_bytes:
                kept.pop()
    return copy.deepcopy(made())


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


RIGHT = {
    "plain": right,
    "adds-up-bytes": Filler(),
    "closure": made_by_a_factory(),
    "marks-and-sweeps": by_marking,
    "recursion": by_recursion,
}


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

FACTS = 'newest(state["facts"])'
MUST = '[fact for fact in facts if fact["key"] in keep]'
KINDS = '((shown, facts), (artifacts, state["artifacts"]))'
TOO_MUCH = "if in_bytes(made()) > max_bytes"
IS_OLDER = 'item.get("key") in [one["key"] for one in shown[:-1]]'
TOO_SMALL = "raise ContextTooSmall(needed, max_bytes)"
MADE = "copy.deepcopy(made())"


def values_only(made: State) -> int:
    """The version everyone writes first: keys and headings are free."""
    values = [json.dumps(fact["value"]) for fact in made["facts"]]
    summaries = [one["summary"] for one in made["artifacts"]]
    return sum(len(text.encode()) for text in [made["goal"], *values, *summaries])


def without_headings(made: State) -> int:
    """Adds up the lines, and forgets the two above them."""
    heads = ("known facts:", "artifacts, to be fetched by id:")
    lines = [line for line in render(made).splitlines() if line not in heads]
    return len("\n".join(lines).encode())


def with_content(made: State) -> int:
    """The artifact's own size is on the bill, though only its line is shown."""
    return in_bytes(made) + sum(one["bytes"] for one in made["artifacts"])


def with_a_note(state: State, made: State) -> State:
    """Adds a fact of its own, and the text grows after it was measured."""
    gone = len(state["facts"]) - len(made["facts"])
    note = [{"key": "left out", "value": gone}] if gone else []
    return {**made, "facts": [*made["facts"], *note]}


def first_20(fact: Item) -> Item:
    """Half of a value is shown as if it were all of it."""
    value = fact["value"]
    return {**fact, "value": value[:20] if isinstance(value, str) else value}


def first(statement: str) -> Any:
    """The plain answer, with a statement before all others."""
    return but(right, ("    facts =", f"    {statement}\n    facts ="))


def knowing(facts: str) -> Any:
    """The plain answer, which fills with other facts."""
    return but(right, (FACTS, facts))


def returning(made: str) -> Any:
    """The plain answer, which returns something else."""
    return but(right, (MADE, made))


def failing(statement: str) -> Any:
    """The plain answer, with another statement where the budget is too small."""
    return but(right, (TOO_SMALL, statement))


WRONG = {
    "characters": Wrong(
        but(right, in_bytes=lambda made: len(render(made))), BYTES, "characters, but"
    ),
    "values-only": Wrong(
        but(right, in_bytes=values_only), BUDGET, "for keys, line breaks"
    ),
    "without-headings": Wrong(
        but(right, in_bytes=without_headings),
        BUDGET,
        "13 too many: 22 for goal and questions, 13",
    ),
    "charges-content": Wrong(
        but(right, in_bytes=with_content), LINE, "it was left out"
    ),
    "counts-the-json": Wrong(
        but(right, in_bytes=lambda made: len(json.dumps(made).encode())),
        LEAST,
        "the error said that",
    ),
    "old-beside-new": Wrong(
        but(right, newest=list), NEWEST, "replicas=1, replicas=3 side by"
    ),
    "first-of-a-key": Wrong(
        but(right, newest=lambda facts: newest(facts[::-1])[::-1]),
        NEWEST,
        "knows replicas=3 by now",
    ),
    "older-steps-in": Wrong(
        but(
            right,
            (FACTS, 'state["facts"]'),
            (MUST, MUST.replace("in facts", "in newest(facts)")),
            (TOO_MUCH, f"{TOO_MUCH} or {IS_OLDER}"),
        ),
        NEWEST,
        "it showed status='ok'",
    ),
    "breaks": Wrong(
        but(right, ("kept.pop()", "kept.pop()\n                break")),
        OVER,
        "it showed 0 of the small ones",
    ),
    "off-by-one": Wrong(
        but(right, (TOO_MUCH, TOO_MUCH.replace(">", ">="))), LAST, "it showed"
    ),
    "oldest-first": Wrong(
        but(right, ("items[::-1]", "items")), FIRST, "it showed host-0"
    ),
    "smallest-first": Wrong(
        but(
            right,
            ("items[::-1]", "sorted(items, key=lambda one: len(json.dumps(one)))"),
        ),
        RANDOM,
        "it left out",
    ),
    "artifacts-first": Wrong(but(right, (KINDS, f"{KINDS}[::-1]")), FIRST, "it showed"),
    "oldest-artifact-first": Wrong(
        but(right, ("items[::-1]", "(items[::-1] if items is facts else items)")),
        FIRST,
        "it showed log_1",
    ),
    "list-forgotten": Wrong(
        first("keep = []"), LIST, "is on the list, and was dropped"
    ),
    "keeps-the-first-two": Wrong(first("keep = keep[:2]"), LIST, "and was dropped"),
    "list-first-among-others": Wrong(
        but(
            right,
            (MUST, "[]"),
            (
                "items[::-1]",
                'sorted(items, key=lambda one: one.get("key") not in keep)',
            ),
        ),
        LEAST,
        "as if that",
    ),
    "wants-all-of-the-list": Wrong(
        but(
            right,
            (MUST, '[{fact["key"]: fact for fact in facts}[key] for key in keep]'),
        ),
        LIST,
        "it raised KeyError",
    ),
    "keeps-all-of-a-key": Wrong(
        knowing(
            f'[one for one in state["facts"] if one in {FACTS} or one["key"] in keep]'
        ),
        LIST,
        "list is kept, but it showed",
    ),
    "ignores-lists": Wrong(
        knowing(
            f'[f for f in {FACTS} if isinstance(f["value"], str) or f["key"] in keep]'
        ),
        RANDOM,
        "it left out",
    ),
    "skips-what-is-empty": Wrong(
        knowing(f'[one for one in {FACTS} if one["value"] or one["key"] in keep]'),
        PLENTY,
        "it left out retries",
    ),
    "rebuilds-the-facts": Wrong(
        knowing(f'[{{"key": one["key"], "value": one["value"]}} for one in {FACTS}]'),
        PLENTY,
        "which the state does not",
    ),
    "cuts-values": Wrong(
        knowing(f"[first_20(one) for one in {FACTS}]"),
        OVER,
        "which the state does not hold",
    ),
    "questions-dropped": Wrong(
        first('state = {**state, "questions": []}'),
        LIST,
        "the open question",
        (PLENTY,),
    ),
    "swallows-the-error": Wrong(
        failing('return {**state, "facts": [], "artifacts": []}'),
        LEAST,
        "as if that could be",
    ),
    "returns-none": Wrong(failing("return None"), LEAST, "it returned something"),
    "raises-another": Wrong(
        failing("raise ValueError(needed)"), LEAST, "it raised ValueError"
    ),
    "needs-one-more": Wrong(
        failing("raise ContextTooSmall(max_bytes + 1, max_bytes)"), LEAST, "are needed"
    ),
    "numbers-swapped": Wrong(
        failing("raise ContextTooSmall(max_bytes, needed)"),
        LEAST,
        "the wrong way round",
    ),
    "changes-the-input": Wrong(
        returning(f"state.update({MADE}) or state"), LEAVES, "'facts' had changed"
    ),
    "empties-the-list": Wrong(
        returning(f"keep.clear() or {MADE}"), LEAVES, "'hosts'], and is []"
    ),
    "sorts-the-list": Wrong(first("keep.sort()"), LEAVES, "is ['hosts', 'unknown']"),
    "shares-memory": Wrong(returning("made()"), LEAVES, "had changed with it"),
    "newest-on-top": Wrong(
        returning(f"{{**{MADE}, 'facts': {MADE}['facts'][::-1]}}"),
        ORDER,
        "the facts came as host-5",
    ),
    "list-on-top": Wrong(
        but(
            right, ("fact for fact in facts if fact in shown", "fact for fact in shown")
        ),
        ORDER,
        "the facts came as",
    ),
    "says-what-is-missing": Wrong(
        returning(f"with_a_note(state, {MADE})"),
        NEWEST,
        "left out=1, which the state does not hold",
    ),
    "returns-nothing": Wrong(returning("None"), PLENTY, "it returned nothing (None)"),
    "returns-text": Wrong(returning(f"render({MADE})"), PLENTY, "it returned str", ALL),
}

CARD = {
    "is a dict with `goal`": EXPLAINS,
    "in the order of their age": ["oldest-first"],
    "`render(state)` makes": EXPLAINS,
    "a state like the one that came in": ["returns-text", "returns-nothing"],
    "at most `max_bytes` bytes": [
        "without-headings",
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
