"""
The commands about stored tasks: `tasks`, `task`, and the four answers of a person.

A task that waits for a person waits in its store, so the answer can come from any
process, on any store, while no agent runs. These commands need the core alone: no
notebook, no world, and not the agent that the task belongs to.

An answer goes on no task by itself. It makes the task pending again; the next worker,
or the next call of the agent, reads it.
"""

import argparse
import contextlib
import getpass
import time
from collections.abc import Iterator
from typing import Any

from agentstate_lab.errors import InvalidValue
from agentstate_lab.state import visible

from .places import place_with_tasks
from .printed import JSON_HELP, Add, print_json

STORE_HELP = 'where the tasks are, for example "sqlite:tasks.db"; by default the home'
STEP_HELP = "the step, by its name, as `task ID` shows it"
BY_HELP = "who says so, for the record; by default you"
STATES = ("waiting", "running", "pending", "failed")
LIMIT = 100


def add_to(command: Add) -> None:
    """Tell the parser the commands."""
    new = command("tasks", tasks, "list the tasks of a store; open ones, by default")
    new.add_argument("--state", nargs="+", default=STATES, help="only in these states")
    new.add_argument("--limit", type=int, default=LIMIT, help="so many of each state")
    _finish(new)
    for name, run, text in (
        ("task", show, "all about one task: steps, questions, budget, last words"),
        ("approve", answer, "agree that a step may run"),
        ("deny", answer, "refuse that a step runs; the model is told"),
        ("cancel", answer, "end a task before it is done"),
        ("resolve", answer, "say whether a step of unknown outcome has happened"),
    ):
        new = command(name, run, text)
        new.add_argument("task_id", metavar="ID", help="the task")
        if name in ("approve", "deny", "resolve"):
            new.add_argument("step", metavar="STEP", help=STEP_HELP)
        if name == "resolve":
            how = new.add_mutually_exclusive_group(required=True)
            how.add_argument("--happened", action="store_true", help="it has happened")
            how.add_argument(
                "--did-not-happen", action="store_true", help="it may start"
            )
            new.add_argument("--result", help="what the step is to return, if it has")
        if name in ("approve", "deny", "cancel"):
            new.add_argument("--by", metavar="NAME", help=BY_HELP)
        _finish(new)


def tasks(args: argparse.Namespace) -> int:
    """List tasks, oldest first in each state."""
    from .told import row_json, row_text

    if not 0 < args.limit <= 1_000_000:
        raise InvalidValue("--limit", f"must be a number from 1, not {args.limit}")
    now, cut = time.time(), []
    found = []
    with _opened(args) as store:
        for state in dict.fromkeys(args.state):
            some = store.list_by_state(state, limit=args.limit + 1)
            found += some[: args.limit]
            cut += [state] if len(some) > args.limit else []
    if args.json:
        print_json({"tasks": [row_json(one, now) for one in found], "more": cut})
        return 0
    for one in found:
        print(row_text(one, now))
    for state in cut:
        print(f"and more that are {state}: --state {state} --limit N shows them")
    if not found:
        print(f"no task is {' or '.join(args.state)}")
    return 0


def show(args: argparse.Namespace) -> int:
    """Show one task."""
    with _opened(args) as store:
        _print(store, args)
    return 0


def answer(args: argparse.Namespace) -> int:
    """Record what a person says: `approve`, `deny`, `cancel` or `resolve`."""
    with _opened(args) as store:
        said = _answered(store, args)
        if args.json:
            _print(store, args)
        else:
            print(f"{visible(args.task_id)} is {said.state}")
            if said.state == "pending":
                print("the next worker, or the next run of its agent, goes on with it")
    return 0


def _answered(store: Any, args: argparse.Namespace) -> Any:
    """The task, after what *args* say was recorded."""
    from agentstate_lab.agent import approve, cancel, deny
    from agentstate_lab.idempotency import resolve

    task_id = args.task_id
    if args.name == "cancel":
        return cancel(store, task_id, by=_by(args))
    if args.name != "resolve":
        say = approve if args.name == "approve" else deny
        return say(store, task_id, args.step, by=_by(args))
    if args.result is not None and not args.happened:
        raise InvalidValue("--result", "belongs to a step that happened")
    known = {"happened": args.happened, "result": args.result}
    return resolve(store, task_id, args.step, **known)


def _by(args: argparse.Namespace) -> str:
    """Who answers: as said, else the name of the account."""
    if args.by is not None:
        return str(args.by)
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # an account without a name
        return "a person"


def _print(store: Any, args: argparse.Namespace) -> None:
    from .told import task_json, task_lines

    task, now = store.get(args.task_id), time.time()
    if args.json:
        print_json(task_json(store, task, now))
    else:
        print(*task_lines(store, task, now), sep="\n")


@contextlib.contextmanager
def _opened(args: argparse.Namespace) -> Iterator[Any]:
    from agentstate_lab.stores import open_store

    with contextlib.closing(open_store(place_with_tasks(args.store))) as store:
        yield store


def _finish(new: argparse.ArgumentParser) -> None:
    new.add_argument("--store", metavar="URL", help=STORE_HELP)
    new.add_argument("--json", action="store_true", help=JSON_HELP)
