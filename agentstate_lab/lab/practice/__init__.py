"""
What a learner calls: `check`, `hint`, `predict`, `progress` and `reset`.
"""

from .fresh import reset
from .practice import check, check_notebook
from .prediction import predict
from .record import hint, progress

__all__ = [
    "check",
    "check_notebook",
    "hint",
    "predict",
    "progress",
    "reset",
]
