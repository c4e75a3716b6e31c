"""Answers to exercise 03, part 1, right and wrong."""

import contextlib
import functools
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
from agentstate_lab.stores import StepStore, claim, end, execute_step, working
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


def not_running(store: StepStore, task_id: str) -> Task:
    """The task, unless somebody is at it."""
    task = store.get(task_id)
    if task.state == "running":
        raise TaskInProgress(task_id)
    return task


def right(store: StepStore, task_id: str, work: Work) -> Task:
    """The plain one."""
    task = store.get(task_id)
    if task.state == "completed":
        return task
    if task.state == "running":
        raise TaskInProgress(task_id)
    return carried_out(store, store.save(task.replace(state="running")), work)


def with_a_claim(store: StepStore, task_id: str, work: Work) -> Task:
    """The package's parts, put together again."""
    with working() as me:
        task = claim(store, task_id, me)
        if task.owner != me:
            return task
        try:
            result = work(task.user_input)
        except BaseException as error:
            end(store, task_id, me, state="failed", error=repr(error))
            raise
        return end(store, task_id, me, state="completed", result=result, error=None)


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


def with_recursion(store: StepStore, task_id: str, work: Work) -> Task:
    """Whoever loses the race looks again."""
    task = store.get(task_id)
    match task.state:
        case TaskState.COMPLETED:
            return task
        case TaskState.RUNNING:
            raise TaskInProgress(task_id)
    try:
        task = store.save(task.replace(state="running"))
    except VersionConflict:
        return with_recursion(store, task_id, work)
    return carried_out(store, task, work)


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


class Executor:
    """A callable object with a method for each state."""

    def __call__(self, store: StepStore, task_id: str, work: Work) -> Task:
        """Execute."""
        task = store.get(task_id)
        return getattr(self, f"if_{task.state}", self.otherwise)(store, task, work)

    def if_completed(self, store: StepStore, task: Task, work: Work) -> Task:
        """Done."""
        return task

    def if_running(self, store: StepStore, task: Task, work: Work) -> Task:
        """In progress."""
        raise TaskInProgress(task.id)

    def otherwise(self, store: StepStore, task: Task, work: Work) -> Task:
        """Open."""
        task = store.save(task.replace(state=TaskState.RUNNING))
        try:
            changes = {"state": "completed", "result": work(task.user_input)}
            failure = None
        except Exception as error:  # noqa: BLE001 - it is raised below
            changes = {"state": "failed", "error": f"failed: {error}"}
            failure = error
        done = store.save(task.replace(**{"error": None, **changes}))
        if failure is not None:
            raise failure
        return done


def unless_done(
    run: Callable[[StepStore, Task, Work], Task],
) -> Callable[[StepStore, str, Work], Task]:
    """A decorator that asks the questions."""

    @functools.wraps(run)
    def wrapper(store: StepStore, task_id: str, work: Work) -> Task:
        task = store.get(task_id)
        if task.state == "running":
            raise TaskInProgress(task_id)
        return task if task.state == "completed" else run(store, task, work)

    del wrapper.__wrapped__
    return wrapper


@unless_done
def decorated(store: StepStore, task: Task, work: Work) -> Task:
    """What is left to do behind the decorator; saves more often than it must."""
    task = store.save(task.replace(state="pending"))
    task = store.save(task.replace(state="running"))
    task = store.save(task.replace(error=None, attempt=task.attempt + 1))
    return carried_out(store, task, work)


def translates(store: StepStore, task_id: str, work: Work) -> Task:
    """A lost race is named for what it is."""
    task = store.get(task_id)
    if task.state == "completed":
        return task
    try:
        if task.state == "running":
            raise TaskInProgress(task_id)
        task = store.save(task.replace(state="running"))
    except VersionConflict as error:
        raise TaskInProgress(task_id) from error
    return carried_out(store, task, work)


RIGHT = {
    "plain": right,
    "package": execute_task,
    "partial": functools.partial(execute_task, max_attempts=9),
    "claim": with_a_claim,
    "steps": with_steps,
    "recursion": with_recursion,
    "patience": with_patience,
    "returns-what-is-there": returns_what_is_there,
    "file-lock": behind_a_file_lock,
    "block": in_a_block,
    "object": Executor(),
    "decorated": decorated,
    "translates": translates,
}


def nothing(store: StepStore, task_id: str, work: Work) -> None:
    """Does nothing."""


def only_runs(store: StepStore, task_id: str, work: Work) -> str:
    """Runs, and stores nothing."""
    return work(store.get(task_id).user_input)


def without_a_claim(store: StepStore, task_id: str, work: Work) -> Task:
    """Check, then run: nobody else can see that it has begun."""
    task = not_running(store, task_id)
    if task.state == "completed":
        return task
    try:
        result = work(task.user_input)
    except Exception as error:
        running = store.save(task.replace(state="running"))
        store.save(running.replace(state="failed", error=str(error)))
        raise
    running = store.save(task.replace(state="running"))
    return store.save(running.replace(state="completed", result=result, error=None))


def claims_in_memory(store: StepStore, task_id: str, work: Work) -> Task:
    """Changes a copy, which nobody else will ever see."""
    task = not_running(store, task_id)
    if task.state == "completed":
        return task
    task = task.replace(state="running")
    try:
        result = work(task.user_input)
    except Exception as error:
        task = store.save(task)
        store.save(task.replace(state="failed", error=str(error)))
        raise
    return store.save(store.save(task).replace(state="completed", result=result))


def runs_what_is_running(store: StepStore, task_id: str, work: Work) -> Task:
    """The chapter's first version: only completed is done."""
    task = store.get(task_id)
    if task.state == "completed":
        return task
    return carried_out(store, store.save(task.replace(state="running")), work)


def runs_again(store: StepStore, task_id: str, work: Work) -> Task:
    """Asks only whether somebody is at it."""
    task = store.get(task_id)
    if task.state == "running":
        raise TaskInProgress(task_id)
    if task.state == "completed":
        work(task.user_input)
        return task
    return carried_out(store, store.save(task.replace(state="running")), work)


def returns_nothing(store: StepStore, task_id: str, work: Work) -> None:
    """As if the caller did not need what came out."""
    right(store, task_id, work)


def returns_nothing_when_done(
    store: StepStore, task_id: str, work: Work
) -> Task | None:
    """A repeated call is told nothing."""
    if store.get(task_id).state == "completed":
        return None
    return right(store, task_id, work)


def returns_the_result(store: StepStore, task_id: str, work: Work) -> str | None:
    """The result alone."""
    return right(store, task_id, work).result


def returns_what_it_saved(store: StepStore, task_id: str, work: Work) -> Task:
    """The task before the save: its version is old."""
    task = not_running(store, task_id)
    if task.state == "completed":
        return task
    task = store.save(task.replace(state="running"))
    try:
        done = task.replace(state="completed", error=None, result=work(task.user_input))
    except Exception as error:
        store.save(task.replace(state="failed", error=str(error)))
        raise
    store.save(done)
    return done


def loses_the_result(store: StepStore, task_id: str, work: Work) -> Task:
    """Done, and nobody knows what came out."""
    task = not_running(store, task_id)
    if task.state == "completed":
        return task
    task = store.save(task.replace(state="running"))
    work(task.user_input)
    return store.save(task.replace(state="completed"))


def asks_the_result(store: StepStore, task_id: str, work: Work) -> Task:
    """Takes an empty result for none."""
    task = store.get(task_id)
    if task.state == "completed" and not task.result:
        work(task.user_input)
    return right(store, task_id, work)


def keeps_the_old_error(store: StepStore, task_id: str, work: Work) -> Task:
    """Completed, and still with the error of last night."""
    task = not_running(store, task_id)
    if task.state == "completed":
        return task
    task = store.save(task.replace(state="running"))
    try:
        result = work(task.user_input)
    except Exception as error:
        store.save(task.replace(state="failed", error=str(error)))
        raise
    return store.save(task.replace(state="completed", result=result))


def swallows(store: StepStore, task_id: str, work: Work) -> Task:
    """The error is stored, and the caller is not told."""
    with contextlib.suppress(ValueError, VersionConflict):
        return right(store, task_id, work)
    return store.get(task_id)


def wraps(store: StepStore, task_id: str, work: Work) -> Task:
    """Raises another error than the work did."""
    try:
        return right(store, task_id, work)
    except Conflict:
        raise
    except Exception as error:
        raise RuntimeError("the task failed") from error


def takes_the_works_conflict_for_its_own(
    store: StepStore, task_id: str, work: Work
) -> Task:
    """One try around everything: a conflict inside the work leaves it running."""
    task = store.get(task_id)
    if task.state == "completed":
        return task
    try:
        if task.state == "running":
            raise TaskInProgress(task_id)
        task = store.save(task.replace(state="running"))
        result = work(task.user_input)
        return store.save(task.replace(state="completed", result=result, error=None))
    except Conflict:
        raise TaskInProgress(task_id) from None
    except Exception as error:
        store.save(task.replace(state="failed", error=str(error)))
        raise


def stores_no_text(store: StepStore, task_id: str, work: Work) -> Task:
    """Failed, and nobody knows why."""
    task = not_running(store, task_id)
    if task.state == "completed":
        return task
    task = store.save(task.replace(state="running"))
    try:
        result = work(task.user_input)
    except Exception as error:
        store.save(task.replace(state="failed", error=type(error).__name__))
        raise
    return store.save(task.replace(state="completed", result=result, error=None))


def leaves_it_running(store: StepStore, task_id: str, work: Work) -> Task:
    """The error comes out, and the task is running for ever."""
    task = not_running(store, task_id)
    if task.state == "completed":
        return task
    task = store.save(task.replace(state="running"))
    result = work(task.user_input)
    return store.save(task.replace(state="completed", result=result, error=None))


def eats_the_interrupt(store: StepStore, task_id: str, work: Work) -> Task:
    """A bare except takes Ctrl-C for a failure of the work."""
    try:
        return right(store, task_id, work)
    except KeyboardInterrupt:
        return store.get(task_id)


def never_again(store: StepStore, task_id: str, work: Work) -> Task:
    """Takes failed for done."""
    task = store.get(task_id)
    return task if task.state == "failed" else right(store, task_id, work)


def tries_three_times(store: StepStore, task_id: str, work: Work) -> Task:
    """Repeats the work at once, whatever it has done so far."""

    def stubborn(user_input: str) -> str:
        for _ in range(2):
            with contextlib.suppress(Exception):
                return work(user_input)
        return work(user_input)

    return right(store, task_id, stubborn)


def saves_from_an_old_version(store: StepStore, task_id: str, work: Work) -> Task:
    """Does not take the new version from what `save` returns."""
    task = not_running(store, task_id)
    if task.state == "completed":
        return task
    store.save(task.replace(state="running"))
    return carried_out(store, task.replace(state="running"), work)


DONE: dict[str, Task] = {}


def remembers_in_the_process(store: StepStore, task_id: str, work: Work) -> Task:
    """A module's variable instead of the store."""
    if task_id not in DONE:
        task = store.get(task_id).replace(state="running")
        DONE[task_id] = task.replace(state="completed", result=work(task.user_input))
    return DONE[task_id]


LOCK = threading.Lock()
RUNNING: set[str] = set()


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


def makes_the_task(store: StepStore, task_id: str, work: Work) -> Task:
    """Submits what it does not find."""
    try:
        store.get(task_id)
    except TaskNotFound:
        store.submit(Task.new("?", task_id=task_id))
    return right(store, task_id, work)


def shrugs_at_the_unknown(store: StepStore, task_id: str, work: Work) -> Task | None:
    """Nothing to do, nothing to say."""
    try:
        return right(store, task_id, work)
    except TaskNotFound:
        return None


def raises_a_key_error(store: StepStore, task_id: str, work: Work) -> Task:
    """Another error than the store's."""
    try:
        store.get(task_id)
    except TaskNotFound:
        raise KeyError(task_id) from None
    return right(store, task_id, work)


def runs_after_a_conflict(store: StepStore, task_id: str, work: Work) -> Task:
    """Lost the race, and runs all the same."""
    task = not_running(store, task_id)
    if task.state == "completed":
        return task
    try:
        task = store.save(task.replace(state="running"))
    except VersionConflict:
        task = store.get(task_id)
    return carried_out(store, task, work)


def saves_until_it_works(store: StepStore, task_id: str, work: Work) -> Task:
    """A step that only writes: after a conflict it takes the task of the other."""
    task = not_running(store, task_id)
    if task.state == "completed":
        return task
    task = execute_step(store, task_id, lambda one: one.replace(state="running"))
    return carried_out(store, task, work)


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


def completes_first(store: StepStore, task_id: str, work: Work) -> Task:
    """Marked as done before it is."""
    task = not_running(store, task_id)
    if task.state == "completed":
        return task
    task = store.save(task.replace(state="running"))
    task = store.save(task.replace(state="completed", error=None))
    result = work(task.user_input)
    return task.replace(result=result)


def hands_over_the_task(store: StepStore, task_id: str, work: Any) -> Task:
    """The work gets the whole task."""
    return right(store, task_id, lambda _: work(store.get(task_id)))


def hands_over_nothing(store: StepStore, task_id: str, work: Any) -> Task:
    """The work gets nothing."""
    return right(store, task_id, lambda _: work())


def says_done_while_running(store: StepStore, task_id: str, work: Work) -> Task:
    """Returns the running task as if that were an answer."""
    task = store.get(task_id)
    return task if task.state == "running" else right(store, task_id, work)


def waits_for_ever(store: StepStore, task_id: str, work: Work) -> Task:
    """Nobody may ever come to finish it."""
    while store.get(task_id).state == "running":
        wait(0.01)
    return right(store, task_id, work)


def loser_returns_nothing(store: StepStore, task_id: str, work: Work) -> Task | None:
    """The one that lost the race is told nothing."""
    task = not_running(store, task_id)
    if task.state == "completed":
        return task
    try:
        task = store.save(task.replace(state="running"))
    except VersionConflict:
        return None
    return carried_out(store, task, work)


def loser_returns_what_it_read(store: StepStore, task_id: str, work: Work) -> Task:
    """The one that lost the race says that the task is pending."""
    task = not_running(store, task_id)
    if task.state == "completed":
        return task
    try:
        claimed = store.save(task.replace(state="running"))
    except VersionConflict:
        return task
    return carried_out(store, claimed, work)


def makes_it_anew(store: StepStore, task_id: str, work: Work) -> Task:
    """Builds the task from the fields that it knows, and loses the others."""
    task = not_running(store, task_id)
    if task.state == "completed":
        return task
    task = store.save(
        Task(
            id=task.id,
            user_input=task.user_input,
            state=TaskState.RUNNING,
            version=task.version,
            agent_state=None,  # type: ignore[arg-type]
        )
    )
    return carried_out(store, task, work)


def repeats_the_work(store: StepStore, task_id: str, work: Work) -> Task:
    """The work is part of a step, and a step is repeated after a conflict."""
    task = not_running(store, task_id)
    if task.state == "completed":
        return task
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

WRONG = {
    "nothing": Wrong(nothing, RUNS, "the work was not called"),
    "only-runs": Wrong(only_runs, RUNS, "the stored task is pending"),
    "without-a-claim": Wrong(without_a_claim, CLAIMS, "the stored task was pending"),
    "claims-in-memory": Wrong(claims_in_memory, CLAIMS, "the stored task was pending"),
    "runs-what-is-running": Wrong(
        runs_what_is_running, ALONE, "although the task was running already"
    ),
    "runs-again": Wrong(runs_again, REPLAYS, "although the task was completed"),
    "returns-nothing": Wrong(returns_nothing, RUNS, "returned nothing (None)"),
    "returns-nothing-when-done": Wrong(
        returns_nothing_when_done, REPLAYS, "returned nothing (None)"
    ),
    "returns-the-result": Wrong(returns_the_result, RUNS, "not the stored task"),
    "returns-what-it-saved": Wrong(
        returns_what_it_saved, RUNS, "the task of version 2 (completed), and stored is"
    ),
    "loses-the-result": Wrong(loses_the_result, RUNS, "its result is lost"),
    "asks-the-result": Wrong(asks_the_result, REPLAYS, "although the task was comp"),
    "keeps-the-old-error": Wrong(keeps_the_old_error, AGAIN, "still has an error"),
    "swallows": Wrong(swallows, FAILS, "it returned as if all were well"),
    "wraps": Wrong(wraps, FAILS, "instead of that, it raised RuntimeError"),
    "takes-the-works-conflict-for-its-own": Wrong(
        takes_the_works_conflict_for_its_own, FAILS, "instead of that, it raised Task"
    ),
    "stores-no-text": Wrong(stores_no_text, FAILS, "says not what went wrong"),
    "leaves-it-running": Wrong(leaves_it_running, FAILS, "the stored task is running"),
    "eats-the-interrupt": Wrong(eats_the_interrupt, FAILS, "as if all were well"),
    "never-again": Wrong(never_again, AGAIN, "the work was not called", (CLAIMS,)),
    "tries-three-times": Wrong(tries_three_times, FAILS, "ran the work 3 times"),
    "saves-from-an-old-version": Wrong(
        saves_from_an_old_version, RUNS, "what came of it could not be saved", ALL
    ),
    "remembers-in-the-process": Wrong(
        remembers_in_the_process, RUNS, "the stored task is pending"
    ),
    "locks-in-the-process": Wrong(
        locks_in_the_process, PROCESSES, "a lock or a variable in one process"
    ),
    "makes-the-task": Wrong(makes_the_task, UNKNOWN, "nobody had submitted"),
    "shrugs-at-the-unknown": Wrong(
        shrugs_at_the_unknown, UNKNOWN, "as if there were such a task"
    ),
    "raises-a-key-error": Wrong(raises_a_key_error, UNKNOWN, "it raised KeyError"),
    "runs-after-a-conflict": Wrong(
        runs_after_a_conflict, THREADS, "the work ran twice"
    ),
    "saves-until-it-works": Wrong(saves_until_it_works, THREADS, "the work ran twice"),
    "spoils-the-winners-task": Wrong(
        spoils_the_winners_task, THREADS, "took that for a failure of the task"
    ),
    "completes-first": Wrong(completes_first, CLAIMS, "the stored task was completed"),
    "hands-over-the-task": Wrong(
        hands_over_the_task, RUNS, "called with the task, not with the task's input"
    ),
    "hands-over-nothing": Wrong(hands_over_nothing, RUNS, "called with nothing"),
    "says-done-while-running": Wrong(
        says_done_while_running, ALONE, "returned as if the task were done"
    ),
    "waits-for-ever": Wrong(waits_for_ever, ALONE, "it waited and waited"),
    "loser-returns-nothing": Wrong(
        loser_returns_nothing, THREADS, "NoneType, which is not the stored task"
    ),
    "loser-returns-what-it-read": Wrong(
        loser_returns_what_it_read, THREADS, "Task (pending)"
    ),
    "repeats-the-work": Wrong(repeats_the_work, CLAIMS, "ran the work 2 times"),
    "makes-it-anew": Wrong(makes_it_anew, RUNS, "what the agent knew"),
    "notes-under-its-process": Wrong(
        notes_under_its_process, RESTARTS, "the work ran again in the new process"
    ),
    "ends-with-a-plain-save": Wrong(right, KEEPS, "it raised VersionConflict"),
    "takes-any-running-task-for-it": Wrong(
        but(right, ('task.state == "running"', 'store.list_by_state("running")')),
        RUNS,
        "it raised TaskInProgress",
    ),
    "empty-is-no-result": Wrong(
        but(
            right,
            carried_out=but(carried_out, ("result=result,", "result=result or None,")),
        ),
        RUNS,
        "its result is lost",
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
    "Save the task as running": ["without-a-claim", "claims-in-memory"],
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
