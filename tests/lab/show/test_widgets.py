import pytest

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.show import Table, View, slider, slider_box

VIEWS = [View("few", "one <fact>"), View("many", "two facts"), View("all", "ten facts")]
TWIN = Table("What is shown", ("choice", "facts"), (("few", "1"), ("many", "2")))
WIDGET = "application/vnd.jupyter.widget-view+json"


def test_moving_the_slider_changes_what_is_shown():
    """
    No browser is needed: the observer runs in the kernel.
    """
    box = slider_box("budget", VIEWS)
    chosen, shown = box.children
    before = shown.value

    chosen.value = 2

    assert "one &lt;fact&gt;" in before
    assert "ten facts" in shown.value
    assert (chosen.description, chosen.label) == ("budget", "all")


def test_the_slider_begins_where_it_is_told_to():
    """
    The first look is at what the lesson speaks of.
    """
    chosen, shown = slider_box("budget", VIEWS, start=1).children

    assert chosen.label == "many"
    assert "two facts" in shown.value


def test_a_widget_comes_with_its_static_twin(monkeypatch):
    """
    One output: alive it is the slider, stored it is the table.
    """
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: shown.append(data))

    slider("budget", VIEWS, twin=TWIN)

    (bundle,) = shown
    assert set(bundle) == {WIDGET, "text/plain", "text/html"}
    assert bundle["text/plain"] == str(TWIN)
    assert "<table" in bundle["text/html"]


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
