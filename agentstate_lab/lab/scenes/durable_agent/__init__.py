"""
The scenes of notebook 10: the checklist as code that runs, and what a step costs.
"""

from .checklist import checklist
from .long_run import Meter, what_does_a_step_write

__all__ = [
    "Meter",
    "checklist",
    "what_does_a_step_write",
]
