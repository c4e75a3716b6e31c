"""
What a learner calls: `check`, `hint`, `predict`, `progress` and `reset`.
"""

from .practice import check, check_notebook
from .prediction import predict
from .record import hint, progress, reset

__all__ = [
    "check",
    "check_notebook",
    "hint",
    "predict",
    "progress",
    "reset",
]
