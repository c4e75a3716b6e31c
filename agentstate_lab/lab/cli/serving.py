"""
The command `mcp`: tasks for other agents.

Over standard input and output only the protocol talks, so nothing is printed there.
Over HTTP the command says where it serves and where the token is, and never what it
is. Who may do what is decided by `grants`.
"""

import argparse
import contextlib

from .printed import Add, shown

READS_HELP = "whose tasks it may read, besides its own"
WRITES_HELP = "whose tasks it may also change"
HTTP_HELP = "on this port of 127.0.0.1 (0: a free one) instead of standard input"
GRANTS_HELP = "over HTTP, who may come, with tokens; by default a file in the home"


def add_to(command: Add) -> None:
    """Tell the parser the command."""
    new = command("mcp", mcp, "serve tasks to other agents over MCP")
    new.add_argument("--store", required=True, metavar="URL", help="where they are")
    new.add_argument("--agent", required=True, metavar="ID", help="who asks")
    new.add_argument("--reads", nargs="+", default=[], metavar="AGENT", help=READS_HELP)
    new.add_argument(
        "--writes", nargs="+", default=[], metavar="AGENT", help=WRITES_HELP
    )
    new.add_argument("--http", type=int, metavar="PORT", help=HTTP_HELP)
    new.add_argument("--grants", metavar="FILE", help=GRANTS_HELP)


def mcp(args: argparse.Namespace) -> int:
    """Serve tasks over MCP until told to stop; over stdio, only the protocol talks."""
    from ...grants import Grant, GrantFile
    from ...mcp_state_serve import serve_http, serve_stdio
    from ...store import open_store
    from ..home import home
    from .places import checked_place

    with contextlib.closing(open_store(checked_place(args.store))) as store:
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
