"""
The check of exercise 01: `apply_patch`.
"""

from .state import plain

__all__ = [
    "plain",
]
