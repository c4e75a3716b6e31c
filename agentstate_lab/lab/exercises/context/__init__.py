"""
The check of exercise 08: `fit`.
"""

from .laws import render

__all__ = ["render"]
