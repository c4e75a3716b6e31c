"""
The result as JSON, kept row by row, so that what was measured is not measured again.

A row is fresh as long as the versions of its packages are those that are installed.
The page and the picture are drawn from this record, and so is notebook 12.
"""

import json
from pathlib import Path
from typing import Any

from agentstate_lab.errors import InvalidValue
from agentstate_lab.lab.home import repository_root
from agentstate_lab.stores import atomic_write

from .contender import Contender

FILE = "frameworks.json"
Row = dict[str, Any]


def kept(folder: Path | None = None) -> dict[str, Row]:
    """
    The rows of the last results, by name.

    Args:
        folder: Where they are; by default, `benchmarks` of this repository.

    Raises:
        InvalidValue: The file is not such a record. It is left as it is.
    """
    file = (folder or (repository_root() or Path()) / "benchmarks") / FILE
    if not file.is_file():
        return {}
    try:
        rows: dict[str, Row] = json.loads(file.read_bytes())["rows"]
        if not all(isinstance(row["versions"], dict) for row in rows.values()):
            raise TypeError("a row without versions")
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InvalidValue(
            "record", f"{file.name} holds no results ({error}); it was left as it is"
        ) from error
    return rows


def keep(folder: Path, name: str, row: Row, order: list[str]) -> None:
    """Put one row into the record, in one piece, with the others as they are there."""
    rows = {**kept(folder), name: row}
    rows = {name: rows[name] for name in [*order, *rows] if name in rows}
    text = json.dumps({"rows": rows}, indent=1, ensure_ascii=False)
    # It holds counts and is committed, so everybody may read it.
    atomic_write(folder / FILE, f"{text}\n".encode(), mode=0o644)


def is_fresh(contender: Contender, row: Row | None) -> bool:
    """Whether *row* was measured with what is installed."""
    return row is not None and row["versions"] == contender.versions
