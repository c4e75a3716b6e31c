"""
The rules that every notebook keeps, each a function that returns complaints.

A rule takes a notebook as nbformat reads it. An empty list means that it is kept.
`test_notebooks.py` shows that each of them can fail.
"""

import ast
import builtins
import inspect
import re
import statistics
from collections import Counter
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

from agentstate_lab.lab.notebooks.notebook_file import CRASH, tags, unsteady

Rule = Callable[[Any], list[str]]

BANNED = re.compile(r"\b(simply|just|obviously|exactly[ -]once)\b", re.I)
FENCE = re.compile(r"^(```|~~~).*?^\1", re.M | re.S)
FOLDED = re.compile(r"<details>.*?</details>", re.S)
SCANNED = re.compile(r"\s*(#|\||[-*] |\d+\. )")
PACKAGE = "agentstate_lab"
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def named(cell: Any) -> str:
    """A cell, for a complaint."""
    return f"cell {cell.get('id', '?')}"


def code_cells(notebook: Any) -> list[Any]:
    """The code cells, in order."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def prose(notebook: Any) -> Iterator[tuple[Any, str]]:
    """The text of each Markdown cell, without blocks of code."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            yield cell, FENCE.sub("", cell.source)


def short_texts(notebook: Any) -> list[str]:
    """
    At most 80 words of running text in a cell.

    A heading, a table, a list and a folded answer are looked through, not read.
    """
    found = []
    for cell, text in prose(notebook):
        kept = [
            line
            for line in FOLDED.sub("", text).splitlines()
            if not SCANNED.match(line)
        ]
        if (count := len(" ".join(kept).split())) > 80:
            found.append(f"{named(cell)}: {count} words, at most 80")
    return found


def lines(cell: Any) -> list[str]:
    """The lines of a cell that are not blank."""
    return [line for line in cell.source.splitlines() if line.strip()]


def length(cell: Any) -> int:
    """How many lines there are to read; an import is one, however it is wrapped."""
    wrapped = sum(node.end_lineno - node.lineno for node in imports(cell))
    return len(lines(cell)) - wrapped


def imports(cell: Any) -> list[Any]:
    """What a cell imports, statement by statement."""
    found = (ast.Import, ast.ImportFrom)
    return [
        node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, found)
    ]


def one_title(notebook: Any) -> list[str]:
    """One H1, and the notebook begins with it."""
    titles = [
        cell
        for cell, text in prose(notebook)
        for line in text.splitlines()
        if line.startswith("# ")
    ]
    first = notebook.cells[0] if notebook.cells else None
    if len(titles) != 1:
        return [f"{len(titles)} titles (H1), not one"]
    return [] if titles[0] is first else ["the title is not in the first cell"]


def a_lesson_long(notebook: Any) -> list[str]:
    """Between 25 and 50 cells."""
    count = len(notebook.cells)
    return [] if 25 <= count <= 50 else [f"{count} cells, not 25 to 50"]


def a_few_sections(notebook: Any) -> list[str]:
    """Four to eight sections (H2)."""
    sections = sum(
        line.startswith("## ")
        for _, text in prose(notebook)
        for line in text.splitlines()
    )
    return [] if 4 <= sections <= 8 else [f"{sections} sections, not 4 to 8"]


def asks_before_it_tells(notebook: Any) -> list[str]:
    """It predicts, claims, reviews and asks, and it counts on the crash matrix."""
    text = "\n".join(text for _, text in prose(notebook))
    sources = [cell.source for cell in code_cells(notebook)]
    least = (
        ("predictions", text.count("**Predict") + sum(map(asks, sources)), 2),
        ("Spot the bug", text.count("Spot the bug"), 1),
        ("folded answers", text.count("<details>"), 4),
        ("**Next:**", text.count("**Next:**"), 1),
        ("crash_matrix", sum("crash_matrix(" in source for source in sources), 1),
    )
    return [f"{n} of {what}, not {wanted}" for what, n, wanted in least if n < wanted]


def asks(source: str) -> bool:
    """Whether a cell asks the reader for a guess."""
    return re.search(r"\bpredict\(", source) is not None


def no_answer_under_a_question(notebook: Any) -> list[str]:
    """
    Between a guess and its outcome stands no number that gives the outcome away.

    What is asserted below a question is its answer, and a reader sees it first.
    """
    found, guessing = [], False
    for cell in code_cells(notebook):
        guessing = guessing or asks(cell.source)
        if guessing and re.search(r"^\s*assert .*\d", cell.source, re.M):
            found.append(f"{named(cell)}: asserts a number under a question")
        if ".compare(" in cell.source:
            guessing = False
    return found + (["a guess is never compared"] if guessing else [])


def short_cells(notebook: Any) -> list[str]:
    """At most 25 lines of code, 40 in a listing."""
    found = []
    for cell in code_cells(notebook):
        most = 40 if cell.metadata.get("listing") else 25
        if length(cell) > most:
            found.append(f"{named(cell)}: {length(cell)} lines, at most {most}")
    return found


def small_cells(notebook: Any) -> list[str]:
    """Most cells are a few lines: the median is five at most."""
    median = statistics.median(map(length, code_cells(notebook)))
    return [] if median <= 5 else [f"half of the cells have more than {median} lines"]


def short_lines(notebook: Any) -> list[str]:
    """At most 76 columns of code."""
    return [
        f"{named(cell)}: {len(line)} columns: {line[:30]} ..."
        for cell in code_cells(notebook)
        for line in lines(cell)
        if len(line) > 76
    ]


def honest_words(notebook: Any) -> list[str]:
    """No word that calls something easy, and no promise that nobody can keep."""
    return [
        f"{named(cell)}: {found[0]!r}"
        for cell, text in prose(notebook)
        for found in BANNED.finditer(text)
    ]


def few_crashes(notebook: Any) -> list[str]:
    """At most two cells that kill the kernel, left out by every tool, unrun."""
    crashes = [cell for cell in notebook.cells if CRASH in tags(cell)]
    found = [f"{len(crashes)} cells kill the kernel"] if len(crashes) > 2 else []
    for cell in crashes:
        if "nbval-skip" not in tags(cell):
            found.append(f"{named(cell)}: not tagged nbval-skip")
        if cell.get("outputs") or cell.get("execution_count"):
            found.append(f"{named(cell)}: has outputs")
    return found


def few_exceptions_to_comparing(notebook: Any) -> list[str]:
    """At most two cells whose outputs are not compared."""
    loose = {"nbval-skip", "nbval-ignore-output"}
    marked = [cell for cell in notebook.cells if loose & set(tags(cell))]
    marked += [cell for cell in code_cells(notebook) if "NBVAL_" in cell.source]
    return [f"{len(marked)} cells are not compared"] if len(marked) > 2 else []


def by_the_door(notebook: Any) -> list[str]:
    """What comes from the package is handed out by a room, and is public."""
    return [
        f"{named(cell)}: {why}"
        for cell in code_cells(notebook)
        for node in imports(cell)
        for why in _past_the_door(node)
    ]


def _past_the_door(node: Any) -> Iterator[str]:
    """What an import names that no door hands out."""
    names = [alias.name for alias in node.names]
    modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else names
    for name in {*modules, *names}:
        if re.search(r"(^|\.)_(?!_)", name):
            yield f"imports {name}, which may change without notice"
    for module in modules:
        if module.partition(".")[0] != PACKAGE:
            continue
        room = import_module(module)
        inside = module.rpartition(".")[0] not in {"", PACKAGE, f"{PACKAGE}.lab"}
        if inside and not hasattr(room, "__path__"):
            yield f"{module} stands inside a room"
        if isinstance(node, ast.ImportFrom):
            for name in sorted(set(names) - set(getattr(room, "__all__", names))):
                yield f"{module} does not hand out {name}"


def a_scene_once(notebook: Any) -> list[str]:
    """A room of scenes is imported once: there its names stand together."""
    modules = [
        node.module
        for cell in code_cells(notebook)
        for node in imports(cell)
        if isinstance(node, ast.ImportFrom) and ".scenes." in str(node.module)
    ]
    return [
        f"{one} is imported {n} times" for one, n in Counter(modules).items() if n > 1
    ]


def whole_after_a_restart(notebook: Any) -> list[str]:
    """
    Below a Restart, every name comes from the first cell or from there on.

    The reader runs the first code cell and goes on where the kernel died, unless the
    text has all cells run again.
    """
    cells = code_cells(notebook)
    again = any("Run All Above" in text for _, text in prose(notebook))
    died = [n for n, cell in enumerate(cells) if restarted(cell)]
    if again or not died:
        return []
    known, found = set(dir(builtins)), []
    for cell in [cells[0], *cells[died[0] :]]:
        made, used = names(cell)
        known |= made
        found += [f"{named(cell)}: {name} is gone" for name in sorted(used - known)]
    return found


def restarted(cell: Any) -> bool:
    """Whether the reader's kernel dies in this cell."""
    return cell.get("id") == "restart-run" or CRASH in tags(cell)


def names(cell: Any) -> tuple[set[str], set[str]]:
    """The names that a cell makes, wherever in it, and those that it reads."""
    made, used = set(), set()
    for node in ast.walk(ast.parse(cell.source)):
        match node:
            case ast.Name(name, ast.Load()):
                used.add(name)
            case ast.Name(name) | ast.arg(name) | ast.ExceptHandler(name=str(name)):
                made.add(name)
            case ast.FunctionDef(name) | ast.ClassDef(name):
                made.add(name)
            case ast.alias(name, other):
                made.add(other or name.partition(".")[0])
    return made, used


def one_call_to_begin(notebook: Any) -> list[str]:
    """The first code cell is one import and one call."""
    cells = code_cells(notebook)
    body = ast.parse(cells[0].source).body if cells else []
    forms = [type(statement) for statement in body]
    if forms not in ([ast.ImportFrom, ast.Assign], [ast.ImportFrom, ast.Expr]):
        return ["the first code cell is not one import and one call"]
    called = isinstance(body[1].value, ast.Call)
    return [] if called else ["the first code cell calls nothing"]


def executed(notebook: Any) -> list[str]:
    """Run from the top in one go, but for the cells that kill the kernel."""
    counts = [
        cell.execution_count for cell in code_cells(notebook) if CRASH not in tags(cell)
    ]
    right = list(range(1, len(counts) + 1))
    return [] if counts == right else [f"run in the order {counts}"]


def no_errors(notebook: Any) -> list[str]:
    """No cell ends in an error that is not its point."""
    return [
        f"{named(cell)}: {output.ename}"
        for cell in code_cells(notebook)
        for output in cell.outputs
        if output.output_type == "error" and "raises-exception" not in tags(cell)
    ]


def described_figures(notebook: Any) -> list[str]:
    """Every picture says what it shows."""
    found = []
    for cell in code_cells(notebook):
        for output in cell.outputs:
            data = output.get("data", {})
            shown = data.get("text/html", "")
            drawn = any(kind.startswith("image/") for kind in data)
            spoken = len(data.get("text/plain", "")) >= 10
            if (drawn and not (spoken and "<img" in shown)) or undescribed(shown):
                found.append(f"{named(cell)}: a figure without alt text")
    for cell, text in prose(notebook):
        if undescribed(text) or re.search(r"!\[\s*\]\(", text):
            found.append(f"{named(cell)}: a picture without alt text")
    return found


def a_figure(notebook: Any) -> list[str]:
    """At least one picture that answers a question."""
    drawn = any(
        "image/png" in output.get("data", {})
        for cell in code_cells(notebook)
        for output in cell.outputs
    )
    return [] if drawn else ["no figure"]


def undescribed(text: str) -> bool:
    """Whether an <img> in *text* has no alt text."""
    pictures = re.findall(r"<img\b[^>]*>", text)
    return any(not re.search(r'\balt="[^"]{10,}"', one) for one in pictures)


def steady_outputs(notebook: Any) -> list[str]:
    """No path, port, address or time in what is stored."""
    return [
        f"{named(cell)}: {said}"
        for cell in code_cells(notebook)
        if (said := unsteady(cell))
    ]


def steady_file(notebook: Any) -> list[str]:
    """Ids by hand or by program, and no trace of one machine."""
    found = []
    ids = Counter(cell.get("id") for cell in notebook.cells)
    found += [f"the id {one!r} is there twice" for one, n in ids.items() if n > 1]
    if dict(notebook.metadata.get("kernelspec", {})) != KERNEL:
        found.append("another kernel than python3")
    if dict(notebook.metadata.get("language_info", {})) != {"name": "python"}:
        found.append("the version of Python is stored")
    if extra := set(notebook.metadata) - {"kernelspec", "language_info"}:
        found.append(f"metadata of a tool: {', '.join(sorted(extra))}")
    for cell in notebook.cells:
        if extra := set(cell.metadata) - {"tags", "listing"}:
            found.append(f"{named(cell)}: metadata {', '.join(sorted(extra))}")
    return found


def true_listings(notebook: Any) -> list[str]:
    """A listing is the package's own code; it may drop docstrings."""
    found = []
    for cell in code_cells(notebook):
        if listing := cell.metadata.get("listing"):
            module, attribute = listing.rsplit(".", 1)
            shipped = getattr(import_module(f"agentstate_lab.{module}"), attribute)
            if bare(cell.source) != bare(inspect.getsource(shipped)):
                found.append(f"{named(cell)}: {listing} has drifted apart")
    return found


def bare(source: str) -> str:
    """The code without docstrings and comments, in one form."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            node.body = node.body[1:] or [ast.Pass()]
    return ast.dump(tree)


EVERY_NOTEBOOK: tuple[Rule, ...] = (
    one_title,
    short_lines,
    honest_words,
    short_texts,
    executed,
    no_errors,
    described_figures,
    steady_outputs,
    steady_file,
    true_listings,
    by_the_door,
)
EVERY_LESSON: tuple[Rule, ...] = (
    *EVERY_NOTEBOOK,
    a_lesson_long,
    a_few_sections,
    asks_before_it_tells,
    no_answer_under_a_question,
    a_figure,
    short_cells,
    small_cells,
    few_crashes,
    few_exceptions_to_comparing,
    one_call_to_begin,
    whole_after_a_restart,
    a_scene_once,
)
