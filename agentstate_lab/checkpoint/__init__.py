"""
Moments that a run can go back to: when to take one, and when to believe it.
"""

from .manager import CheckpointManager, CheckpointStrategy, Resumed
from .pairing import open_calls, repair, whole_turns

__all__ = [
    "CheckpointManager",
    "CheckpointStrategy",
    "Resumed",
    "open_calls",
    "repair",
    "whole_turns",
]
