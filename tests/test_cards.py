"""
The cards of the exercises: each sentence has a stage, and an answer that breaks it.

`CARD` of each module in `answers` is the table. A sentence that is new on a card, or
that no wrong answer breaks, fails here.
"""

import re

import nbformat
import pytest
from answers import ALL
from test_exercises import ANSWERS, solution_of

from agentstate_lab.lab.exercises import EXERCISES
from agentstate_lab.lab.practice import check

# The cells that say what is wanted, where they have other names.
CELLS = {
    "idempotency": ("task", "task-race"),
    "run_once": ("effect", "effect-tools"),
    "durable_agent": ("wanted", "wanted-too"),
}
USUAL = ("given", "wanted", "promises", "tools")
TABLED = [name for name, module in ANSWERS.items() if hasattr(module, "CARD")]

pytestmark = pytest.mark.usefixtures("one_judge")

every_card = pytest.mark.parametrize("name", TABLED)
every_phrase = pytest.mark.parametrize(
    ("name", "phrase"),
    [
        pytest.param(name, phrase, id=f"{name}-{mistakes[0]}-{place}")
        for name in TABLED
        for place, (phrase, mistakes) in enumerate(ANSWERS[name].CARD.items())
        if mistakes
    ],
)


def mistakes_of(name):
    """Its wrong answers; right ones that leave a bonus stage open are among them."""
    return {**ANSWERS[name].WRONG, **getattr(ANSWERS[name], "OPEN", {})}


def sentences(text):
    """The sentences of a cell; a row of a table is one, too."""
    rows = re.split(r"\n\s*\|", text.split("**Before you write:**")[0])
    found = []
    for line in "\n|".join(rows).splitlines():
        bare = re.sub(r"^\s*(\d+\.|-)\s+", "", line).strip()
        if not bare.startswith(("#", "|-")):
            found += re.split(r"(?<=[.?!;])\s+", bare.strip("() "))
    return [one for one in found if one]


def card_of(name):
    """What the card of an exercise says, sentence by sentence."""
    cells = nbformat.read(solution_of(EXERCISES[name]), as_version=4).cells
    wanted = CELLS.get(name, USUAL)
    heads = re.compile(r"^\|.*\n(?=\|-)", re.MULTILINE)
    return [
        sentence
        for cell in cells
        if cell.id in wanted
        for sentence in sentences(heads.sub("", cell.source))
    ]


def test_a_card_falls_into_sentences():
    """Numbers, headings and the head of a table are none."""
    text = "## Wanted\n\n1. All of it; now.\n\n| a | b |\n|---|---|\n| `x` | is y |\n"

    found = sentences(text)

    assert found == ["All of it;", "now.", "| a | b |", "| `x` | is y |"]


@every_card
def test_each_sentence_of_a_card_can_be_broken(name):
    """Nothing stands on a card that no wrong answer is about."""
    phrases = ANSWERS[name].CARD

    untold = [
        sentence
        for sentence in card_of(name)
        if not any(phrase in sentence for phrase in phrases)
    ]

    assert untold == []


@every_card
def test_each_phrase_is_on_the_card(name):
    """The table follows the card's own words."""
    card = card_of(name)

    gone = [p for p in ANSWERS[name].CARD if sum(p in one for one in card) != 1]

    assert gone == []


@every_card
def test_each_stage_has_an_answer_that_trips_it(name):
    """A stage that no mistake can trip is none, a bonus stage included."""
    mistakes = mistakes_of(name)
    named = {one for mistakes in ANSWERS[name].CARD.values() for one in mistakes}

    stages = {s for one in named for s in (mistakes[one].stage, *mistakes[one].also)}

    assert stages - {*ALL} == {stage.name for stage in EXERCISES[name].load().STAGES}


@pytest.mark.soak
@every_phrase
def test_the_first_of_a_phrase_breaks_that_alone(name, phrase):
    """
    The first failure that a learner reads points at the cause, and most stages pass.

    Other stages that need the same thing may fail after it.
    """
    mistakes = [mistakes_of(name)[one] for one in ANSWERS[name].CARD[phrase]]

    report = check(name, mistakes[0].answer)

    required = [case for case in report.cases if not case.bonus]
    failed = [case.name for case in required if not case.passed]
    about = {one.stage for one in mistakes} | {*mistakes[0].also}
    if mistakes[0].also != ALL:
        assert {*failed[:1]} <= about, str(report)
        assert len(failed) <= len(required) / 2, str(report)
