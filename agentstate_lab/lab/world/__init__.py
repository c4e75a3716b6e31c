"""
The outside world: services that do things, a scripted model, and a ledger.

`world` starts, finds and stops its process; `handle` is what everybody else holds,
and `model` a client of its model.
`app` and `routes` run inside that process, `wire`, `exchange`, `faults`, `striking`
and `guard` are how one speaks with it on good days and on bad ones.
"""

from agentstate_lab.extras import need

need("lab", "starlette", "uvicorn")

from typing import TYPE_CHECKING

from agentstate_lab.door import later

from .handle import World, is_key, task_header
from .model import connect_model, scripted_model
from .record import alive, until
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
    "alive",
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
    "until",
]

__getattr__ = later(__name__, {"TOOLS": "tools"})
