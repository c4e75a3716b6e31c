"""
The command line: `python -m agentstate_lab COMMAND`, or `agentstate-lab COMMAND`.

It runs the same agents against the same world as the notebooks, so that a run can
be killed in one terminal and counted in another. Each command says what it found
and answers with a status that a script can use:

    0    it is so: the task is completed, the check passed, the machine is fit
    1    it is not so
    2    it could not be tried: a wrong argument, no world, a torn file
    130  it was interrupted
    143  it was told to stop (SIGTERM)

This module holds no knowledge of its own: it reads arguments, calls the module
that knows, and prints. Heavy modules load when their command runs.
"""

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from .errors import AgentStateError

Command = Callable[[argparse.Namespace], int]

AGENTS_HELP = "durable (default), or one of the lessons: naive, saving, ..."
STRATEGY_HELP = (
    "how often the durable agent takes a checkpoint: every_step (default),"
    " every_iteration or on_state_change"
)
READS_HELP = "whose tasks it may read, besides its own"
WRITES_HELP = "whose tasks it may also change"
HTTP_HELP = "on this port of 127.0.0.1 (0: a free one) instead of standard input"
GRANTS_HELP = "over HTTP, who may come, with tokens; by default a file in the home"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    for stream in (sys.stdout, sys.stderr):
        # A name from outside may hold what this terminal cannot write.
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")
    args = parser().parse_args(argv)
    try:
        status: int = args.command(args)
        sys.stdout.flush()
        return status
    except AgentStateError as error:
        print(f"{args.name}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{args.name}: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read us has stopped; Python must not try again at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def parser() -> argparse.ArgumentParser:
    """Every command with its arguments."""
    top = argparse.ArgumentParser(
        prog="agentstate-lab",
        description="State management for agents, taught by killing one.",
    )
    commands = top.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, run: Command, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(command=run, name=name)
        return sub

    new = command("run", run, "run an agent; again with the same id after a crash")
    new.add_argument("scenario", metavar="SCENARIO", help="disk or deploy")
    new.add_argument("--task-id", required=True, help="names the job")
    new.add_argument(
        "--store",
        metavar="URL",
        help='for example "json:tasks.json"; by default a file in the home',
    )
    new.add_argument("--agent", default="durable", help=AGENTS_HELP)
    new.add_argument("--step-seconds", type=float, default=0.0, metavar="S")
    new.add_argument("--strategy", help=STRATEGY_HELP)

    new = command("ledger", ledger, "what really happened, by the world's own count")
    new.add_argument("--task-id", help="this task only")
    new.add_argument("--json", action="store_true")

    new = command("crash-matrix", crash_matrix, "kill a run at every point and count")
    new.add_argument("--agent", default="durable", help=AGENTS_HELP)
    new.add_argument("--scenario", default="deploy", help="disk or deploy (default)")
    new.add_argument("--store", nargs="+", metavar="URL", help="one matrix for each")
    new.add_argument("--strategy", help=STRATEGY_HELP)
    new.add_argument(
        "--signal", default="SIGKILL", help="SIGKILL (default), SIGTERM or SIGINT"
    )
    new.add_argument("--json", action="store_true")

    new = command("mcp", mcp, "serve tasks to other agents over MCP")
    new.add_argument("--store", required=True, metavar="URL", help="where they are")
    new.add_argument("--agent", required=True, metavar="ID", help="who asks")
    new.add_argument("--reads", nargs="+", default=[], metavar="AGENT", help=READS_HELP)
    new.add_argument(
        "--writes", nargs="+", default=[], metavar="AGENT", help=WRITES_HELP
    )
    new.add_argument("--http", type=int, metavar="PORT", help=HTTP_HELP)
    new.add_argument("--grants", metavar="FILE", help=GRANTS_HELP)

    for name, run_it, text in (
        ("start", start, "start the world and PostgreSQL, or find them"),
        ("status", status, "say which of the two run, and where"),
        ("stop", stop, "stop them; the ledger and the databases stay"),
    ):
        new = command(name, run_it, text)
        new.add_argument(
            "services", nargs="*", metavar="SERVICE", help="world or postgres, or both"
        )
    new.add_argument("--forget", action="store_true", help="remove the databases too")
    command("doctor", doctor, "is this machine fit for the course?")

    command("progress", progress, "exercises: attempts, hints, passes")
    new = command("hint", hint, "the next hint for an exercise")
    new.add_argument("exercise", metavar="EXERCISE", help="for example: state")
    new = command("check", check, "check the answer in an exercise's notebook")
    new.add_argument("notebook", metavar="NOTEBOOK")
    new = command("reset", reset, "put the untouched exercise back")
    new.add_argument("exercise", metavar="EXERCISE", help="for example: state")
    return top


def run(args: argparse.Namespace) -> int:
    """Run an agent in this process; 0 only when the task is completed."""
    from .lab.agents import run_job
    from .lab.home import home
    from .lab.signals import polite
    from .lab.terminal import with_bar

    print(", ".join(map(shown, (args.scenario, args.agent, args.task_id))))
    try:
        with polite():
            outcome = run_job(
                args.scenario,
                args.task_id,
                with_bar(args.agent, args.scenario, args.strategy),
                store_url=args.store or f"json:{home() / 'tasks.json'}",
                step_seconds=args.step_seconds,
                on_event=lambda line: print(f"  {line}", flush=True),
            )
    except AgentStateError:
        raise
    except Exception as error:  # noqa: BLE001 - an agent may fail in any way
        print(f"run: failed: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    print(f"{'completed' if outcome.completed else 'not completed'}: {outcome.result}")
    return 0 if outcome.completed else 1


def ledger(args: argparse.Namespace) -> int:
    """Show every effect that happened, and how often."""
    from .lab.world import start_world

    world = start_world()
    entries = world.ledger(args.task_id)
    if args.json:
        names = ("task_id", "step", "effect", "key", "count")
        return as_json([{n: getattr(entry, n) for n in names} for entry in entries])
    for entry in entries:
        key = "no key" if entry.key is None else shown(entry.key)
        print(
            f"{entry.count} x {shown(entry.step):<18}{entry.effect:<13}"
            f"{shown(entry.task_id)} ({key})"
        )
    if args.task_id and not entries:
        known = sorted({shown(entry.task_id) for entry in world.ledger()})
        print(f"nothing under that id; the ledger knows: {', '.join(known) or 'none'}")
    total = sum(entry.count for entry in entries)
    print(f"{total} effects, {total - len(entries)} of them repeated")
    return 0


def crash_matrix(args: argparse.Namespace) -> int:
    """Kill a fresh run at every kill point, resume it, and count."""
    from .lab.crash import crash_matrix as matrix_of
    from .lab.terminal import with_options

    agent = with_options(args.agent, strategy=args.strategy)
    matrices = [
        matrix_of(agent, scenario=args.scenario, store=store, signal=args.signal)
        for store in args.store or ["json"]
    ]
    if args.json:
        return as_json([matrix.to_json() for matrix in matrices])
    for matrix in matrices:
        print(matrix)
    return 0


def mcp(args: argparse.Namespace) -> int:
    """Serve tasks over MCP until told to stop; over stdio, only the protocol talks."""
    from .grants import Grant, GrantFile
    from .lab.home import home
    from .mcp_state_serve import serve_http, serve_stdio
    from .store import open_store

    with contextlib.closing(open_store(args.store)) as store:
        if args.http is None:
            grant = Grant.of(args.agent, reads=args.reads, writes=args.writes)
            serve_stdio(store, grant)
            return 0
        file = GrantFile(args.grants or home() / "mcp-grants.json")
        file.add(args.agent, reads=args.reads, writes=args.writes)
        print(f"the token of {shown(args.agent)} is in {file.path}", flush=True)
        serve_http(store, file, port=args.http, on_ready=announce)
    return 0


def announce(address: str) -> None:
    """Say where a server answers, at once: somebody waits for the line."""
    print(f"serving at {address}", flush=True)


def start(args: argparse.Namespace) -> int:
    """Start the world and PostgreSQL, or find those that run."""
    from .lab.services import services

    for service in services(args.services):
        print(f"{service.name} runs at {service.start()}", flush=True)
    return 0


def status(args: argparse.Namespace) -> int:
    """0 when all that was asked about runs."""
    from .lab.home import home
    from .lab.services import services

    chosen = services(args.services)
    print(f"home: {home()}")
    found = []
    for service in chosen:
        found.append(service.find())
        said = f"runs at {found[-1]}" if found[-1] else "does not run"
        print(f"{service.name} {said}", flush=True)
    return 0 if all(found) else 1


def stop(args: argparse.Namespace) -> int:
    """Stop the world and PostgreSQL; none running is fine too."""
    from .lab.postgres import forget_postgres
    from .lab.services import services

    failed = 0
    for service in services(args.services):
        try:
            said = "has ended" if service.stop() else "was not running"
            print(f"{service.name} {said}", flush=True)
        except AgentStateError as error:
            failed = 2
            print(f"stop: {error}", file=sys.stderr)
    if args.forget and not failed:
        had_any = forget_postgres()
        print("its databases are gone" if had_any else "there were no databases")
    return failed


def doctor(args: argparse.Namespace) -> int:
    """Try everything that the course needs; 0 when all of it works."""
    from .lab.doctor import examine, verdict

    findings = []
    for finding in examine():
        print(finding, flush=True)
        findings.append(finding)
    print(verdict(findings))
    return 0 if all(finding.ok for finding in findings) else 1


def progress(args: argparse.Namespace) -> int:
    """Show what was tried and what passed."""
    from .lab.checks import progress as progress_so_far

    print(progress_so_far())
    return 0


def hint(args: argparse.Namespace) -> int:
    """Show the next hint for an exercise."""
    from .lab.checks import hint as next_hint

    print(next_hint(args.exercise))
    return 0


def check(args: argparse.Namespace) -> int:
    """Check the answers in a notebook; 0 when all of them passed."""
    from pathlib import Path

    from .lab.checks import check_notebook
    from .lab.checks.exercises import exercises_in

    exercises = exercises_in(Path(args.notebook).name)
    reports = [check_notebook(args.notebook, one.name) for one in exercises]
    print(*reports, sep="\n\n")
    return 0 if all(report.passed for report in reports) else 1


def reset(args: argparse.Namespace) -> int:
    """Put the untouched exercise back; what was there is kept beside it."""
    from .lab.checks import reset as put_back

    print(put_back(args.exercise))
    return 0


def shown(text: str) -> str:
    r"""
    *text* for a terminal, where a control character could do anything.

    >>> shown("a\x1b[31mb")
    'a\\x1b[31mb'
    """
    return text if text.isprintable() else repr(text)[1:-1]


def as_json(value: Any) -> int:
    """Print *value* for a program to read."""
    print(json.dumps(value, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
