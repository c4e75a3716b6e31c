"""
The durable agent: the loop that everybody writes, with what it takes to survive.

`agent` is its door to the outside, `run` the loop, `journal` what is stored before
the next thing begins, `finished` the digest of what was done, `view` what the model is
shown, `approval` what a person says to it, `tools` what it may call.
"""

from .agent import STEP_SECONDS, SYSTEM, asker, run_agent
from .approval import approve, cancel, deny
from .call import read_call, run_tool, told
from .event import AgentEvent
from .finished import OTHERS, Finished
from .model import TIMEOUT, client_at, connect
from .parameters import IdempotencyKey, Parameters, SecondsLeft
from .reply import read_reply
from .run import MAX_SAID, AgentRun, Ask
from .tools import Tool, tool
from .view import CONTEXT_BYTES, request_of, room_for

__all__ = [
    "CONTEXT_BYTES",
    "MAX_SAID",
    "OTHERS",
    "STEP_SECONDS",
    "SYSTEM",
    "TIMEOUT",
    "AgentEvent",
    "AgentRun",
    "Ask",
    "Finished",
    "IdempotencyKey",
    "Parameters",
    "SecondsLeft",
    "Tool",
    "approve",
    "asker",
    "cancel",
    "client_at",
    "connect",
    "deny",
    "read_call",
    "read_reply",
    "request_of",
    "room_for",
    "run_agent",
    "run_tool",
    "told",
    "tool",
]
