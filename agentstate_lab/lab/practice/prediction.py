"""
A prediction: asked before the experiment, put beside its outcome afterwards.

A guess that was made before the answer could be seen is what makes the answer stick
(Slamecka and Graf, "The generation effect", 1978). So the guess is kept with the
learner's progress before the experiment runs, and one line puts the two side by side.

A question never stops a run: without a guess the outcome stands alone. A guess is the
learner's own note. It is counted, and never held against anybody.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from agentstate_lab.errors import AgentStateError, InvalidValue
from agentstate_lab.lab.show import Shown, publish
from agentstate_lab.state import fingerprint

from .record import guess_kept, keep_guess, keep_outcome

Value = bool | int | float | str

LONGEST = 200  # characters of a guess: it is a number or a few words


@dataclass(frozen=True, slots=True)
class Prediction(Shown):
    """
    A question with the learner's guess, if there is one.

    Attributes:
        question: What was asked.

        choices: What there was to choose from; empty for a free answer.

        within: How far off a number may be and still count as right, as a share of
            the outcome: 0.5 for "within a half".
    """

    question: str
    choices: tuple[str, ...] = ()
    within: float = 0.0

    @property
    def key(self) -> str:
        """What the guess is kept under: the same in every run."""
        return f"predict:{fingerprint([self.question, *self.choices])[:16]}"

    @property
    def guess(self) -> str | None:
        """What the learner said, or None; trouble with the file counts as nothing."""
        try:
            return guess_kept(self.key)
        except AgentStateError:
            return None

    def keep(self, guess: object) -> str:
        """Keep a *guess*, and return it as it is kept."""
        said = " ".join(str(guess).split())[:LONGEST]
        if said:
            keep_guess(self.key, said)
        return said

    def compare(self, outcome: Value, counted: str = "it is") -> None:
        """
        Print the guess beside the *outcome*, in one line.

        Args:
            outcome: What happened: a number, a word, or one of the choices.

            counted: Who says so, as the words before it: "the ledger says".
        """
        shown = _shown(outcome)
        if (guess := self.guess) is None:
            print(f"{counted} {shown}")
            return
        right = self._is_right(guess, outcome)
        try:
            keep_outcome(self.key, right=right)
        except AgentStateError as error:
            print(f"The guess could not be counted: {error}")
        print(f"you said {guess}; {counted} {shown}" + (" - right" if right else ""))

    def _is_right(self, guess: str, outcome: Value) -> bool:
        """Whether a *guess* meets the *outcome*; numbers are read as people write."""
        if isinstance(outcome, str | bool):
            return guess.casefold() == _shown(outcome).casefold()
        try:
            said = float(guess.replace(",", "").replace("_", "").split()[0])
        except ValueError:
            return False
        return abs(said - outcome) <= abs(outcome) * self.within

    def __str__(self) -> str:
        lines = [f"Predict: {self.question}"]
        lines += [f"  ( ) {choice}" for choice in self.choices]
        return "\n".join(lines)

    def html(self) -> str:
        """What stands there where no widget runs."""
        first, *choices = str(self).splitlines()
        items = "".join(f"<li>{escape(one[6:])}</li>" for one in choices)
        return f"<p><strong>{escape(first)}</strong></p>" + (
            f"<ul>{items}</ul>" if items else ""
        )


def predict(
    question: str, choices: Sequence[str] = (), *, within: float = 0.0
) -> Prediction:
    """
    Ask for a guess, in a widget where one runs, and return the prediction.

    Args:
        question: One question, in one sentence.

        choices: What there is to choose from; without, a number or a word is typed.

        within: For a number: how far off still counts, as a share of the outcome.

    Raises:
        InvalidValue: There is no question, only one choice, or a negative share.
    """
    if not question.strip() or len(choices) == 1 or within < 0:
        raise InvalidValue(
            "prediction", "it takes a question, and no choices or at least two"
        )
    asked = Prediction(question, tuple(choices), within)
    publish(asked, _widget(asked))
    return asked


def _widget(asked: Prediction) -> Any:
    """The question with a field or choices; a keyboard is enough to answer it."""
    import ipywidgets as widgets

    kept = asked.guess
    label = widgets.HTML(f"<strong>Predict:</strong> {escape(asked.question)}")
    if asked.choices:
        field = widgets.RadioButtons(
            options=asked.choices, value=kept if kept in asked.choices else None
        )
    else:
        field = widgets.Text(
            value=kept or "",
            placeholder="a number or a word, then Enter",
            continuous_update=False,  # kept on Enter, not at each key
        )
    field.tooltip = asked.question  # a screen reader says it with the field
    said = widgets.HTML(_kept(kept))

    def keep(change: dict[str, Any]) -> None:
        try:
            said.value = _kept(asked.keep(change["new"] or ""))
        except AgentStateError as error:
            said.value = f"It could not be kept: {escape(str(error))}"

    field.observe(keep, names="value")
    return widgets.VBox([label, field, said])


def _kept(guess: str | None) -> str:
    return f"Kept: {escape(guess)}. Now run the next cell." if guess else ""


def _shown(value: Value) -> str:
    """A value as people write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"
