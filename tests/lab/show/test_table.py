"""A table says the same as text, as HTML and as Markdown; a long one is folded."""

import re

from hypothesis import given
from hypothesis import strategies as st

from agentstate_lab.lab.show import Cell, Table, markdown
from agentstate_lab.lab.show.table import LONG

HEAD = ("step", "happened")


@st.composite
def tables(draw, least=0):
    """Tables, some of whose rows are calm."""
    calm = draw(st.lists(st.booleans(), min_size=least, max_size=3 * LONG))
    rows = tuple(
        (f"row-{n};", "once" if one else "2 x a") for n, one in enumerate(calm)
    )
    return Table("A claim", HEAD, rows, frozenset(n for n, c in enumerate(calm) if c))


@given(tables())
def test_no_form_of_a_table_leaves_a_row_out(table):
    """Each row is there once, in its place, whatever is folded."""
    names = [row[0] for row in table.rows]

    assert re.findall(r"row-\d+;", str(table)) == names
    assert re.findall(r"row-\d+;", markdown(table.head, table.rows)) == names
    assert sorted(re.findall(r"row-\d+;", table.html())) == sorted(names)


@given(tables(least=LONG + 1))
def test_a_long_table_folds_what_is_calm_under_a_head_of_its_own(table):
    """What matters stays in view, with one line for all the rest."""
    open_part, _, folded = table.html().partition("<details>")

    if len(table.calm) < 2:
        assert folded == ""
    else:
        assert open_part.count("<tr>") == 2 + len(table.rows) - len(table.calm)
        assert folded.count("<tr>") == 1 + len(table.calm)
        assert open_part.count('<th scope="col"') == folded.count('<th scope="col"')


def test_one_line_stands_for_the_calm_rows_in_their_colour():
    """A table that is all calm is still seen to be."""
    good = Cell("once", tone="good")
    rows = tuple((f"effect {n}", good) for n in range(LONG + 1))

    shown = Table("All well", HEAD, rows, frozenset(range(LONG + 1))).html()

    line = re.search(
        r"<tr><th[^>]*>13 rows</th><td style=\"([^\"]*)\">once</td>", shown
    )
    assert "background-color" in line[1]
    assert "<summary>13 rows, one by one</summary>" in shown


def test_a_short_table_is_not_folded():
    """There is nothing to scroll."""
    rows = tuple((str(n), "once") for n in range(LONG))

    assert "<details>" not in Table("", HEAD, rows, frozenset(range(LONG))).html()


def test_a_table_as_html_names_its_rows_and_columns():
    """A screen reader can say where it is, and text from outside stays text."""
    rows = (("<i>", "twice"), ("x", Cell("<u>", href="a.ipynb?<&")))
    shown = Table("<b>", HEAD, rows)._repr_mimebundle_()["text/html"]

    assert "&lt;b&gt;</caption>" in shown
    assert "&lt;i&gt;</th>" in shown
    assert '<a href="a.ipynb?&lt;&amp;">&lt;u&gt;</a>' in shown
    assert shown.count('scope="col"') == shown.count('scope="row"') == 2


def test_a_colour_comes_with_its_own_ink():
    """Both of a pair are given, so that the words read in a light and a dark theme."""
    words = [Cell(tone or "none", tone=tone) for tone in ("", "good", "open", "harm")]

    shown = Table("", ("", *words), (("a", *words),)).html()

    for style in re.findall(r'<td style="([^"]*)"', shown):
        assert ("background-color" in style) == (";color:#" in style)
