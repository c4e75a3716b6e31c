"""
The learner's own copies of the notebooks and exercises, in `work/`.

The tracked folders hold the course as it is read: executed, with every answer on the
screen. Whoever works through it needs copies without outputs, where a prediction comes
before its answer. `lay` puts them into `work/`, which git ignores, and never writes
over what is there; `reset` in the room `practice` does that, on request.

What was laid is remembered by a digest, so that a newer version of the course can be
told from a copy that the learner has worked in.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agentstate_lab.errors import InvalidValue
from agentstate_lab.state import fingerprint
from agentstate_lab.stores import atomic_write

from .notebook_file import read_notebook, write_notebook

WORK = "work"
NOTEBOOKS = "notebooks"
EXERCISES = "exercises"
LAID = ".laid.json"


@dataclass(frozen=True, slots=True)
class Laid:
    """
    What `lay` did, each as a path from the root of the repository.

    Attributes:
        new: Copies that were not there.

        newer: Copies that were left alone although their original has changed.
    """

    new: tuple[str, ...]
    newer: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"{WORK}/: {len(self.new)} new copies"] if self.new else []
        for path in self.newer:
            short = path.removeprefix(f"{WORK}/").removesuffix(".ipynb")
            lines.append(
                f"{path}: the course has a newer version; `agentstate-lab reset"
                f" {short}` takes it and keeps yours"
            )
        return "\n".join(lines)


def working_copy(root: Path, folder: str, stem: str) -> Path:
    """The learner's copy of a notebook when there is one, else the tracked file."""
    copy = root / WORK / folder / f"{stem}.ipynb"
    return copy if copy.is_file() else root / folder / copy.name


def untouched(original: Path) -> str:
    """
    What a learner begins with: the notebook at *original* without outputs.

    Raises:
        InvalidValue: The file is missing or no notebook.
    """
    notebook = read_notebook(original)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return write_notebook(notebook)


def lay(root: Path) -> Laid:
    """
    Put a copy of each notebook and exercise into `work/`, unless one is there.

    Args:
        root: The repository.

    Raises:
        InvalidValue: An original cannot be read, or `work/` cannot be written.
    """
    known = _known(root)
    new, newer = [], []
    for original in _originals(root):
        path = original.relative_to(root).as_posix()
        text = untouched(original)
        copy = root / WORK / path
        if not copy.exists():
            put(root, original, text)
            new.append(f"{WORK}/{path}")
        elif known.get(path, "") != fingerprint(text) and _differs(copy, text):
            newer.append(f"{WORK}/{path}")
    return Laid(tuple(new), tuple(newer))


def put(root: Path, original: Path, text: str) -> Path:
    """
    Write *text* as the working copy of *original*, and remember what was written.

    Raises:
        InvalidValue: `work/` cannot be written.
    """
    path = original.relative_to(root).as_posix()
    copy = root / WORK / path
    try:
        copy.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(copy, text.encode(), mode=0o644)
        known = _known(root) | {path: fingerprint(text)}
        record = json.dumps(known, indent=1, sort_keys=True) + "\n"
        atomic_write(root / WORK / LAID, record.encode(), mode=0o644)
    except OSError as error:
        raise InvalidValue(
            f"{WORK}/", f"cannot be written ({error.strerror}); make room or rights"
        ) from error
    return copy


def _originals(root: Path) -> Iterator[Path]:
    for folder in (NOTEBOOKS, EXERCISES):
        yield from sorted((root / folder).glob("*.ipynb"))


def _known(root: Path) -> dict[str, str]:
    """The digests of what was laid; a file that cannot be read says nothing."""
    try:
        found = json.loads((root / WORK / LAID).read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _differs(copy: Path, text: str) -> bool:
    """Whether the learner's copy differs from *text* in more than its outputs."""
    try:
        return untouched(copy) != text
    except InvalidValue:
        return True  # half a file is not the new version
