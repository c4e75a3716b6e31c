"""
The scenes of notebook 04: one call on trial, a herd, and a storm of retries.
"""

from .herd import who_calls_when
from .storm import at_once, storm, strategies, typical
from .storm_plot import what_does_a_storm_cost
from .trial import Down, five_failures, trial

__all__ = [
    "Down",
    "at_once",
    "five_failures",
    "storm",
    "strategies",
    "trial",
    "typical",
    "what_does_a_storm_cost",
    "who_calls_when",
]
