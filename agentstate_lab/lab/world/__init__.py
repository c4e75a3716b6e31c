"""
The outside world: services that do things, a scripted model, and a ledger.

`world` starts, finds and stops its process; `handle` is what everybody else holds.
`app` and `routes` run inside that process, `wire`, `exchange`, `faults`, `striking`
and `guard` are how one speaks with it on good days and on bad ones.
"""

from .handle import World, is_key, task_header
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
from .steps import TOOLS, EffectWorld, Step, perform
from .world import find_world, start_world, stop_world

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
    "find_world",
    "is_key",
    "next_message",
    "perform",
    "scenario_named",
    "start_world",
    "stop_world",
    "task_header",
    "until",
]
