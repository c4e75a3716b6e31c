"""
The bench of exercise 03: stores with one task in them, work that is counted.

Every stage puts a task of its own into a fresh store, hands both to the answer with
a `Work`, and looks at what is stored afterwards. What is stored counts: the task
that was returned must be that one.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agentstate_lab.state import AgentState, Task
from agentstate_lab.stores import JsonFileStore, MemoryStore, StepStore

from ..judge import Outcome, Unmet, require

TASK_ID = "moons"
ASKED = "count the moons of Mars"
RESULT = "2: Phobos and Deimos"

_KNOWS = {"goal": ASKED, "known_facts": [{"key": "planet", "value": "Mars"}]}


def file_store() -> JsonFileStore:
    """A store in a file of its own."""
    return JsonFileStore(Path(tempfile.mkdtemp(dir=".")) / "tasks.json")


# The kinds of store in words, and how a fresh one is made.
STORES: tuple[tuple[str, Callable[[], StepStore]], ...] = (
    ("in memory", MemoryStore),
    ("in a file", file_store),
)


def put(store: StepStore, state: str = "pending", **fields: Any) -> Task:
    """The task, stored in this state."""
    knows = AgentState.model_validate(_KNOWS)
    task = store.submit(Task.new(ASKED, task_id=TASK_ID, agent_state=knows)).task
    if state == "pending":
        return task
    if state == "running":
        return store.save(task.replace(state=state, attempt=1, **fields))
    task = store.save(task.replace(state="running", attempt=1))
    return store.save(task.replace(state=state, **fields))


class Work:
    """
    Work that is counted.

    Args:
        error: What it raises, if anything.

        look: Called when it begins.

        result: What it returns.
    """

    def __init__(
        self,
        error: BaseException | None = None,
        look: Callable[[], object] | None = None,
        result: str = RESULT,
    ) -> None:
        self.result = result
        self.calls: list[tuple[Any, ...]] = []
        self._error = error
        self._look = look

    def __call__(self, *args: Any, **kwargs: Any) -> str:
        """Do it."""
        self.calls.append((*args, *kwargs.values()))
        if self._look is not None:
            self._look()
        if self._error is not None:
            raise self._error
        return self.result

    def was_left_alone(self, why: str) -> None:
        """Fail if it was called."""
        require(not self.calls, f"the work ran, {why}")

    def ran_once(self, outcome: Outcome) -> None:
        """Fail unless it was called once, with the task's input."""
        if not self.calls:
            if outcome.error is not None:
                raise Unmet(f"{outcome.words}; no work was done")
            raise Unmet("the work was not called")
        if self.calls[0] != (ASKED,):
            got = ", ".join(_kind(one) for one in self.calls[0]) or "nothing"
            raise Unmet(f"the work was called with {got}, not with the task's input")
        times = len(self.calls)
        require(times == 1, f"one call of the function ran the work {times} times")


def is_completed(store: StepStore, result: str = RESULT) -> Task:
    """The stored task; fails unless it is completed with the result and no error."""
    stored = store.get(TASK_ID)
    require(stored.state == "completed", f"the stored task is {stored.state}")
    require(
        stored.result == result,
        "the task is completed, and its result is lost"
        if stored.result is None
        else f"the stored result is {stored.result!r:.100}, not what the work returned",
    )
    require(
        stored.error is None,
        f"the task is completed, and still has an error: {stored.error!r:.100}",
    )
    planet = stored.agent_state.fact("planet")
    require(planet == "Mars", "what the agent knew (task.agent_state) is lost")
    return stored


def is_stored(value: object, stored: Task) -> None:
    """Fail unless *value* is the task as it is stored."""
    if value is None:
        raise Unmet("it returned nothing (None): the stored task must be returned")
    if not isinstance(value, Task):
        raise Unmet(f"it returned {_kind(value)}, not the stored task")
    if value.version != stored.version:
        raise Unmet(
            f"it returned the task of version {value.version} ({value.state}), and"
            f" stored is version {stored.version} ({stored.state})"
        )
    differ = [name for name, field in value if field != getattr(stored, name)]
    require(not differ, f"it returned a task with another {', '.join(differ)}")


def _kind(value: object) -> str:
    """A value in a word or two."""
    if isinstance(value, Task):
        return "the task"
    return repr(value) if isinstance(value, str) else f"a {type(value).__name__}"
