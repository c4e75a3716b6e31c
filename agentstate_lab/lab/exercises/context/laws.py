"""
What exercise 08 calls a state and its text, and the laws that every answer keeps.

A state here is a dict as it comes out of a JSON file, and `render` is the text that
the model reads. The laws speak of that text alone: an answer may find its way there
as it likes. States for trying them come from a seeded generator, so that a report is
the same every time.
"""

import copy
import json
import random
from collections.abc import Collection, Iterator
from typing import Any

from ..judge import Subject, Unmet, plain, require

State = dict[str, Any]
Item = dict[str, Any]

FACTS = "known facts:"
ARTIFACTS = "artifacts, to be fetched by id:"

_SEED = 8
_WORDS = ("ok", "", "Zürich", "größer", "漢字", "🚀", 'a "quote"')


def render(state: State) -> str:
    """The text that the model reads."""
    lines = [f"goal: {state['goal']}"]
    lines += [f"question: {question}" for question in state["questions"]]
    if state["facts"]:
        lines += [FACTS]
    for fact in state["facts"]:
        value = json.dumps(fact["value"], ensure_ascii=False)
        lines += [f"- {fact['key']}: {value}"]
    if state["artifacts"]:
        lines += [ARTIFACTS]
    for one in state["artifacts"]:
        lines += [f"- {one['id']}: {one['summary']} ({one['bytes']} bytes)"]
    return "\n".join(lines)


def size(state: State) -> int:
    """The bytes of the text."""
    return len(render(state).encode())


def fact(key: str, value: Any = "ok") -> Item:
    """A fact."""
    return {"key": key, "value": value}


def log(number: int, summary: str = "error log", content: int = 48_231) -> Item:
    """An artifact; its content lies elsewhere."""
    return {"id": f"log_{number}", "summary": summary, "bytes": content}


def state_of(*facts: Item, artifacts: Collection[Item] = (), **more: Any) -> State:
    """A state that knows *facts*."""
    return {
        "goal": "Deploy the shop.",
        "questions": [],
        "facts": list(facts),
        "artifacts": list(artifacts),
        **more,
    }


def with_only(state: State, facts: list[Item], artifacts: list[Item]) -> State:
    """*state* with these facts and artifacts and no others."""
    return {**state, "facts": facts, "artifacts": artifacts}


def newest(state: State) -> list[Item]:
    """The last fact of each key, in the order of the state."""
    last = {one["key"]: place for place, one in enumerate(state["facts"])}
    return [
        one for place, one in enumerate(state["facts"]) if last[one["key"]] == place
    ]


def least(state: State, keep: Collection[str] = ()) -> int:
    """The bytes of what must be shown."""
    must = [one for one in newest(state) if one["key"] in keep]
    return size(with_only(state, must, []))


def everything(state: State) -> State:
    """All that may be shown."""
    return with_only(state, newest(state), state["artifacts"])


def fitted(
    answer: Subject, state: State, max_bytes: int, keep: Collection[str] = ()
) -> State:
    """
    What the answer makes of *state*, if it is a part of it.

    Raises:
        Unmet: It is no state, or it holds what the state does not.
    """
    result: State = plain(answer(copy.deepcopy(state), max_bytes, list(keep)))
    for name in ("goal", "questions", "facts", "artifacts"):
        require(name in result, f"the result has no {name!r}")
    require(result["goal"] == state["goal"], f"the goal was {result['goal']!r:.80}")
    for name in ("questions", "facts", "artifacts"):
        _check_part(name, result[name], state[name])
    return result


def _check_part(name: str, shown: Any, known: list[Any]) -> None:
    """Fail unless *shown* is a list of what is known, each thing once."""
    require(isinstance(shown, list), f"{name} was {type(shown).__name__}, not a list")
    left = list(known)
    for one in shown:
        if one not in known:
            raise Unmet(f"{name} held {told([one])}, which the state does not hold")
        require(one in left, f"{name} held {told([one])} twice")
        left.remove(one)


def told(items: list[Any]) -> str:
    """Facts, artifacts or questions in a few words."""
    said = [_word(item) for item in items]
    return (", ".join(said[:5]) + (" ..." if len(said) > 5 else "")) or "nothing"


def _word(item: Any) -> str:
    match item:
        case {"key": key, "value": value}:
            return f"{key}={value!r:.40}"
        case {"id": name}:
            return str(name)
    return f"{item!r:.60}"


def fits(result: State, max_bytes: int) -> None:
    """The law of the budget: the text has so many bytes at most."""
    text = render(result)
    found = len(text.encode())
    if found <= max_bytes:
        return
    if len(text) <= max_bytes:
        raise Unmet(
            f"the text had {len(text)} characters, but {found} bytes: the budget is"
            f" {max_bytes} bytes"
        )
    raise Unmet(
        f"the text had {found} bytes, {found - max_bytes} too many: {_made_of(result)}"
    )


def _made_of(result: State) -> str:
    """Where the bytes of a text are, so that what was forgotten can be seen."""
    lines = render(result).splitlines()
    headings = sum(len(line) + 1 for line in lines if line in (FACTS, ARTIFACTS))
    values = [json.dumps(one["value"], ensure_ascii=False) for one in result["facts"]]
    parts = {
        "goal and questions": size(with_only(result, [], [])),
        "headings": headings,
        "the values of facts": sum(len(value.encode()) for value in values),
    }
    rest = size(result) - sum(parts.values())
    said = [f"{count} for {what}" for what, count in parts.items()]
    return f"{', '.join(said)}, and {rest} for keys, line breaks and artifacts"


def agrees(result: State, state: State) -> None:
    """The law of the newest: one fact for a key, the last that the state knows."""
    known = {one["key"]: one for one in newest(state)}
    for one in result["facts"]:
        beside = [other for other in result["facts"] if other["key"] == one["key"]]
        require(len(beside) == 1, f"it showed {told(beside)} side by side")
        if one != known[one["key"]]:
            raise Unmet(
                f"it showed {told([one])}, and the state knows"
                f" {told([known[one['key']]])} by now"
            )


def keeps(result: State, state: State, keep: Collection[str]) -> None:
    """The law of the list: what must be shown is shown."""
    asked = [one for one in state["questions"] if one not in result["questions"]]
    require(not asked, f"the open question {told(asked)} was dropped")
    shown = [one["key"] for one in result["facts"]]
    dropped = [one for one in newest(state) if one["key"] in keep]
    dropped = [one for one in dropped if one["key"] not in shown]
    require(not dropped, f"{told(dropped)} is on the list, and was dropped")


def uses_the_room(
    result: State, state: State, max_bytes: int, keep: Collection[str]
) -> None:
    """The law of the order: nothing is left out that had its turn and would fit."""
    must = [one for one in newest(state) if one["key"] in keep]
    facts, artifacts = list(must), list[Item]()
    for one in reversed([one for one in newest(state) if one not in must]):
        if one in result["facts"]:
            facts.append(one)
        else:
            _no_room(with_only(state, [*facts, one], []), one, max_bytes)
    for one in reversed(state["artifacts"]):
        if one in result["artifacts"]:
            artifacts.append(one)
        else:
            _no_room(with_only(state, facts, [*artifacts, one]), one, max_bytes)


def _no_room(tried: State, one: Item, max_bytes: int) -> None:
    """Fail when *one* was left out of a text in which it would fit."""
    needed = size(tried)
    if needed <= max_bytes:
        raise Unmet(
            f"it left out {told([one])}: with it and all that comes before it, the"
            f" text has {needed} of {max_bytes} bytes"
        )


def ordered(result: State, state: State) -> None:
    """The law of the lists: they are in the order of the state."""
    for name, known in (("facts", newest(state)), ("artifacts", state["artifacts"])):
        shown = [one for one in known if one in result[name]]
        require(result[name] == shown, f"the {name} came as {told(result[name])}")


def random_cases(count: int) -> Iterator[tuple[State, list[str]]]:
    """States with odd texts, and lists of what must be kept."""
    dice = random.Random(_SEED)
    for _ in range(count):
        facts = [
            fact(dice.choice("abcdef"), _value(dice)) for _ in range(dice.randrange(9))
        ]
        logs = [
            log(number, dice.choice(_WORDS), dice.randrange(10**6))
            for number in range(dice.randrange(4))
        ]
        asked = dice.sample(_WORDS, dice.randrange(3))
        goal = dice.choice(_WORDS)
        state = state_of(*facts, artifacts=logs, goal=goal, questions=asked)
        yield state, dice.sample("abcxy", dice.randrange(3))


def _value(dice: random.Random) -> Any:
    """A value of a fact: a word, a number, or a list of words."""
    word = dice.choice((*_WORDS, "two\nlines")) * dice.choice((1, 1, 8))
    return dice.choice((word, word, dice.randrange(1000), [word, {"at": word}]))


def budgets(state: State, keep: Collection[str]) -> list[int]:
    """Budgets from the least to everything."""
    low, high = least(state, keep), size(everything(state))
    between = {low + (high - low) * part // 5 for part in range(6)}
    return sorted({*between, max(low, high - 1), high + 100})
