"""
One state for several agents, over the Model Context Protocol.

`server` and `client` are the two ends, `uri` the address of a state, `grants` who
may read and write whose. The package `mcp` is imported here and nowhere else.
"""

from agentstate_lab.extras import need

need("mcp", "mcp", "anyio", "httpx2", "uvicorn")

from mcp import StdioServerParameters

from .client import CallTool, ReadResource, SharedState, StateClient
from .connection import TIMEOUT, Answer, Ask, Server
from .errors import SERVER
from .grants import Grant, GrantFile
from .serve import serve_http, serve_stdio
from .server import StateServer
from .shared_state import read_shared_state, write_shared_state
from .tools import tools_of
from .uri import TEMPLATE, ids_of, state_uri

__all__ = [
    "SERVER",
    "TEMPLATE",
    "TIMEOUT",
    "Answer",
    "Ask",
    "CallTool",
    "Grant",
    "GrantFile",
    "ReadResource",
    "Server",
    "SharedState",
    "StateClient",
    "StateServer",
    "StdioServerParameters",
    "ids_of",
    "read_shared_state",
    "serve_http",
    "serve_stdio",
    "state_uri",
    "tools_of",
    "write_shared_state",
]
