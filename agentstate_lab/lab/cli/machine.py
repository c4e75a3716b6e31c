"""
The commands about the machine: `start`, `status`, `stop` and `doctor`.

Notebooks start what they need by themselves. These commands are for whoever wants to
see what runs, end it, or find out why it does not.
"""

import argparse
import sys

from agentstate_lab.errors import AgentStateError

from .printed import Add


def add_to(command: Add) -> None:
    """Tell the parser the commands."""
    for name, run, text in (
        ("start", start, "start the world and PostgreSQL, or find them"),
        ("status", status, "say which of the two run, and where"),
        ("stop", stop, "stop them; the ledger and the databases stay"),
    ):
        new = command(name, run, text)
        new.add_argument(
            "services", nargs="*", metavar="SERVICE", help="world or postgres, or both"
        )
    new.add_argument("--forget", action="store_true", help="remove the databases too")
    command("doctor", doctor, "is this machine fit for the course?")


def start(args: argparse.Namespace) -> int:
    """Start the world and PostgreSQL, or find those that run."""
    from agentstate_lab.lab.doctor import services

    for service in services(args.services):
        print(f"{service.name} runs at {service.where(service.start())}", flush=True)
    return 0


def status(args: argparse.Namespace) -> int:
    """0 when all that was asked about runs."""
    from agentstate_lab.lab.doctor import services
    from agentstate_lab.lab.home import home

    chosen = services(args.services)
    print(f"home: {home()}")
    found = []
    for service in chosen:
        found.append(one := service.find())
        said = f"runs at {service.where(one)}" if one else "does not run"
        print(f"{service.name} {said}", flush=True)
    return 0 if all(found) else 1


def stop(args: argparse.Namespace) -> int:
    """Stop the world and PostgreSQL; none running is fine too."""
    from agentstate_lab.lab.databases import forget_postgres
    from agentstate_lab.lab.doctor import services

    failed = 0
    for service in services(args.services):
        try:
            said = "has ended" if service.stop() else "was not running"
            print(f"{service.name} {said}", flush=True)
        except AgentStateError as error:
            failed = 2
            print(f"stop: {error.message}", file=sys.stderr)
    if args.forget and not failed:
        had_any = forget_postgres()
        print("its databases are gone" if had_any else "there were no databases")
    return failed


def doctor(args: argparse.Namespace) -> int:
    """Try everything that the course needs; 0 when all of it works."""
    from agentstate_lab.lab.doctor import examine, verdict

    findings = []
    for finding in examine():
        print(finding, flush=True)
        findings.append(finding)
    print(verdict(findings))
    return 0 if all(finding.ok for finding in findings) else 1
