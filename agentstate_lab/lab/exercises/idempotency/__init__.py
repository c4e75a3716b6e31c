"""
The checks of exercise 03: `execute_task_if_not_done` and `run_once`.
"""

from .bench import WaitsForEver, hurried
from .receiver import FILE, the_world

__all__ = [
    "FILE",
    "WaitsForEver",
    "hurried",
    "the_world",
]
