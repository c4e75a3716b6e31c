"""
The scenes of notebook 08: a briefing, and what a budget does to it.
"""

from .briefing import (
    Brief,
    briefed_agent,
    minute_eight,
    model_says,
    pasted,
    take_over,
    talk,
    watched,
)
from .budgets import bytes_per_turn, left_out, what_does_a_turn_send, what_falls_out

__all__ = [
    "Brief",
    "briefed_agent",
    "bytes_per_turn",
    "left_out",
    "minute_eight",
    "model_says",
    "pasted",
    "take_over",
    "talk",
    "watched",
    "what_does_a_turn_send",
    "what_falls_out",
]
