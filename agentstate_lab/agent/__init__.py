"""
The durable agent: the loop that everybody writes, with what it takes to survive.

`agent` is its door to the outside, `run` the loop, `journal` what is stored before
the next thing begins, `approval` what a person says to it, `tool` what it may call.
"""

from .agent import STEP_SECONDS, SYSTEM, asker, run_agent
from .approval import approve
from .event import AgentEvent
from .model import TIMEOUT, connect
from .reply import read_reply
from .run import MAX_SAID, AgentRun, Ask
from .tool import Tool, read_call, run_tool, schema_of

__all__ = [
    "MAX_SAID",
    "STEP_SECONDS",
    "SYSTEM",
    "TIMEOUT",
    "AgentEvent",
    "AgentRun",
    "Ask",
    "Tool",
    "approve",
    "asker",
    "connect",
    "read_call",
    "read_reply",
    "run_agent",
    "run_tool",
    "schema_of",
]
