"""
The scenes of notebook 06: a board of tasks, two workers with one lease, a plan.
"""

from .board import task_board
from .lease_story import overslept, play_lease, what_a_lease_costs, who_held_the_task
from .query_plan import explain

__all__ = [
    "explain",
    "overslept",
    "play_lease",
    "task_board",
    "what_a_lease_costs",
    "who_held_the_task",
]
