"""
What a store keeps of a task: one line of JSON that outlives the code.

Code is replaced more often than data. So each line carries a schema version:
an older one is brought up to date when it is read, step by step, and a newer one
is refused, because dropping the fields one does not know destroys them.

JSON cannot carry everything that Python can hold. A line is therefore read back
before it is handed out; what would come back changed is refused on the way in,
where somebody can still do something about it. Nothing is ever pickled: reading
a pickle runs whatever code its writer chose.
"""

import contextlib
import datetime
import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from agentstate_lab.errors import InvalidValue, StoreTooNew, StoreTorn

from .agent_state import SCHEMA_VERSION, Record
from .task import Task, reason

RecordT = TypeVar("RecordT", bound=Record)

# Larger results belong into artifacts; a store must be able to promise a size.
MAX_BYTES = 32 * 1024 * 1024


def task_to_json(task: Task) -> str:
    """
    The one line that a store keeps for *task*; see `record_to_json`.

    Raises:
        InvalidValue: The task cannot be stored, with the reason.
    """
    return record_to_json(task, f"task {task.id!r}")


def record_to_json(record: Record, name: str) -> str:
    """
    The one line that a store keeps for *record*.

    It is read back before it is handed out: what would not come back as it was
    (NaN, half of a surrogate pair, 10,000 brackets) is refused, not changed.

    Args:
        record: Anything that a store keeps.

        name: What to call it in an error.

    Raises:
        InvalidValue: It cannot be stored, with the reason.
    """
    try:
        line = record.model_dump_json()
        size = len(line.encode())
        same = size <= MAX_BYTES and type(record).model_validate_json(line) == record
    except ValueError as error:  # pydantic's errors and UnicodeError are ValueErrors
        raise InvalidValue(
            name, f"cannot be stored as JSON: {reason(error)}"
        ) from error
    if size > MAX_BYTES:
        raise InvalidValue(
            name,
            f"is {size} bytes, the limit is {MAX_BYTES}; keep large results as"
            " artifacts",
        )
    if not same:
        raise InvalidValue(
            name, "holds a value that JSON cannot carry, such as NaN or infinity"
        )
    return line


def clean(text: str) -> str:
    r"""
    The text without halves of surrogate pairs, which no store keeps.

    >>> clean("caf\xe9"), clean("half \ud800")
    ('café', 'half ?')
    """
    return text.encode("utf-8", "replace").decode()


def record_from_json(kind: type[RecordT], line: str | bytes, *, where: str) -> RecordT:
    """
    The record of this *kind* in a stored *line*.

    Raises:
        StoreTooNew: A newer version of the course wrote it.
        StoreTorn: It is no such record.
    """
    try:
        return kind.model_validate_json(line)
    except ValidationError as error:
        refuse_newer(line, where, error)
        raise _torn("record", where, error) from error


def _torn(what: str, where: str, error: ValidationError) -> StoreTorn:
    """What is wrong with a line, in the words of a store and not of a parser."""
    cut = error.errors(include_input=False, include_url=False)[0]["type"]
    why = "it is cut off or altered" if cut == "json_invalid" else reason(error)
    return StoreTorn(
        where,
        f"holds no readable {what}: {why}. It was not touched: put a copy back",
    )


def refuse_newer(line: str | bytes, where: str, error: Exception) -> None:
    """Raise `StoreTooNew` when the record in *line*, or a part, is beyond ours."""
    newest = 0
    with contextlib.suppress(ValueError, TypeError, AttributeError, RecursionError):
        fields = json.loads(line)
        more = [*fields.get("steps", []), *fields.get("checkpoints", [])]
        records = [fields, *more]
        parts = [*records, *(one.get("agent_state") or {} for one in records)]
        newest = max(part.get("schema_version", 0) for part in parts)
    if newest > SCHEMA_VERSION:
        raise StoreTooNew(
            where,
            f"a record has schema version {newest}, this course reads up to"
            f" {SCHEMA_VERSION}; update agentstate-lab",
        ) from error


def task_from_json(line: str | bytes, *, where: str = "task") -> Task:
    """
    The task in a stored *line*, upgraded if an older version wrote it.

    Args:
        line: What `task_to_json` returned, now or years ago.

        where: The file or table, for the error message.

    Raises:
        StoreTooNew: A newer version of the course wrote it.

        StoreTorn: It is not a task.
    """
    try:
        return Task.model_validate_json(line)
    except ValidationError as error:
        return _older(line, where, error)


def _older(line: str | bytes, where: str, error: ValidationError) -> Task:
    """Upgrade step by step; only lines that are not current come here."""
    refuse_newer(line, where, error)
    try:
        fields = json.loads(line)
        version = fields.get("schema_version", 0)
        while version in UPGRADES:
            fields = UPGRADES[version](fields)
            version = fields["schema_version"]
        return Task.model_validate_json(json.dumps(fields))
    except (ValueError, TypeError, AttributeError, RecursionError) as cause:
        raise _torn("task", where, error) from cause


def _from_version_0(fields: dict[str, Any]) -> dict[str, Any]:
    """The record everyone starts with: no version, and times as text."""
    times = {
        name: _instant(fields[name])
        for name in ("created_at", "updated_at")
        if isinstance(fields.get(name), str)
    }
    return {**fields, **times, "schema_version": 1, "version": 1}


def _instant(text: str) -> float:
    """
    The seconds since the epoch of a time as text.

    Without a zone it is read as UTC: the zone of the machine that reads it would make
    of one record another instant in each place.
    """
    time = datetime.datetime.fromisoformat(text)
    if time.tzinfo is None:
        time = time.replace(tzinfo=datetime.UTC)
    return time.timestamp()


UPGRADES: Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]] = {
    0: _from_version_0,
}
