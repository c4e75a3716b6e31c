"""
The commands about runs: `run`, `ledger` and `crash-matrix`.

They run the same agents against the same world as the notebooks, so that a run can be
killed in one terminal and counted in another. `run` says its process id first, since
that is what a `kill` in the other terminal needs.
"""

import argparse
import difflib
import os
import sys
from dataclasses import asdict

from agentstate_lab.errors import AgentStateError, InvalidValue, KeyReused
from agentstate_lab.state import visible

from .printed import JSON_HELP, Add, print_json

AGENTS_HELP = """\
durable (default): the agent of the whole course; naive: knows only what is in its
memory; saving: stores each step after it (lesson 02); idempotent: no step twice
(lesson 03); timed: under a deadline (lesson 05)"""
OWN_HELP = f"{AGENTS_HELP}; or your own function of a job, as MODULE:FUNCTION"
SCENARIO_HELP = "disk (three steps) or deploy (ten steps, eight of them effects)"
STRATEGY_HELP = (
    "how often the durable agent takes a checkpoint: every_step (default),"
    " every_iteration or on_state_change"
)
STORE_HELP = 'for example "json:tasks.json"; by default a file in the home'
SECONDS_HELP = "how long each step takes, in seconds (default 0)"
MATRIX_TEXT = """\
Kill a run at every point, run it again, and count. A kill takes half a second to a
second, and a terminal shows how far it is: on the job "deploy" the durable agent has
144 kill points and the naive one 24, on "disk" they have 39 and 3. The status is 0
when no point did harm: each effect happened once, or the task waits for a person."""
SIGNAL_HELP = "SIGKILL (default), SIGTERM or SIGINT"
NEAR = 3  # so many ids are offered for one that is not known


def add_to(command: Add) -> None:
    """Tell the parser the commands."""
    new = command("run", run, "run an agent; again with the same id after a crash")
    new.add_argument("scenario", metavar="SCENARIO", help=SCENARIO_HELP)
    new.add_argument("--task-id", required=True, metavar="ID", help="names the job")
    new.add_argument("--store", metavar="URL", help=STORE_HELP)
    new.add_argument("--agent", default="durable", help=AGENTS_HELP)
    new.add_argument(
        "--step-seconds", type=float, default=0.0, metavar="S", help=SECONDS_HELP
    )
    new.add_argument("--strategy", help=STRATEGY_HELP)

    new = command("ledger", ledger, "what really happened, by the world's own count")
    new.add_argument("--task-id", metavar="ID", help="this task only")
    new.add_argument("--json", action="store_true", help=JSON_HELP)

    new = command("crash-matrix", crash_matrix, "kill a run at every point and count")
    new.description = MATRIX_TEXT
    new.add_argument("--agent", default="durable", help=OWN_HELP)
    new.add_argument("--scenario", default="deploy", help="disk or deploy (default)")
    new.add_argument("--store", nargs="+", metavar="URL", help="one matrix for each")
    new.add_argument("--strategy", help=STRATEGY_HELP)
    new.add_argument("--signal", default="SIGKILL", help=SIGNAL_HELP)
    new.add_argument("--json", action="store_true", help=JSON_HELP)


def run(args: argparse.Namespace) -> int:
    """Run an agent in this process; 0 only when the task is completed."""
    from agentstate_lab.idempotency import polite
    from agentstate_lab.lab.agents import run_job
    from agentstate_lab.lab.show import with_bar

    from .places import chosen_place

    # What cannot be right is refused before the first line says that it begins.
    agent = with_bar(args.agent, args.scenario, args.strategy)
    store = chosen_place(args.store)
    job = ", ".join(map(visible, (args.scenario, args.agent, args.task_id)))
    print(f"process {os.getpid()}: {job}", flush=True)
    try:
        with polite():
            outcome = run_job(
                args.scenario,
                args.task_id,
                agent,
                store_url=store,
                step_seconds=args.step_seconds,
                on_event=lambda line: print(f"  {line}", flush=True),
            )
    except KeyReused as error:
        raise InvalidValue(
            "--task-id",
            f"{args.task_id!r:.100} is the id of another job in this store; use"
            " another --task-id",
        ) from error
    except (AgentStateError, BrokenPipeError):
        raise
    except Exception as error:  # noqa: BLE001 - an agent may fail in any way
        print(f"run: failed: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    print(f"{'completed' if outcome.completed else 'not completed'}: {outcome.result}")
    return 0 if outcome.completed else 1


def ledger(args: argparse.Namespace) -> int:
    """Show every effect that happened, and how often; 1 for a task it has not seen."""
    from agentstate_lab.lab.world import start_world

    world = start_world()
    entries = world.ledger(args.task_id)
    missing = bool(args.task_id) and not entries
    if args.json:
        print_json([asdict(entry) for entry in entries])
        return 1 if missing else 0
    for entry in entries:
        key = "no key" if entry.key is None else visible(entry.key)
        print(
            f"{entry.count} x {visible(entry.step):<18}{entry.effect:<13}"
            f"{visible(entry.task_id)} ({key})"
        )
    if missing:
        known = {entry.task_id for entry in world.ledger()}
        print(f"nothing under that id; {_known(args.task_id, known)}")
    total = sum(entry.count for entry in entries)
    print(f"{total} effects, {total - len(entries)} of them repeated")
    return 1 if missing else 0


def crash_matrix(args: argparse.Namespace) -> int:
    """Kill a fresh run at every kill point, resume it, and count; 0 without harm."""
    from agentstate_lab.lab.crash import crash_matrix as matrix_of
    from agentstate_lab.lab.show import with_options

    from .agents import function_named
    from .places import checked_place

    if ":" not in args.agent:  # an agent of the course
        agent = with_options(args.agent, strategy=args.strategy)
    elif args.strategy is None:
        agent = function_named(args.agent)
    else:
        raise InvalidValue("--strategy", "is for the durable agent of the course")
    stores = [checked_place(store) for store in args.store or ["json"]]
    matrices = [
        matrix_of(agent, scenario=args.scenario, store=store, signal=args.signal)
        for store in stores
    ]
    if args.json:
        print_json([matrix.to_json() for matrix in matrices])
    else:
        print(*matrices, sep="\n")
    safe = all(one.survived + one.waiting == one.total for one in matrices)
    return 0 if safe else 1


def _known(task_id: str, known: set[str]) -> str:
    """Which ids the ledger has that *task_id* may have meant."""
    short = {visible(one)[:100] for one in known}
    near = difflib.get_close_matches(visible(task_id)[:100], short, n=NEAR)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return (
        f"`ledger` shows the {len(known)} that there are" if known else "nor any other"
    )
