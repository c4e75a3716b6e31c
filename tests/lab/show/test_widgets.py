"""A widget lives in the kernel, and its twin in the file."""

import pytest

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.show import Table, View, explorer, slider, stops
from agentstate_lab.lab.show.widgets import slider_box

VIEWS = [View("few", "one <fact>"), View("many", "two facts"), View("all", "ten facts")]
TWIN = Table("What is shown", ("choice", "facts"), (("few", "1"), ("many", "2")))
WIDGET = "application/vnd.jupyter.widget-view+json"


def test_moving_the_slider_changes_what_is_shown():
    """
    No browser is needed: the observer runs in the kernel.
    """
    chosen, shown = slider_box("budget", VIEWS, start=1).children
    before = (chosen.label, shown.value)

    chosen.value = 0

    assert before[0] == "many"
    assert "two facts" in before[1]
    assert "one &lt;fact&gt;" in shown.value
    assert (chosen.description, chosen.label) == ("budget", "few")


def test_an_explorer_draws_what_its_controls_say():
    """
    Each control by its name, and their values in the same order.
    """
    controls = {"first": stops("abc"), "then": stops("xyz", start=2)}
    first, then, shown = explorer(controls, lambda *values: str(values)).children
    before = shown.value

    first.value = 1

    assert [first.description, then.description] == ["first", "then"]
    assert (before, shown.value) == ("(0, 2)", "(1, 2)")


def test_a_widget_comes_with_its_static_twin(shown):
    """
    One output: alive it is the slider, stored it is the table.
    """
    slider("budget", VIEWS, twin=TWIN)

    [bundle] = shown
    twin = TWIN._repr_mimebundle_()
    assert set(bundle) == {WIDGET, *twin}
    assert {kind: bundle[kind] for kind in twin} == twin


@pytest.mark.parametrize(
    ("views", "start"),
    [
        pytest.param([], 0, id="none"),
        pytest.param(VIEWS[:1], 0, id="one"),
        pytest.param(VIEWS, 3, id="past-the-end"),
        pytest.param(VIEWS, -1, id="before-the-start"),
    ],
)
def test_a_slider_with_nothing_to_choose_is_refused(views, start):
    """
    It would stand there and do nothing.
    """
    with pytest.raises(InvalidValue, match="two views"):
        slider_box("budget", views, start=start)
