"""
Sphinx's settings for the book. `make book` assembles the sources and builds it.

Nothing is executed: the notebooks come with their stored outputs. Nothing is asked of
another host: the theme brings its own files, and the search works from `file://`.
"""

import os
import re

from sphinx.application import Sphinx

project = "agentstate-lab"
author = "the agentstate-lab authors"
copyright = "the agentstate-lab authors, MIT licence"  # noqa: A001 - Sphinx's name
html_title = "agentstate-lab"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_design",
]
html_theme = "furo"
html_copy_source = False
html_show_search_summary = False  # it is fetched, which a browser forbids from `file:`
html_static_path = ["_static"]
html_css_files = ["book.css"]
templates_path: list[str] = []
exclude_patterns = ["_build"]

# Stored outputs as they are; no widget is alive here, and its twin stands in its place.
nb_execution_mode = "off"
nb_ipywidgets_js: dict[str, dict[str, str]] = {}
nb_mime_priority_overrides = [
    ("html", "application/vnd.jupyter.widget-view+json", None)
]
nb_merge_streams = True
myst_enable_extensions = ["colon_fence", "deflist", "attrs_inline"]
myst_heading_anchors = 3
suppress_warnings: list[str] = []

# The docstrings: quotes in single backticks, arguments in italics, Google's sections.
default_role = "code"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_attr_annotations = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_display_short_literal_types = True
add_module_names = False
autodoc_default_options = {"exclude-members": "model_config"}

os.environ.setdefault("AGENTSTATE_PACE", "0")

# `Annotated[int, Ge(ge=0), Le(le=9007199254740992)]` is an int to a reader; the bounds
# are in the text. Innermost brackets first, as they may be nested.
ANNOTATED = re.compile(r"Annotated\[((?:[^][,()]|\[[^][]*\])*),(?:[^][]|\[[^][]*\])*\]")


def setup(app: Sphinx) -> None:
    """Have every signature read before it is shown."""
    app.connect("autodoc-process-signature", _without_bounds)


def _without_bounds(*event: str | None) -> tuple[str | None, str | None]:
    """Arguments and result of a signature, in types that a reader knows."""
    arguments, result = event[-2:]
    return _plain(arguments), _plain(result)


def _plain(text: str | None) -> str | None:
    """*text* without the bounds of its types."""
    while text and (shorter := ANNOTATED.sub(r"\1", text)) != text:
        text = shorter
    return text
