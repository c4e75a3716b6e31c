"""
The check of exercise 04: `execute_with_retry`.
"""

from .attempts import carried, shown, times

__all__ = [
    "carried",
    "shown",
    "times",
]
