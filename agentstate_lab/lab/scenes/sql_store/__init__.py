"""
The scenes of notebook 06: a board of tasks, two workers with one lease, a plan.
"""

from .board import task_board
from .query_plan import explain

__all__ = [
    "explain",
    "task_board",
]
