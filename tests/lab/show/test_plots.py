"""Pictures come with their words, and the same data give the same bytes."""

import base64

import pytest

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.show import Cell, figure, grid, lines, picture

UP = ("up", [1, 4, 9])
DOWN = ("down", [3, 2, 1])


def drawn():
    """A small figure."""
    fig, _ = lines([1, 2, 3], UP, DOWN, x="steps", y="bytes")
    return fig


def test_the_same_figure_is_the_same_bytes():
    """A notebook that is executed again does not change."""
    first, again = (picture(drawn(), alt="a", number="n") for _ in range(2))

    assert base64.b64decode(first.data).startswith(b"\x89PNG")
    assert first == again


def test_a_figure_never_comes_without_words(shown):
    """A description for who cannot see it, escaped, and the number below it."""
    figure(drawn(), alt='a line from "3" to 4', number="it rises by 1")

    [data] = shown
    assert 'alt="a line from &quot;3&quot; to 4"' in data["text/html"]
    assert "<figcaption>it rises by 1</figcaption>" in data["text/html"]
    assert data["text/plain"] == 'a line from "3" to 4\nit rises by 1'
    assert set(data) == {"text/plain", "text/html", "image/png"}


@pytest.mark.parametrize("texts", [("", "n"), ("a", " "), (None, "n")])
def test_a_figure_without_a_text_is_refused(texts):
    """Whoever draws it says what it shows."""
    with pytest.raises(InvalidValue, match="needs a text"):
        picture(drawn(), alt=texts[0], number=texts[1])


def test_two_lines_carry_their_names_and_begin_at_nothing():
    """No legend to look up, and no axis that makes a small difference large."""
    _, axes = lines([1, 2, 3], UP, DOWN, x="steps", y="bytes")

    assert [text.get_text() for text in axes.texts] == ["up", "down"]
    assert axes.get_ylim()[0] == 0
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("steps", "bytes")


def test_a_grid_says_every_word_and_leaves_nothing_where_there_is_none():
    """What has a tone is bold, so that the colour is not needed."""
    rows = [("a", Cell("once"), Cell("twice", tone="harm")), ("b", "", "once")]

    [axes] = grid(["first", "then"], rows, width=4).axes

    words = {(text.get_text(), text.get_fontweight()) for text in axes.texts}
    assert words == {("once", "normal"), ("twice", "bold")}
    assert [text.get_text() for text in axes.get_yticklabels()] == ["a", "b"]
