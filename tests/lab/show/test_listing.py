"""The package's own code in a notebook: whole, and without docstrings."""

import ast

from agentstate_lab.agent import Finished
from agentstate_lab.idempotency import run_once
from agentstate_lab.lab.show import listing


def test_a_listing_is_the_function_and_the_helpers_that_it_calls():
    """What is shown can be compiled, and it is what runs."""
    shown = listing(run_once)

    made = ast.parse(str(shown)).body
    assert made[0].name == "run_once"
    assert len(made) > 4
    assert not any(ast.get_docstring(one) for one in made)
    assert "record" in str(shown)


def test_a_listing_is_folded_on_a_page():
    """Whoever wants it unfolds it, and no sign of the code is taken for a tag."""
    page = listing(run_once).html()

    assert page.startswith("<details><summary>")
    assert "-&gt;" in page


def test_a_method_is_shown_alone_with_the_helpers_that_it_calls():
    """The class around it is not part of it, and neither is its indent."""
    made = ast.parse(str(listing(Finished.plus))).body

    assert [one.name for one in made] == ["plus", "_more", "_newest"]
