"""
The scenes of notebook 11: a fleet of workers, and what a step costs.
"""

from .fleet import Fleet
from .step_costs import what_a_step_costs

__all__ = [
    "Fleet",
    "what_a_step_costs",
]
