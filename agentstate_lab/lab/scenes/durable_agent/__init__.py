"""
The scenes of notebook 10: the checklist, as code that runs.
"""

from .checklist import checklist

__all__ = [
    "checklist",
]
