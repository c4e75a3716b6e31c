"""
Assemble the book's sources, build the site, and look at every page of it.

    python book/build.py [--into build/book]      `make book`

The notebooks and results are taken as they are stored; the pages of the exercises and
of the rooms are written from the solutions and the doors. Nothing is executed. The
site is a folder of files: open `index.html`, with or without a network.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from check import troubles

ROOT = Path(__file__).resolve().parents[1]
BOOK = ROOT / "book"
# A warning is an error: a dead link, a page that no other page leads to.
SPHINX = (
    sys.executable,
    "-m",
    "sphinx",
    "-W",
    "--keep-going",
    "-q",
    "-j",
    "auto",
    "-b",
    "html",
)
CARRIED_ON = ("CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")
RESULTS = ("RESULTS", "CUBE", "FRAMEWORKS")
# Sphinx leads Markdown's links to the pages; an output's own HTML it leaves as it is.
LINK_IN_HTML = re.compile(r'(href=\\"[\w./-]+)\.ipynb(?=\\")')
FOLD = "The solution, and a tempting wrong answer"

Cell = dict[str, Any]


def main() -> int:
    """Build, check, and say where it is; 1 when a page has a trouble."""
    parser = argparse.ArgumentParser(description=__doc__, add_help=False)
    parser.add_argument("--into", type=Path, default=ROOT / "build" / "book")
    into: Path = parser.parse_args().into
    source, site = into / "source", into / "site"
    shutil.rmtree(into, ignore_errors=True)
    assemble(source)
    built = subprocess.run(
        [*SPHINX, str(source), str(site)],
        check=False,
    )
    found = troubles(site) if built.returncode == 0 else ["it was not built"]
    print(*found, sep="\n")
    print(f"the book: {site / 'index.html'}" if not found else "the book: FAILED")
    return int(bool(found))


def assemble(source: Path) -> None:
    """Write all sources of the book into the folder *source*."""
    shutil.copytree(BOOK, source, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    shutil.copy(BOOK / "conf.py", source)
    for name in CARRIED_ON:
        shutil.copy(ROOT / name, source)
    for page in source.rglob("*.md"):
        page.write_text(relinked(page.read_text("utf-8")), "utf-8")
    (source / "notebooks").mkdir()
    for lesson in sorted((ROOT / "notebooks").glob("*.ipynb")):
        text = LINK_IN_HTML.sub(r"\1.html", lesson.read_text("utf-8"))
        (source / "notebooks" / lesson.name).write_text(text, "utf-8")
    (source / "exercises").mkdir()
    for solution in sorted((ROOT / "exercises" / "solutions").glob("*.ipynb")):
        page = source / "exercises" / solution.name
        page.write_text(json.dumps(exercise_page(solution)), "utf-8")
    (source / "results").mkdir()
    for kept in (ROOT / "benchmarks").iterdir():
        if kept.suffix in {".md", ".json", ".png", ".svg"}:
            shutil.copy(kept, source / "results")
    write_lists(source)


def relinked(text: str) -> str:
    """A page whose links lead through the book, not through the repository."""
    text = re.sub(r"\]\(((?:\.\./)*)\.\./notebooks/", r"](\1notebooks/", text)
    text = re.sub(r"\]\(((?:\.\./)*)\.\./benchmarks/", r"](\1results/", text)
    return re.sub(r"\]\((?:book/|\.\./(?=[A-Z]+\.md))", "](", text)


def exercise_page(solution: Path) -> dict[str, Any]:
    """An exercise as it is handed out, with its solution's discussion behind a fold."""
    notebook: dict[str, Any] = json.loads(solution.read_text("utf-8"))
    handed_out = json.loads((ROOT / "exercises" / solution.name).read_text("utf-8"))
    folded = "\n\n".join(filter(None, map(told, notebook["cells"])))
    fold = f"::::::{{dropdown}} {FOLD}\n\n{folded}\n\n::::::\n"
    cells = [*handed_out["cells"], markdown("solution", fold)]
    return {**notebook, "cells": cells}


def markdown(name: str, text: str) -> Cell:
    """A cell of text."""
    return {
        "cell_type": "markdown",
        "id": name,
        "metadata": {},
        "source": text.splitlines(keepends=True),
    }


def told(cell: Cell) -> str:
    """What of a solution's cell stands behind the fold, as text."""
    text = "".join(cell["source"])
    only_there = "solution-only" in cell["metadata"].get("tags", [])
    if cell["cell_type"] == "markdown":
        return _without_headings(text) if only_there else ""
    if only_there or "# solution begin" in text:
        return f"```python\n{text}\n```" + "".join(map(printed, cell["outputs"]))
    return ""


def printed(output: Cell) -> str:
    """An output as text: what was printed, or the plain form of what was shown."""
    text = "".join(
        output.get("text") or output.get("data", {}).get("text/plain", "")
    ).rstrip()
    return f"\n\n```text\n{text}\n```" if text else ""


def _without_headings(text: str) -> str:
    """Headings as bold lines: a fold has no place in the table of contents."""
    return "\n".join(
        f"**{line.lstrip('# ')}**" if line.startswith("#") else line
        for line in text.splitlines()
    )


def write_lists(source: Path) -> None:
    """The pages that list what there is: lessons, exercises, results, rooms."""
    lessons = [f"../notebooks/{one.stem}" for one in (source / "notebooks").iterdir()]
    practice = [f"../exercises/{one.stem}" for one in (source / "exercises").iterdir()]
    results = [
        name for name in RESULTS if (source / "results" / f"{name}.md").is_file()
    ]
    lists = source / "lists"
    lists.mkdir()
    page(lists / "lessons.md", "Lessons", "Read them in their order.", sorted(lessons))
    page(lists / "exercises.md", "Exercises", CARD, sorted(practice))
    page(source / "results" / "index.md", "Results", MEASURED, results)
    (source / "api").mkdir()
    core, lab = [], []
    for name in rooms():
        room = source / "api" / f"{name}.md"
        room.write_text(room_page(name), "utf-8")
        (lab if name.startswith("lab") else core).append(name)
    page(source / "api" / "index.md", "The package, room by room", CORE, core)
    page(source / "api" / "stage.md", "The stage, room by room", STAGE, lab)


CARD = """Each page is the exercise as it is handed out. Its solution is behind a fold.
To have an answer judged, work in the notebook: `make lab` puts a copy into `work/`."""
MEASURED = """What was measured, and when. Each page names the command that measures
it again."""
CORE = """What an agent is built on, from the ground up: each room stands on those
before it. The names are those that the room hands out at its door."""
STAGE = """The outside world that keeps count, the crash lab, and what the lessons and
exercises need. None of it is needed by an agent at work."""


def page(path: Path, title: str, text: str, parts: list[str]) -> None:
    """A page that leads to others."""
    listed = "\n".join(parts)
    path.write_text(
        f"# {title}\n\n{text}\n\n```{{toctree}}\n:maxdepth: 1\n\n{listed}\n```\n",
        "utf-8",
    )


def rooms() -> Iterator[str]:
    """
    The rooms and ground modules that have something to hand out.

    What a scene or a check hands out is for its notebook alone, and is seen there.
    """
    package = ROOT / "agentstate_lab"
    yield from ("errors", "deadline")
    for door in sorted(package.rglob("__init__.py")):
        name = ".".join(door.parent.relative_to(package).parts)
        shown = not name.startswith(("lab.scenes.", "lab.exercises"))
        if name and shown and "__all__" in door.read_text("utf-8"):
            yield name


def room_page(name: str) -> str:
    """The page of a room, from its door's docstring and those of its names."""
    ground = (ROOT / "agentstate_lab" / f"{name}.py").is_file()
    handed_out = "" if ground else "   :imported-members:\n"
    auto = f".. automodule:: agentstate_lab.{name}\n   :members:\n{handed_out}"
    return f"# `{name}`\n\n```{{eval-rst}}\n{auto}```\n"


if __name__ == "__main__":
    sys.exit(main())
