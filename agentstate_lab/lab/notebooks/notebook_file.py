"""
A notebook as a file: read with a clear error, written without traces of a machine.

What a tool writes into a notebook (the version of Python, times, states of widgets)
differs from machine to machine and would hide what has changed. `write_notebook`
leaves the cells, their tags, and nothing else; `unsteady` names what in an output
would differ from run to run.

Nothing here runs a cell; that is `freeze`.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agentstate_lab.errors import InvalidValue

CRASH = "crash"
SOLUTION_ONLY = "solution-only"

_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}

# What must not be stored: it differs from run to run or from machine to machine.
UNSTEADY = {
    # `/var/log` is the disk scenario's own, and the same everywhere.
    "a path": re.compile(
        r"(?<![\w.])/(?!var/log\b)(?:tmp|home|root|Users|var|private|work|mnt|opt|usr)/[\w.-]+"
        r"|\b[A-Z]:\\[\w.-]+"
    ),
    "an address with a port": re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\]):\d+"),
    "the address of an object": re.compile(r"\b0x[0-9a-f]{6,}\b"),
    "a random id": re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"),
    "a date and time": re.compile(r"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d"),
    "a process id": re.compile(r"\bpid[ =:]+\d+", re.I),
}


def read_notebook(path: Path) -> Any:
    """The notebook as nbformat gives it."""
    import nbformat

    try:
        return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    except FileNotFoundError:
        raise InvalidValue(str(path), "there is no such notebook") from None
    except Exception as error:
        raise InvalidValue(
            path.name, f"cannot be read as a notebook ({type(error).__name__})"
        ) from error


def write_notebook(notebook: Any) -> str:
    """The notebook as text: steady ids, and no metadata of one machine."""
    import nbformat

    notebook.nbformat, notebook.nbformat_minor = 4, 5
    notebook.metadata = nbformat.from_dict(_METADATA)  # type: ignore[no-untyped-call]
    seen: set[str] = set()
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.get("id") in {None, "", *seen}:
            cell["id"] = f"cell-{number:02}"
        seen.add(cell["id"])
        kept = {k: v for k, v in cell.metadata.items() if k in {"tags", "listing"}}
        cell.metadata = nbformat.from_dict(kept)  # type: ignore[no-untyped-call]
    nbformat.validate(notebook)
    text: str = nbformat.writes(notebook)  # type: ignore[no-untyped-call]
    return text.rstrip("\n") + "\n"


def tags(cell: Any) -> list[str]:
    """The tags of a cell."""
    return list(cell.get("metadata", {}).get("tags", []))


def unsteady(cell: Any) -> str:
    """What in a cell's outputs would differ from run to run, or an empty text."""
    for output in cell.get("outputs", []):
        for text in _texts(output):
            for what, pattern in UNSTEADY.items():
                if found := pattern.search(text):
                    return f"its output holds {what} ({found[0]}); print it otherwise"
    return ""


def _texts(output: Any) -> Iterator[str]:
    """Every text in an output; pictures are no text."""
    if output.get("output_type") == "stream":
        yield output["text"]
    elif output.get("output_type") == "error":
        yield "\n".join(output["traceback"])
    for kind, data in output.get("data", {}).items():
        if kind.startswith("text/") and isinstance(data, str):
            yield re.sub(r"data:image/\w+;base64,[\w+/=]*", "", data)
