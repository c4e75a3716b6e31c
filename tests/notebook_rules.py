"""
What every notebook of the course keeps to, as functions that name what is wrong.

Each rule takes a notebook and yields complaints in words; a notebook that keeps to
it yields none. `test_notebooks` runs them on the real notebooks, and each one on a
made-up notebook that breaks it: a rule that cannot complain is no rule.
"""

import ast
import inspect
import re
import statistics
from importlib import import_module

from agentstate_lab.lab.notebooks import tags, unsteady

BANNED = re.compile(r"\b(simply|just|obviously|exactly[- ]once)\b", re.IGNORECASE)
CELLS = range(25, 51)
SECTIONS = range(4, 9)
COLUMNS = 76
LINES = 25
LISTING_LINES = 40
MEDIAN_LINES = 5
TAGGED = 2


def code(notebook):
    """The code cells."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def prose(notebook):
    """All text, without the code that stands in it."""
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    return re.sub(r"```.*?```", "", "\n".join(texts), flags=re.DOTALL)


def lines(cell):
    """The lines of a cell that are not empty."""
    return [line for line in cell.source.splitlines() if line.strip()]


def has_a_sound_size(notebook):
    """25 to 50 cells, one title, four to eight sections."""
    text = prose(notebook)
    titles = len(re.findall(r"^# ", text, re.MULTILINE))
    sections = len(re.findall(r"^## ", text, re.MULTILINE))
    if len(notebook.cells) not in CELLS:
        yield f"{len(notebook.cells)} cells"
    if titles != 1:
        yield f"{titles} titles"
    if sections not in SECTIONS:
        yield f"{sections} sections"


def has_short_cells(notebook):
    """A cell fits on a screen, most are a few lines, no line needs scrolling."""
    for cell in code(notebook):
        limit = LISTING_LINES if "listing" in cell.metadata else LINES
        if len(cell.source.splitlines()) > limit:
            yield f"{cell.id}: {len(cell.source.splitlines())} lines"
        for line in cell.source.splitlines():
            if len(line) > COLUMNS:
                yield f"{cell.id}: a line of {len(line)} columns"
    median = statistics.median(len(lines(cell)) for cell in code(notebook))
    if median > MEDIAN_LINES:
        yield f"median of {median} lines"


def uses_plain_words(notebook):
    """Nothing is called easy, and no promise is made that nobody can keep."""
    for found in BANNED.finditer(prose(notebook)):
        yield f"the word {found[0]!r}"


def begins_with_one_call(notebook):
    """One import and one call set the stage."""
    body = ast.parse(code(notebook)[0].source).body
    kinds = [type(node).__name__ for node in body]
    if kinds != ["ImportFrom", "Assign"]:
        yield f"the first cell has {', '.join(kinds)}"


def was_run(notebook):
    """Every cell but those that kill the kernel has run, and none has failed."""
    for cell in code(notebook):
        if "crash" not in tags(cell) and cell.execution_count is None:
            yield f"{cell.id}: never run"
        if any(output.output_type == "error" for output in cell.outputs):
            yield f"{cell.id}: failed"


def tags_few_cells(notebook):
    """At most two cells are not compared, and those are tagged for both tools."""
    tagged = [cell for cell in code(notebook) if tags(cell)]
    if len(tagged) > TAGGED:
        yield f"{len(tagged)} tagged cells"
    for cell in tagged:
        if ("crash" in tags(cell)) != ("nbval-skip" in tags(cell)):
            yield f"{cell.id}: tagged for one tool only"


def describes_its_figures(notebook):
    """At least one figure, and each with words for who cannot see it."""
    bundles = [
        output.data
        for cell in code(notebook)
        for output in cell.outputs
        if "data" in output and "image/png" in output.data
    ]
    if not bundles:
        yield "no figure"
    for data in bundles:
        if not re.search(r'<img alt="[^"]{20,}"', data.get("text/html", "")):
            yield "a figure without a description"
        if len(data.get("text/plain", "")) < 20:
            yield "a figure without a text"


def is_steady(notebook):
    """No output holds a path, a port, a time or an id of one run."""
    for cell in code(notebook):
        if said := unsteady(cell):
            yield f"{cell.id}: {said}"


def asks_before_it_tells(notebook):
    """It predicts, claims, reviews, asks, and counts on the crash matrix."""
    text = prose(notebook)
    for wanted, least in (
        ("Predict", 2),
        ("Spot the bug", 1),
        ("<details>", 4),
        ("**Next:**", 1),
    ):
        if text.count(wanted) < least:
            yield f"{wanted!r} stands in it {text.count(wanted)} times"
    sources = [cell.source for cell in code(notebook)]
    if sum("assert " in source for source in sources) < 3:
        yield "fewer than three asserted claims"
    if not any("crash_matrix(" in source for source in sources):
        yield "no crash matrix"


def lists_the_package_code(notebook):
    """A listing is what the package runs; it may leave docstrings out, nothing else."""
    for cell in code(notebook):
        if name := cell.metadata.get("listing"):
            module, attribute = name.rsplit(".", 1)
            shipped = getattr(import_module(f"agentstate_lab.{module}"), attribute)
            if bare(cell.source) != bare(inspect.getsource(shipped)):
                yield f"{cell.id}: {name} has drifted from the package"


def bare(source):
    """Source without docstrings and layout."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            node.body = node.body[1:] or [ast.Pass()]
    return ast.dump(tree)


RULES = [
    has_a_sound_size,
    has_short_cells,
    uses_plain_words,
    begins_with_one_call,
    was_run,
    tags_few_cells,
    describes_its_figures,
    is_steady,
    asks_before_it_tells,
    lists_the_package_code,
]
