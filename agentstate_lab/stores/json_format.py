"""
The one JSON file as bytes: how it is written, and when it is believed.

The first line carries the format, its version, and a digest of all that follows,
so that a file which is torn, altered, newer or not ours is known before it is
believed. Then comes one task a line. Steps and messages, where there are any, stand
behind the tasks, again one task a line, and make it a file of version 2; without
them the file is one that the first version could have written.

    {"format":"...","schema_version":2,"sha256":"...","tasks":{
    "shop":{...}
    },"history":{
    "shop":{...}
    }}

This module opens no file: it turns content into bytes and bytes into content.
"""

import hashlib
import json
import re
from dataclasses import dataclass, field, replace
from typing import Self

from agentstate_lab.errors import StoreForeign, StoreTooNew, StoreTorn
from agentstate_lab.state import (
    History,
    Task,
    record_from_json,
    record_to_json,
    task_from_json,
    task_to_json,
)

FORMAT = "agentstate-lab tasks"
FORMAT_VERSION = 2

_MARK = f'{{"format":"{FORMAT}","schema_version":'.encode()
_HEAD = re.compile(
    re.escape(_MARK) + rb'(\d{1,9}),"sha256":"([0-9a-f]{64})","tasks":\{\n'
)
_BETWEEN = '\n},"history":{\n'
_TAIL = "\n}}\n"


@dataclass(frozen=True, slots=True)
class Content:
    """
    What a file holds: lines by task id, which are read only when they are asked for.

    Attributes:
        tasks: One line for each task.

        histories: One line for each task that has steps or messages.
    """

    tasks: dict[str, str] = field(default_factory=dict)
    histories: dict[str, str] = field(default_factory=dict)

    def task(self, task_id: str, where: str) -> Task | None:
        """The task of this id, if there is one."""
        line = self.tasks.get(task_id)
        return None if line is None else read_task(task_id, line, where)

    def history(self, task_id: str, where: str) -> History:
        """The steps and messages of a task."""
        line = self.histories.get(task_id)
        if line is None:
            return History()
        place = f"{where}, task {task_id!r}"
        return record_from_json(History, _value_in(line), where=place)

    def with_task(self, task: Task) -> Self:
        """This content with *task* in its place."""
        return replace(self, tasks={**self.tasks, task.id: task_line(task)})

    def with_history(self, task_id: str, history: History) -> Self:
        """This content with the *history* of a task in its place."""
        value = record_to_json(history, f"task {task_id!r}")
        line = f"{json.dumps(task_id)}:{value}"
        return replace(self, histories={**self.histories, task_id: line})


def render(content: Content) -> bytes:
    """The bytes of the file: a head with a digest, then one task a line."""
    body = ",\n".join(content.tasks.values())
    if content.histories:
        body += _BETWEEN + ",\n".join(content.histories.values())
    data = (body + _TAIL).encode()
    version = 2 if content.histories else 1
    digest = hashlib.sha256(data).hexdigest().encode()
    return _MARK + b'%d,"sha256":"%s","tasks":{\n' % (version, digest) + data


def parse(raw: bytes, where: str) -> Content:
    """
    The content of a whole file.

    Raises:
        StoreTorn, StoreForeign, StoreTooNew: The reason why it is not believed.
    """
    head = _HEAD.match(raw)
    if head and int(head[1]) <= FORMAT_VERSION:
        body = raw[head.end() :]
        if hashlib.sha256(body).hexdigest().encode() == head[2]:
            text = body.decode().removesuffix(_TAIL)
            tasks, _, histories = text.partition(_BETWEEN)
            return Content(_lines(tasks), _lines(histories))
    raise _refusal(raw, where)


def task_line(task: Task) -> str:
    """One line of the file: the id, a colon, the task."""
    return f"{json.dumps(task.id)}:{task_to_json(task)}"


def read_task(task_id: str, line: str, where: str) -> Task:
    """The task in one line of the file."""
    return task_from_json(_value_in(line), where=f"{where}, task {task_id!r}")


def _lines(text: str) -> dict[str, str]:
    """The lines by the id that each begins with. No line break is inside a value."""
    return {_id_in(line)[0]: line for line in text.split(",\n") if line}


def _value_in(line: str) -> str:
    """What stands behind the id and the colon."""
    return line[_id_in(line)[1] + 1 :]


def _id_in(line: str) -> tuple[str, int]:
    """The id that a line begins with, and where it ends."""
    task_id, end = json.JSONDecoder().raw_decode(line)
    return task_id, end


def _refusal(raw: bytes, where: str) -> Exception:
    """Name what a file is that is not a whole file of this version."""
    version = re.match(re.escape(_MARK) + rb"(\d{1,9})\b", raw)
    if version and int(version[1]) > FORMAT_VERSION:
        return StoreTooNew(
            where,
            f"has format version {int(version[1])}, this course reads up to"
            f" {FORMAT_VERSION}; update agentstate-lab. The file was not touched",
        )
    if raw.startswith(_MARK) or _MARK.startswith(raw):
        return StoreTorn(
            where,
            f"is cut off or altered ({len(raw)} bytes, the digest does not match)."
            " It was not touched: move it aside, or put a copy back",
        )
    return StoreForeign(
        where,
        "was not written by this store. It was not touched: name another path",
    )
