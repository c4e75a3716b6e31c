"""
The scenes of notebook 05: layers with a clock each, and what became of the outside.
"""

from .layers import Layers, who_runs_out_first
from .outside import Worker, a_minute_each, ask_model, came_of

__all__ = [
    "Layers",
    "Worker",
    "a_minute_each",
    "ask_model",
    "came_of",
    "who_runs_out_first",
]
