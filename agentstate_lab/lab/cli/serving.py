"""
The command `mcp`: tasks for other agents.

Over standard input and output only the protocol talks, so nothing is printed there.
Over HTTP the command says where it serves, who may do what, and where the token is,
and never what it is. Rights are decided by `grants`, and a start only adds to them.
"""

import argparse
import contextlib
import sys
from pathlib import Path

from agentstate_lab.errors import InvalidValue
from agentstate_lab.state import visible

from .places import checked_place, file_of
from .printed import Add

STORE_HELP = "the store whose tasks are served"
AGENT_HELP = "the agent for whom it acts"

READS_HELP = "whose tasks it may read, besides its own"
WRITES_HELP = "whose tasks it may also change"
HTTP_HELP = "on this port of 127.0.0.1 (0: a free one) instead of standard input"
GRANTS_HELP = "over HTTP, who may come, with tokens; by default a file in the home"


def add_to(command: Add) -> None:
    """Tell the parser the command."""
    new = command("mcp", mcp, "serve tasks to other agents over MCP")
    new.add_argument("--store", required=True, metavar="URL", help=STORE_HELP)
    new.add_argument("--agent", required=True, metavar="ID", help=AGENT_HELP)
    new.add_argument("--reads", nargs="+", default=[], metavar="AGENT", help=READS_HELP)
    new.add_argument(
        "--writes", nargs="+", default=[], metavar="AGENT", help=WRITES_HELP
    )
    new.add_argument("--http", type=int, metavar="PORT", help=HTTP_HELP)
    new.add_argument("--grants", metavar="FILE", help=GRANTS_HELP)


def mcp(args: argparse.Namespace) -> int:
    """Serve tasks over MCP until told to stop; over stdio, only the protocol talks."""
    from agentstate_lab.lab.home import home
    from agentstate_lab.mcp_state import Grant, GrantFile, serve_http, serve_stdio
    from agentstate_lab.stores import open_store

    if args.grants and args.http is None:
        raise InvalidValue("--grants", "is for --http: over stdio nobody has a token")
    place = checked_place(args.store)
    note_if_empty(place)
    with contextlib.closing(open_store(place)) as store:
        if args.http is None:
            grant = Grant.of(args.agent, reads=args.reads, writes=args.writes)
            serve_stdio(store, grant)
            return 0
        file = GrantFile(args.grants or home() / "mcp-grants.json")

        def ready(address: str) -> None:
            # Not before there is a port: a start that fails gives nobody anything.
            file.add(args.agent, reads=args.reads, writes=args.writes)
            rights = [f"  {visible(one.grant.told())}" for one in file.holders()]
            where = f"the token of {visible(args.agent)} is in {file.path}"
            # In one piece and at once: somebody waits for these lines.
            print("\n".join((where, f"serving at {address}", *rights)), flush=True)

        serve_http(store, file, port=args.http, on_ready=ready)
    return 0


def note_if_empty(place: str) -> None:
    """Say so when a store cannot hold a task yet: a misprint looks the same."""
    path = file_of(place)
    if place.partition(":")[0] == "memory":
        why = "the store memory: is new in each process"
    elif path and not Path(path).exists():
        why = f"there was no file {visible(path)}"
    else:
        return
    print(f"mcp: {why}, so there is no task to serve", file=sys.stderr, flush=True)
