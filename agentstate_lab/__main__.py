"""
The command line: `python -m agentstate_lab COMMAND`, or `agentstate-lab COMMAND`.

Each command says what it found and answers with a status that a script can use:

    0    it succeeded: the task is completed, the check passed, the machine is fit
    1    it did not
    2    it could not be tried: a wrong argument, no world, a torn file
    130  it was interrupted
    143  it was told to stop (SIGTERM)

This module holds no knowledge of its own: it reads arguments, calls a command and
makes one line of an error. The commands are in `lab.cli`.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from agentstate_lab.lab.cli import machine, practice, runs, serving, tasks, work
from agentstate_lab.lab.cli.printed import Command

from .errors import AgentStateError, InvalidValue


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
        print(f"{args.name}: {_told(args.name, error)}", file=sys.stderr)
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

    for group in (runs, tasks, work, serving, machine, practice):
        group.add_to(command)
    return top


def _told(name: str, error: AgentStateError) -> str:
    """
    The line for *error*; it speaks of a side effect only where there may be one.

    Only a run has effects, and none of them has begun when an argument is wrong.
    """
    begun = name in ("run", "work") and not isinstance(error, InvalidValue)
    quiet = error.effect == "not started" and not begun
    return error.message if quiet else str(error)


if __name__ == "__main__":
    sys.exit(main())
