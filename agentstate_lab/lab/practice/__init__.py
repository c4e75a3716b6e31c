"""
What a learner calls: `check`, `hint`, `progress` and `reset`.
"""

from .practice import check, check_notebook
from .record import hint, progress, reset

__all__ = [
    "check",
    "check_notebook",
    "hint",
    "progress",
    "reset",
]
