"""A widget lives in the kernel, and its twin in the file."""

import pytest

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.show import Table, explorer, preformatted, slider, stops

TEXTS = {"few": "one <fact>", "many": "two facts"}
TWIN = Table("What is shown", ("choice", "facts"), (("few", "1"), ("many", "2")))
WIDGET = "application/vnd.jupyter.widget-view+json"


def test_an_explorer_draws_what_its_controls_say():
    """Each control by its name, and their values in the same order."""
    controls = {"first": stops("abc"), "then": stops("xyz")}
    first, then, shown = explorer(controls, lambda *values: str(values)).children
    before = shown.value

    first.value = 1

    assert [first.description, then.description] == ["first", "then"]
    assert (before, shown.value) == ("(0, 0)", "(1, 0)")


def test_a_text_is_shown_as_it_is():
    """What stands in it is no HTML of its own."""
    assert "one &lt;fact&gt;" in preformatted(TEXTS["few"])


def test_a_widget_comes_with_its_static_twin(shown):
    """One output: alive it is the slider, stored it is the table."""
    slider("budget", TEXTS, twin=TWIN)

    [bundle] = shown
    twin = TWIN._repr_mimebundle_()
    assert set(bundle) == {WIDGET, *twin}
    assert {kind: bundle[kind] for kind in twin} == twin


def test_a_slider_with_nothing_to_choose_is_refused():
    """It would stand there and do nothing."""
    with pytest.raises(InvalidValue, match="two at least, not 1"):
        slider("budget", {"few": ""}, twin=TWIN)
