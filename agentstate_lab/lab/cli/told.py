"""
A stored task, told to a person in lines and to a program as JSON.

Both say the same: where the task stands and since when, who has it, what it asks, how
far it is, what is used of its budget, what nobody knows, and its last words. What a
person decides on is told whole: questions, and the calls that wait, with all of their
arguments. Anything else that is long is cut, and says so.

It reads and changes nothing. Times of day come in as arguments.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from agentstate_lab.checkpoint import open_calls
from agentstate_lab.state import StepRecord, StepStatus, Task, TaskState, visible
from agentstate_lab.stores import StepStore, whereabouts

MAX_STEPS = 20  # of those that are done; every other one is told
MAX_TEXT = 2_000
MAX_LINE = 200

UNKNOWN = "unknown"  # begun, and never reported, by a run that is over


def task_json(store: StepStore, task: Task, now: float) -> dict[str, Any]:
    """
    All that is known of a task, for a program.

    Args:
        store: Where its steps are.

        task: As it is stored.

        now: Seconds since the epoch.
    """
    budget = task.agent_state.budget
    return {
        **row_json(task, now),
        "user_input": task.user_input,
        "result": task.result,
        "steps": [
            {
                "name": step.name,
                "status": status_of(task, step),
                "attempt": step.attempt,
                "result": step.result,
                "error": step.error,
            }
            for step in store.steps(task.id)
        ],
        "open_calls": _open_calls(store, task),
        "budget": budget.model_dump(mode="json"),
        "seconds_left": seconds_left(task, now),
    }


def row_json(task: Task, now: float) -> dict[str, Any]:
    """What a list says of a task, for a program."""
    return {
        "id": task.id,
        "agent_id": task.agent_id,
        "state": str(task.state),
        "age": max(0.0, now - task.created_at),
        "idle": max(0.0, now - task.updated_at),
        "owner": whereabouts(task.owner),
        "attempt": task.attempt,
        "version": task.version,
        "questions": list(task.agent_state.open_questions),
        "error": task.error,
    }


def row_text(task: Task, now: float) -> str:
    """What a list says of a task, in one line."""
    row = row_json(task, now)
    asks = " ".join(row["questions"]) if task.state is TaskState.WAITING else ""
    said = cut(asks or task.error or "", MAX_LINE)
    owner = "" if task.owner is None else f"owner {row['owner']}"
    words = [f"{task.state:<10}{span(row['age']):>6}", f"{visible(task.id):<24}", owner]
    return "  ".join(filter(None, [*words, said])).rstrip()


def task_lines(store: StepStore, task: Task, now: float) -> Iterator[str]:
    """The lines about a task, for a person; see `task_json` for the arguments."""
    found = task_json(store, task, now)
    used, has = task.agent_state.budget.used, task.agent_state.budget
    yield f"{visible(task.id)}: {task.state}, attempt {task.attempt}"
    yield f"  asked      {cut(task.user_input, MAX_TEXT)}"
    yield f"  times      {span(found['age'])} old, written {span(found['idle'])} ago"
    yield f"  owner      {_owner(task)}"
    yield f"  turns      {used.steps} of {has.max_steps}"
    yield f"  tokens     {used.llm_tokens} of {has.max_llm_tokens}"
    if found["seconds_left"] is not None:
        yield f"  time left  {span(found['seconds_left'])}"
    for question in found["questions"]:
        yield f"  question   {visible(question)}"
    for call in found["open_calls"]:
        yield f"  waits      {visible(call)}"
    yield from _steps(task, store.steps(task.id))
    for name, said in (("result", task.result), ("error", task.error)):
        if said is not None:
            yield f"  {name:<11}{cut(said, MAX_TEXT)}"


def status_of(task: Task, step: StepRecord) -> str:
    """
    How far a step has come, in a word.

    A step that was begun by a run that is over is *unknown*: it may have happened.
    """
    at_it = task.state is TaskState.RUNNING and whereabouts(step.owner) != "gone"
    if step.status is not StepStatus.STARTED:
        return str(step.status).replace("_", " ")
    return "running" if at_it else UNKNOWN


def seconds_left(task: Task, now: float) -> float | None:
    """How long the task may still work, or None when nothing is known about that."""
    record = task.deadline
    if record is None:
        return None
    unused = record.limit - record.used
    still = record.suspended or task.state is not TaskState.RUNNING
    return max(0.0, unused if still else min(unused, record.at - now))


def span(seconds: float) -> str:
    """
    A length of time in one unit.

    >>> span(7_300.0), span(59.0)
    ('2 h', '59 s')
    """
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size:g} {unit}"
    return f"{seconds // 1:g} s"


def cut(text: str, most: int) -> str:
    """The text for a terminal; what is left out is counted."""
    more = len(text) - most
    return visible(text) if more <= 0 else f"{visible(text[:most])} (and {more} more)"


def _owner(task: Task) -> str:
    found = whereabouts(task.owner)
    if task.owner is None:
        return found
    host = task.owner.boot_id.partition(" ")[0]
    return f"process {task.owner.pid} on {visible(host)}, {found}"


def _open_calls(store: StepStore, task: Task) -> list[str]:
    """The calls of the model that have no result yet, with all their arguments."""
    called = [call["function"] for call in open_calls(store.messages(task.id))]
    return [f"{one.get('name')} {one.get('arguments')}" for one in called]


def _steps(task: Task, steps: list[StepRecord]) -> Iterator[str]:
    """Each step in a line; of many that are done, the newest."""
    counts = Counter(status_of(task, step) for step in steps)
    if steps:
        yield f"  steps      {', '.join(f'{n} {name}' for name, n in counts.items())}"
    skipped = max(0, counts["done"] - MAX_STEPS)
    if skipped:
        yield f"             (the first {skipped} that are done are left out)"
    for step in steps:
        status = status_of(task, step)
        if status == "done" and skipped:
            skipped -= 1
            continue
        told = step.error if status != "done" else step.result
        said = "" if told is None else cut(str(told), MAX_LINE)
        yield f"    {status:<12} {visible(step.name)}  {said}".rstrip()
