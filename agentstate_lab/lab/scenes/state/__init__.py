"""
The scenes of notebook 01: a night with a hand-over, and its drawings.
"""

from .night import TONIGHT, first_shift, hand_over, without
from .pictures import which_effects_happened, which_states_follow

__all__ = [
    "TONIGHT",
    "first_shift",
    "hand_over",
    "which_effects_happened",
    "which_states_follow",
    "without",
]
