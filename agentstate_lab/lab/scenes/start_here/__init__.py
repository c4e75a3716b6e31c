"""
The scenes of notebook 00: two runs of one job on one time line.
"""

from .timeline import timeline

__all__ = [
    "timeline",
]
