"""
Begin anew: an exercise or a notebook as it was, with the learner's version kept.

A learner works in `work/` (see `lab.notebooks.work`). A reset writes that copy again,
also where it was not laid yet; where there is no `work/` at all, as in a class that
works in the tracked folders, it writes the exercise there. What was there is put aside
first, under the first free number, so that nothing is ever lost by a reset.
"""

from pathlib import Path, PurePath

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.exercises import EXERCISES, exercises_meant
from agentstate_lab.lab.home import home, repository_root
from agentstate_lab.lab.notebooks import WORK, put, stub_of, untouched
from agentstate_lab.stores import atomic_write

from .view import Reset

NOTEBOOKS = "notebooks"


def reset(name: str, *, root: Path | None = None) -> Reset:
    """
    Write an exercise or a notebook again, with the learner's version kept.

    Args:
        name: An exercise by its name, number or file, or a notebook by its folder and
            name: "notebooks/03_idempotency".

        root: The repository; by default, the one that this package runs from.

    Raises:
        InvalidValue: There is no such exercise or notebook, or no repository to take
            it from; nothing was changed.
    """
    said = PurePath(str(name).removesuffix(".ipynb"))
    lesson = said.parent.name == NOTEBOOKS
    stem = said.name if lesson else exercises_meant(said.name)[0].stem
    root = root or repository_root()
    if root is None:
        raise InvalidValue(
            "reset", "needs the course's repository; the package runs without one"
        )
    original = root / (NOTEBOOKS if lesson else "exercises") / f"{stem}.ipynb"
    if lesson:
        fresh = untouched(original)
    else:  # from its solution: the tracked stub may have been solved
        fresh = stub_of(root / "exercises" / "solutions" / f"{stem}.ipynb")
    at_work = lesson or (root / WORK).is_dir()
    path = root / WORK / original.relative_to(root) if at_work else original
    found = path.read_bytes() if path.is_file() else None
    kept = _keep(found, stem) if found not in (None, fresh.encode()) else None
    if at_work:
        put(root, original, fresh)
    elif found != fresh.encode():
        atomic_write(path, fresh.encode(), mode=0o644)
    names = tuple(one.name for one in EXERCISES.values() if one.stem == stem)
    return Reset(path, kept, () if lesson else names)


def _keep(content: bytes | None, stem: str) -> Path:
    """Put the learner's version aside under the first free number."""
    folder = home() / "answers"
    folder.mkdir(mode=0o700, exist_ok=True)
    number = 1
    while (kept := folder / f"{stem}.{number}.ipynb").exists():
        number += 1
    atomic_write(kept, content or b"")
    return kept
