"""
The outside world: services that do things, a scripted model, and a ledger.

`world` starts, finds and stops its process; `handle` is what everybody else holds,
and `model` a client of its model.
A request goes out by `exchange`. Inside the process (`app`) it passes `guard`, is read
by `wire` and answered by `routes`, on a bad day as `faults` has it; `refusal` and
`words` are how it is refused.
"""

from agentstate_lab.extras import need

need("lab", "starlette", "uvicorn")

from typing import TYPE_CHECKING

from agentstate_lab.door import later

from .handle import World, is_key, task_header
from .refusal import Refusal
from .scenarios import (
    SCENARIOS,
    Message,
    Scenario,
    call_id,
    next_message,
    scenario_named,
)
from .steps import EffectWorld, Step, perform
from .world import find_world, start_world, stop_world

if TYPE_CHECKING:
    from .model import connect_model, scripted_model
    from .tools import TOOLS

__all__ = [
    "SCENARIOS",
    "TOOLS",
    "EffectWorld",
    "Message",
    "Refusal",
    "Scenario",
    "Step",
    "World",
    "call_id",
    "connect_model",
    "find_world",
    "is_key",
    "next_message",
    "perform",
    "scenario_named",
    "scripted_model",
    "start_world",
    "stop_world",
    "task_header",
]

_HOMES = {"TOOLS": "tools", "connect_model": "model", "scripted_model": "model"}

__getattr__ = later(__name__, _HOMES)
