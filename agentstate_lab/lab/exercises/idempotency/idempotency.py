"""
The check of exercise 03, part 1: run a task if nobody has run it and nobody is at it.

Each behaviour is tried with a store in memory and with one in a file, and what is
stored is what counts. The races are made, not waited for (`callers`).

What is not judged: who is named as the owner, how attempts are counted, what becomes
of a task whose work is interrupted, and how the loser of a race says that it lost.
"""

from functools import partial
from pathlib import Path

from agentstate_lab.errors import TaskInProgress, TaskNotFound, VersionConflict
from agentstate_lab.state import Fact, StatePatch, Task, TaskState, UpsertFact
from agentstate_lab.stores import JsonFileStore, MemoryStore, StepStore, working

from ..judge import (
    Stage,
    Subject,
    Unmet,
    doing,
    hurried,
    named,
    require,
    run_apart,
    stage,
)
from .bench import (
    RESULT,
    STORES,
    TASK_ID,
    Work,
    file_store,
    is_completed,
    is_stored,
    put,
)
from .callers import HOWS, two_processes, two_threads

OLD_ERROR = "the disk was full"

HINTS = (
    "Two callers read the same task, and both see that it is pending. Then each of"
    " them writes. What does `store.save` do with the second write, and what is true"
    " of the one whose save came back?",
    "Look at the order: save running, and only then call work. What `save` returns"
    " is the task with its new version, and the next save must start from that one."
    " When the first save raises, somebody else was quicker: let it raise. And what"
    " has to be stored when work raises?",
    "The shape: task = store.get(task_id); two ifs for completed and running; task ="
    " store.save(task.replace(state='running')). Then try: result ="
    " work(task.user_input), except Exception as error: save failed with str(error),"
    " and raise. Last, return store.save(...) with completed, the result, and"
    " error=None.",
)


@stage("runs a pending task and stores the result")
def runs(answer: Subject) -> None:
    """Once, with the task's input; what is returned is what is stored."""
    for where, new_store in STORES:
        with doing(
            f"called it for a pending task in a store {where}",
            "the work done once, with the task's input; the task completed, with the"
            " result and no error; and that task returned",
        ):
            _runs(answer, new_store(), "pending")
    with doing(
        "called it for a pending task in a store where one other task is running, and"
        " one is completed",
        "the work done once, and the other two as they were",
    ):
        store = MemoryStore()
        others = [_other(store, state) for state in ("running", "completed")]
        _runs(answer, store, "pending")
        same = all(store.get(one.id) == one for one in others)
        require(same, "it changed another task")
    with doing(
        "called it with work whose result is the empty text",
        "the task completed, with that result: an empty text is a result, too",
    ):
        store = MemoryStore()
        put(store)
        _completes(answer, store, Work(result=""))


def _other(store: StepStore, state: str) -> Task:
    """Somebody else's task, in this state."""
    task = store.submit(Task.new("water the plants", task_id=f"plants-{state}")).task
    task = store.save(task.replace(state="running"))
    return task if state == "running" else store.save(task.replace(state=state))


def _runs(answer: Subject, store: StepStore, state: str, **fields: str) -> None:
    """One call that must run the work and complete the task."""
    put(store, state, **fields)
    _completes(answer, store, Work())


def _completes(answer: Subject, store: StepStore, work: Work) -> None:
    """The work runs once, and the completed task is stored and returned."""
    outcome = answer.outcome(store, TASK_ID, work)
    work.ran_once(outcome)
    if isinstance(outcome.error, VersionConflict):
        raise Unmet(
            "the work was done, and what came of it could not be saved: it raised"
            f" {named(outcome.error)}"
        )
    is_stored(outcome.result(), is_completed(store, work.result))


@stage("saves that the task is running before it calls work")
def claims(answer: Subject) -> None:
    """Whoever looks into the store meanwhile must see that somebody is at it."""
    for where, new_store in STORES:
        for state in ("pending", "failed"):
            store = new_store()
            seen: list[TaskState] = []
            with doing(
                f"called it for a {state} task in a store {where}, and looked into the"
                " store when the work began",
                "a running task: the next caller must see that somebody is at it",
            ):
                put(store, state)
                work = Work(look=partial(_look, store, seen))
                work.ran_once(answer.outcome(store, TASK_ID, work))
                require(seen[0] == "running", f"the stored task was {seen[0]}")
    with doing(
        "called it with work during which somebody else notes a fact about the task",
        "the work done once: it is no part of what is repeated after a conflict",
    ):
        store = MemoryStore()
        put(store)
        work = Work(look=partial(_note_a_fact, store))
        work.ran_once(answer.outcome(store, TASK_ID, work))


def _note_a_fact(store: StepStore) -> None:
    """What another worker finds out meanwhile, once."""
    task = store.get(TASK_ID)
    if task.agent_state.fact("orbit") is not None:
        return
    fact = UpsertFact(fact=Fact(key="orbit", value="9,376 km"))
    patch = StatePatch(id="p-1", base_version=task.version, operations=(fact,))
    store.save(task.apply(patch))


def _look(store: StepStore, seen: list[TaskState]) -> None:
    """Note the task's state, as another process would find it."""
    if isinstance(store, JsonFileStore):
        store = JsonFileStore(store.path)
    seen.append(store.get(TASK_ID).state)


@stage("returns a completed task and leaves the work alone")
def replays(answer: Subject) -> None:
    """Whatever its result is: an empty text is a result."""
    for where, new_store in STORES:
        store = new_store()
        with doing(
            f"called it twice for one task in a store {where}",
            "the work done once, and the stored task returned both times",
        ):
            put(store)
            answer(store, TASK_ID, Work())
            _replays(answer, store)
        for result in ("", RESULT):
            store = new_store()
            with doing(
                f"called it for a task in a store {where} that was completed with the"
                f" result {result!r}",
                "no work, and the stored task returned",
            ):
                put(store, "completed", result=result)
                _replays(answer, store)


def _replays(answer: Subject, store: StepStore) -> None:
    """One call that must leave a completed task as it is."""
    before = store.get(TASK_ID)
    require(before.state == "completed", f"after one call, the task is {before.state}")
    work = Work()
    outcome = answer.outcome(store, TASK_ID, work)
    work.was_left_alone("although the task was completed")
    is_stored(outcome.result(), before)


@stage("stores what the work raised, and raises it")
def fails(answer: Subject) -> None:
    """The error itself comes out; its text is stored. No error is too special."""
    for where, new_store in STORES:
        for error in (
            ValueError("the disk is full"),
            VersionConflict("another-task", expected=1, found=2),
        ):
            store = new_store()
            with doing(
                f"called it with work that raises {type(error).__name__}, for a task in"
                f" a store {where}",
                "the task failed, with the text of the error; and the error raised",
            ):
                put(store)
                _comes_out(answer, store, error)
                _is_failed(store, error)
    with doing(
        "called it with work that is interrupted (KeyboardInterrupt)",
        "the interrupt raised: whoever sent it is waiting for the program to end",
    ):
        store = MemoryStore()
        put(store)
        _comes_out(answer, store, KeyboardInterrupt())


def _comes_out(answer: Subject, store: StepStore, error: BaseException) -> None:
    """The very error that the work raises must come out."""
    work = Work(error)
    outcome = answer.outcome(store, TASK_ID, work)
    work.ran_once(outcome)
    if outcome.error is None:
        raise Unmet("it returned as if all were well")
    if outcome.error is not error:
        raise Unmet(f"instead of that, {outcome.words}")


def _is_failed(store: StepStore, error: Exception) -> None:
    """The stored task tells what went wrong."""
    stored = store.get(TASK_ID)
    require(stored.state == "failed", f"the stored task is {stored.state}")
    require(
        str(error) in (stored.error or ""),
        f"the stored error is {stored.error!r:.100}, and says not what went wrong",
    )
    require(stored.result is None, f"it failed, with the result {stored.result!r:.100}")


@stage("runs a failed task again")
def tries_again(answer: Subject) -> None:
    """Failed is not done; and after a success, the old error is gone."""
    for where, new_store in STORES:
        with doing(
            f"called it for a failed task in a store {where}",
            "the work done; the task completed, its old error gone; and that task"
            " returned",
        ):
            _runs(answer, new_store(), "failed", error=OLD_ERROR)
    with doing(
        "called it for a failed task, with work that fails again",
        "the task failed, with the text of the new error; and the error raised",
    ):
        store = MemoryStore()
        put(store, "failed", error=OLD_ERROR)
        error = ValueError("the network is down")
        _comes_out(answer, store, error)
        _is_failed(store, error)


@stage("leaves a running task alone")
def leaves_alone(answer: Subject) -> None:
    """Somebody is at it, or nobody knows; neither is a reason to begin."""
    with working() as somebody:
        for (where, new_store), owner in zip(STORES, (None, somebody), strict=True):
            store = new_store()
            with doing(
                f"called it for a running task in a store {where}",
                "TaskInProgress, no work, and the stored task as it was",
            ):
                before = put(store, "running", owner=owner)
                work = Work()
                with hurried():
                    outcome = answer.outcome(store, TASK_ID, work)
                work.was_left_alone("although the task was running already")
                outcome.must_raise(
                    TaskInProgress, "it returned as if the task were done"
                )
                require(store.get(TASK_ID) == before, "the stored task was changed")


@stage("refuses a task that was never submitted")
def refuses(answer: Subject) -> None:
    """The store says so already; nothing is made up."""
    for where, new_store in STORES:
        store = new_store()
        with doing(
            f"called it for an id that a store {where} does not know",
            "TaskNotFound, as store.get raises it; no work, and nothing stored",
        ):
            work = Work()
            outcome = answer.outcome(store, TASK_ID, work)
            work.was_left_alone("for a task that nobody had submitted")
            stored = [one for state in TaskState for one in store.list_by_state(state)]
            require(not stored, "it stored a task that nobody had submitted")
            outcome.must_raise(TaskNotFound, "it returned as if there were such a task")


ONCE = (
    "the work done once; the one that did it returns the completed task, the other"
    " one raises TaskInProgress or VersionConflict, or returns the stored task"
)


@stage("runs the work once when two threads call")
def threads(answer: Subject) -> None:
    """The store lets one of two saves in; that decides."""
    for how in HOWS:
        for where, new_store in STORES:
            with doing(
                f"called it in two threads for one task in a store {where}: {how}", ONCE
            ):
                two_threads(answer, new_store(), how)


@stage("runs the work once when two processes call")
def processes(answer: Subject) -> None:
    """What one process keeps to itself, the other one does not know."""
    for how in HOWS:
        with doing(f"called it in two processes for one task: {how}", ONCE):
            two_processes(answer, file_store(), how)


@stage("still knows in a new process that the task is done")
def restarts(answer: Subject) -> None:
    """The store is all that survives."""
    with doing(
        "called it in one process, and then again in a new one",
        "the work done once, and the stored task returned both times",
    ):
        store = file_store()
        put(store)
        for what in ("the first process", "the new process"):
            ending = run_apart(answer, _noting_work, str(store.path))
            require(ending.returned, f"in {what}, {ending.words}")
        times = len(Path("ran").read_text())
        require(times == 1, "the work ran again in the new process")


def _noting_work(answer: Subject, path: str) -> None:
    """One call in a process of its own, with work that leaves a note."""
    store = JsonFileStore(path)

    def note() -> None:
        with Path("ran").open("a") as file:
            file.write("x")

    value = answer(store, TASK_ID, Work(look=note))
    is_stored(value, is_completed(store))


@stage("keeps the result although somebody else has written meanwhile", bonus=True)
def keeps(answer: Subject) -> None:
    """The claim was a decision; the end of the work is none any more."""
    with doing(
        "called it with work during which somebody else notes a fact about the task",
        "the task completed with its result, the fact still there, and that task"
        " returned",
    ):
        store = MemoryStore()
        put(store)
        _completes(answer, store, Work(look=partial(_note_a_fact, store)))
        orbit = store.get(TASK_ID).agent_state.fact("orbit")
        require(orbit is not None, "the fact that the other one had noted is lost")


STAGES: tuple[Stage, ...] = (
    runs,
    claims,
    replays,
    fails,
    tries_again,
    leaves_alone,
    refuses,
    threads,
    processes,
    restarts,
    keeps,
)
