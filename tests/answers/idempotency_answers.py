"""Answers to exercise 03, part 1, right and wrong."""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from time import sleep as wait
from typing import Any

from filelock import FileLock

from agentstate_lab.errors import (
    Conflict,
    StoreError,
    TaskInProgress,
    TaskNotFound,
    VersionConflict,
)
from agentstate_lab.idempotency import execute_task
from agentstate_lab.state import Task, TaskState
from agentstate_lab.stores import StepStore, execute_step
from answers import ALL, EXPLAINS, Wrong, but

Work = Callable[[str], str]


def carried_out(store: StepStore, task: Task, work: Work) -> Task:
    """What follows a claim: the work, and what came of it."""
    try:
        result = work(task.user_input)
    except Exception as error:
        store.save(task.replace(state="failed", error=str(error)))
        raise
    return store.save(task.replace(state="completed", result=result, error=None))


def right(store: StepStore, task_id: str, work: Work) -> Task:
    """The plain one."""
    task = store.get(task_id)
    if task.state == "completed":
        return task
    if task.state == "running":
        raise TaskInProgress(task_id)
    return carried_out(store, store.save(task.replace(state="running")), work)


def with_steps(store: StepStore, task_id: str, work: Work) -> Task:
    """The decision is inside the step, so it is made again after a conflict."""

    def begin(task: Task) -> Task:
        if task.state == TaskState.RUNNING:
            raise TaskInProgress(task_id)
        return task.replace(state="running", attempt=task.attempt + 1, error=None)

    if store.get(task_id).state is TaskState.COMPLETED:
        return store.get(task_id)
    task = execute_step(store, task_id, begin)
    try:
        result = work(task.user_input)
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        execute_step(store, task_id, lambda t: t.replace(state="failed", error=text))
        raise
    return execute_step(
        store, task_id, lambda t: t.replace(state="completed", result=result)
    )


def with_patience(store: StepStore, task_id: str, work: Work) -> Task:
    """Waits politely for whoever is at it, and gives up in the end."""
    for _ in range(40):
        task = store.get(task_id)
        if task.state == "completed":
            return task
        if task.state != "running":
            with contextlib.suppress(VersionConflict):
                claimed = store.save(task.replace(state="running"))
                break
        time.sleep(0.02)
    else:
        raise TaskInProgress(task_id)
    return carried_out(store, claimed, work)


def returns_what_is_there(store: StepStore, task_id: str, work: Work) -> Task:
    """The loser returns the task that the winner is running."""
    task = store.get(task_id)
    if task.state == "running":
        raise TaskInProgress(task_id)
    if task.state != "completed":
        try:
            task = store.save(task.replace(state="running"))
        except VersionConflict:
            return store.get(task_id)
        carried_out(store, task, work)
    return store.get(task_id)


def behind_a_file_lock(store: StepStore, task_id: str, work: Work) -> Task:
    """A lock that other processes see, and the claim besides."""
    where = getattr(store, "path", f"memory-{id(store)}")
    with FileLock(f"{where}.{task_id}.lock"):
        return right(store, task_id, work)


@contextlib.contextmanager
def claimed(store: StepStore, task: Task) -> Iterator[dict[str, Any]]:
    """Runs in the middle of a claim and its end."""
    task = store.save(task.replace(state="running", error=None))
    ends: dict[str, Any] = {"state": "completed"}
    try:
        yield ends
    except KeyboardInterrupt:
        store.save(task.replace(state="pending"))
        raise
    except BaseException as error:
        ends.update(state="failed", error=str(error) or repr(error))
        raise
    finally:
        if task.version == store.get(task.id).version:
            store.save(task.replace(**ends))


def in_a_block(store: StepStore, task_id: str, work: Work) -> Task:
    """A context manager does the saving."""
    task = store.get(task_id)
    if task.state not in ("completed", "running"):
        with claimed(store, task) as ends:
            ends["result"] = work(user_input=task.user_input)  # type: ignore[call-arg]
        return store.get(task_id)
    if task.state == "running":
        raise TaskInProgress(task_id)
    return task


RIGHT = {
    "plain": right,
    "steps": with_steps,
    "patience": with_patience,
    "file-lock": behind_a_file_lock,
    "returns-what-is-there": returns_what_is_there,
    "block": in_a_block,
    "package": execute_task,
}


RUNS = "runs a pending task and stores the result"
CLAIMS = "saves that the task is running before it calls work"
REPLAYS = "returns a completed task and leaves the work alone"
FAILS = "stores what the work raised, and raises it"
AGAIN = "runs a failed task again"
ALONE = "leaves a running task alone"
UNKNOWN = "refuses a task that was never submitted"
THREADS = "runs the work once when two threads call"
PROCESSES = "runs the work once when two processes call"
RESTARTS = "still knows in a new process that the task is done"
KEEPS = "keeps the result although somebody else has written meanwhile"

CLAIM = 'store.save(task.replace(state="running"))'
LAST = f"return carried_out(store, {CLAIM}, work)"
GET = "task = store.get(task_id)"
IN_PROGRESS = "raise TaskInProgress(task_id)"
WORK = "work(task.user_input)"
FAILED = 'store.save(task.replace(state="failed", error=str(error)))'
COMPLETED = 'store.save(task.replace(state="completed", result=result, error=None))'
EXCEPT = "    except Exception"
RESULT = f"        result = {WORK}"
LATE = f"        try:\n    {RESULT}\n        finally:\n            task = {CLAIM}"
DONE_BEFORE = 'store.save(task.replace(state="completed", error=None))'
ANEW = (
    "Task(id=task_id, user_input=task.user_input, state='running',"
    " version=task.version, agent_state=None)"
)

DONE: dict[str, Task] = {}
LOCK = threading.Lock()
RUNNING: set[str] = set()


def carrying(*lines: tuple[str, str]) -> Any:
    """The plain answer, with something replaced in what follows its claim."""
    return but(right, carried_out=but(carried_out, *lines))


def handling(kind: str, statement: str) -> Any:
    """The plain answer, with a statement for one more kind of error of the work."""
    return carrying((EXCEPT, f"    except {kind}:\n        {statement}\n{EXCEPT}"))


def losing(statement: str) -> Any:
    """The plain answer, with a statement for who has lost the race."""
    claims = f"try:\n        task = {CLAIM}\n    except VersionConflict:\n        "
    return but(
        right, (LAST, f"{claims}{statement}\n    return carried_out(store, task, work)")
    )


def unknown(statement: str) -> Any:
    """The plain answer, with a statement for a task that was never submitted."""
    tries = f"try:\n        {GET}\n    except TaskNotFound:\n        "
    return but(right, (GET, tries + statement))


def tries_three_times(store: StepStore, task_id: str, work: Work) -> Task:
    """Repeats the work at once, whatever it has done so far."""

    def stubborn(user_input: str) -> str:
        for _ in range(2):
            with contextlib.suppress(Exception):
                return work(user_input)
        return work(user_input)

    return right(store, task_id, stubborn)


def remembers_in_the_process(store: StepStore, task_id: str, work: Work) -> Task:
    """A module's variable instead of the store."""
    if task_id not in DONE:
        task = store.get(task_id).replace(state="running")
        DONE[task_id] = task.replace(state="completed", result=work(task.user_input))
    return DONE[task_id]


def locks_in_the_process(store: StepStore, task_id: str, work: Work) -> Task:
    """Who is at it stands in a set that no other process sees."""
    with LOCK:
        task = store.get(task_id)
        if task.state == "completed":
            return task
        if task_id in RUNNING or task.state == "running":
            raise TaskInProgress(task_id)
        RUNNING.add(task_id)
    try:
        task = execute_step(store, task_id, lambda one: one.replace(state="running"))
        return carried_out(store, task, work)
    finally:
        RUNNING.discard(task_id)


def spoils_the_winners_task(store: StepStore, task_id: str, work: Work) -> Task:
    """Takes its own lost race for a failure of the task."""
    try:
        task = store.get(task_id)
        if task.state == "completed":
            return task
        if task.state != "running":
            task = store.save(task.replace(state="running"))
            done = {"state": "completed", "result": work(task.user_input)}
            return store.save(task.replace(**done, error=None))
    except Exception as error:
        with contextlib.suppress(StoreError, Conflict, TaskNotFound):
            now = store.get(task_id)
            store.save(now.replace(state="failed", error=str(error)))
        raise
    raise TaskInProgress(task_id)


def waits_for_ever(store: StepStore, task_id: str, work: Work) -> Task:
    """Nobody may ever come to finish it."""
    while store.get(task_id).state == "running":
        wait(0.01)
    return right(store, task_id, work)


def repeats_the_work(store: StepStore, task_id: str, work: Work) -> Task:
    """The work is part of a step, and a step is repeated after a conflict."""
    task = store.get(task_id)
    if task.state in ("completed", "running"):
        return right(store, task_id, work)
    store.save(task.replace(state="running", error=None))
    try:
        return execute_step(
            store,
            task_id,
            lambda now: now.replace(state="completed", result=work(now.user_input)),
        )
    except Exception as error:
        text = str(error)
        execute_step(
            store, task_id, lambda now: now.replace(state="failed", error=text)
        )
        raise


def notes_under_its_process(store: StepStore, task_id: str, work: Work) -> Task:
    """What is done stands in a file that has the name of the process."""
    notes = [path.name for path in Path().glob(f"{task_id}.*.done")]
    mine = f"{task_id}.{os.getpid()}.done"
    task = store.get(task_id)
    if task.state == "completed" and notes and mine not in notes:
        work(task.user_input)
    task = right(store, task_id, work)
    Path(mine).touch()
    return task


WRONG = {
    "nothing": Wrong(
        but(right, (GET, f"return None\n    {GET}")), RUNS, "the work was not called"
    ),
    "without-a-claim": Wrong(
        but(right, (CLAIM, "task"), carried_out=but(carried_out, (RESULT, LATE))),
        CLAIMS,
        "the stored task was pending",
    ),
    "runs-what-is-running": Wrong(
        but(right, ('task.state == "running"', "False")),
        ALONE,
        "although the task was running already",
    ),
    "runs-again": Wrong(
        but(right, ("return task", f"{WORK}\n        return task")),
        REPLAYS,
        "although the task was completed",
    ),
    "returns-nothing": Wrong(
        but(right, ("return carried_out", "carried_out")),
        RUNS,
        "returned nothing (None)",
    ),
    "returns-nothing-when-done": Wrong(
        but(right, ("return task", "return None")), REPLAYS, "returned nothing (None)"
    ),
    "returns-the-result": Wrong(
        but(right, (LAST, f"{LAST}.result")), RUNS, "not the stored task"
    ),
    "returns-what-it-saved": Wrong(
        carrying((COMPLETED, f"[{COMPLETED}, {COMPLETED[11:-1]}][1]")),
        RUNS,
        "the task of version 2 (completed), and stored is",
    ),
    "loses-the-result": Wrong(
        carrying(("result=result, ", "")), RUNS, "its result is lost"
    ),
    "empty-is-no-result": Wrong(
        carrying(("result=result,", "result=result or None,")),
        RUNS,
        "its result is lost",
    ),
    "asks-the-result": Wrong(
        but(right, ("return task", f"return task if task.result else {WORK}")),
        REPLAYS,
        "although the task was comp",
    ),
    "keeps-the-old-error": Wrong(
        carrying((", error=None", "")), AGAIN, "still has an error"
    ),
    "swallows": Wrong(
        carrying(("        raise", "        return store.get(task.id)")),
        FAILS,
        "it returned as if all were well",
    ),
    "wraps": Wrong(
        carrying(("        raise", '        raise RuntimeError("the task failed")')),
        FAILS,
        "instead of that, it raised RuntimeError",
    ),
    "takes-the-works-conflict-for-its-own": Wrong(
        handling("Conflict", "raise TaskInProgress(task.id)"),
        FAILS,
        "instead of that, it raised Task",
    ),
    "stores-no-text": Wrong(
        carrying(("str(error)", "type(error).__name__")),
        FAILS,
        "says not what went wrong",
    ),
    "leaves-it-running": Wrong(
        carrying((FAILED, "pass")), FAILS, "the stored task is running"
    ),
    "eats-the-interrupt": Wrong(
        handling("KeyboardInterrupt", "return task"), FAILS, "as if all were well"
    ),
    "never-again": Wrong(
        but(right, ('== "completed"', 'in ("completed", "failed")')),
        AGAIN,
        "the work was not called",
        (CLAIMS,),
    ),
    "tries-three-times": Wrong(tries_three_times, FAILS, "ran the work 3 times"),
    "saves-from-an-old-version": Wrong(
        but(right, (CLAIM, f'{CLAIM} and task.replace(state="running")')),
        RUNS,
        "what came of it could not be saved",
        ALL,
    ),
    "remembers-in-the-process": Wrong(
        remembers_in_the_process, RUNS, "the stored task is pending"
    ),
    "locks-in-the-process": Wrong(
        locks_in_the_process, PROCESSES, "a lock or a variable in one process"
    ),
    "makes-the-task": Wrong(
        unknown('task = store.submit(Task.new("?", task_id=task_id)).task'),
        UNKNOWN,
        "nobody had submitted",
    ),
    "shrugs-at-the-unknown": Wrong(
        unknown("return None"), UNKNOWN, "as if there were such a task"
    ),
    "raises-a-key-error": Wrong(
        unknown("raise KeyError(task_id) from None"), UNKNOWN, "it raised KeyError"
    ),
    "runs-after-a-conflict": Wrong(
        losing("task = store.get(task_id)"), THREADS, "the work ran twice"
    ),
    "loser-returns-nothing": Wrong(
        losing("return None"), THREADS, "NoneType, which is not the stored task"
    ),
    "loser-returns-what-it-read": Wrong(
        losing("return task"), THREADS, "Task (pending)"
    ),
    "spoils-the-winners-task": Wrong(
        spoils_the_winners_task, THREADS, "took that for a failure of the task"
    ),
    "completes-first": Wrong(
        carrying(("    try:", f"    task = {DONE_BEFORE}\n    try:")),
        CLAIMS,
        "the stored task was completed",
    ),
    "hands-over-the-task": Wrong(
        carrying((WORK, "work(task)")),
        RUNS,
        "called with the task, not with the task's input",
    ),
    "hands-over-nothing": Wrong(
        carrying((WORK, "work()")), RUNS, "called with nothing"
    ),
    "says-done-while-running": Wrong(
        but(right, (IN_PROGRESS, "return task")),
        ALONE,
        "returned as if the task were done",
    ),
    "waits-for-ever": Wrong(waits_for_ever, ALONE, "it waited and waited"),
    "repeats-the-work": Wrong(repeats_the_work, CLAIMS, "ran the work 2 times"),
    "makes-it-anew": Wrong(
        but(right, (CLAIM, f"store.save({ANEW})")), RUNS, "what the agent knew"
    ),
    "notes-under-its-process": Wrong(
        notes_under_its_process, RESTARTS, "the work ran again in the new process"
    ),
    "ends-with-a-plain-save": Wrong(right, KEEPS, "it raised VersionConflict"),
    "takes-any-running-task-for-it": Wrong(
        but(right, ('task.state == "running"', 'store.list_by_state("running")')),
        RUNS,
        "it raised TaskInProgress",
    ),
}

CARD = {
    "looks at the stored task and decides": ["takes-any-running-task-for-it"],
    "| unknown |": ["makes-the-task", "shrugs-at-the-unknown", "raises-a-key-error"],
    "| completed | return it": ["returns-nothing-when-done"],
    "it, and leave `work` alone": [
        "asks-the-result",
        "notes-under-its-process",
        "runs-again",
    ],
    "| running | raise": ["says-done-while-running", "waits-for-ever"],
    "(task_id)`, and leave `work` alone": ["runs-what-is-running"],
    "pending or failed": ["never-again"],
    "To run it is three things": EXPLAINS,
    "Save the task as running": ["without-a-claim"],
    "only *then* call": ["repeats-the-work", "completes-first"],
    "call `work(task.user_input)`": ["hands-over-the-task", "hands-over-nothing"],
    "What `work` returns is the result": ["empty-is-no-result", "loses-the-result"],
    "without an error": ["keeps-the-old-error"],
    "What `work` raises is the error": ["leaves-it-running"],
    "with `str(error)`": ["stores-no-text"],
    "let the error out": ["eats-the-interrupt", "swallows", "wraps"],
    "Return the task as it is stored now": ["returns-what-it-saved"],
    "threads or processes, one runs `work`": [
        "locks-in-the-process",
        "runs-after-a-conflict",
    ],
    "The other one may raise": ["loser-returns-nothing", "loser-returns-what-it-read"],
    "which returns a changed copy": EXPLAINS,
    "returns it with its new version": ["saves-from-an-old-version"],
    "otherwise it raises": ["spoils-the-winners-task"],
    "A bonus stage wants": ["ends-with-a-plain-save"],
}
